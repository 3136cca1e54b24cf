"""The Pauli router: two touches for each string, commuting ones at a time, order kept, and refusals that say why."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpilot.arch import AOD, FPQA, CircuitInfo, Lattice, Release
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.errors import RoutingError
from qpilot.compiler import Machine
from qpilot.paulis import read_paulis
from qpilot.routing.agenda import anticommuting
from qpilot.routing.blocks import PauliBlock
from qpilot.routing.builder import ProgramBuilder
from qpilot.routing.options import RouteOptions
from qpilot.routing.pauli import route_paulis
from qpilot.verify import require_legal
from tests.strategies import pauli_labels

GRID = Lattice(3, 3)
LINES = st.sampled_from([AOD(3, 3), AOD(6, 6), AOD(7, 4), AOD(100, 100)])


def routed(terms, device, *, ordered=True):
    """Route rotations on qubits that are laid row by row; return the block, the program and the order."""
    strings, n = read_paulis(terms)
    block = PauliBlock(n, tuple(string for string in strings if string.letters), ordered)
    machine = Machine(device)
    sites = [divmod(q, device.slm.cols) for q in range(n)]
    builder = ProgramBuilder(device, sites, [machine.number])
    layout = machine.layout(sites, (device.slm.rows, device.slm.cols), 2)
    order = route_paulis(block, layout, builder, RouteOptions(), machine.most_lines)
    return block, builder.build(CircuitInfo("strings", n)), order


def touches(program):
    """The data qubits of each pulse that takes some."""
    found = [sorted(q for pair in op.pairs for q in pair if q < program.num_qubits) for op in pulses(program)]
    return [tuple(qubits) for qubits in found if qubits]


def pulses(program):
    return [op for op in program.instructions if isinstance(op, Pulse)]


def bays(program, shape):
    """Bays that are used, where each takes as many rows and columns as `shape` says."""
    return {(row // shape[0], col // shape[1]) for _, row, col in program.ancillas}


@settings(max_examples=80, deadline=None)
@given(pauli_labels(max_qubits=9, max_strings=12), LINES, st.booleans())
def test_touches(labels, aod, ordered):
    """A string takes two pulses on its qubits; in between only strings are open that commute; order is kept."""
    by_support = {tuple(q for q, c in enumerate(label[::-1]) if c != "I"): label for label in labels}
    labels = [label for support, label in by_support.items() if len(support) > 1]
    if not labels:
        return
    block, program, order = routed([(label, 0.3) for label in labels], FPQA(slm=GRID, aods=(aod,)), ordered=ordered)
    require_legal(program)
    conflicts = anticommuting(block)
    number = {tuple(q for q, _ in string.letters): k for k, string in enumerate(block.strings)}
    open_, opened = [], []
    for touched in touches(program):
        string = number[touched]
        if string in open_:
            open_.remove(string)
        else:
            assert string not in opened, "two touches, no more"
            assert not conflicts[string, open_].any()
            open_.append(string)
            opened.append(string)
    assert open_ == []
    assert opened == order
    assert sorted(order) == list(range(len(labels)))
    if ordered:
        place = np.argsort(order)
        assert not any(
            conflicts[a, b] and place[a] > place[b] for a, b in itertools.combinations(range(len(labels)), 2)
        )


@settings(max_examples=30, deadline=None)
@given(pauli_labels(max_qubits=9, max_strings=6), LINES)
def test_ancillas_are_dark_after_their_last_release(labels, aod):
    """Every ancilla that takes part is released after its last pulse, for what comes after the block."""
    _, program, order = routed([(label, 0.3) for label in labels], FPQA(slm=GRID, aods=(aod,)))
    assert sorted(order) == list(range(sum(set(label) != {"I"} for label in labels)))
    bright = set()
    for op in program.instructions:
        if isinstance(op, Pulse):
            bright |= {atom for pair in op.pairs for atom in pair if atom >= program.num_qubits}
        elif isinstance(op, Release):
            bright -= set(op.atoms)
    assert bright == set()


def test_commuting_strings_share_their_pulses():
    """Alone, a string makes its cat, touches and takes the cat apart, twice; four that commute take far less than 4."""
    device = FPQA(slm=GRID)
    terms = [("XXXXXXXXI", 0.1), ("ZZZZZZZZI", 0.2), ("YYYYYYYYI", 0.3), ("IXXXXXXXX", 0.4)]
    alone = [len(pulses(routed([term], device)[1])) for term in terms]
    _, together, _ = routed(terms, device)
    assert len(pulses(together)) < 0.5 * sum(alone)
    assert len(bays(together, (3, 3))) > 1
    _, one_bay, _ = routed(terms, FPQA(slm=GRID, aods=(AOD(3, 3),)))
    assert len(bays(one_bay, (3, 3))) == 1
    assert len(pulses(one_bay)) == sum(alone)


def test_free_order_takes_fewer_pulses():
    """X and Z strings in turn keep each other waiting, unless they may be sorted."""
    xs = [("".join("X" if q != k else "I" for q in range(9)), 0.1) for k in range(6)]
    zs = [("".join("Z" if q != k + 1 else "I" for q in range(9)), 0.1) for k in range(6)]
    terms = list(itertools.chain.from_iterable(zip(xs, zs, strict=True)))
    kept, free = (routed(terms, FPQA(slm=GRID), ordered=ordered)[1] for ordered in (True, False))
    assert len(pulses(free)) < len(pulses(kept))


def test_letters_alone_take_no_pulse():
    _, program, order = routed([("XII", 0.3), ("IYI", 0.2), ("ZII", 0.1), ("XII", 0.5)], FPQA(slm=GRID))
    assert pulses(program) == []
    assert program.ancillas == ()
    assert sorted(order) == [0, 1, 2, 3]


def test_too_few_lines():
    with pytest.raises(RoutingError, match="A Pauli string takes 3 x 2 lines, but the AOD has 2 x 3"):
        routed([("IIXXIXXII", 0.3)], FPQA(slm=GRID, aods=(AOD(2, 3),)))


def test_lines_too_far_apart():
    with pytest.raises(RoutingError, match="Lines of the AOD are at least 3 um apart, too far for two ancillas"):
        routed([("IIXXIXXII", 0.3)], FPQA(slm=GRID, aods=(AOD(9, 9, 3.0),)))


def test_progress_is_reported():
    told = []
    strings, n = read_paulis([("XXI", 0.3), ("IZZ", 0.2), ("IYI", 0.1)])
    machine = Machine(FPQA(slm=GRID))
    sites = [divmod(q, 3) for q in range(n)]
    builder = ProgramBuilder(machine.device, sites, [machine.number])
    options = RouteOptions(progress=lambda fraction, phase: told.append((fraction, phase)))
    block = PauliBlock(n, tuple(strings))
    route_paulis(block, machine.layout(sites, (3, 3), 2), builder, options, machine.most_lines)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert list(dict.fromkeys(phase for _, phase in told)) == ["planning", "scheduling", "routing"]
