"""The machine and its instruction set: devices, programs, the rules they obey and what they cost."""

from .cost import instruction_times_us
from .device import AOD, FPQA, PRESETS, Fidelity, Lattice, Rydberg, Timing, preset
from .program import CircuitInfo, FidelityEstimate, Instruction, Measure, Metrics, Move, Program, Raman, Release
from .program import Rydberg as RydbergPulse
from .rules import Violation, check_legal

__all__ = [
    "AOD",
    "FPQA",
    "PRESETS",
    "CircuitInfo",
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
    "Rydberg",
    "RydbergPulse",
    "Timing",
    "Violation",
    "check_legal",
    "instruction_times_us",
    "preset",
]
