"""Routers: blocks of a circuit in, instructions of the machine out."""

from .blocks import DiagonalBlock, Gate, GateBlock

__all__ = ["DiagonalBlock", "Gate", "GateBlock"]
