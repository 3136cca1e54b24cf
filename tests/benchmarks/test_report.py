"""Means, ratios and losses of few rows, with answers known by hand, and the pages made of them."""

import random

import pytest

from benchmarks import compare, report
from benchmarks.markdown import number, page, table
from benchmarks.record import RESULT_COLUMNS
from qpilot.arch.errors import ProgramError


def row(circuit="random-2", way="qpilot", depth=10, *, suite="random", qubits=100, seed=0, variant=None, **cells):
    """Return a row of the table of results; without a depth a refused one."""
    ok = depth is not None
    made = {
        **{"suite": suite, "circuit": circuit, "qubits": qubits, "seed": seed, "variant": variant, "way": way},
        **{"size": 10 * qubits, "status": "ok" if ok else "refused"},
        **dict.fromkeys(RESULT_COLUMNS, 0.5 if ok else None),
        **{"depth": depth, "mixed_depth": depth and 2 * depth, "num_2q": depth and 3 * depth},
        **{"compile_s": 1.0 if ok else None, "checked": "rules" if ok else None, "detail": None, "note": None},
        **{
            "version": "qpilot 0.1.0",
            "revision": "abc",
            "python": "3.11",
            "machine": "two cores",
            "date": "2026-01-02",
        },
    }
    assert cells.keys() <= made.keys()
    return made | cells


def cells(text, first):
    """Return the cells of the first line of a table that begins with this cell."""
    for line in text.splitlines():
        found = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and found[0] == first:
            return found
    raise AssertionError(f"no line {first}")


def test_means_are_geometric_for_fidelities_and_arithmetic_for_the_rest():
    rows = [row(depth=10, enola_fidelity=0.1), row(depth=20, seed=1, enola_fidelity=0.4)]
    (mean,) = compare.means(compare.by_case(rows)).values()
    assert mean["qpilot"]["depth"] == 15
    assert mean["qpilot"]["enola_fidelity"] == pytest.approx(0.2)
    rows[1]["enola_fidelity"] = 0.0  # too small for a float
    (mean,) = compare.means(compare.by_case(rows)).values()
    assert mean["qpilot"]["enola_fidelity"] == 0.0


def test_a_mean_takes_all_seeds():
    rows = [row(), row(seed=1), row(way="square", depth=40), row(way="paper"), row(way="paper", depth=None, seed=1)]
    (found,) = compare.means(compare.by_case(rows)).values()
    assert [*found] == ["qpilot", "paper"]  # square was not measured for seed 1
    assert found["paper"] == {"status": "refused"}
    rows.append(row(way="paper", depth=None, seed=2, status="timeout"))
    (found,) = compare.means(compare.by_case(rows)).values()
    assert found == {"paper": {"status": "timeout"}}


def test_free_order_falls_back_on_kept_order_for_others_only():
    kept = [row("p=0.1", way, suite="paulis", variant="kept") for way in ("qpilot", "paper", "tree-square", "tket")]
    free = [row("p=0.1", "tket", 5, suite="paulis", variant="free")]
    cases = compare.by_case(kept + free)
    (found,) = (ways for case, ways in cases.items() if case[3] == "free")
    assert {way: row["depth"] for way, row in found.items()} == {"tket": 5, "tree-square": 10}


def test_order_of_rows_does_not_matter():
    rows = [
        row(name, way, depth, seed=seed, qubits=qubits)
        for name, depth in (("random-10", 30), ("random-2", 11))
        for way in ("qpilot", "square", "zoned", "heavy-hex", "new-way")
        for seed in range(3)
        for qubits in (20, 100)
    ]
    cases = compare.by_case(rows)
    assert [case[1:3] for case in cases][::3] == [
        ("random-2", 20),
        ("random-2", 100),
        ("random-10", 20),
        ("random-10", 100),
    ]
    shuffled = random.Random(0).sample(rows, len(rows))
    for make in (report.tables, report.ratio_table, report.grid_table, report.where_qpilot_loses, report.provenance):
        assert make(shuffled) == make(rows)


