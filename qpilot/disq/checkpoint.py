"""Checkpoints: what a run was asked for and the answer of every job, in one file.

A run depends on nothing but its settings and the answers of its jobs. To resume, it is run again from the start, the
answers taken from the file as long as they last: so any optimizer and any policy come out exactly where they were.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from ..arch.errors import DriftError
from ..arch.files import write_bytes
from .filters import Blocking, EnergyMonitor, GradientClip, Kalman, MedianOfPairs
from .policies import Chain, Floats, Plain, Policy
from .records import FORMAT, VERSION, Record, as_list, decode_file
from .references import DISQ, QISMET, ChiSquareMonitor
from .spsa import SPSA

POLICIES: Mapping[str, type[Policy]] = {
    kind.__name__: kind
    for kind in (Plain, DISQ, QISMET, ChiSquareMonitor, EnergyMonitor, GradientClip, MedianOfPairs, Blocking, Kalman)
}
"""Policies that a checkpoint can hold."""


class Settings(msgspec.Struct, frozen=True):
    """What a run was asked for.

    Attributes:
        ansatz: The circuit in Qiskit's QPY format and base 64; None if the run had an evaluator of its own.
        terms: Labels and coefficients of the Hamiltonian.
        x0: Parameters at the start.
        optimizer: Settings of SPSA, or the name of another optimizer.
        policy: Names and settings of the policies; None if one of them is not ours.
    """

    ansatz: str | None
    terms: list[tuple[str, float]]
    x0: list[float]
    optimizer: SPSA | str
    maxiter: int
    shots: int
    budget_circuits: int | None
    budget_shots: int | None
    budget_s: float | None
    seed: int
    policy: list[tuple[str, dict[str, Any]]] | None


class JobAnswer(msgspec.Struct, frozen=True):
    """The answer of one job.

    Attributes:
        digest: Checksum of the requests.
        means: Means of the requests.
        variances: Variances of the means; None where they are not known.
        wall_s: Time since the job before, in seconds.
    """

    digest: int
    means: list[float]
    variances: list[float | None]
    wall_s: float

    def arrays(self) -> tuple[Floats, Floats]:
        """Return means and variances as an evaluator gives them."""
        return np.array(self.means), np.array(self.variances, dtype=float)


class Checkpoint(msgspec.Struct, frozen=True):
    """A checkpoint as it is read."""

    format: Literal["qpilot-disq"]
    version: Literal[1]
    run: Settings
    evaluator: dict[str, Any]
    jobs: list[JobAnswer]


@dataclass(slots=True)
class Journal:
    """Writes a checkpoint. Without a path it does nothing.

    Attributes:
        path: The file.
        settings: What the run was asked for.
    """

    path: Path | None
    settings: Settings
    _jobs: list[bytes] = field(default_factory=list)
    _records: list[bytes] = field(default_factory=list)

    def add_job(self, answer: JobAnswer) -> None:
        """Add the answer of a job."""
        if self.path is not None:
            self._jobs.append(msgspec.json.encode(answer, enc_hook=as_list))

    def add_record(self, record: Record) -> None:
        """Add an attempt."""
        if self.path is not None:
            self._records.append(msgspec.json.encode(record, enc_hook=as_list))

    def write(self, state: Mapping[str, Any]) -> None:
        """Write the file whole, so that whoever looks finds the old one or the new one.

        Args:
            state: State of the evaluator after the last job.

        Raises:
            DriftError: The file cannot be written, or the state does not consist of JSON values.
        """
        if self.path is None:
            return
        try:
            after = msgspec.json.encode(dict(state), enc_hook=as_list)
        except (TypeError, NotImplementedError, OverflowError, msgspec.MsgspecError) as error:
            raise DriftError(f"The state of the evaluator cannot be written as JSON: {error}.") from None
        head = msgspec.json.encode({"format": FORMAT, "version": VERSION, "run": self.settings})
        # Joined by hand: only what is new has to be encoded at each job.
        parts = [head[:-1], b',"evaluator":', after, b',"jobs":[\n', b",\n".join(self._jobs), b'\n],"records":[\n']
        write_bytes(self.path, b"".join([*parts, b",\n".join(self._records), b"\n]}\n"]), DriftError)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DriftError: The file is missing, damaged or no checkpoint.
    """
    return decode_file(path, Checkpoint)


def policy_settings(policy: Policy) -> list[tuple[str, dict[str, Any]]] | None:
    """Return names and settings of policies, or None if one is not ours."""
    links = policy.links if isinstance(policy, Chain) else (policy,)
    if any(POLICIES.get(type(link).__name__) is not type(link) for link in links):
        return None
    return [(type(link).__name__, msgspec.to_builtins(link)) for link in links]


def policy_from(settings: list[tuple[str, dict[str, Any]]]) -> Policy:
    """Return the policies that `policy_settings` wrote down.

    Raises:
        DriftError: One of them is not known.
    """
    links = []
    for name, values in settings:
        if name not in POLICIES:
            raise DriftError(f"The checkpoint holds a policy {name!r}, which this release does not know.")
        try:
            links.append(msgspec.convert(values, POLICIES[name]))
        except msgspec.ValidationError as error:
            raise DriftError(f"The checkpoint holds wrong settings of {name}: {error}.") from None
    return links[0] if len(links) == 1 else Chain(tuple(links))


def circuit_to_text(circuit: Any) -> str:
    """Return a circuit as text.

    Raises:
        DriftError: Qiskit cannot write it.
    """
    from qiskit import qpy

    file = io.BytesIO()
    try:
        qpy.dump(circuit, file)
    except Exception as error:
        raise DriftError(f"The ansatz cannot be written to a checkpoint: {error}") from None
    return base64.b64encode(file.getvalue()).decode()


def circuit_from_text(text: str) -> Any:
    """Return the circuit of a text of `circuit_to_text`.

    Raises:
        DriftError: The text is damaged.
    """
    from qiskit import qpy

    try:
        return qpy.load(io.BytesIO(base64.b64decode(text)))[0]
    except Exception as error:
        raise DriftError(f"The ansatz in the checkpoint cannot be read: {error}") from None
