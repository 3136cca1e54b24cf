"""The machine and its instruction set: devices, programs, the rules they obey and what they cost."""

from .cost import instruction_times_us
from .device import AOD, FPQA, PRESETS, Fidelity, Lattice, Rydberg, Timing, preset
from .program import (
    CircuitInfo,
    Condition,
    FidelityEstimate,
    Instruction,
    Measure,
    Metrics,
    Move,
    Program,
    Raman,
    Release,
    Reset,
)
from .program import Rydberg as RydbergPulse
from .rules import Violation, check_legal

__all__ = [
    "AOD",
    "FPQA",
    "PRESETS",
    "CircuitInfo",
    "Condition",
    "Fidelity",
    "FidelityEstimate",
    "Instruction",
    "Lattice",
    "Measure",
    "Metrics",
    "Move",
    "Program",
    "Raman",
    "Release",
    "Reset",
    "Rydberg",
    "RydbergPulse",
    "Timing",
    "Violation",
    "check_legal",
    "instruction_times_us",
    "preset",
]
