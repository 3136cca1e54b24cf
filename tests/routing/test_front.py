"""The front of a block: every gate once, in an order that segments and barriers allow."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit

from qpilot.frontend import lower
from qpilot.routing.blocks import Gate, GateBlock
from qpilot.routing.front import Front
from tests.strategies import blocks


def ends(gate):
    return (gate.a, gate.segment_a), (gate.b, gate.segment_b)


def run(block, random):
    """Run all gates in a random order; yield ("open", segments) and ("gate", index) as they come."""
    front = Front(block)
    yield "open", front.advance(range(block.num_qubits))
    while front.remaining:
        assert front.ready, "stuck"
        index = random.choice(sorted(front.ready))
        for qubit, segment in ends(block.gates[index]):
            assert front.segment[qubit] == segment
            assert index in front.ready_of(qubit)
        front.complete(index)
        yield "gate", index
        some = [q for q in range(block.num_qubits) if random.random() < 0.7]
        yield "open", front.advance(some if front.ready else range(block.num_qubits))
    yield "open", front.advance(range(block.num_qubits))


@settings(deadline=None)
@given(blocks(), st.randoms(use_true_random=False))
def test_every_gate_and_segment_once_and_in_order(block, random):
    """A segment opens when its qubit is done with the one before, and, at a barrier, when all its qubits are."""
    fence_of = {member: fence for fence in block.fences for member in fence}
    segments_of = [dict(ends(gate)) for gate in block.gates]
    opened, done = {(q, 0) for q in range(block.num_qubits)}, []

    def over(qubit, segment):
        """Whether the qubit is in this segment, or past it, and done with it and all before."""
        before = [k for k, found in enumerate(segments_of) if found.get(qubit, segment + 1) <= segment]
        return (qubit, segment) in opened and set(before) <= set(done)

    for kind, what in run(block, random):
        if kind == "gate":
            assert all(end in opened for end in ends(block.gates[what]))
            done.append(what)
            continue
        for qubit, segment in what:
            assert (qubit, segment) not in opened
            assert over(qubit, segment - 1)
            opened.add((qubit, segment))
        for qubit, segment in what:  # the whole step at once, since the members of a fence wait for each other
            assert all(over(q, s - 1) for q, s in fence_of.get((qubit, segment), ()))
    assert sorted(done) == list(range(len(block.gates)))
    assert opened == {(q, s) for q, openings in enumerate(block.openings) for s in range(len(openings))}


@settings(deadline=None)
@given(blocks())
def test_gates_are_listed_in_an_order_in_which_they_may_run(block):
    front = Front(block)
    front.advance(range(block.num_qubits))
    for index in range(len(block.gates)):
        assert index in front.ready
        front.complete(index)
        front.advance(range(block.num_qubits))
    assert not front.remaining
    assert not front.ready


@settings(deadline=None)
@given(blocks())
def test_criticality_is_the_longest_chain_of_gates(block):
    def waits(later, earlier):
        """Whether two gates share a qubit and the first is in a later segment of it."""
        segments = dict(ends(earlier))
        return any(segment > segments.get(qubit, segment) for qubit, segment in ends(later))

    @cache
    def longest(gate):
        return 1 + max((longest(other) for other in block.gates if waits(other, gate)), default=0)

    front = Front(block)
    front.advance(range(block.num_qubits))
    assert front.criticality == [longest(gate) for gate in block.gates]
    assert all(front.criticality[index] == weight for index, weight in front.ready.items())


def test_a_ladder():
    """Three gates in a row; the middle one waits for a segment on either side."""
    block = GateBlock(
        3, (Gate(0, 0, 1, 0), Gate(1, 1, 2, 0), Gate(0, 0, 2, 0)), ((None,), (None, None), (None,)), (0.0,) * 3
    )
    front = Front(block)
    assert front.ready == {0: 2, 2: 1}
    assert [front.gates_left(q) for q in range(3)] == [2, 1, 2]
    front.complete(0)
    assert front.advance([0]) == []
    assert front.advance([0, 1, 2]) == [(1, 1)]
    assert front.ready == {1: 1, 2: 1}


def test_a_barrier_holds_all_its_qubits():
    circuit = QuantumCircuit(4)
    circuit.cz(0, 1)
    circuit.barrier(0, 1, 2)
    circuit.cz(0, 1)
    circuit.cz(2, 3)
    front = Front(lower(circuit).block)
    assert front.advance(range(4)) == []
    assert list(front.ready) == [0]
    front.complete(0)
    assert front.advance([0]) == []  # qubit 1 has not come to the barrier yet
    assert sorted(front.advance([1])) == [(0, 1), (1, 1), (2, 1)]
    assert sorted(front.ready) == [1, 2]