def test_best_is_of_least_depth_and_then_fewest_gates():
    rows = [row(way="square", depth=9), row(way="triangle", depth=9, num_2q=5), row(way="zoned", depth=None)]
    (found,) = compare.means(compare.by_case(rows)).values()
    assert compare.best(found, compare.is_fixed) == "triangle"
    assert compare.best(found, lambda way: way == "zoned") is None


@pytest.mark.parametrize("way", ["square", "tree-heavy-hex", "swap-network", "chain-long-range-2"])
def test_fixed_atoms_are_real(way):
    assert compare.is_fixed(way)
    assert compare.is_real(way)


@pytest.mark.parametrize("way", ["logical", "tree", "rustiq", "tket", "qpilot", "qpilot-two-aods"])
def test_ideals_and_ours_are_no_baselines_of_real_machines(way):
    assert not compare.is_fixed(way)
    assert not compare.is_real(way)


def test_growth_exponent_of_a_power():
    assert compare.growth_exponent([10, 100, 1000], [2e2, 2e4, 2e6]) == pytest.approx(2)
    with pytest.raises(ValueError, match="two sizes"):
        compare.growth_exponent([10, 10], [1, 2])


def test_ratios_are_geometric_means_over_circuits_seeds_and_grids():
    rows = []
    for name, seed, ours, square, triangle in (("a", 0, 10, 20, 10), ("a", 1, 10, 80, None), ("b", 0, None, 900, 900)):
        rows += [row(name, "qpilot", ours, seed=seed), row(name, "paper", ours and 4 * ours, seed=seed)]
        rows += [row(name, "square", square, seed=seed), row(name, "triangle", triangle, seed=seed)]
    rows.append(row("a", "square", 1, qubits=20))  # of another size
    found = cells(report.ratio_table(rows), "random circuits")
    # square: (2 * 8) ** 0.5 = 4; triangle: 1; both: 2; of the best grid of each circuit: (1 * 8) ** 0.5
    assert found == ["random circuits", "1.4", "0.5", "0.5", "2", "2.83"]
    ours = cells(report.grid_table(rows).split("paper strategy, depth")[1], "random circuits")
    assert ours == ["random circuits", "qpilot, depth", "4", "1", "2", "2"]


def test_mixed_layers_are_compared_with_mixed_layers():
    rows = [row(way="paper", depth=30, mixed_depth=50), row(way="square", depth=30, mixed_depth=100)]
    assert cells(report.ratio_table(rows), "random circuits") == ["random circuits", "1.4", "2", "1"]


def test_quantum_simulation_is_of_random_strings_in_their_order():
    def strings(circuit, way, depth, variant):
        return row(circuit, way, depth, suite="paulis", variant=variant)

    rows = [
        *(strings("p=0.5", way, 10, "kept") for way in ("paper", "qpilot")),
        *(strings("p=0.5", way, 5, "free") for way in ("paper", "qpilot")),
        *(strings("p=0.5", f"chain-{grid}", 200, "kept") for grid in ("square", "heavy-hex")),
        strings("heisenberg", "chain-square", 10_000, "kept"),
        *(strings("heisenberg", way, 10, "kept") for way in ("paper", "qpilot")),
    ]
    text = report.ratio_table(rows)
    kept, free = (cells(text, f"quantum simulation, CX chains, {order} order") for order in ("kept", "free"))
    assert kept[1:] == ["27.7", "20", "20", "20", "20"]
    assert free[1:] == ["", "", "", "40", "40"]  # the paper strategy keeps the order


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (140, "comes near the published 1.4"),
        (112, "comes near the published 1.4"),
        (280, "is 2 times above the published 1.4"),
        (70, "is 2 times below the published 1.4"),
    ],
)
def test_nearness_to_the_published_ratio(depth, words):
    assert words in " ".join(report.ratio_table([row(way="paper", depth=100), row(way="square", depth=depth)]).split())


def test_the_usual_size_or_the_largest():
    assert "100 qubits" in report.ratio_table([row(), row(qubits=200)])
    assert "50 qubits" in report.ratio_table([row(qubits=50), row(qubits=20), row(suite="scaling", qubits=1000)])


