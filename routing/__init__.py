"""Routers: blocks of a circuit in, instructions of the machine out."""

from .blocks import Gate, GateBlock

__all__ = ["Gate", "GateBlock"]
