"""Compile random circuits for random devices and count what goes wrong.

Case k of seed s is made from (s, k) alone, so that one command repeats a failure. Every program is verified while it
compiles and once more from its saved bytes; those of at most 10 atoms are simulated too. A device refusing a circuit
(RoutingError, DeviceError) is counted apart, by reason: some of the random devices have no legal schedule.

With --templates, circuits have parameters: they are compiled once, bound to random and special values, and each program
is verified and simulated like any other.
"""

from __future__ import annotations

import argparse
import collections
import math
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import SparsePauliOp
from qiskit.synthesis import LieTrotter, SuzukiTrotter
from rich.console import Console
from rich.progress import Progress

import qpilot
from qpilot.arch import AOD, FPQA, Lattice, Program, Rydberg
from qpilot.arch.formats import program_from_json, program_to_json
from qpilot.testing import assert_same_circuit

OUTCOMES = ("passed", "refused", "illegal", "unequal", "crashed")
FAILURES = OUTCOMES[2:]

ONE_QUBIT = {"h": 0, "x": 0, "y": 0, "s": 0, "tdg": 0, "sx": 0, "id": 0, "rx": 1, "ry": 1, "rz": 1, "p": 1, "u": 3}
TWO_QUBIT = {"cz": 0, "cx": 0, "cy": 0, "swap": 0, "iswap": 0, "cp": 1, "crz": 1, "crx": 1, "rzz": 1, "rxx": 1}
THREE_QUBIT = {"ccx": 0, "ccz": 0, "cswap": 0}
PARAMETERS = (Parameter("a"), Parameter("b"))
POINTS = 4
"""Values of the parameters to which each template is bound."""