def test_depths_of_all_ways():
    rows = [row(depth=1234), row(way="logical", depth=5), row(way="square", depth=2000), row(way="zoned", depth=None)]
    rows += [row("random-5"), row("random-5", "zoned", None, status="timeout")]
    text = report.tables(rows)
    assert cells(text, "circuit") == ["circuit", "qubits", "qpilot", "logical", "square", "zoned"]
    line = ["random-2", "100", "**1,234**, 3,702", "5, 15", "2,000, 6,000", "refused"]
    assert cells(text, "random-2") == line
    assert cells(text, "random-5")[2:] == ["**10**, 30", "", "", "time out"]


def test_costs_beside_the_best_baselines():
    rows = [
        row(enola_duration_us=1500.0, enola_fidelity=0.25),
        row(way="square", depth=9),
        row(way="triangle", depth=8),
    ]
    line = cells(report.tables(rows).split("Costs")[1], "random-2")
    assert line == ["random-2", "100", "qpilot", "1.5", "0.25, 0.5", "1", "triangle", "0.0005", "0.5, 0.5", "1"]


def test_losses_of_depth_are_to_real_machines_and_ideals_apart():
    paulis = {"suite": "paulis", "variant": "free"}
    rows = [
        row(depth=30),
        row(way="qpilot-depth", depth=20),
        row(way="qpilot-two-aods", depth=5),  # another machine
        row(way="logical", depth=2),
        row(way="square", depth=18),
        row(way="triangle", depth=17),
        row(way="zoned", depth=3),
        row("random-5", depth=10),
        row("random-5", "square", depth=10),  # no less
        row("p=0.1", depth=50, **paulis),
        row("p=0.1", "rustiq", depth=40, **paulis),
    ]
    lost, _, ideals = report.where_qpilot_loses(rows).partition("Ideals")
    _, moving = lost.split("More depth than compilers that move data atoms")
    assert cells(moving, "random")[3:] == ["qpilot-depth", "20", "zoned", "3"]
    assert cells(lost, "random") == ["random", "random-2", "100", "qpilot-depth", "20", "triangle", "17"]
    assert "random-5" not in lost
    assert cells(ideals, "paulis") == ["paulis", "p=0.1", "100", "free", "qpilot", "50", "rustiq", "40"]
    short = report.summary(rows, [])
    assert "More depth than fixed atoms, random: random-2 on 100 qubits." in short
    assert "More depth than compilers that move data atoms, random: random-2 on 100 qubits." in short


def test_losses_of_fidelity_and_time():
    rows = [
        row(enola_fidelity=0.0),
        row(way="square", depth=99, enola_fidelity=0.0),  # both too small for a float
        row("random-5", enola_fidelity=0.0),
        row("random-5", "square", enola_fidelity=0.2, depth=99),
        row("random-10", enola_fidelity=0.3, compile_s=2.0),
        row("random-10", "zoned", enola_fidelity=0.6, compile_s=0.5, depth=99),
    ]
    text = report.where_qpilot_loses(rows)
    assert cells(text, "random") == ["random", "2", "2"]
    worst = text.split("10 worst:")[1]
    assert cells(worst, "random") == ["random", "random-5", "100", "qpilot", "0", "square", "0.2"]
    slower = text.split("Longer compile time")[1]
    assert cells(slower, "random") == ["random", "random-10", "100", "qpilot", "2", "zoned", "0.5"]
    assert "1 of 1 circuits" in " ".join(slower.split())


def test_compile_times_beside_the_zoned_compiler():
    rows = []
    for seed, ours, zoned in ((0, 1.0, 2.0), (1, 0.5, 4.0), (2, 1.0, None)):
        rows += [row(seed=seed, compile_s=ours), row(way="zoned", depth=zoned and 9, seed=seed, compile_s=zoned)]
    rows += [row(suite="scaling", qubits=n, compile_s=n**1.5 / 1e3) for n in (100, 400)]
    text = report.compile_time_table(rows)
    assert cells(text, "random") == ["random", "100", "2", "4", "2", "8"]
    assert cells(text, "400") == ["400", "4,000", "8"]
    assert "n^1.50" in text
    assert cells(report.summary(rows, []), "zoned")[-1] == "4"


