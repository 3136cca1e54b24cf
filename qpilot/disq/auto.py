"""What a policy is when it is given as "auto", or not at all."""

from __future__ import annotations

from typing import Literal

from .filters import EnergyMonitor
from .policies import Plain, Policy, check_policy
from .spsa import SPSA

PolicyLike = Policy | Literal["auto"] | None
"""A policy; "auto" for the one that measurements advise; None for none."""


def resolve_policy(policy: PolicyLike, optimizer: str | SPSA) -> Policy:
    """Return the policy of a run; refuse what is none, and one that does not go with the optimizer.

    With SPSA, "auto" is `EnergyMonitor()`. In the search of docs/drift_policies.md it was never measurably worse than a
    plain training with as many circuits, was better under drift that comes and goes within minutes, and a clip beside
    it added nothing. It takes no circuits, and a pause of 20 s after each alarm. Other optimizers measure no pairs for
    it to work on, and nothing that takes circuits was better than it: "auto" is none for them.

    Args:
        policy: What was asked for.
        optimizer: Settings of SPSA, or the name of another optimizer.

    Raises:
        DriftError: It is refused.
    """
    pairs = isinstance(optimizer, SPSA)
    if isinstance(policy, str) and policy == "auto":
        return EnergyMonitor() if pairs else Plain()
    resolved = Plain() if policy is None else policy
    check_policy(resolved, pairs, str(optimizer))
    return resolved
