"""Programs on the simulated machine: circuits of Qiskit's library without noise, and what the noise does to others.

    python -m benchmarks.simulated                  # both tables; about ten minutes on one core
    python -m benchmarks.simulated --quick          # few circuits, less than a minute

Library: each circuit goes through `transpile` with an `FPQABackend`, and runs without noise. The total variation
distance of its counts from the probabilities of the source circuit is told beside that of as many perfect shots.

Noise: the success probability is that of finding the state of the source circuit after the program, ancillas left out,
simulated shot by shot with the errors of `qpilot.noisy_circuit`; beside it stands the estimate of `program.metrics`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator

import qpilot
from qpilot.bar import progress_bar
from qpilot.noisy import noisy_circuit

from . import generators, markdown
from .qiskit_library import LARGEST, library_circuits

SHOTS = 4096
NOISY_SHOTS = 2000
DRAWS = 200  # of perfect shots
SEED = 7


def distances(circuit: QuantumCircuit, backend: qpilot.FPQABackend, level: int) -> tuple[int, float, float]:
    """Run a circuit without noise.

    Args:
        circuit: Measured as a whole at its end.
        backend: Where it runs.
        level: Optimization level of the transpiler.

    Returns:
        The depth of its program, the total variation distance of its counts from the probabilities, and the mean one of
        as many shots drawn from the probabilities.
    """
    # Not all of the library's gates know their matrix.
    bare = transpile(circuit.remove_final_measurements(inplace=False), basis_gates=["u", "cx"], optimization_level=0)
    ideal = Statevector(bare).probabilities()
    ready = transpile(circuit, backend, optimization_level=level, seed_transpiler=SEED)
    result = backend.run(ready, shots=SHOTS, noise=False, seed_simulator=SEED).result()
    counts = np.zeros(len(ideal))
    for outcome, count in result.get_counts().int_outcomes().items():
        counts[outcome] = count
    perfect = np.random.default_rng(SEED).multinomial(SHOTS, ideal / ideal.sum(), size=DRAWS)
    found, beside = (float(np.abs(shots / SHOTS - ideal).sum(axis=-1).mean() / 2) for shots in (counts, perfect))
    return backend.program(ready).depth, found, beside


def success_probability(circuit: QuantumCircuit, program: qpilot.Program, shots: int) -> tuple[float, float]:
    """Return how often the noisy program ends in the state of its circuit, and the standard error.

    Args:
        circuit: The source, without measurements.
        program: The program.
        shots: Number of runs.
    """
    run = noisy_circuit(program)
    data = run.qubits[: circuit.num_qubits]
    run.compose(transpile(circuit.inverse(), basis_gates=["u", "cx"], optimization_level=0), data, inplace=True)
    run.measure_all(inplace=True)
    # States of few entangled atoms, most of them free of errors: far quicker than vectors of 2^n numbers.
    machine = AerSimulator(method="matrix_product_state")
    counts = machine.run(run, shots=shots, seed_simulator=SEED).result().get_counts()
    back = sum(count for bits, count in counts.items() if not int(bits[-circuit.num_qubits :], 2))
    share = back / shots
    return share, math.sqrt(share * (1 - share) / shots)


def noisy_cases() -> Iterator[QuantumCircuit]:
    """Yield twenty circuits of 4 to 10 qubits."""
    for n in (4, 7, 10):
        yield generators.ghz(n)
    for n in (4, 6):
        yield generators.w_state(n)
        yield generators.qft(n)
    for n, gates in ((4, 2), (4, 5), (5, 4), (6, 2), (6, 4), (8, 2), (10, 2)):
        yield generators.random_cz(n, gates, SEED)
    for n in (4, 6, 8):
        graph = nx.random_regular_graph(3, n, seed=SEED)
        circuit = qpilot.qaoa_circuit(graph, [0.7], [0.4])
        circuit.name = f"qaoa_q{n}"
        yield circuit
    yield generators.bernstein_vazirani(8, SEED)
    yield generators.hidden_shift(6, SEED)
    for n in (4, 6):
        circuit = QuantumCircuit(n, name=f"paulis_q{n}")
        for label in generators.random_paulis(n, 3, 0.5, SEED):
            circuit.append(PauliEvolutionGate(SparsePauliOp(label), 0.4), circuit.qubits)
        yield circuit


def library_table(every: int) -> str:
    """Return the table of the library's circuits, of every one or every so many."""
    backend = qpilot.FPQABackend(qpilot.preset("enola", 2, LARGEST // 2))
    circuits = [*library_circuits()][::every]
    lines, ratios = [], []
    with progress_bar() as report:
        for k, circuit in enumerate(circuits):
            depth, found, perfect = distances(circuit, backend, level=k % 4)
            ratios.append(found / perfect if perfect else 1.0 if found == 0 else math.inf)
            lines.append(
                [circuit.name, str(circuit.num_qubits), str(k % 4), str(depth), f"{found:.4f}", f"{perfect:.4f}"]
            )
            report((k + 1) / len(circuits), circuit.name)
    heads = ["circuit", "qubits", "level", "pulses", "distance", "of perfect shots"]
    worst = (
        f"{len(lines)} circuits, {SHOTS} shots each; the distance is at most {max(ratios):.2f} times that of perfect "
    )
    return markdown.page([markdown.table(heads, lines), worst + f"shots, {np.mean(ratios):.2f} times in the mean."])


def noise_table(shots: int, circuits: list[QuantumCircuit]) -> str:
    """Return the table of success probabilities."""
    lines = []
    with progress_bar() as report:
        for k, source in enumerate(circuits):
            circuit = source.remove_final_measurements(inplace=False)
            program = qpilot.compile(circuit, seed=SEED)
            found, error = success_probability(circuit, program, shots)
            estimate = program.metrics.fidelity.total
            name, size = circuit.name, str(circuit.num_qubits)
            cells = [f"{estimate:.3f}", f"{found:.3f} ± {error:.3f}", f"{(1 - found) / (1 - estimate):.2f}"]
            lines.append([name, size, str(program.depth), str(program.metrics.num_2q), *cells])
            report((k + 1) / len(circuits), name)
    heads = ["circuit", "qubits", "pulses", "2Q gates", "estimate", "simulated", "errors that tell"]
    return markdown.table(heads, lines)


def main() -> None:
    """Print the tables, and keep them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulated", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few circuits and shots")
    parser.add_argument("--out", type=Path, help="file for the tables, in Markdown")
    options = parser.parse_args()
    circuits = [*noisy_cases()]
    tables = [
        "## Qiskit's library without noise",
        library_table(10 if options.quick else 1),
        "## Estimated fidelity and simulated success",
        noise_table(200, circuits[::4]) if options.quick else noise_table(NOISY_SHOTS, circuits),
    ]
    text = markdown.page(tables)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
