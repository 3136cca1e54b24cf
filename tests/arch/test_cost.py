"""Durations, counts and fidelities computed by hand."""

import math

import msgspec
import pytest

from qpilot.arch import (
    AOD,
    FPQA,
    CircuitInfo,
    Fidelity,
    Lattice,
    Measure,
    Move,
    Program,
    Raman,
    Release,
    Reset,
    Timing,
    instruction_times_us,
)
from qpilot.arch import RydbergPulse as Pulse
from tests.strategies import AT_0, AT_1, HADAMARD, PAIR_DEVICE, flying_cz, pair_program

HOP_US = math.sqrt(15 / 0.00275)  # from beside qubit 0 to beside qubit 1
PULSE_US, RAMAN_US = 0.36, 0.625


def test_times():
    assert instruction_times_us(flying_cz()) == pytest.approx(
        [0, RAMAN_US, PULSE_US, RAMAN_US, HOP_US, PULSE_US, HOP_US, RAMAN_US, PULSE_US, RAMAN_US, 0, RAMAN_US, 0]
    )


def test_the_longest_displacement_of_a_move_counts():
    program = pair_program(AT_0, Move(0, (-10.0,), (5.0,)))
    assert instruction_times_us(program)[1] == pytest.approx(math.sqrt(11 / 0.00275))


def test_a_fixed_move_time():
    timing = msgspec.structs.replace(PAIR_DEVICE.timing, move_us=300.0)
    program = msgspec.structs.replace(pair_program(AT_0, AT_1, AT_1), device=PAIR_DEVICE.replace(timing=timing))
    assert instruction_times_us(program) == [0, 300, 0]


def test_moves_of_different_aods_run_together():
    device = FPQA(slm=Lattice(1, 2), aods=(AOD(1, 1), AOD(1, 1)))
    steps = (AT_0, Move(1, (1.0,), (30.0,)), Move(0, (1.0,), (3.75,)), Move(1, (1.0,), (41.0,)), AT_0)
    program = Program(CircuitInfo("x", 1), device, ((0, 0),), ((0, 0, 0), (1, 0, 0)), steps)
    short, long = math.sqrt(2.75 / 0.00275), math.sqrt(11 / 0.00275)
    assert instruction_times_us(program) == pytest.approx([0, 0, short, long - short, short])
    assert program.metrics.num_moves == 3


def test_empty_layers_cost_nothing():
    metrics = pair_program(AT_0, Raman((), ()), Pulse(())).metrics
    assert (metrics.depth, metrics.num_2q, metrics.num_1q, metrics.depth_with_1q) == (0, 0, 0, 0)
    assert metrics.duration_us == PULSE_US
    assert metrics.fidelity.total == pytest.approx((1 - PULSE_US / 1.5e6) ** 2)


def test_a_controlled_phase_costs_as_much_as_a_cz():
    def metrics(native, *angles):
        lit = Raman((2,), (HADAMARD,))
        program = pair_program(AT_0, lit, *(Pulse(((0, 2),), angle) for angle in angles))
        return msgspec.structs.replace(program, device=PAIR_DEVICE.replace(native=native)).metrics

    found = metrics("cphase", (0.3,), (0.0,), (math.pi,))
    assert found == msgspec.structs.replace(metrics("cz", (), (), ()), native="cphase")
    assert (found.depth, found.num_2q) == (3, 3)


def test_measurements_and_resets_cost_what_the_device_says():
    """Others wait for as long as an image takes; who is in it does not, and neither costs anything by default."""
    steps = (Measure((0,), (0,)), Reset((0,)), Measure((0, 1), (0, 1)), Measure((), ()))
    info, sites = CircuitInfo("x", 2, num_clbits=2), ((0, 0), (0, 1))
    slow = PAIR_DEVICE.replace(
        timing=Timing(measure_us=500.0, reset_us=20.0), fidelity=Fidelity(measure=0.99, reset=0.98, t2_us=1e4)
    )
    program = Program(info, slow, sites, (), steps)
    assert instruction_times_us(program) == [500, 20, 500, 0]
    fidelity = program.metrics.fidelity
    assert fidelity.measurement == pytest.approx(0.99**3 * 0.98)
    assert fidelity.decoherence == pytest.approx(1 - 520 / 1e4)
    assert fidelity.total == pytest.approx(fidelity.measurement * fidelity.decoherence)
    assert "\n  measurement  0.9509\n" in str(program)
    free = Program(info, PAIR_DEVICE, sites, (), steps)
    assert (free.metrics.duration_us, free.metrics.fidelity.total) == (0, 1)
    assert "  measurement" not in str(free)


def test_counts():
    metrics = flying_cz().metrics
    assert (metrics.depth, metrics.num_2q, metrics.num_1q, metrics.num_moves) == (3, 3, 6, 2)
    assert (metrics.depth_with_1q, metrics.num_ancillas, metrics.compile_s) == (8, 1, None)
    assert metrics.duration_us == pytest.approx(2 * HOP_US + 3 * PULSE_US + 5 * RAMAN_US)


def test_fidelity_by_cause():
    fidelity = flying_cz().metrics.fidelity
    total = 2 * HOP_US + 3 * PULSE_US + 5 * RAMAN_US
    idle = [
        total - 2 * PULSE_US - RAMAN_US,  # qubit 0: two pulses and one gate
        total - PULSE_US - RAMAN_US,  # qubit 1
        2 * HOP_US,  # the ancilla idles only while it flies
    ]
    assert fidelity.two_qubit == pytest.approx(0.995**3)
    assert fidelity.one_qubit == pytest.approx(0.9997**6)
    assert fidelity.idle_excitation == pytest.approx(0.9975**3)  # in each pulse one data qubit is in no pair
    assert fidelity.decoherence == pytest.approx(math.prod(1 - t / 1.5e6 for t in idle))
    assert fidelity.transfer == 1
    assert fidelity.total == pytest.approx(0.995**3 * 0.9997**6 * 0.9975**3 * fidelity.decoherence)
    assert fidelity.total_all_atoms == pytest.approx(fidelity.total)  # the ancilla is never dark at a pulse


def test_dark_ancillas_count_in_the_second_figure_only():
    fidelity = pair_program(AT_0, Pulse(((0, 1),))).metrics.fidelity
    assert fidelity.idle_excitation == 1
    assert fidelity.total_all_atoms == pytest.approx(0.9975 * fidelity.total)


def test_an_ancilla_decoheres_between_its_first_gate_and_its_release():
    """The flight before the first gate and the flight after the release are free, and so is the gap between uses."""
    h = Raman((2,), (HADAMARD,))
    busy = pair_program(AT_0, AT_1, h, h, Release((2,)), AT_0, h, AT_1, h, Release((2,)), AT_0)
    long = 1 - (4 * HOP_US + 4 * RAMAN_US) / 1.5e6
    assert busy.metrics.fidelity.decoherence == pytest.approx(long**2 * (1 - HOP_US / 1.5e6))


def test_decoherence_never_goes_below_zero():
    device = PAIR_DEVICE.replace(fidelity=Fidelity(t2_us=10.0))
    program = msgspec.structs.replace(flying_cz(), device=device)
    assert program.metrics.fidelity.decoherence == 0
    assert program.metrics.fidelity.total == 0
