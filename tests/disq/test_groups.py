import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from qpilot.arch.errors import DriftError
from qpilot.disq import Groups, PauliSubsets

from .bowl import GROUPS, HAMILTONIAN

TERMS = st.lists(
    st.tuples(st.text("IXYZ", min_size=3, max_size=3), st.floats(-2, 2).filter(lambda c: abs(c) > 1e-3)),
    min_size=1,
    max_size=10,
    unique_by=lambda term: term[0],
).filter(lambda terms: any(label != "III" for label, _ in terms))


@settings(deadline=None)
@given(TERMS, st.randoms(use_true_random=False))
def test_groups_hold_every_term_once_whatever_the_order(terms, shuffler):
    groups = Groups.of(SparsePauliOp.from_list(terms))
    shuffled = list(terms)
    shuffler.shuffle(shuffled)
    assert Groups.of(SparsePauliOp.from_list(shuffled)).labels == groups.labels
    assert dict(groups.terms()) == {"III": 0.0} | dict(terms)
    assert (np.diff(groups.weights) <= 1e-12).all()
    for labels, basis in zip(groups.labels, groups.bases, strict=True):
        assert all(letter in ("I", axis) for label in labels for letter, axis in zip(label, basis, strict=True))


def test_groups_of_a_small_hamiltonian():
    assert GROUPS.constant == -5
    assert GROUPS.labels == (("IYX", "XII"), ("ZZI",), ("ZXZ",))
    assert GROUPS.bases == ("XYX", "ZZZ", "ZXZ")
    assert GROUPS.masks(0).tolist() == [[1, 1, 0], [0, 0, 1]]
    assert Groups.of(SparsePauliOp.from_list(GROUPS.terms())).labels == GROUPS.labels


def test_terms_that_repeat_are_added_and_those_that_cancel_left_out():
    groups = Groups.of(SparsePauliOp(["ZZ", "ZZ", "XX", "XX", "YI"], [0.5, 0.25, 0.3, -0.3, 1.0]))
    assert dict(groups.terms()) == {"II": 0.0, "ZZ": 0.75, "YI": 1.0}


def test_prime_groups_with_and_without_the_identity():
    # Weights 1.5, 0.7, 0.1 and a constant of 5: 80 % of 2.3 needs two groups, 80 % of 7.3 only the first with the 5.
    assert PauliSubsets().num_prime(GROUPS) == 2
    assert PauliSubsets(count_identity=True).num_prime(GROUPS) == 1
    assert PauliSubsets(0.6).num_prime(GROUPS) == 1
    assert PauliSubsets(1.0).num_prime(GROUPS) == 3


@settings(deadline=None)
@given(TERMS, st.floats(0.01, 1))
def test_prime_groups_are_the_shortest_prefix_that_reaches_the_fraction(terms, fraction):
    groups = Groups.of(SparsePauliOp.from_list(terms))
    weights = groups.weights
    prime = PauliSubsets(fraction).num_prime(groups)
    total = weights.sum()
    assert weights[:prime].sum() >= fraction * total * (1 - 1e-9)
    assert weights[: prime - 1].sum() < fraction * total


def test_a_fraction_that_a_prefix_reaches_exactly_needs_no_further_group():
    groups = Groups.of(SparsePauliOp(["ZZ", "XX", "YY"], [0.7, 0.1, 0.2]))
    assert PauliSubsets(0.9).num_prime(groups) == 2


@pytest.mark.parametrize(
    ("hamiltonian", "words"),
    [
        ("ZZ", "type str"),
        (SparsePauliOp("II"), "no term but the identity"),
        (SparsePauliOp(["ZZ", "XX"], [1, 1j]), "XX of the Hamiltonian has coefficient 1j"),
        (SparsePauliOp(["ZZ", "XX"], [np.nan, 1]), "must be real and finite"),
        (SparsePauliOp(["ZZ"], np.array([Parameter("a")])), "free parameters"),
    ],
)
def test_bad_hamiltonians_are_refused(hamiltonian, words):
    with pytest.raises(DriftError, match=words):
        Groups.of(hamiltonian)


@pytest.mark.parametrize("fraction", [0, -1, 1.5, float("nan"), "all", True])
def test_bad_fractions_are_refused(fraction):
    with pytest.raises(DriftError, match="prime_fraction is"):
        PauliSubsets(fraction)


def test_the_energy_is_the_sum_of_constant_and_groups():
    whole = sum(
        (SparsePauliOp(list(labels), c) for labels, c in zip(GROUPS.labels, GROUPS.coefficients, strict=True)),
        SparsePauliOp("III", GROUPS.constant),
    )
    assert (whole - HAMILTONIAN).simplify(atol=1e-12) == SparsePauliOp("III", 0)
