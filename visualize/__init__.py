"""Pictures of programs. Matplotlib is loaded by the first drawing, not by the import."""

from .animation import animate
from .naviz import to_naviz
from .picture import draw

__all__ = ["animate", "draw", "to_naviz"]