SPECIAL_ANGLES = (0.0, math.pi / 4, math.pi / 2, math.pi, -math.pi, 2 * math.pi)


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to compile.

    Attributes:
        circuit: The circuit.
        device: The device.
        options: Keyword arguments of `qpilot.compile`.
        points: Values of the parameters, if the circuit has some.
    """

    circuit: QuantumCircuit
    device: FPQA
    options: dict[str, Any]
    points: tuple[dict[Parameter, float], ...] = ()


def random_case(seed: int, number: int) -> Case:
    """Return case `number` of a seed."""
    rng = np.random.default_rng((seed, number))
    circuit = random_circuit(rng, max_qubits=5 if rng.random() < 0.3 else 30)
    device = random_device(rng, circuit.num_qubits)
    options = random_options(rng, circuit.num_qubits, device.slm) | {"seed": number}
    return Case(circuit, with_native(rng, device), options)


def random_template(seed: int, number: int) -> Case:
    """Return case `number` of a seed: a circuit with parameters, and a few values for them."""
    rng = np.random.default_rng((seed, number))
    circuit = random_circuit(rng, max_qubits=4 if rng.random() < 0.7 else 12, angle=random_expression)
    circuit.rx(PARAMETERS[0], 0)
    device = random_device(rng, circuit.num_qubits)
    options = random_options(rng, circuit.num_qubits, device.slm) | {"seed": number}
    points = tuple({parameter: random_angle(rng) for parameter in circuit.parameters} for _ in range(POINTS))
    return Case(circuit, with_native(rng, device), options, points)


def random_circuit(
    rng: np.random.Generator, max_qubits: int, angle: Callable[[np.random.Generator], Any] | None = None
) -> QuantumCircuit:
    """Return 2 to `max_qubits` qubits with mixed gates, sometimes barriers, events, and measurements at the end."""
    angle = angle or random_angle
    n = int(rng.integers(2, max_qubits + 1))
    circuit = QuantumCircuit(n, n, name="fuzz")
    gates = ONE_QUBIT | TWO_QUBIT | (THREE_QUBIT if n > 2 else {})
    weights = np.array([1.0 if name in ONE_QUBIT else 2.0 if name in TWO_QUBIT else 0.5 for name in gates])
    kinds = rng.choice(list(gates), size=int(rng.integers(0, 6 * n)), p=weights / weights.sum()).tolist()
    barriers, events = rng.random() < 0.3, rng.random() < 0.2
    for name in kinds:
        width = 1 if name in ONE_QUBIT else 2 if name in TWO_QUBIT else 3
        qubits = rng.choice(n, size=width, replace=False).tolist()
        getattr(circuit, name)(*(angle(rng) for _ in range(gates[name])), *qubits)
        if barriers and rng.random() < 0.05:
            circuit.barrier(*rng.choice(n, size=int(rng.integers(1, n + 1)), replace=False).tolist())
        if events and rng.random() < 0.1:
            add_event(circuit, rng, angle)
    if rng.random() < 0.3:
        add_evolutions(circuit, rng, angle)
    if rng.random() < 0.5:
        measured = rng.choice(n, size=int(rng.integers(1, n + 1)), replace=False).tolist()
        circuit.measure(measured, rng.permutation(n)[: len(measured)].tolist())
    return circuit


def add_event(circuit: QuantumCircuit, rng: np.random.Generator, angle: Callable[[np.random.Generator], Any]) -> None:
    """Append a measurement, a reset, or a gate that depends on an outcome."""
    qubit, clbit = rng.integers(0, circuit.num_qubits, size=2).tolist()
    kind = rng.choice(["measure", "reset", "if_test"])
    if kind == "measure":
        circuit.measure(qubit, clbit)
    elif kind == "reset":
        circuit.reset(qubit)
    else:
        with circuit.if_test((circuit.clbits[clbit], int(rng.integers(2)))):
            circuit.rx(angle(rng), qubit)


def add_evolutions(
    circuit: QuantumCircuit, rng: np.random.Generator, angle: Callable[[np.random.Generator], Any]
) -> None:
    """Append one or two evolutions under a few Pauli strings, sparse or dense, on some of the qubits in any order."""
    for _ in range(int(rng.integers(1, 3))):
        qubits = rng.permutation(circuit.num_qubits)[: int(rng.integers(1, circuit.num_qubits + 1))].tolist()
        share = float(rng.choice([0.2, 0.8]))
        letters = rng.choice(list("IXYZ"), size=(int(rng.integers(1, 9)), len(qubits)), p=[1 - share, *[share / 3] * 3])
        operator = SparsePauliOp(["".join(row) for row in letters], rng.normal(size=len(letters)))
        synthesis = SuzukiTrotter() if rng.random() < 0.3 else LieTrotter(reps=int(rng.integers(1, 3)))
        circuit.append(PauliEvolutionGate(operator, angle(rng), synthesis=synthesis), qubits)
        circuit.rx(angle(rng), qubits[0])


def random_angle(rng: np.random.Generator) -> float:
    """Return an angle, every third time a multiple of pi / 4 that may make the gate trivial."""
    return float(rng.choice(SPECIAL_ANGLES) if rng.random() < 0.3 else rng.uniform(-math.pi, math.pi))


def random_expression(rng: np.random.Generator) -> Any:
    """Return an angle that mostly depends on parameters."""
    if rng.random() < 0.3:
        return random_angle(rng)
    one, other = (PARAMETERS[k] for k in rng.integers(0, len(PARAMETERS), size=2))
    forms = (one, one, -one, 2 * one + other, one / 2 - 0.3, one + math.pi / 2, math.pi - one, one * other, one.sin())
    return forms[rng.integers(0, len(forms))]


def random_options(rng: np.random.Generator, num_qubits: int, slm: Lattice) -> dict[str, Any]:
    """Return arguments of `compile`: strategy, objective, and now and then effort, a placement, a shape."""
    options: dict[str, Any] = {
        "strategy": str(rng.choice(["paper", "rounds"], p=[0.3, 0.7])),
        "objective": str(rng.choice(["balanced", "depth", "num_2q"], p=[0.45, 0.45, 0.1])),
        "effort": 2 if rng.random() < 0.05 else 1,
    }
    kind = rng.choice(["auto", "identity", "sites"], p=[0.4, 0.3, 0.3])
    if kind == "sites":
        chosen = rng.choice(slm.num_sites, size=num_qubits, replace=False).tolist()
        options["placement"] = [divmod(site, slm.cols) for site in chosen]
    else:
        options["placement"] = str(kind)
        if rng.random() < 0.3:
            cols = int(rng.integers(math.ceil(num_qubits / slm.rows), slm.cols + 1))
            options["shape"] = (int(rng.integers(math.ceil(num_qubits / cols), slm.rows + 1)), cols)
    return options


def random_device(rng: np.random.Generator, num_qubits: int) -> FPQA:
    """Return a device with at least `num_qubits` sites, sometimes more, and of any geometry a device may have."""
    cols = int(rng.integers(1, num_qubits + 1))
    rows = math.ceil(num_qubits / cols) + int(rng.integers(0, 3))
    radius = float(rng.uniform(1.5, 4.0)) if rng.random() < 0.5 else 2.5
    least = radius * float(rng.uniform(0.1, 0.9))
    safe = radius * float(rng.uniform(1.05, 3.0))
    closest = safe if rng.random() < 0.05 else safe + least  # now and then too close for an ancilla beside a site
    spacing = closest * float(rng.choice([1.0, 2.0, rng.uniform(1.0, 2.0), rng.uniform(1.0, 4.0)]))
    return FPQA(
        slm=Lattice(rows, cols, spacing),
        aods=tuple(random_aod(rng, least, spacing) for _ in range(2 if rng.random() < 0.2 else 1)),
        rydberg=Rydberg(radius, safe, least),
        name=f"fuzz-{rows}x{cols}",
    )


def with_native(rng: np.random.Generator, device: FPQA) -> FPQA:
    """Return the device with a controlled phase for its native gate, half of the times, equal or individual."""
    if rng.random() < 0.5:
        return device
    rydberg = msgspec.structs.replace(device.rydberg, individual_phases=rng.random() < 0.5)
    return device.replace(native="cphase", rydberg=rydberg)


def random_aod(rng: np.random.Generator, least: float, spacing: float) -> AOD:
    """Return an AOD, sometimes with very few lines, whose spacing may be below that of atoms or above that of sites."""
    most_lines = int(rng.choice([1, 2, 3, 10, 100]))
    max_rows, max_cols = rng.integers(1, most_lines + 1, size=2).tolist()
    wide = rng.random() < 0.2
    return AOD(max_rows, max_cols, spacing * rng.uniform(0.1, 1.5) if wide else least * rng.uniform(0.3, 2.0))


def run(case: Case) -> tuple[str, str]:
    """Compile and check one case; return its outcome and what was said."""
    try:
        programs = [program_from_json(program_to_json(program)) for program in compiled(case)]  # checks the rules
    except (qpilot.RoutingError, qpilot.DeviceError) as error:
        return "refused", str(error)
    except qpilot.ProgramError as error:
        return "illegal", str(error)
    except qpilot.VerificationError as error:
        return "unequal", str(error)
    except Exception:  # whatever it is, it is a finding
        return "crashed", traceback.format_exc()
    sources = [case.circuit.assign_parameters(point) for point in case.points] or [case.circuit]
    try:
        for program, source in zip(programs, sources, strict=True):
            assert_same_circuit(program, source)
    except AssertionError as error:
        return "unequal", str(error)
    return "passed", ""


def compiled(case: Case) -> list[Program]:
    """Return the program of a case, or one for each point of its parameters."""
    if not case.points:
        return [qpilot.compile(case.circuit, case.device, **case.options)]
    template = qpilot.compile_template(case.circuit, case.device, **case.options)
    return [template.bind(point) for point in case.points]


def without_numbers(message: str) -> str:
    """Return what refusals for the same reason have in common."""
    return re.sub(r"\d+(\.\d+)?", "#", message)


def main() -> int:
    """Run the cases; return 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--circuits", type=int, default=1000, metavar="N", help="number of cases (default 1000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, metavar="K", help="number of the first case (default 0)")
    parser.add_argument("--templates", action="store_true", help="compile circuits with parameters")
    options = parser.parse_args()
    make, flag = (random_template, "--templates ") if options.templates else (random_case, "")
    counts: collections.Counter[str] = collections.Counter()
    refusals: dict[str, list[int]] = collections.defaultdict(list)  # cases by reason
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("fuzz", total=options.circuits)
        for number in range(options.first, options.first + options.circuits):
            outcome, message = run(make(options.seed, number))
            counts[outcome] += 1
            if outcome == "refused":
                refusals[without_numbers(message)].append(number)
            elif outcome in FAILURES:
                repeat = f"python -m benchmarks.fuzz {flag}--seed {options.seed} --first {number} --circuits 1"
                print(f"{outcome}: {repeat}\n{message}", flush=True)
            progress.advance(task)
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES))
    for reason, numbers in sorted(refusals.items(), key=lambda item: -len(item[1])):
        print(f"  {len(numbers)} refused, the first in case {numbers[0]}: {reason}")
    return 1 if any(counts[outcome] for outcome in FAILURES) else 0


if __name__ == "__main__":
    sys.exit(main())
