"""Pictures of programs and of trainings. Matplotlib is loaded by the first drawing, not by the import."""

from .animation import animate
from .comparison import comparison, energy_curve
from .drift import circuit_use, drift_statistic, energy_trace, training_page
from .naviz import to_naviz
from .page import html_page, notebook_html, to_html
from .picture import draw, picture
from .timelines import timeline
from .trajectories import trajectory

__all__ = [
    "animate",
    "circuit_use",
    "comparison",
    "draw",
    "drift_statistic",
    "energy_curve",
    "energy_trace",
    "html_page",
    "notebook_html",
    "picture",
    "timeline",
    "to_html",
    "to_naviz",
    "training_page",
    "trajectory",
]
