"""Hypothesis strategies and small hand-made programs that several test modules use."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit

from qpilot.arch import (
    AOD,
    FPQA,
    CircuitInfo,
    Condition,
    Instruction,
    Lattice,
    Measure,
    Move,
    Program,
    Raman,
    Release,
    Reset,
    Rydberg,
)
from qpilot.arch import RydbergPulse as Pulse
from qpilot.canonical import CanonicalForm
from qpilot.routing.blocks import DiagonalBlock, GateBlock

HADAMARD = (math.pi / 2, 0.0, math.pi)

SPECIAL_ANGLES = (0.0, math.pi / 4, math.pi / 2, math.pi, -math.pi / 2, -math.pi, 2 * math.pi, 3 * math.pi, 1e-12)
ANGLES = st.one_of(st.sampled_from(SPECIAL_ANGLES), st.floats(-7, 7, allow_subnormal=False))

_GATES = {  # name: (qubits, angles)
    "h": (1, 0), "x": (1, 0), "s": (1, 0), "tdg": (1, 0), "sx": (1, 0), "rx": (1, 1), "ry": (1, 1), "rz": (1, 1),
    "p": (1, 1), "u": (1, 3), "cz": (2, 0), "cx": (2, 0), "swap": (2, 0), "cp": (2, 1), "rzz": (2, 1), "crz": (2, 1),
    "ch": (2, 0), "rxx": (2, 1), "ccx": (3, 0),
}  # fmt: skip
_CLIFFORD = ("h", "x", "s", "sx", "cz", "cx", "swap")


@st.composite
def circuits(
    draw: st.DrawFn,
    max_qubits: int = 5,
    max_gates: int = 20,
    *,
    clifford: bool = False,
    measured: bool = False,
    barriers: bool = False,
) -> QuantumCircuit:
    """Random circuits of mixed gates, with a global phase and, if asked for, barriers and final measurements."""
    n = draw(st.integers(1, max_qubits))
    circuit = QuantumCircuit(n, n if measured else 0, global_phase=draw(ANGLES))
    names = [name for name in (_CLIFFORD if clifford else _GATES) if _GATES[name][0] <= n]
    if barriers:
        names += ["barrier"] * 3
    for name in draw(st.lists(st.sampled_from(names), max_size=max_gates)):
        if name == "barrier":
            circuit.barrier(*draw(st.permutations(range(n)))[: draw(st.integers(1, n))])
            continue
        size, num_angles = _GATES[name]
        qubits = draw(st.permutations(range(n)))[:size]
        getattr(circuit, name)(*(draw(ANGLES) for _ in range(num_angles)), *qubits)
    if measured:
        for clbit, q in enumerate(draw(st.lists(st.integers(0, n - 1), unique=True))):
            circuit.measure(q, clbit)
    return circuit


@st.composite
def dynamic_circuits(
    draw: st.DrawFn, max_qubits: int = 3, max_steps: int = 12, angles: st.SearchStrategy = ANGLES
) -> QuantumCircuit:
    """Random circuits that measure, reset and decide anywhere, on a register of two bits and one more bit."""
    n = draw(st.integers(1, max_qubits))
    circuit = QuantumCircuit(n, global_phase=draw(ANGLES))
    circuit.add_register(ClassicalRegister(2, "c"), ClassicalRegister(1, "d"))
    names = [name for name in ("h", "x", "s", "ry", "u", "cx", "cz", "cp") if _GATES[name][0] <= n]
    kinds = st.sampled_from([*names, *names, "barrier", "measure", "measure", "reset", "if", "if_else"])
    for kind in draw(st.lists(kinds, max_size=max_steps)):
        qubits = draw(st.permutations(range(n)))
        if kind == "barrier":
            circuit.barrier(*qubits[:2])
        elif kind == "measure":
            circuit.measure(qubits[0], draw(st.integers(0, 2)))
        elif kind == "reset":
            circuit.reset(qubits[0])
        elif kind.startswith("if"):
            bit = draw(st.integers(0, 2))
            of_register, of_bit = draw(st.integers(0, 4)), draw(st.booleans())
            test = (circuit.clbits[bit], of_bit) if draw(st.booleans()) else (circuit.cregs[0], of_register)
            with circuit.if_test(test) as otherwise:
                circuit.u(draw(angles), draw(angles), 0.3, qubits[0])
                circuit.x(qubits[-1])
            if kind == "if_else":
                with otherwise:
                    circuit.ry(draw(angles), qubits[0])
        else:
            size, num_angles = _GATES[kind]
            getattr(circuit, kind)(*(draw(angles) for _ in range(num_angles)), *qubits[:size])
    return circuit


@st.composite
def blocks(draw: st.DrawFn, max_qubits: int = 6, max_steps: int = 25) -> GateBlock:
    """Random blocks as the front end makes them: CZ, one-qubit gates, and barriers on some qubits."""
    n = draw(st.integers(1, max_qubits))
    form = CanonicalForm(n)
    for kind in draw(st.lists(st.sampled_from(["cz", "cz", "cz", "u", "u", "barrier"]), max_size=max_steps)):
        qubits = draw(st.permutations(range(n)))
        if kind == "u":
            form.u(qubits[0], *draw(st.sampled_from([HADAMARD, (0.3, 0.2, 0.1), (math.pi, 0.0, 0.0)])))
        elif kind == "barrier":
            form.barrier(qubits[: draw(st.integers(1, n))])
        elif n > 1:
            form.cp(*qubits[:2])
    return form.to_block()


NATIVES = (("cz", False), ("cphase", False), ("cphase", True))
"""Native gate, and whether phases are individual."""


@st.composite
def devices(draw: st.DrawFn, min_sites: int = 1, max_side: int = 6) -> FPQA:
    """Random devices with at least `min_sites` sites: one row to square, few lines, one to three AODs, several radii.

    They are of every native gate.
    """
    cols = draw(st.integers(1, max_side))
    rows = draw(st.integers(math.ceil(min_sites / cols), max(max_side, math.ceil(min_sites / cols))))
    radius = draw(st.sampled_from([1.5, 2.5, 4.0]))
    least = radius * draw(st.sampled_from([0.2, 0.4]))
    safe = radius * draw(st.sampled_from([1.5, 2.5]))
    lines = st.sampled_from([1, 2, 3, 5, 100])
    native, individual = draw(st.sampled_from(NATIVES))
    aod = st.builds(AOD, lines, lines, st.sampled_from([least, 1.5 * least]))
    return FPQA(
        slm=Lattice(rows, cols, safe * draw(st.sampled_from([2.4, 3.5]))),
        aods=tuple(draw(st.lists(aod, min_size=1, max_size=3))),
        rydberg=Rydberg(radius, safe, least, individual),
        native=native,
        name=draw(st.sampled_from(["fpqa", "small machine", "Ä"])),
    )


@st.composite
def pauli_labels(draw: st.DrawFn, max_qubits: int = 8, max_strings: int = 10) -> list[str]:
    """Random Pauli strings on equally many qubits: long and of one letter, the identity, and some that come back."""
    n = draw(st.integers(1, max_qubits))
    dense = st.text("XYZ", min_size=n, max_size=n)
    sparse = st.text("IIIXYZ", min_size=n, max_size=n)
    single = st.tuples(st.integers(0, n - 1), st.sampled_from("XYZ")).map(
        lambda at: "I" * at[0] + at[1] + "I" * (n - 1 - at[0])
    )
    pool = draw(st.lists(st.one_of(sparse, dense, single), min_size=1, max_size=max_strings))
    return draw(st.lists(st.sampled_from([*pool, "I" * n]), min_size=1, max_size=max_strings))


@st.composite
def pauli_terms(draw: st.DrawFn, max_qubits: int = 8, max_strings: int = 10) -> list[tuple[str, float]]:
    """Random rotations (label, angle), as `qpilot.compile_paulis` takes them."""
    labels = draw(pauli_labels(max_qubits, max_strings))
    return [(label, draw(ANGLES)) for label in labels]


_NAMES = st.text(st.characters(codec="utf-8"), max_size=6)


@st.composite
def headers(draw: st.DrawFn) -> CircuitInfo:
    """Random circuit headers whose registers cover some or all bits."""
    sizes = st.lists(st.integers(0, 3), max_size=3)
    quantum, classical = draw(sizes), draw(sizes)
    total = len(quantum) + len(classical)
    names = draw(st.lists(_NAMES.filter(bool), min_size=total, max_size=total, unique=True))
    return CircuitInfo(
        name=draw(_NAMES),
        num_qubits=max(1, sum(quantum)),
        num_clbits=sum(classical) + draw(st.integers(0, 2)),
        global_phase=draw(ANGLES),
        qregs=tuple(zip(names, quantum, strict=False)),
        cregs=tuple(zip(names[len(quantum) :], classical, strict=True)),
    )


@st.composite
def legal_programs(draw: st.DrawFn) -> Program:
    """Random legal programs on one row: copies are made, moved to other qubits and used; what they compute is open."""
    info = draw(headers())
    n, spacing = info.num_qubits, 15.0
    native, individual = draw(st.sampled_from(NATIVES))
    rydberg = Rydberg(individual_phases=individual)
    device = FPQA(slm=Lattice(1, n, spacing), aods=(AOD(2, n),), rydberg=rydberg, native=native)
    steps: list[Instruction] = []
    for _ in range(draw(st.integers(0, 4))):
        shift = draw(st.integers(0, n - 1))
        steps.append(Move(0, (1.0,), tuple(1.0 + spacing * (q + shift) for q in range(n))))
        driven = sorted(draw(st.sets(st.integers(0, n - 1))) | ({0} if len(steps) == 1 else set()))
        ancillas = tuple(range(n, 2 * n)) if len(steps) == 1 else ()
        angles = tuple((draw(ANGLES), draw(ANGLES), draw(ANGLES)) for _ in range(len(driven) + len(ancillas)))
        steps.append(Raman(tuple(driven) + ancillas, angles))
        pairs = tuple((q + shift, n + q) for q in range(n - shift))
        phases = tuple(draw(ANGLES) for _ in pairs) if individual else (draw(ANGLES),) * len(pairs)
        steps.append(Pulse(pairs, phases if native == "cphase" and draw(st.booleans()) else ()))
    if steps and draw(st.booleans()):
        steps.append(Release(tuple(range(n, 2 * n))))
    if info.num_clbits:
        bit = draw(st.integers(0, info.num_clbits - 1))
        if isinstance(steps[-1] if steps else None, Release):
            steps += [Reset((n - 1,)), Raman((0,), (HADAMARD,), Condition((bit,), (draw(st.booleans()),)))]
        steps.append(Measure((0,), (bit,)))
    return Program(info, device, tuple((0, q) for q in range(n)), tuple((0, 0, q) for q in range(n)), tuple(steps))


def block_circuit(*stretches: GateBlock | DiagonalBlock, global_phase: float = 0.0) -> QuantumCircuit:
    """Return the circuit that blocks describe, one after the other, each run in the order of its gates."""
    circuit = QuantumCircuit(stretches[0].num_qubits, global_phase=global_phase)
    for block in stretches:
        if isinstance(block, DiagonalBlock):
            for a, b, angle in block.pairs:
                circuit.cp(angle, a, b)
            continue
        opened = [0] * block.num_qubits

        def advance(qubit: int, segment: int, block: GateBlock = block, opened: list[int] = opened) -> None:
            for angles in block.openings[qubit][opened[qubit] : segment + 1]:
                if angles is not None:
                    circuit.u(*angles, qubit)
            opened[qubit] = max(opened[qubit], segment + 1)

        for gate in block.gates:
            for qubit, segment in ((gate.a, gate.segment_a), (gate.b, gate.segment_b)):
                advance(qubit, segment)
                assert opened[qubit] == segment + 1, "the gate comes after its segment"
            circuit.cp(gate.angle, gate.a, gate.b)
        for qubit, closing in enumerate(block.closings):
            advance(qubit, len(block.openings[qubit]) - 1)
            circuit.p(closing, qubit)
    return circuit


# --- hand-made programs ----------------------------------------------------------------------------------------------

PAIR_DEVICE = FPQA(slm=Lattice(1, 2, 15.0), aods=(AOD(1, 1),), name="pair")
"""Two sites 15 um apart and one flying ancilla."""

AT_0 = Move(0, (1.0,), (1.0,))
AT_1 = Move(0, (1.0,), (16.0,))


def flying_cz() -> Program:
    """CZ between far qubits by a flying ancilla (atom 2): create, use, recycle; then H, and measurements crossed."""
    h_ancilla = Raman((2,), (HADAMARD,))
    return pair_program(
        AT_0, h_ancilla, Pulse(((0, 2),)), h_ancilla,
        AT_1, Pulse(((1, 2),)),
        AT_0, h_ancilla, Pulse(((0, 2),)), h_ancilla, Release((2,)),
        Raman((0, 1), (HADAMARD, (0.3, 0.2, 0.1))),
        Measure((0, 1), (1, 0)),
    )  # fmt: skip


def flying_cz_circuit() -> QuantumCircuit:
    """The circuit of `flying_cz`."""
    circuit = QuantumCircuit(2, 2)
    circuit.cz(0, 1)
    circuit.h(0)
    circuit.u(0.3, 0.2, 0.1, 1)
    circuit.measure([0, 1], [1, 0])
    return circuit


def pair_program(*instructions: Instruction, num_clbits: int = 2, global_phase: float = 0.0) -> Program:
    """Return a program of two data qubits and one ancilla on `PAIR_DEVICE`."""
    info = CircuitInfo("pair", 2, num_clbits, global_phase)
    return Program(info, PAIR_DEVICE, ((0, 0), (0, 1)), ((0, 0, 0),), instructions)


def with_instructions(program: Program, instructions: list[Instruction]) -> Program:
    """Return the program with other instructions."""
    return msgspec.structs.replace(program, instructions=tuple(instructions))


def without_each(program: Program) -> Iterator[tuple[int, Program]]:
    """Yield the program with each of its instructions left out in turn."""
    steps = list(program.instructions)
    for k in range(len(steps)):
        yield k, with_instructions(program, steps[:k] + steps[k + 1 :])
