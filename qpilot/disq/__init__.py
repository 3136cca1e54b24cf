"""DISQ: training of variational circuits on machines whose noise drifts (arXiv 2308.06634)."""

from .adapters import as_minimizer
from .backend import DriftingBackend, DriftingSampler
from .cost import Cost, estimate_cost
from .engine import FastEngine
from .filters import Blocking, EnergyMonitor, GradientClip, Kalman, MedianOfPairs
from .fpqa import FPQAEvaluator
from .groups import Groups, PauliSubsets
from .hamiltonians import Molecule, ground_energy, maxcut, molecule, molecules, tfim
from .jobs import EstimatorEvaluator, Evaluator, SamplerEvaluator
from .loop import minimize, resume
from .noise import Drift, Durations, MachineNoise, Process, Static
from .policies import Data, Measured, Plain, Plan, Policy, State, Verdict
from .processes import Bursts, CoherentBursts, OrnsteinUhlenbeck, PublishedInjection, Telegraph
from .records import History, Record
from .references import DISQ, QISMET, ChiSquareMonitor
from .spsa import SPSA
from .traces import Trace

__all__ = [
    "DISQ",
    "QISMET",
    "SPSA",
    "Blocking",
    "Bursts",
    "ChiSquareMonitor",
    "CoherentBursts",
    "Cost",
    "Data",
    "Drift",
    "DriftingBackend",
    "DriftingSampler",
    "Durations",
    "EnergyMonitor",
    "EstimatorEvaluator",
    "Evaluator",
    "FPQAEvaluator",
    "FastEngine",
    "GradientClip",
    "Groups",
    "History",
    "Kalman",
    "MachineNoise",
    "Measured",
    "MedianOfPairs",
    "Molecule",
    "OrnsteinUhlenbeck",
    "PauliSubsets",
    "Plain",
    "Plan",
    "Policy",
    "Process",
    "PublishedInjection",
    "Record",
    "SamplerEvaluator",
    "State",
    "Static",
    "Telegraph",
    "Trace",
    "Verdict",
    "as_minimizer",
    "estimate_cost",
    "ground_energy",
    "maxcut",
    "minimize",
    "molecule",
    "molecules",
    "resume",
    "tfim",
]
