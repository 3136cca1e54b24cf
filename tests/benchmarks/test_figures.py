"""Figures of the harness: what is drawn is what the rows say, whole and legible."""

import random
import subprocess
import sys
import warnings
from itertools import combinations

import matplotlib.style
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.text import Text

from benchmarks.bars import CAUSES, durations, fidelities, ratios
from benchmarks.figures import compile_times, densities, depths, draw_all, widths
from benchmarks.palette import STYLES, Style, in_order, style
from benchmarks.panels import complete
from benchmarks.record import MODELS
from qpilot.visualize.style import BLACK, STYLE

OKABE_ITO = ("#000000", "#0072B2", "#56B4E9", "#E69F00", "#F0E442", "#D55E00", "#CC79A7", "#009E73")


def row(way, depth, *, suite="random", circuit="random-2", qubits=100, seed=0, variant=None, status="ok", **cells):
    found = {"suite": suite, "circuit": circuit, "qubits": qubits, "seed": seed, "variant": variant, "way": way}
    found |= {"size": 2 * qubits, "status": status}
    if status == "ok":
        found |= {"depth": depth, "mixed_depth": 2 * depth, "compile_s": 1.0}
        found |= {"enola_duration_us": 1000.0 * depth, "atomique_duration_us": 3000.0 * depth}
        found |= {f"{model}_{cause}": 0.5 for model in MODELS for cause, *_ in CAUSES}
    return found | cells


def lines(ax):
    return {STYLES_BY_LOOK[look(line)]: line.get_xydata() for line in ax.lines if look(line) in STYLES_BY_LOOK}


def look(line):
    face = to_hex(line.get_markerfacecolor()) != "#ffffff"
    return (to_hex(line.get_color()).upper(), line.get_marker() or "None", line.get_linestyle(), face)


WAYS = [way for way in STYLES if not way.startswith(("chain", "tree", "rustiq", "tket"))]
SYNTHESES = [way for way in STYLES if way not in WAYS]
STYLES_BY_LOOK = {(s.colour.upper(), s.marker or "None", s.line, s.filled): w for w, s in STYLES.items() if w in WAYS}


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_points_are_means_over_seeds_with_bars_from_least_to_greatest():
    depth = {(10, 0): 6, (10, 1): 8, (100, 0): 60, (100, 1): 120}
    rows = [row("qpilot", depth[n, seed], qubits=n, seed=seed) for n, seed in depth]
    figure = depths(rows, "random")
    (ax,) = figure.axes
    np.testing.assert_allclose(lines(ax)["qpilot"], [[10, 7], [100, 90]])
    (bars,) = ax.collections
    np.testing.assert_allclose([path[:, 1] for path in bars.get_segments()], [[6, 8], [60, 120]])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


@pytest.mark.parametrize("status", ["timeout", "failed", "refused", None])
def test_a_mean_is_never_one_of_fewer_seeds(status):
    rows = [row(way, 10, qubits=n, seed=seed) for way in ("qpilot", "square") for n in (10, 20, 50) for seed in (0, 1)]
    rows = [r for r in rows if (r["way"], r["qubits"], r["seed"]) != ("square", 50, 1)]
    if status:
        rows.append(row("square", None, qubits=50, seed=1, status=status))
    (ax,) = depths(rows, "random").axes
    found = lines(ax)
    assert [round(x) for x in found["qpilot"][:, 0]] == [10, 20, 50]
    assert [round(x) for x in found["square"][:, 0]] == [10, 20]


def test_points_of_several_ways_stand_aside_of_each_other():
    ways = ("qpilot", "paper", "square", "zoned")
    (ax,) = depths([row(way, 10, qubits=n) for way in ways for n in (10, 100)], "random").axes
    places = sorted(line[0, 0] for line in lines(ax).values())
    assert len(places) == 4
    assert min(np.diff(places)) > 0.05
    assert places[0] > 9.5
    assert places[-1] < 10.5


