"""Train an Ising chain on a compiled program on a machine that drifts: `python examples/train_on_fpqa.py [--quick]`.

The ansatz is compiled once, by `qpilot.compile_template`; every energy is that of the program with all its ancillas,
under errors drawn shot by shot at places that follow the cost model, with angles put in anew for each point.
"""

from __future__ import annotations

import sys

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

import qpilot
from qpilot.bar import reporter
from qpilot.disq import (
    DISQ,
    CoherentBursts,
    FPQAEvaluator,
    GradientClip,
    Groups,
    OrnsteinUhlenbeck,
    PauliSubsets,
    Plain,
    Policy,
    Process,
    Static,
    ground_energy,
    minimize,
    tfim,
)
from qpilot.routing.options import Progress, share

SEEDS, ITERATIONS, SHOTS = 5, 300, 1024
QUICK_SEEDS, QUICK_ITERATIONS = 2, 30

POLICIES: dict[str, Policy] = {
    "plain": Plain(),
    "clip": GradientClip(),
    "DISQ, 3 references": DISQ(subsets=PauliSubsets()),
}


DRIFTS: dict[str, Process | None] = {
    "none": None,
    "CZ fidelity, within a minute": OrnsteinUhlenbeck(60.0, log_t1=0.0, log_gate_error=1.0, log_readout_error=0.0),
    "CZ fidelity, from circuit to circuit": OrnsteinUhlenbeck(
        2.0, log_t1=0.0, log_gate_error=1.5, log_readout_error=0.0
    ),
    "Raman angles, in bursts": CoherentBursts(rate_per_s=0.005, duration_s=60.0, offset_rad=0.3),
}
"""What drifts, beside errors that do not; a circuit of 1024 shots takes 11 s."""


def ising_ansatz(num_qubits: int, layers: int) -> QuantumCircuit:
    """Return the alternating ansatz of an Ising chain: two parameters a layer."""
    theta = ParameterVector("theta", 2 * layers)
    circuit = QuantumCircuit(num_qubits, name=f"ising_{num_qubits}")
    circuit.h(range(num_qubits))
    for layer in range(layers):
        for qubit in range(num_qubits - 1):
            circuit.rzz(-2 * theta[2 * layer], qubit, qubit + 1)
        circuit.rx(-2 * theta[2 * layer + 1], range(num_qubits))
    return circuit


def train(
    template: qpilot.Template, policy: Policy, drift: Process | None, seed: int, iterations: int, progress: Progress
) -> tuple[float, int]:
    """Train once.

    Args:
        template: The compiled ansatz.
        policy: What guards the training.
        drift: What drifts, if anything does.
        seed: Seed of the noise, the shots and the directions.
        iterations: Accepted iterations.
        progress: Called with the fraction done.

    Returns:
        The exact energy at the parameters found, and the circuits spent.
    """
    hamiltonian = tfim(template.program.num_qubits)
    static = Static.of_device(template.program.device)
    machine = FPQAEvaluator(template, Groups.of(hamiltonian), static + drift if drift else static, seed=seed)
    start = np.random.default_rng(seed).uniform(0.1, 0.5, len(template.parameters))
    result = minimize(
        None, hamiltonian, start, evaluator=machine, policy=policy, maxiter=iterations, shots=SHOTS, seed=seed,
        progress=progress,
    )  # fmt: skip
    return float(machine.energies([result.x])[0]), int(result.circuits)


def main(quick: bool = False) -> None:
    """Print a table: policies, under each kind of drift."""
    template = qpilot.compile_template(ising_ansatz(4, 2))
    program = template.program
    lowest = ground_energy(tfim(program.num_qubits))
    print(program)
    print(f"\nIsing chain of {program.num_qubits} qubits, ground energy {lowest:.4f}.")
    seeds, iterations = (QUICK_SEEDS, QUICK_ITERATIONS) if quick else (SEEDS, ITERATIONS)
    cases = [(drift, policy) for drift in DRIFTS for policy in POLICIES]
    print(f"Exact energy at the parameters found, relative error over {seeds} seeds, {iterations} iterations each:\n")
    print("| drift | policy | relative error | circuits |\n| - | - | - | - |")
    with reporter(True) as progress:
        for number, (drift, policy) in enumerate(cases):
            found = []
            for seed in range(seeds):
                part = share(progress, (number + seed / seeds) / len(cases), 1 / seeds / len(cases))
                found.append(train(template, POLICIES[policy], DRIFTS[drift], seed, iterations, part))
            errors, circuits = np.array(found).T
            errors = (errors - lowest) / abs(lowest)
            spread = errors.std(ddof=1) / np.sqrt(seeds)
            print(f"| {drift} | {policy} | {errors.mean():.4f} ± {spread:.4f} | {circuits.mean():.0f} |", flush=True)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