def test_other_compilers_that_move_atoms_as_multiples_of_ours():
    ours = {"enola_duration_us": 100.0, "atomique_duration_us": 50.0, "compile_s": 2.0}
    theirs = {"enola_duration_us": 900.0, "atomique_duration_us": 25.0, "compile_s": 0.5}
    rows = [row(depth=10, **ours), row(way="zoned", depth=5, **theirs)]
    rows += [row(depth=10, seed=1, **ours), row(way="zoned", depth=20, seed=1, **theirs)]
    text = report.moving_table([*rows, row(way="square", depth=99)])
    assert cells(text, "zoned") == ["zoned", "random", "2", "1", "1", "9", "0.5", "0.25"]
    assert "square" not in text
    assert report.moving_table(rows[::2]) == ""


def test_provenance_counts_rows_and_hours():
    rows = [row(compile_s=1800.0), row(way="zoned", depth=None), row(way="square", compile_s=1800.0, date="2026-01-05")]
    text = report.provenance(rows)
    assert cells(text, "rows")[1] == "2 ok, 1 refused, 0 time out, 0 failed"
    assert cells(text, "compile time")[1].startswith("1.00 hours")
    assert cells(text, "dates")[1] == "2026-01-02 to 2026-01-05"
    assert cells(text, "ways")[1] == "qpilot, square, zoned"


def test_report_links_figures_relatively(tmp_path):
    out = tmp_path / "results"
    out.mkdir()
    path = report.write([row(), row(way="square", depth=40)], out, [out / "depth.png", tmp_path / "other_one.png"])
    text = path.read_text()
    assert path == out / "report.md"
    assert "![depth](depth.png)" in text
    assert "![other one](../other_one.png)" in text
    assert all(len(line) <= 120 for line in text.splitlines() if not line.startswith("|"))


def test_summary_has_a_line_for_each_circuit_of_the_largest_size():
    rows = [row(), row(way="square", depth=40), row(way="zoned", depth=50), row("random-5", qubits=20)]
    text = report.summary(rows, ["results/depth.png"])
    line = ["random-2", "**", "40, 120 (square)", "50, 150 (zoned)", "0.0005", "0.5, 0.5", "1"]
    assert cells(text, "random-2") == [cell.replace("**", "10, 30") for cell in line]
    assert "| random-5" not in text
    assert "![depth](results/depth.png)" in text
    assert "It loses nowhere" in text


def test_no_rows_make_a_report_all_the_same(tmp_path):
    assert "None." in report.write([], tmp_path, []).read_text()
    assert "0 rows" in report.summary([], [])


def test_replace_section_leaves_the_rest(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"# Title\n\n{report.START}\nold\n{report.END}\n\nmore\n")
    for _ in range(2):  # the second time changes nothing
        report.replace_section(path, "new\n")
        assert path.read_text() == f"# Title\n\n{report.START}\n\nnew\n\n{report.END}\n\nmore\n"


@pytest.mark.parametrize("text", ["", report.START, f"{report.END}\n{report.START}", 2 * (report.START + report.END)])
def test_replace_section_refuses_a_file_without_markers(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(ProgramError, match="needs the line"):
        report.replace_section(path, "new")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (3, "3"), (12345, "12,345"), (0.12345, "0.123"), (99.96, "100"), (1234.5, "1,234"), (0.0, "0")],
)
def test_number(value, text):
    assert number(value) == text


def test_table_leaves_out_empty_columns():
    assert table(["a", "b", "c"], [["1", "", "2"]]) == "| a | c |\n| --- | --- |\n| 1 | 2 |"
    assert table(["a"], []) == "None."


def test_page_wraps_text_and_no_tables():
    wide = f"| {'cell ' * 40}|"
    lines = page([f"* {'word ' * 40}", "", wide]).splitlines()
    assert lines[1].startswith("  word")
    assert lines[-2:] == ["", wide]
    assert max(map(len, lines[:-1])) <= 120
