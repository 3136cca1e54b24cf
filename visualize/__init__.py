"""Pictures of programs. Matplotlib is loaded by the first drawing, not by the import."""

from .frame import Frame, draw, frame_at
from .page import html_page, to_html

__all__ = ["Frame", "draw", "frame_at", "html_page", "to_html"]
