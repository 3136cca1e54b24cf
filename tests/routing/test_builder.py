"""The builder of programs: when one-qubit gates run, and what they merge to."""

import math

import pytest

from qpilot.arch import AOD, FPQA, CircuitInfo, Lattice, Measure, Move, Raman, Release, Rydberg
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.unitary import HADAMARD
from qpilot.routing.blocks import GateBlock
from qpilot.routing.builder import ProgramBuilder

X, T = (math.pi, 0.0, math.pi), (0.0, 0.0, math.pi / 4)
HOME, AWAY = ([1.0], [1.0]), ([1.0], [16.0])


@pytest.fixture
def builder():
    device = FPQA(slm=Lattice(1, 2, 15.0), aods=(AOD(1, 1),))
    builder = ProgramBuilder(device, [(0, 0), (0, 1)])
    assert builder.ancilla(0, 0) == 2
    return builder


def built(builder):
    return builder.build(CircuitInfo("x", 2, 2)).instructions


def test_two_hadamards_vanish(builder):
    for _ in range(2):
        builder.gate(2, HADAMARD)
    assert built(builder) == ()


def test_gates_that_meet_become_one(builder):
    builder.gate(0, HADAMARD)
    builder.gate(0, T)
    builder.phase(0, math.pi / 4)
    builder.gate(0, HADAMARD)
    (layer,) = built(builder)
    assert layer.atoms == (0,)
    assert layer.angles[0] == pytest.approx((math.pi / 2, -math.pi / 2, math.pi / 2))


def test_gates_wait_for_a_pulse_on_their_atom(builder):
    builder.gate(0, X)
    builder.pulse(*AWAY, [(2, 1)])
    builder.gate(1, X)
    builder.pulse(*AWAY, [(2, 1)])
    assert built(builder) == (
        Move(0, (1.0,), (16.0,)),
        Pulse(((1, 2),)),
        Raman((0, 1), (X, X)),
        Pulse(((1, 2),)),
    )


def test_release_follows_the_gate_that_empties_the_ancilla(builder):
    builder.gate(2, HADAMARD)
    builder.release([2])
    builder.gate(2, HADAMARD)
    builder.pulse(*HOME, [(2, 0)])
    builder.release([2])
    builder.pulse(*HOME, [(2, 0)])
    h, pulse = Raman((2,), (HADAMARD,)), Pulse(((0, 2),))
    assert built(builder) == (h, Release((2,)), h, Move(0, (1.0,), (1.0,)), pulse, Release((2,)), pulse)


def test_no_gate_merges_across_a_barrier(builder):
    openings = ((HADAMARD, HADAMARD), (None, None))
    block = GateBlock(2, (), openings, (0.0, 0.0), fences=(((0, 1), (1, 1)),))
    builder.run_one_qubit_gates(block)
    h = Raman((0,), (HADAMARD,))
    assert built(builder) == (h, h)


def test_phases_run_before_a_measurement(builder):
    builder.phase(0, 0.5)
    builder.phase(1, 2 * math.pi)
    builder.measure([(0, 1)])
    assert built(builder) == (Raman((0,), ((0.0, 0.0, 0.5),)), Measure((0,), (1,)))


def test_cz_gates_alone_take_one_pulse(builder):
    assert builder.controlled_phases(*AWAY, [(2, 0, 1, math.pi)]) == 1
    assert built(builder) == (Move(0, (1.0,), (16.0,)), Pulse(((1, 2),)))


def builder_of(individual):
    """A builder on a cphase machine with copies 3 and 4 beside three qubits."""
    rydberg = Rydberg(individual_phases=individual)
    builder = ProgramBuilder(FPQA(slm=Lattice(1, 3), rydberg=rydberg, native="cphase"), [(0, 0), (0, 1), (0, 2)])
    assert [builder.ancilla(0, k) for k in (0, 1)] == [3, 4]
    return builder


@pytest.mark.parametrize(
    ("individual", "angles", "strays", "pulse"),
    [
        (False, (0.6, 0.6), (), Pulse(((1, 3), (2, 4)), (0.6, 0.6))),
        (False, (0.6, 0.6 + 1e-12), (), Pulse(((1, 3), (2, 4)), (0.6, 0.6))),
        (False, (math.pi, math.pi), (), Pulse(((1, 3), (2, 4)))),
        (True, (0.6, 0.7), (), Pulse(((1, 3), (2, 4)), (0.6, 0.7))),
        (True, (0.6,), ((4, 2),), Pulse(((1, 3), (2, 4)), (0.6, 0.0))),
        (True, (math.pi,), ((4, 2),), Pulse(((1, 3), (2, 4)), (math.pi, 0.0))),
        (True, (math.pi, math.pi), (), Pulse(((1, 3), (2, 4)))),
        (False, (0.6, 0.7), (), None),
        (False, (0.6,), ((4, 2),), None),
        (False, (math.pi,), ((4, 2),), None),
    ],
)
def test_native_controlled_phases(individual, angles, strays, pulse):
    """One pulse wherever the machine can; else two of CZ alone."""
    builder = builder_of(individual)
    links = [(3 + k, k, k + 1, angle) for k, angle in enumerate(angles)]
    lines = [1.0], [16.0, 31.0]
    pulses = builder.controlled_phases(*lines, links, strays)
    steps = builder.build(CircuitInfo("x", 3)).instructions
    if pulse:
        assert pulses == 1
        assert steps == (Move(0, (1.0,), (16.0, 31.0)), pulse)
    else:
        assert pulses == 2
        assert [step.angles for step in steps if isinstance(step, Pulse)] == [(), ()]


def test_a_copy_that_is_made_and_used_for_a_controlled_phase_needs_no_hadamards_between(builder):
    builder.gate(2, HADAMARD)
    builder.pulse(*HOME, [(2, 0)])
    builder.gate(2, HADAMARD)
    assert builder.controlled_phases(*AWAY, [(2, 0, 1, 0.6)]) == 2
    assert built(builder)[3:] == (
        Move(0, (1.0,), (16.0,)),
        Pulse(((1, 2),)),
        Raman((2,), ((-0.3, -math.pi / 2, math.pi / 2),)),
        Pulse(((1, 2),)),
        Raman((0, 1, 2), ((0.0, 0.0, 0.3), (0.0, 0.0, 0.3), HADAMARD)),
    )
