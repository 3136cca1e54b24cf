"""Runs the command line: `python -m qpilot`."""

from .cli import main

main()
