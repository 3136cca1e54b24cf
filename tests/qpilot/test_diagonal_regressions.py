"""Bugs of the diagonal router that were found once, each with the circuit that showed it."""

import pytest

import qpilot
from benchmarks.generators import qft


@pytest.mark.parametrize("objective", ["balanced", "depth"])
def test_gates_that_recycling_makes_ready_are_not_part_of_the_block(objective):
    """A block was planned, copies were recycled, and all that was ready by then was taken for done."""
    qpilot.compile(qft(18), objective=objective)  # verifies