def test_panels_of_depth_are_the_circuits_with_two_sizes_in_order_of_their_numbers():
    names = ("random-10", "random-2-repeat", "random-2", "random-5")
    rows = [row("qpilot", 9, circuit=name, qubits=n) for name in names for n in (10, 20)]
    rows.append(row("qpilot", 9, circuit="published", qubits=20))
    figure = depths(rows, "random")
    assert [ax.get_title() for ax in figure.axes] == ["random-2", "random-5", "random-10", "random-2-repeat"]
    assert depths(rows, "qaoa") is None


def test_pauli_strings_with_free_order_are_drawn_beside_peers_that_keep_it():
    rows = [row("tree-square", 50, suite="paulis", circuit="p=0.3", qubits=n, variant="kept") for n in (10, 20)]
    rows += [row("qpilot", 5, suite="paulis", circuit="p=0.3", qubits=n, variant="free") for n in (10, 20)]
    assert legend(depths(rows, "paulis", "free")) == [style("qpilot").label, style("tree-square").label]


def test_densities_are_read_from_names_or_sizes_at_the_largest_number_of_qubits():
    rows = [row("qpilot", 10 * g, circuit=f"random-{g}", qubits=n) for g in (2, 10) for n in (50, 100)]
    rows += [row("qpilot", k, suite="qaoa", circuit=f"{k}-regular") | {"size": 50 * k} for k in (3, 4)]
    figure = densities(rows)
    assert [ax.get_title() for ax in figure.axes] == ["random pairs", "QAOA, random graphs"]
    assert figure.axes[0].get_xlabel() == "gates per qubit (100 qubits)"
    random_pairs, qaoa = (lines(ax)["qpilot"] for ax in figure.axes)
    np.testing.assert_allclose(random_pairs, [[2, 20], [10, 100]])
    np.testing.assert_allclose(qaoa, [[150, 3], [200, 4]])


def test_ratios_are_geometric_means_over_circuits_and_seeds():
    rows = [row("qpilot", 10, circuit=name, seed=seed) for name in ("random-2", "random-5") for seed in (0, 1)]
    rows += [row("square", 20, seed=0), row("square", 80, seed=1, mixed_depth=20)]
    rows += [row("zoned", 5, circuit=name, seed=seed) for name in ("random-2", "random-5") for seed in (0, 1)]
    rows += [row("zoned", 1, qubits=50), row("qpilot-depth", 1)]
    figure = ratios(rows)
    (ax,) = figure.axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [style("square").label, style("zoned").label]
    square, zoned = ax.patches
    assert (square.get_x(), square.get_x() + square.get_width()) == pytest.approx((1, 4))
    assert (zoned.get_x(), zoned.get_x() + zoned.get_width()) == pytest.approx((0.5, 1))
    assert (square.get_hatch(), bool(zoned.get_hatch())) == ("", True)
    assert {"4.00 (1 of 2)", "0.500", " 1.4 "} <= set(texts(figure))
    diamonds = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"]
    assert diamonds == pytest.approx([np.sqrt(40 / 20 * 20 / 20), 0.5])


def test_circuits_left_without_gates_have_no_ratio():
    rows = [row("qpilot", 10, circuit=name) for name in ("random-2", "random-5")]
    rows += [row("square", 0), row("square", 20, circuit="random-5"), row("zoned", 0)]
    assert "2.00 (1 of 2)" in texts(ratios(rows))
    assert ratios([row("qpilot", 10), row("square", 0)]) is None


