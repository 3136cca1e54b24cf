"""Folders of runs: what `qpilot disq run` keeps of a training, and goes on with.

config.toml is a copy of the description, beside the files that it names; checkpoint.json is written after every job;
result.json, history.json, history.csv and training.png are there when the run is over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.optimize import OptimizeResult

from ..arch.errors import DriftError
from ..arch.files import read_bytes, write_bytes
from ..routing.options import Progress
from .config import Training, read_training
from .hamiltonians import MOST_EXACT_QUBITS, ground_energy
from .loop import minimize, resume
from .records import History, as_list

CONFIG, CHECKPOINT, HISTORY, TABLE = "config.toml", "checkpoint.json", "history.json", "history.csv"
RESULT, PICTURE = "result.json", "training.png"
"""Names of the files in the folder of a run."""


class Result(msgspec.Struct, frozen=True):
    """What a run came to, as result.json holds it; energies are in units of the Hamiltonian.

    Attributes:
        x: Parameters found.
        energy_measured: Energy at them as far as it was measured.
        energy_exact: Energy at them without noise; None if there are too many qubits.
        ground_energy: Lowest energy; None if there are too many qubits.
        relative_error: (energy_exact - ground_energy) / |ground_energy|; None where that has no value.
        iterations: Iterations that are over.
        attempts: Attempts at them.
        skips: Attempts after which the iteration was tried again.
        circuits: Circuits, each one group at one point.
        shots: Shots of all circuits.
        success: Whether the optimizer came to its own end.
        message: Why it ended.
    """

    x: list[float]
    energy_measured: float
    energy_exact: float | None
    ground_energy: float | None
    relative_error: float | None
    iterations: int
    attempts: int
    skips: int
    circuits: int
    shots: int
    success: bool
    message: str

    def __str__(self) -> str:
        """Return the figures in a few lines."""
        rate = self.skips / max(1, self.attempts)
        exact = "" if self.energy_exact is None else f", {self.energy_exact:.6g} without noise"
        ground = "" if self.ground_energy is None else f"; ground energy {self.ground_energy:.6g}"
        error = "" if self.relative_error is None else f", relative error {self.relative_error:.2%}"
        return (
            f"{self.message}\n{self.iterations} iterations, {self.attempts} attempts, {rate:.0%} of them skipped, "
            f"{self.circuits} circuits, {self.shots} shots.\n"
            f"Energy at the parameters found: {self.energy_measured:.6g} measured{exact}{ground}{error}."
        )


def make_folder(folder: Path, config: Path, training: Training) -> None:
    """Make the folder of a run, with copies of its description and of the files that this names.

    Raises:
        DriftError: The folder exists or cannot be made, or two files would have the same name.
    """
    copies = {path.resolve(): path for path in training.used}
    names = [CONFIG, CHECKPOINT, HISTORY, TABLE, RESULT, PICTURE, *(path.name for path in copies.values())]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DriftError(
            f"Two files in {folder} would be called {twice}; give the one that {config} names another name."
        )
    if folder.exists():
        raise DriftError(f"{folder} exists; go on with the run in it by 'qpilot disq resume', or name another folder.")
    try:
        folder.mkdir()
    except OSError as error:
        raise DriftError(f"The folder {folder} cannot be made: {error.strerror or error}.") from None
    for path in copies.values():
        write_bytes(folder / path.name, read_bytes(path, DriftError), DriftError)
    write_bytes(folder / CONFIG, read_bytes(config, DriftError), DriftError)


def train(folder: Path, report: Progress) -> Result:
    """Run the training in a folder, or go on with it, and write down what it came to.

    Args:
        folder: The folder of the run.
        report: Called with the fraction done and a few words.

    Raises:
        DriftError: It is no folder of a run, or an error of `minimize` or `resume`.
    """
    training = read_folder(folder)
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        found = resume(checkpoint, evaluator=training.evaluator(), progress=report)
    else:
        file = training.file
        found = minimize(
            training.ansatz,
            training.hamiltonian,
            training.x0,
            evaluator=training.evaluator(),
            optimizer=training.optimizer,
            policy=training.policy,
            maxiter=file.maxiter,
            shots=file.shots,
            budget_circuits=file.budget.circuits,
            budget_shots=file.budget.shots,
            budget_s=file.budget.seconds,
            seed=file.seed,
            checkpoint=checkpoint,
            progress=report,
        )
    report(0.0, "exact energies, picture")
    result = _result(training, found)
    found.history.save(folder / HISTORY)
    found.history.save(folder / TABLE)
    text = msgspec.json.format(msgspec.json.encode(result, enc_hook=as_list), indent=2)
    write_bytes(folder / RESULT, text + b"\n", DriftError)
    if any(np.isfinite(record.energies).all() for record in found.history):  # or there is nothing to draw
        write_bytes(folder / PICTURE, draw(found.history, result.ground_energy, folder.name), DriftError)
    return result


def read_folder(folder: Path) -> Training:
    """Return the description of the run in a folder.

    Raises:
        DriftError: It is no folder of a run.
    """
    if not (folder / CONFIG).is_file():
        raise DriftError(f"{folder} is no folder of a run: it has no {CONFIG}.")
    return read_training(folder / CONFIG, copied=True)


def draw(history: History, exact: float | None, title: str, kind: str = "png") -> bytes:
    """Return the picture of a run as the bytes of a file of kind "png", "svg" or "pdf".

    Raises:
        DriftError: The run has no attempt that ran all groups.
    """
    from ..visualize import training_page
    from ..visualize.picture import figure_bytes

    return figure_bytes(training_page(history, exact=exact, title=title)[0], kind)


def ground_energy_of(hamiltonian: SparsePauliOp) -> float | None:
    """Return the lowest energy, or None where it would take too long."""
    return ground_energy(hamiltonian) if hamiltonian.num_qubits <= MOST_EXACT_QUBITS else None


def _result(training: Training, found: OptimizeResult) -> Result:
    values: Any = found
    exact, relative = None, None
    ground = ground_energy_of(training.hamiltonian)
    if ground is not None:
        state = Statevector(training.ansatz.assign_parameters(values.x))
        exact = float(np.real(state.expectation_value(training.hamiltonian)))
        relative = (exact - ground) / abs(ground) if ground else None
    return Result(
        values.x.tolist(),
        float(values.fun),
        exact,
        ground,
        relative,
        values.nit,
        len(values.history),
        values.skips,
        values.circuits,
        values.shots,
        values.success,
        values.message,
    )
