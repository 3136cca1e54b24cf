"""Routers: blocks of a circuit in, instructions of the machine out."""

from .blocks import DiagonalBlock, Gate, GateBlock
from .split import split_blocks

__all__ = ["DiagonalBlock", "Gate", "GateBlock", "split_blocks"]
