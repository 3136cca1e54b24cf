"""Pictures of programs. Matplotlib is loaded by the first drawing, not by the import."""

from .frame import Frame, draw, frame_at

__all__ = ["Frame", "draw", "frame_at"]