def test_lost_fidelity_is_stacked_by_cause_and_missing_ways_are_named():
    lost = {"enola_two_qubit": 1e-3, "enola_one_qubit": 1e-1, "enola_decoherence": 1.0, "enola_transfer": 1.0}
    rows = [row("qpilot", 10, enola_idle=10.0**-seed, **lost, seed=seed) for seed in (1, 3)]
    rows += [row("square", 10, enola_idle=0.0, **lost, seed=seed) for seed in (1, 3)]
    rows += [row("hybrid", None, status="timeout", seed=1), row("hybrid", 4, seed=3)]
    figure = fidelities(rows, "enola")
    (ax,) = figure.axes
    bars = [(bar.get_x(), bar.get_width()) for group in ax.containers for bar in group][::3]
    np.testing.assert_allclose(bars, [[0, 3], [3, 1], [4, 2], [6, 0], [6, 0]], atol=1e-12)
    assert {"$1 \\cdot 10^{-6}$", "$<10^{-300}$", "timeout"} <= set(texts(figure))
    assert ax.get_xlim()[1] < 10


def test_costs_are_those_of_the_usual_circuit_or_else_the_largest():
    rows = [row("qpilot", 10, circuit=name) | {"size": size} for name, size in (("random-2", 200), ("random-5", 500))]
    assert [ax.get_title() for ax in durations(rows).axes] == ["random-5, 100 qubits"]
    rows.append(row("qpilot", 10, circuit="random-10") | {"size": 100})
    (ax,) = durations(rows).axes
    assert ax.get_title() == "random-10, 100 qubits"
    assert [line.get_xdata()[0] for line in ax.lines] == [10, 30]


def test_widths_are_the_columns_of_lattices():
    shapes = {"10x10": 40, "2x50": 20}
    rows = [row("qpilot", d, suite="widths", circuit="er-0.3", variant=shape) for shape, d in shapes.items()]
    depth, duration = widths(rows).axes
    np.testing.assert_allclose(depth.lines[0].get_xydata(), [[10, 40], [50, 20]])
    np.testing.assert_allclose(duration.lines[0].get_xydata(), [[10, 40], [50, 20]])
    assert widths(rows[:1]) is None


def test_growth_of_compile_time_is_in_the_legend_from_three_sizes_on():
    times = {"qpilot": {20: 4e-4, 50: 25e-4, 100: 1e-2}, "square": {20: 1.0, 50: 2.0}}
    rows = [
        row(way, 5, suite="scaling", circuit="random-10", qubits=n, compile_s=seconds)
        for way, found in times.items()
        for n, seconds in found.items()
    ]
    rows.append(row("qpilot", 5, compile_s=7.0))
    figure = compile_times(rows)
    assert legend(figure) == ["qpilot: $n^{2.00}$", style("square").label]
    np.testing.assert_allclose(figure.axes[1].lines[0].get_xydata(), [[200, 7]])


@pytest.fixture(scope="module")
def all_rows():
    """Rows for every figure, every way and every kind of panel, a few of them missing."""
    rng = random.Random(0)
    circuits = {
        "random": ("random-2", "random-10", "random-2-repeat", "random-10-repeat"),
        "qaoa": ("3-regular", "6-regular", "er-0.3", "er-0.5"),
        "paulis": ("p=0.1", "p=0.3", "p=0.4", "p=0.5", "heisenberg", "fermi-hubbard", "molecule"),
        "algorithms": ("adder", "bv", "ghz-ladder", "hidden-shift", "qft", "qft-approximate", "quantum-volume"),
    }
    rows = []
    for suite, names in circuits.items():
        ways = ["qpilot", "paper", *SYNTHESES] if suite == "paulis" else WAYS
        for name in names:
            for n in (10, 100):
                for variant in ("kept", "free") if suite == "paulis" else (None,):
                    for way in ways:
                        depth = max(2, round(n ** rng.uniform(0.3, 2)))
                        status = "ok" if rng.random() < 0.97 else "timeout"
                        cells = {"suite": suite, "circuit": name, "qubits": n, "variant": variant, "status": status}
                        if status == "ok":
                            cells |= {f"{m}_idle": 10.0 ** -rng.uniform(0, 3 * n) for m in MODELS}
                        rows.append(row(way, depth, **cells))
    for shape in ("10x10", "7x15", "5x20", "4x25", "3x34", "2x50", "1x100"):
        cells = {"suite": "widths", "circuit": "er-0.3", "variant": shape}
        rows.append(row("qpilot", rng.randrange(20, 200), **cells))
    for n in (20, 50, 100, 200, 500, 1000):
        cells = {"suite": "scaling", "circuit": "random-10", "qubits": n, "compile_s": 1e-3 * n**1.4}
        rows.append(row("qpilot", n, **cells))
    return rows


