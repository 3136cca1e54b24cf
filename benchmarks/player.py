"""The interactive page of a large program: its size, how fast it opens, and how smoothly it plays in Chromium.

    python -m benchmarks.player                     # 1000 qubits, about 10,000 instructions
    python -m benchmarks.player --qubits 100 --instructions 2000 --keep page.html

It needs the Python package playwright and a program named chromium. The frames per second are those of a browser that
draws without a graphics card; a machine with one is faster.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx

import qpilot
from qpilot.visualize import to_html

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_PLAYED_S = 4.0
_COUNT_FRAMES = """(seconds) => new Promise((done) => {
  const start = performance.now(), times = [];
  const next = (now) => {
    times.push(now);
    if (now - start < 1000 * seconds) requestAnimationFrame(next);
    else done(times);
  };
  requestAnimationFrame(next);
})"""


def large_program(num_qubits: int, num_instructions: int) -> qpilot.Program:
    """Return a QAOA program on a 3-regular graph, its instructions repeated up to a number of instructions."""
    graph = nx.random_regular_graph(3, num_qubits, seed=1)
    program = qpilot.compile(qpilot.qaoa_circuit(graph, [0.3], [0.4]), verify=False)
    times = max(1, num_instructions // len(program.instructions))
    return qpilot.Program(
        program.circuit, program.device, program.sites, program.ancillas, times * program.instructions
    )


def measure(path: Path) -> dict[str, float]:
    """Return what a browser needs for a page: seconds to open it, and frames per second while it plays."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]")
        found = {"load_s": time.perf_counter() - start}
        for name, prepare in (("whole view", "0"), ("zoomed in", "+++++"), ("pointing at an atom", "0")):
            page.keyboard.press("Home")
            page.locator("#speed").select_option("4")
            page.locator("#canvas").focus()
            for key in prepare:
                page.keyboard.press(key)
            if name.startswith("pointing"):
                page.keyboard.press("ArrowUp")
            page.keyboard.press("Space")
            found |= _frame_rates(page, name)
            page.keyboard.press("Space")
        browser.close()
    return found


def _frame_rates(page: Any, name: str) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before, busy = page.evaluate("player.look().frames"), _busy_s(session)
    times = page.evaluate(_COUNT_FRAMES, _PLAYED_S)
    drawn, busy = page.evaluate("player.look().frames") - before, _busy_s(session) - busy
    gaps = sorted(b - a for a, b in pairwise(times))
    return {
        f"frames per second, {name}": 1000 * drawn / (times[-1] - times[0]),
        f"slowest of 100 frames in ms, {name}": gaps[int(0.99 * len(gaps))],
        f"processor time of a frame in ms, {name}": 1000 * busy / drawn,
    }


def _busy_s(session: Any) -> float:
    """Return the processor time that the page's main thread, which also draws, has taken so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")


def main() -> None:
    """Make a page, measure it and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.player", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--qubits", type=int, default=1000)
    parser.add_argument("--instructions", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="where to keep the page")
    options = parser.parse_args()
    program = large_program(options.qubits, options.instructions)
    with tempfile.TemporaryDirectory() as folder:
        path = (options.keep or Path(folder) / "page.html").resolve()
        start = time.perf_counter()
        to_html(program, path)
        figures = {
            "qubits": program.num_qubits,
            "ancillas": len(program.ancillas),
            "instructions": len(program.instructions),
            "pairs": program.metrics.num_2q,
            "write_s": time.perf_counter() - start,
            "size_MB": path.stat().st_size / 1e6,
        } | measure(path)
    for name, value in figures.items():
        print(f"{name:45} {value:10,.2f}" if isinstance(value, float) else f"{name:45} {value:10,}")


if __name__ == "__main__":
    main()
