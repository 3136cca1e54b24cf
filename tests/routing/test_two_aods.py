"""Two AODs at once: their lines may cross, and gates of different AODs need not be in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qpilot
from benchmarks.generators import random_cz
from qpilot.arch import AOD, FPQA, Lattice
from qpilot.frontend import lower
from qpilot.machine import Machine
from qpilot.placement import row_major
from qpilot.routing.lines import Axis, site_offsets_um
from qpilot.testing import statevector_fidelity
from tests.strategies import circuits


def machine(rows, cols, *aods):
    return FPQA(Lattice(rows, cols), aods=aods or (AOD(), AOD()))


def aods_used(program):
    return {aod for aod, _, _ in program.ancillas}


@settings(max_examples=60, deadline=None)
@given(
    circuits(max_qubits=6),
    st.integers(2, 3),
    st.lists(st.builds(AOD, max_rows=st.integers(1, 12), max_cols=st.integers(1, 12)), min_size=2, max_size=3),
    st.sampled_from(["balanced", "depth", "num_2q"]),
)
def test_programs_are_legal_and_equal_as_states(circuit, rows, aods, objective):
    device = machine(rows, 3, *aods)
    program = qpilot.compile(circuit, device, objective=objective)  # checks the rules, and replays
    assert statevector_fidelity(program, circuit, global_phase=True) > 1 - 1e-9


def test_random_circuits_need_fewer_pulses():
    circuit = random_cz(36, 5, one_qubit_rate=1.0)
    one, two = (qpilot.compile(circuit, machine(6, 6, *[AOD()] * k), objective="depth") for k in (1, 2))
    assert two.depth < 0.9 * one.depth
    assert aods_used(one) == {0}
    assert aods_used(two) == {0, 1}
    assert "two AODs" in two.report()
    assert [block.size for block in two.routing.blocks] == [len(lower(circuit, gathered=False).block.gates)]


@pytest.mark.parametrize("other", [AOD(max_rows=2, max_cols=2), AOD(min_spacing_um=3.0)])
def test_an_aod_that_does_not_match_is_left_alone(other):
    circuit = random_cz(16, 3, one_qubit_rate=1.0)
    assert aods_used(qpilot.compile(circuit, machine(4, 4, AOD(), other))) == {0}


def test_the_lanes_of_two_aods_never_meet():
    device = machine(5, 5)
    of = Machine(device)
    lanes = [Axis(5, 10, 15.0, of.gap_um, 6.25, site_offsets_um(device.rydberg, 15.0, of.gap_um), k) for k in (0, 1)]
    first, second = (axis.table_um for axis in lanes)
    assert min(abs(y - z) for y in first for z in second) > 0.999
    for axis in lanes:
        assert axis.table_um == sorted(axis.table_um)
        assert axis.stack == 2
        parked = axis.place({}, dict.fromkeys(range(0, 10, 2), 2) | {0: 1, 2: 2, 4: 3, 6: 4, 8: 5})
        assert parked is not None
        assert all(min(abs(y - 15 * site) for site in range(5)) >= 6.25 for y in parked[::2])


def test_layouts_number_the_lines_of_both():
    layout = Machine(machine(3, 4)).layout(row_major(12, 4), (3, 4), 2, both=True)
    rows, cols = layout.home_um()
    assert layout.num_aods == 2
    assert (len(rows), len(cols)) == (12, 16)
    crossings = layout.crossings_of(5)
    assert len(set(crossings)) == 8
    assert {row // 6 for row, _ in crossings} == {col // 8 for _, col in crossings} == {0, 1}
    assert all(abs(rows[row] - 15) < 2 and abs(cols[col] - 15) < 2 for row, col in crossings)
