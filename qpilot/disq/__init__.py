"""DISQ: training of variational circuits on machines whose noise drifts (arXiv 2308.06634)."""

from .adapters import as_minimizer
from .cost import Cost, estimate_cost
from .filters import Blocking, GradientClip, Kalman, MedianOfPairs
from .groups import Groups, PauliSubsets
from .jobs import EstimatorEvaluator, Evaluator, SamplerEvaluator
from .loop import minimize, resume
from .policies import Data, Measured, Plain, Plan, Policy, State, Verdict
from .records import History, Record
from .references import DISQ, QISMET, ChiSquareMonitor
from .spsa import SPSA

__all__ = [
    "DISQ",
    "QISMET",
    "SPSA",
    "Blocking",
    "ChiSquareMonitor",
    "Cost",
    "Data",
    "EstimatorEvaluator",
    "Evaluator",
    "GradientClip",
    "Groups",
    "History",
    "Kalman",
    "Measured",
    "MedianOfPairs",
    "PauliSubsets",
    "Plain",
    "Plan",
    "Policy",
    "Record",
    "SamplerEvaluator",
    "State",
    "Verdict",
    "as_minimizer",
    "estimate_cost",
    "minimize",
    "resume",
]
