"""Source for bloqade-shuttle: the package itself runs it, and it says what the program does."""

import importlib.util
import math
import re

import numpy as np
import pytest
from qiskit import QuantumCircuit

import qpilot
from qpilot.arch import AOD, FPQA, CircuitInfo, Lattice, Move, Program, Raman, RydbergPulse
from qpilot.arch.errors import ProgramError
from qpilot.arch.unitary import u_matrix
from tests.strategies import PAIR_DEVICE, flying_cz, pair_program

COMPILED = {
    "flying": flying_cz,
    "gates": lambda: qpilot.compile("examples/circuits/bv8.qasm"),
    "paulis": lambda: qpilot.compile_paulis([("XXIZ", 0.3), ("ZYZI", 0.1)]),
}


@pytest.fixture(params=COMPILED)
def program(request):
    return COMPILED[request.param]()


def lines_of(program):
    """Return the columns and rows of each move but those that change nothing."""
    seen = []
    for op in program.instructions:
        if isinstance(op, Move) and (not seen or seen[-1] != (op.cols_um, op.rows_um)):
            seen.append((op.cols_um, op.rows_um))
    return seen


def run(text, folder, name):
    """Return what bloqade-shuttle does with a text: (kind, columns, rows) of lines moved, gates and pulses."""
    pytest.importorskip("bloqade.shuttle", reason="bloqade-shuttle is not installed")
    from bloqade.shuttle.visualizer import PathVisualizer
    from bloqade.shuttle.visualizer.renderers import RendererInterface

    class Recorder(RendererInterface):
        def __init__(self):
            self.events = []

        def note(self, kind, grid):
            self.events.append((kind, tuple(grid.x_positions), tuple(grid.y_positions)))

        def render_traps(self, traps, zone_id):
            self.note(zone_id, traps)

        def render_path(self, pth):
            self.note("lines", pth.path[-1].way_points[-1])

        def top_hat_cz(self, location, upper_buffer, lower_buffer):
            self.note("cz", location)
            self.events[-1] += (upper_buffer, lower_buffer)

        def local_r(self, location):
            self.note("r", location)

        def local_rz(self, location):
            self.note("rz", location)

        def set_title(self, title):
            """Nothing to do."""

        show = clear_paths = lambda self: None

    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    module = importlib.util.module_from_spec(found := importlib.util.spec_from_file_location(name, path))
    found.loader.exec_module(module)
    recorder = Recorder()
    PathVisualizer(module.main.dialects, arch_spec=module.arch, renderer=recorder).run(module.main, args=())
    return recorder.events


def test_bloqade_moves_the_lines_and_fires_the_pulses_of_the_program(program, tmp_path):
    events = run(program.to_bloqade(), tmp_path, "shuttled")
    lines = [tuple(map(np.array, event[1:])) for event in events if event[0] == "lines"]
    wanted = lines_of(program)
    assert len(lines) == len(wanted)
    for (cols, rows), (cols_um, rows_um) in zip(lines, wanted, strict=True):
        assert np.allclose(cols, cols_um)
        assert np.allclose(rows, rows_um)
    kinds = "".join({"lines": "m", "cz": "p"}.get(event[0], "") for event in events)
    steps = "".join({Move: "m", RydbergPulse: "p"}.get(type(op), "") for op in program.instructions)
    assert kinds == re.sub("m+", "m", steps)
    slm = program.device.slm
    for _, cols, rows, above_um, below_um in (event for event in events if event[0] == "cz"):
        assert (len(cols), len(rows)) == (slm.cols, slm.rows)
        ys_um = [y for op in program.instructions if isinstance(op, Move) for y in op.rows_um]
        assert rows[0] - below_um < min(ys_um)
        assert rows[-1] + above_um > max(ys_um)