@pytest.fixture(scope="module")
def few_rows(all_rows):
    return [row for row in all_rows if row["way"] in ("qpilot", "square", "tree-square")]


@pytest.fixture(scope="module")
def drawn(few_rows, tmp_path_factory):
    return draw_all(few_rows, tmp_path_factory.mktemp("figures") / "new")


def test_every_figure_is_drawn(drawn):
    assert [path.stem for path in drawn] == [
        *("depth-random", "depth-qaoa", "depth-algorithms", "depth-paulis-kept", "depth-paulis-free", "density"),
        *("ratios", "widths", "fidelity-enola", "fidelity-atomique", "durations", "compile-time"),
    ]


def test_equal_rows_give_equal_files_in_whatever_order(few_rows, drawn, tmp_path):
    suites = ("widths", "random")
    some = [row for row in few_rows if row["suite"] in suites]
    again = draw_all(random.Random(1).sample(some, len(some)), tmp_path)
    names = ("depth-random.png", "widths.png")
    assert {path.name for path in again} >= {*names}
    for name in names:
        data = (tmp_path / name).read_bytes()
        assert data == (drawn[0].parent / name).read_bytes()
        assert b"tEXt" not in data
        assert b"tIME" not in data


def test_no_rows_give_no_figures(tmp_path):
    assert draw_all([], tmp_path / "none") == []


FIGURES = {
    "depth-algorithms": lambda rows: depths(rows, "algorithms"),
    "depth-paulis": lambda rows: depths(rows, "paulis", "kept"),
    "density": densities,
    "ratios": ratios,
    "fidelity": lambda rows: fidelities(rows, "enola"),
    "durations": durations,
    "widths": widths,
    "compile-time": compile_times,
}


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_clipped_and_no_labels_overlap(name, all_rows):
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = FIGURES[name](all_rows)
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
    assert figure.get_size_inches()[1] <= 9
    assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 7
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            labels = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            boxes = [label.get_window_extent(renderer) for label in labels if label.get_visible() and label.get_text()]
            assert not any(a.overlaps(b) for a, b in combinations(boxes, 2)), [label.get_text() for label in labels]
    boxes = [part.get_tightbbox(renderer).padded(-1) for part in (*figure.axes, *figure.legends)]
    assert all(figure.bbox.fully_containsx(x) for box in boxes for x in (box.x0, box.x1))
    assert all(figure.bbox.fully_containsy(y) for box in boxes for y in (box.y0, box.y1))
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_ways_of_one_suite_look_different_and_colours_suit_colour_blind_readers():
    for ways in (SYNTHESES, WAYS):
        assert len({(s.colour, s.marker, s.line, s.filled) for s in (style(way) for way in ways)}) == len(ways)
    assert {s.colour for s in STYLES.values()} <= {*OKABE_ITO, "#888888"}
    assert len({s.label for s in STYLES.values()}) == len(STYLES)


def test_unknown_ways_have_their_own_name_and_come_last():
    assert style("mine") == Style("mine", style("mine").colour, "1", "-.")
    assert in_order(["mine", "square", "any", "qpilot", "square"]) == ["qpilot", "square", "any", "mine"]
    assert style("qpilot").colour == BLACK


def test_complete_keeps_kinds_apart():
    rows = [row("qpilot", 1), row("qpilot", 2, variant="free"), row("qpilot", 3, qubits=50, seed=None)]
    assert [kind[1:] for kind in complete(rows)] == [
        ("random-2", 50, None),
        ("random-2", 100, None),
        ("random-2", 100, "free"),
    ]


def test_drawing_has_no_pyplot_state():
    code = "import sys, benchmarks.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
