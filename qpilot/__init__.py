"""qpilot: a compiler for field programmable qubit arrays with flying ancillas.

>>> import qpilot
>>> program = qpilot.compile("OPENQASM 3.0; include 'stdgates.inc'; qubit[3] q; h q[0]; cx q[0], q[1]; cx q[0], q[2];")
>>> program.depth, program.metrics.num_2q
(3, 6)
"""

from .arch import (
    AOD,
    FPQA,
    PRESETS,
    Fidelity,
    Lattice,
    Metrics,
    Program,
    Rydberg,
    Timing,
    Violation,
    check_legal,
    preset,
)
from .arch.errors import (
    CircuitError,
    DeviceError,
    DriftError,
    OptionError,
    ProgramError,
    QPilotError,
    RoutingError,
    VerificationError,
)
from .backend import FPQABackend
from .compiler import compile  # noqa: A004
from .convert import read_file, write_file
from .library import qaoa_circuit
from .machine import CompileOptions
from .many import Failure, Interrupted, compile_many
from .noisy import noisy_circuit
from .paulis import compile_paulis
from .primitives import EstimatorV2, SamplerV2
from .target import pass_manager
from .template import Template, compile_template
from .verify import verify

__version__ = "0.1.0"

__all__ = [
    "AOD",
    "FPQA",
    "PRESETS",
    "CircuitError",
    "CompileOptions",
    "DeviceError",
    "DriftError",
    "EstimatorV2",
    "FPQABackend",
    "Failure",
    "Fidelity",
    "Interrupted",
    "Lattice",
    "Metrics",
    "OptionError",
    "Program",
    "ProgramError",
    "QPilotError",
    "RoutingError",
    "Rydberg",
    "SamplerV2",
    "Template",
    "Timing",
    "VerificationError",
    "Violation",
    "__version__",
    "check_legal",
    "compile",
    "compile_many",
    "compile_paulis",
    "compile_template",
    "noisy_circuit",
    "pass_manager",
    "preset",
    "qaoa_circuit",
    "read_file",
    "verify",
    "write_file",
]