def test_gates_are_those_of_the_program(program):
    """Each atom sees its gates, where it is by then; read from the text, without bloqade-shuttle."""
    n, spacing_um = program.num_qubits, program.device.slm.spacing_um
    wanted, where = [], {q: (spacing_um * col, spacing_um * row) for q, (row, col) in enumerate(program.sites)}
    first = next(op for op in program.instructions if isinstance(op, Move))
    for op in (first, *program.instructions):
        if isinstance(op, Move):
            where |= {n + k: (op.cols_um[c], op.rows_um[r]) for k, (_, r, c) in enumerate(program.ancillas)}
        elif isinstance(op, Raman):
            wanted.append({where[atom]: u_matrix(*angles) for atom, angles in zip(op.atoms, op.angles, strict=True)})
    found, driven = {}, []
    for line in program.to_bloqade().splitlines():
        if match := re.match(r" +gate.local_(rz?)\((.*), grid.from_positions\((\[.*\]), (\[.*\])\)\)$", line):
            numbers = [float(a) for a in match[2].split(",")]
            xs, ys = ([float(a) for a in match[k].strip("[]").split(",")] for k in (3, 4))
            for point in ((x, y) for x in xs for y in ys):
                gate = turn(*numbers) if match[1] == "r" else np.diag(np.exp([-0.5j * numbers[0], 0.5j * numbers[0]]))
                found[point] = gate @ found.get(point, np.eye(2))
        elif found and re.match(" +(gate.top|then|#|\\(bit|return)", line):
            driven.append(found)
            found = {}
    product = {}
    for layers, total in ((wanted, {}), (driven, product)):
        for layer in layers:
            for point, gate in layer.items():
                total[point] = np.array(gate).reshape(2, 2) @ total.get(point, np.eye(2))
        if layers is wanted:
            expected = total
    assert set(product) <= set(expected)
    for point, gate in expected.items():
        assert abs(np.trace(gate.conj().T @ product.get(point, np.eye(2)))) == pytest.approx(2)


def turn(axis, angle):
    """Return the turn about an axis of the equator, at an angle from x."""
    cos, sin = math.cos(angle / 2), math.sin(angle / 2)
    return np.array([[cos, -1j * np.exp(-1j * axis) * sin], [-1j * np.exp(1j * axis) * sin, cos]])


def test_atoms_are_filled_one_by_one_and_bits_returned_in_order():
    text = flying_cz().to_bloqade()
    assert "init.fill([grid.from_positions([0.0, 15.0], [0.0]), grid.from_positions([1.0], [1.0])])" in text
    assert text.endswith("    return (bit_0, bit_1,)\n")
    lonely = Program(CircuitInfo("two\nlines", 1), FPQA(slm=Lattice(1, 1)), ((0, 0),), (), ())
    assert lonely.to_bloqade().startswith("# two lines for fpqa")
    assert lonely.to_bloqade().endswith("    return None\n")


def test_what_bloqade_cannot_say_is_refused():
    circuit = QuantumCircuit(2)
    circuit.cp(0.3, 0, 1)
    with pytest.raises(ProgramError, match=r"instruction \d+ has a controlled phase by 0.3; compile for a device with"):
        qpilot.compile(circuit, FPQA(slm=Lattice(1, 2), native="cphase")).to_bloqade()
    pulse = pair_program(RydbergPulse(((0, 1),), (math.pi,)))
    assert "gate.top_hat_cz" in pulse.to_bloqade()
    two = PAIR_DEVICE.replace(aods=(AOD(), AOD()))
    moves = (Move(0, (1.0,), (1.0,)), Move(1, (8.0,), (8.0,)))
    with pytest.raises(ProgramError, match="moves the lines of one AOD, and the program moves those of 2"):
        Program(CircuitInfo("x", 1), two, ((0, 0),), ((0, 0, 0), (1, 0, 0)), moves).to_bloqade()
    with pytest.raises(ProgramError, match="Atom 2 is driven, and no move places its AOD"):
        pair_program(Raman((2,), ((1.0, 0.0, 0.0),))).to_bloqade()
    other = (*moves[:1], Raman((2,), ((1.0, 0.0, 0.0),)))
    with pytest.raises(ProgramError, match="Atom 2 is driven, and no move places its AOD"):
        Program(CircuitInfo("x", 1), two, ((0, 0),), ((0, 0, 0), (1, 0, 0)), other).to_bloqade()
    with pytest.raises(ProgramError, match="at a line that its AOD does not have"):
        Program(CircuitInfo("x", 1), two, ((0, 0),), ((0, 3, 0),), moves[:1]).to_bloqade()
