"""The page in a real browser: it shows the atoms where the program puts them, and does what its buttons say."""

import io
import os
import re
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from PIL import Image
from qiskit import QuantumCircuit

import qpilot
from qpilot.arch import RydbergPulse
from qpilot.arch.errors import ProgramError
from qpilot.visualize import html_page, to_html
from qpilot.visualize.motion import bright_at, lines_at_step, place_atoms, positions_um, trace

from .chromium import open_browser

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def circuit():
    return qpilot.qaoa_circuit(nx.random_regular_graph(3, 100, seed=1), [0.3], [0.4])


@pytest.fixture(scope="module")
def program(circuit):
    return qpilot.compile(circuit)


@pytest.fixture(scope="module")
def page_path(program, circuit, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "qaoa.html"
    to_html(program, path, circuit=circuit)
    return path


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def artifacts(tmp_path):
    folder = Path(os.environ.get("QPILOT_ARTIFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def open_page(browser):
    """Return a function that opens a page; at the end nothing may have gone wrong and nothing may have been fetched."""
    contexts, faults, requests = [], [], []

    def opened(path, **options):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []
    assert all(url.startswith("file:") for url in requests)
    assert len(requests) == len(contexts)


@pytest.fixture
def page(open_page, page_path):
    return open_page(page_path)


def look(page):
    return page.evaluate("player.look()")


def on_canvas(page, xy_um):
    """Return where a point in um is drawn, in pixels of the canvas."""
    view = look(page)
    x = view["width"] / 2 + (xy_um[0] - view["x"]) * view["scale"]
    y = view["height"] / 2 - (xy_um[1] - view["y"]) * view["scale"]
    return x, y


def point_at(page, xy_um):
    x, y = on_canvas(page, xy_um)
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)


def next_frame(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def tip(page):
    next_frame(page)
    return page.locator("#tip").inner_text().splitlines()


def tells(element, text):
    """Check what an element says from the next frame on; a busy machine may show that frame late."""
    from playwright.sync_api import expect  # where it is missing, `browser` has skipped the test

    expect(element).to_contain_text(text)


def wait_until(page, condition):
    """Wait until what `look` returns meets a condition; the page allows no wait_for_function, which needs eval."""
    for _ in range(400):
        if condition(look(page)):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"this was not reached: {look(page)}")


def colours_at(page, points_um):
    """Return the colours on the screen where points in um are drawn."""
    box = page.locator("#canvas").bounding_box()
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    places = [on_canvas(page, xy) for xy in points_um]
    return [image.getpixel((round(box["x"] + x - 0.5), round(box["y"] + y - 0.5))) for x, y in places]


def visible(page, positions):
    """Return which positions are on the canvas, clear of what is laid over it."""
    view = look(page)
    x, y = np.array([on_canvas(page, xy) for xy in positions]).T
    return (x > 230) & (x < view["width"] - 60) & (y > 10) & (y < view["height"] - 60)


@pytest.mark.parametrize("share", [0.11, 0.5, 0.83])
def test_atoms_are_drawn_where_the_program_puts_them(page, program, artifacts, share):
    of = trace(program)
    time = share * of.times_us[-1]
    page.evaluate("(us) => player.seekTime(us)", time)
    positions = positions_um(of, time)
    step = look(page)["step"]
    bright = bright_at(of, step)
    assert of.times_us[step] <= time <= of.times_us[step + 1]
    for _ in range(3):
        page.locator("#zoom-in").click()
    seen = visible(page, positions)
    flying = np.flatnonzero(seen & bright & (np.arange(len(seen)) >= program.num_qubits))
    data = np.flatnonzero(seen[: program.num_qubits])
    assert len(flying) >= 5
    assert len(data) >= 5
    for atom in [*flying[:: len(flying) // 5], *data[:: len(data) // 5]]:
        point_at(page, positions[atom])
        name, place, *_ = tip(page)
        number = int(re.match(r"(?:ancilla|qubit) (\d+)", name).group(1))
        assert number == atom
        shown = [float(um) for um in re.findall(r"-?[\d.]+(?= um)", place)]
        assert shown == pytest.approx(positions[atom], abs=0.0051)
    page.mouse.move(0, 0)
    next_frame(page)
    page.screenshot(path=artifacts / f"qaoa100-{share}.png")
    apart = [np.sort(np.hypot(*(positions - positions[atom]).T))[1] for atom in flying]  # to the nearest other atom
    alone = flying[np.array(apart) > 4]
    assert len(alone)
    assert set(colours_at(page, positions[alone])) == {(0xD5, 0x5E, 0x00)}


def test_play_moves_on_and_pause_holds(page):
    assert look(page)["timeUs"] == 0
    page.get_by_role("button", name="Play").click()
    wait_until(page, lambda now: now["timeUs"] > 50)
    page.get_by_role("button", name="Pause").click()
    held = look(page)
    page.wait_for_timeout(150)
    assert look(page)["timeUs"] == held["timeUs"]
    assert not held["playing"]


def test_plays_to_the_end_and_from_the_start_again(page, program):
    page.locator("#speed").select_option("64")
    page.keyboard.press("Escape")
    page.locator("#play").click()
    wait_until(page, lambda now: not now["playing"])
    assert look(page)["step"] == len(program.instructions) - 1
    page.locator("#speed").select_option("0.25")
    page.locator("#play").click()
    wait_until(page, lambda now: now["playing"] and now["step"] < 20)


def test_scrubbing_goes_to_that_share_of_the_time(page, program):
    box = page.locator("#scrub").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert look(page)["timeUs"] == pytest.approx(program.metrics.duration_us / 2, rel=0.01)
    duration = f"{program.metrics.duration_us:,.1f}"
    tells(page.locator("#clock"), re.compile(rf"[1-9]\d* of {len(program.instructions)} steps .* of {duration} us$"))


def test_equal_steps_share_the_scrub_bar_equally(page, program):
    page.locator("#timing").select_option("equal")
    page.locator("#scrub").fill("0.5")
    assert look(page)["step"] == len(program.instructions) // 2


def test_equal_steps_move_the_atoms_of_one_instruction(page, program):
    of = trace(program)
    step = int(of.moves[0].steps[3])
    page.locator("#timing").select_option("equal")
    page.evaluate("(step) => player.goTo(step)", step)
    positions = place_atoms(of, lines_at_step(of, step))
    atom = next(a for a in range(program.num_qubits, program.num_atoms) if visible(page, positions)[a])
    point_at(page, positions[atom])
    assert tip(page)[0].startswith(f"ancilla {atom}")


def test_the_tooltip_tells_the_partner_and_the_gates(page, program):
    of = trace(program)
    step, pulse = [(k, op) for k, op in enumerate(program.instructions) if isinstance(op, RydbergPulse)][5]
    page.evaluate("(step) => player.goTo(step)", step)
    for _ in range(2):
        page.locator("#zoom-in").click()
    positions = positions_um(of, of.times_us[step])
    a, b = next(
        pair for pair in map(sorted, pulse.pairs) if a_data(pair, program) and visible(page, positions)[pair[0]]
    )
    point_at(page, positions[a])
    lines = tip(page)
    assert lines[0] == f"qubit {a}"
    assert lines[2].startswith(f"partner: ancilla {b} of qubit ")
    assert re.fullmatch(r"\d+ gates up to now", lines[3])
    assert lines[4].startswith("\u2022 pulse 5: ")
    assert len(lines) <= 8


def a_data(pair, program):
    return pair[0] < program.num_qubits <= pair[1]


def test_keys_step_jump_zoom_and_help(page, program):
    last = len(program.instructions) - 1
    for key, step in [("ArrowRight", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("End", last), ("Home", -1)]:
        page.keyboard.press(key)
        assert look(page)["step"] == step
    page.keyboard.press("Space")
    assert look(page)["playing"]
    page.keyboard.press("Space")
    assert not look(page)["playing"]
    fitted = look(page)["scale"]
    page.keyboard.press("+")
    assert look(page)["scale"] == pytest.approx(1.4 * fitted)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert look(page)["scale"] < fitted
    page.keyboard.press("0")
    assert look(page)["scale"] == pytest.approx(fitted)
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.keyboard.press("ArrowUp")
    assert tip(page)[0] == "qubit 0"


def test_wheel_zooms_at_the_pointer_and_dragging_pans(page):
    box = page.locator("#canvas").bounding_box()
    before = look(page)
    point_at(page, (45, 45))
    page.mouse.wheel(0, -400)
    wait_until(page, lambda now: now["scale"] > before["scale"])
    there = on_canvas(page, (45, 45))
    assert there == pytest.approx(
        (
            before["width"] / 2 + (45 - before["x"]) * before["scale"],
            before["height"] / 2 - (45 - before["y"]) * before["scale"],
        ),
        abs=1.1,  # a wheel event is at a whole pixel
    )
    page.mouse.move(box["x"] + 300, box["y"] + 500)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 520, steps=5)
    page.mouse.up()
    assert on_canvas(page, (45, 45)) == pytest.approx((there[0] + 50, there[1] + 20), abs=11)


def test_lists_mark_the_current_step_and_gates_and_go_where_clicked(page, program, circuit):
    page.locator("#schedule .row", has_text="pulse 1:").click()
    step = look(page)["step"]
    assert program.instructions[step] == [op for op in program.instructions if isinstance(op, RydbergPulse)][1]
    current = page.locator("#schedule .row[aria-current=step]")
    assert current.inner_text().split("\n")[-1].startswith("pulse 1:")
    page.evaluate("(step) => player.goTo(step)", len(program.instructions) // 2)
    gates = page.locator("#gates .row[aria-current=step]")
    assert gates.count() >= 1
    assert "rzz" in gates.first.inner_text()
    assert page.locator(".row").count() < 100
    gates.first.click()
    assert isinstance(program.instructions[look(page)["step"]], RydbergPulse)


def test_without_a_circuit_the_pulses_tell_the_gates(open_page, program, tmp_path):
    to_html(program, tmp_path / "bare.html")
    page = open_page(tmp_path / "bare.html")
    assert page.locator("#gates-title").inner_text() == "Gates between qubits"
    assert re.search(r"CZ q\d+ q\d+", page.locator("#gates .row").first.inner_text())


def test_a_hostile_name_does_nothing(open_page, tmp_path):
    circuit = QuantumCircuit(2, name=HOSTILE)
    gate = QuantumCircuit(2, name=HOSTILE)
    gate.cz(0, 1)
    circuit.append(gate.to_gate(), [0, 1])
    device = qpilot.FPQA.for_qubits(2).replace(name=HOSTILE)
    to_html(qpilot.compile(circuit, device), tmp_path / "hostile.html", circuit=circuit)
    page = open_page(tmp_path / "hostile.html")
    page.keyboard.press("End")
    page.wait_for_timeout(100)
    assert page.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in page.locator("#gates .row").first.inner_text()
    assert page.locator("img").count() == 0
    assert page.title().startswith(HOSTILE)


def test_dark_by_preference_and_by_button(open_page, page_path, artifacts):
    page = open_page(page_path, color_scheme="dark")
    page.evaluate("player.goTo(6)")
    page.screenshot(path=artifacts / "qaoa100-dark.png")
    corner = (-20, 140)
    (dark,) = colours_at(page, [corner])
    page.get_by_role("button", name="Change between light and dark").click()
    next_frame(page)
    assert sum(dark) < 100
    assert sum(colours_at(page, [corner])[0]) > 600


def test_fits_a_phone_and_answers_to_a_tap(open_page, page_path, program, artifacts):
    page = open_page(page_path, viewport={"width": 390, "height": 844}, has_touch=True, device_scale_factor=2)
    page.evaluate("player.goTo(5)")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box = page.locator("#canvas").bounding_box()
    x, y = on_canvas(page, (45, 45))
    page.touchscreen.tap(box["x"] + x, box["y"] + y)
    atom = next(q for q, site in enumerate(program.sites) if site == (3, 3))
    assert tip(page)[0] == f"qubit {atom}"
    page.screenshot(path=artifacts / "qaoa100-phone.png")


def test_two_fingers_zoom_about_what_is_between_them(open_page, page_path):
    page = open_page(page_path, viewport={"width": 390, "height": 844}, has_touch=True)
    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers = page.context.new_cdp_session(page)

    def touch(kind, *apart):
        points = [{"x": x + shift, "y": y, "id": k} for k, shift in enumerate(apart)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = look(page)
    touch("touchStart", -40, 40)
    for reach in range(40, 81, 10):
        touch("touchMove", -reach, reach)
    touch("touchEnd")
    next_frame(page)
    after = look(page)
    assert after["scale"] == pytest.approx(2 * before["scale"], rel=0.02)
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=8 / after["scale"])


def test_works_inside_a_sandboxed_frame(browser, program):
    page = browser.new_page()
    page.set_content("<iframe id=f sandbox=allow-scripts width=900 height=600></iframe>")
    page.evaluate("(text) => { document.getElementById('f').srcdoc = text; }", html_page(program))
    frame = page.frame_locator("#f")
    frame.locator("body[data-ready]").wait_for()
    frame.locator("#forward").click()
    tells(frame.locator("#clock"), f"1 of {len(program.instructions)} steps")
    page.close()


def test_every_control_has_a_name(page):
    unnamed = page.evaluate(
        "Array.from(document.querySelectorAll('button:not(.row), input, select')).filter((e) =>"
        " !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).length"
    )
    assert unnamed == 0


def test_an_empty_program_has_a_page(open_page, tmp_path):
    circuit = QuantumCircuit(2, name="nothing")
    to_html(qpilot.compile(circuit), tmp_path / "empty.html", circuit=circuit)
    page = open_page(tmp_path / "empty.html")
    for key in ("Space", "ArrowRight", "End", "Home"):
        page.keyboard.press(key)
    tells(page.locator("#clock"), "0 of 0 steps")


def test_refuses_a_circuit_of_another_size(program):
    with pytest.raises(ProgramError, match="The circuit has 3 qubits and the program 100"):
        html_page(program, circuit=QuantumCircuit(3))


def test_equal_programs_give_equal_pages(program, circuit):
    assert html_page(program, circuit=circuit) == html_page(program, circuit=circuit)
