"""The policies of the study. A new one is one more line of `POLICIES`; rows that are measured already stay."""

from __future__ import annotations

from dataclasses import replace

from qpilot.disq import (
    DISQ,
    QISMET,
    SPSA,
    Blocking,
    ChiSquareMonitor,
    EnergyMonitor,
    GradientClip,
    Groups,
    Kalman,
    MedianOfPairs,
    Plain,
    Policy,
)
from qpilot.disq.auto import resolve_policy
from qpilot.disq.policies import Chain

PLAIN = "plain"
"""The policy that all others are compared with."""

POLICIES: dict[str, Policy] = {
    PLAIN: Plain(),
    "blocking": Blocking(),
    "kalman": Kalman(),
    "qismet": QISMET(),
    "disq-1": DISQ(references=1),
    "disq-3": DISQ(references=3),
    "disq-3-all": DISQ(references=3, subsets=None),
    "disq-amplitude": DISQ(references=3, rule="amplitude"),
    "clip": GradientClip(),
    "median": MedianOfPairs(),
    "median-clip": MedianOfPairs() | GradientClip(),
    "chi-square": ChiSquareMonitor(),
    "monitor": EnergyMonitor(),
    "auto": resolve_policy("auto", SPSA()),
}
"""Every policy, by its name."""

PUBLISHED = ("disq-1", "disq-3", "disq-3-all", "disq-amplitude")
"""The published method, in its variants."""

COMPARED = ("blocking", "kalman", "qismet")
"""What the publications compare their methods with, beside a plain training."""

SUBSETS = (("disq-1", "qismet"), ("disq-3", "disq-3-all"))
"""Pairs of policies that differ in nothing but whether references run the prime groups alone, or all."""


def resolved(policy: Policy, groups: Groups) -> Policy:
    """Return what a policy comes to for a Hamiltonian; policies that come to the same need to be measured but once.

    QISMET is DISQ with one reference and all groups, and where all groups are prime, subsets are none.
    """
    if isinstance(policy, QISMET):
        policy = DISQ(references=1, max_retries=policy.max_retries, subsets=None)
    if isinstance(policy, DISQ) and policy.subsets and policy.subsets.num_prime(groups) == len(groups):
        policy = replace(policy, subsets=None)
    return policy


def is_judge(policy: Policy) -> bool:
    """Return whether a policy has a say on an attempt before its step: whether it can flag drift."""
    links = policy.links if isinstance(policy, Chain) else (policy,)
    return any(type(link).judge is not Policy.judge for link in links)
