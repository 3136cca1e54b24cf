"""Pictures of programs. Matplotlib is loaded by the first drawing, not by the import."""

from .animation import animate
from .naviz import to_naviz
from .page import html_page, notebook_html, to_html
from .picture import draw, picture
from .timelines import timeline
from .trajectories import trajectory

__all__ = ["animate", "draw", "html_page", "notebook_html", "picture", "timeline", "to_html", "to_naviz", "trajectory"]
