"""Qubits that fly: ancillas take the place of their atoms, and every gate of theirs is one pulse."""

import math

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit

from qpilot import FPQA, RoutingError, VerificationError
from qpilot.arch import Lattice, Measure, Raman, Release, check_legal
from qpilot.frontend import lower
from qpilot.machine import LINES_PER_SITE, Machine
from qpilot.placement import row_major
from qpilot.replay import replay
from qpilot.routing.builder import ProgramBuilder
from qpilot.routing.flying import choose_flying
from qpilot.routing.generic import route_rounds
from qpilot.routing.options import RouteOptions
from qpilot.testing import stabilizer_equal, statevector_fidelity
from qpilot.verify import check_against
from tests.strategies import ANGLES, circuits


def flown(circuit, most, objective="balanced", shape=None):
    """Compile a circuit with as many flying qubits as can be; return the program and these qubits."""
    lowered = lower(circuit, gathered=False)
    n = circuit.num_qubits
    rows, cols = shape or (1, n)
    machine = Machine(FPQA(slm=Lattice(rows, cols)))
    sites = row_major(n, cols)
    layout = machine.layout(sites, (rows, cols), LINES_PER_SITE)
    builder = ProgramBuilder(machine.device, sites)
    route_rounds(lowered.block, layout, builder, RouteOptions(objective, num_flying=most))
    builder.measure(lowered.measures)
    program = builder.build(lowered.info)
    assert check_legal(program) == []
    phase = check_against(program, lowered.form, lowered.measures)
    program = msgspec.structs.replace(program, circuit=msgspec.structs.replace(program.circuit, global_phase=phase))
    return program, choose_flying(lowered.block, layout, most)


def ladder(n):
    circuit = QuantumCircuit(n)
    circuit.h(0)
    for k in range(n - 1):
        circuit.cx(k, k + 1)
    return circuit


@st.composite
def cz_circuits(draw):
    """Random circuits of CZ, CX and one-qubit gates."""
    n = draw(st.integers(2, 6))
    circuit = QuantumCircuit(n)
    for _ in range(draw(st.integers(1, 15))):
        a, b = draw(st.permutations(range(n)))[:2]
        name = draw(st.sampled_from(["cz", "cx", "h", "u", "s"]))
        if name == "u":
            circuit.u(*(draw(ANGLES) for _ in range(3)), a)
        else:
            getattr(circuit, name)(*([a] if name in "hs" else [a, b]))
    return circuit


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(cz_circuits(), circuits(max_qubits=6)),
    st.integers(1, 6),
    st.sampled_from(["balanced", "depth"]),
    st.booleans(),
)
def test_flying_programs_are_legal_and_equal_as_states(circuit, most, objective, square):
    lowered = lower(circuit, gathered=False)
    assume(lowered.block.gates)
    shape = (math.isqrt(circuit.num_qubits - 1) + 1,) * 2 if square else None
    try:
        program, _ = flown(circuit, most, objective, shape)
    except RoutingError:
        assume(False)
    assert statevector_fidelity(program, circuit, global_phase=True) > 1 - 1e-9


def test_a_ladder_takes_a_pulse_a_gate_beyond_take_off_and_landing():
    program, flying = flown(ladder(24), 24)
    assert len(flying) == 12
    assert program.metrics.depth == 23 + 4
    assert program.metrics.num_2q == 23 + 4 * 12
    assert stabilizer_equal(program, ladder(24))


def test_flying_qubits_share_no_gate_and_have_cz_gates_only():
    circuit = QuantumCircuit(5)
    for a, b in ((0, 1), (0, 2), (3, 4)):
        circuit.cz(a, b)
    block = lower(circuit, gathered=False).block
    layout = Machine(FPQA.for_qubits(5)).layout(row_major(5, 3), (2, 3), 2)
    flying = choose_flying(block, layout, 5)
    assert flying.keys() in ({0, 3}, {0, 4}, {1, 2, 3}, {1, 2, 4})
    assert len(choose_flying(block, layout, 1)) == 1
    assert choose_flying(block, layout, 0) == {}
    circuit.cp(0.3, 0, 1)
    assert choose_flying(lower(circuit, gathered=False).block, layout, 5) == {}


def test_a_qubit_that_does_not_land_is_found():
    program, flying = flown(ladder(4), 4)
    landed = next(k for k, op in enumerate(program.instructions) if isinstance(op, Release))
    cut = msgspec.structs.replace(program, instructions=program.instructions[: landed - 3])
    with pytest.raises(VerificationError, match=r"ancilla atom 4 is left at the end while it still holds the value"):
        replay(cut)
    assert flying


def test_a_flying_qubit_is_not_measured_at_its_own_site():
    program, flying = flown(ladder(4), 4)
    qubit = min(flying)
    info = msgspec.structs.replace(program.circuit, num_clbits=1)
    half = program.instructions[: len(program.instructions) // 2]
    early = msgspec.structs.replace(program, circuit=info, instructions=(*half, Measure((qubit,), (0,))))
    with pytest.raises(VerificationError, match=f"data qubit {qubit} is measured while"):
        replay(early)


@pytest.mark.parametrize("change", range(6))
def test_every_wrong_gate_of_a_take_off_is_found(change):
    """The take-off is H on the ancilla, CZ, H on both, CZ, H on the atom; each gate left out or turned is refused."""
    program, _ = flown(ladder(2), 2)
    circuit = lower(ladder(2), gathered=False)
    ramans = [k for k, op in enumerate(program.instructions) if isinstance(op, Raman)]
    where = ramans[change % len(ramans)]
    layer = program.instructions[where]
    angles = tuple((theta + 0.4, phi, lam) for theta, phi, lam in layer.angles)
    broken = msgspec.structs.replace(layer, angles=angles)
    instructions = (*program.instructions[:where], broken, *program.instructions[where + 1 :])
    with pytest.raises(VerificationError):
        check_against(msgspec.structs.replace(program, instructions=instructions), circuit.form, circuit.measures)
