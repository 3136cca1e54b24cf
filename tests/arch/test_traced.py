"""Traced numbers: values as those of floats, weights as those of sums of variables."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpilot.arch.traced import Traced, Word
from qpilot.arch.unitary import HADAMARD, matmul, u_angles, u_matrix, wrap

A, B = Traced(0.3, {"a": 1.0}), Traced(0.5, {"b": 1.0})


@pytest.mark.parametrize(
    ("number", "value", "weights"),
    [
        (A + B, 0.8, {"a": 1.0, "b": 1.0}),
        (A - 2 * B, -0.7, {"a": 1.0, "b": -2.0}),
        (1.0 - A, 0.7, {"a": -1.0}),
        (-(A + 1) / 2, -0.65, {"a": -0.5}),
        (wrap(A + 7.0), 7.3 - 2 * math.pi, {"a": 1.0}),
        (A + B - A, 0.5, {"b": 1.0}),
    ],
)
def test_sums_carry_their_weights(number, value, weights):
    assert isinstance(number, Traced)
    assert number == pytest.approx(value)
    assert number.weights == weights


def test_what_cancels_is_a_plain_number():
    assert type(A - A + 0.25) is float
    assert A - A + 0.25 == 0.25
    assert A * 0 == 0.0


def test_products_of_traced_numbers_are_refused():
    with pytest.raises(TypeError):
        A * B


def test_gates_about_one_axis_have_no_core():
    """H RX H is RZ, and turns about one axis add up: only sums of variables are left."""
    hadamard = u_matrix(*HADAMARD)
    x_turn = u_matrix(A, -math.pi / 2, math.pi / 2)
    theta, phi, lam, _ = u_angles(matmul(hadamard, matmul(x_turn, hadamard)))
    assert theta == 0.0
    assert (phi + lam).weights == {"a": 1.0}
    theta, *_ = u_angles(matmul(u_matrix(A, 0.0, 0.0), u_matrix(B, 0.0, 0.0)))
    assert theta.weights == {"a": 1.0, "b": 1.0}


def test_gates_about_two_axes_share_a_core():
    theta, phi, lam, alpha = u_angles(matmul(u_matrix(A, 0.0, 0.0), u_matrix(B, -math.pi / 2, math.pi / 2)))
    cores = {core for number in (theta, phi, lam, alpha) for core, _ in number.weights}
    assert len(cores) == 1
    assert cores.pop().turns == (A, B)


@given(st.lists(st.tuples(*[st.sampled_from([0.0, math.pi / 2, math.pi, -math.pi / 2, 0.3])] * 3), max_size=6))
def test_words_of_constant_gates_are_their_product(gates):
    matrix, word = u_matrix(0.0, 0.0, 0.0), Word((), (0.0,))
    for theta, phi, lam in gates:
        matrix = matmul(u_matrix(theta, phi, lam), matrix)
        word = Word((), (0.0,)).then(Word((theta,), (phi, lam))).then(word)
    assert len(word.turns) <= 1
    found = u_matrix(*word.angles(u_angles(matrix))[:3])
    phase = word.angles(u_angles(matrix))[3]
    turned = [complex(math.cos(phase), math.sin(phase)) * entry for entry in found]
    assert turned == pytest.approx(list(matrix), abs=1e-7)
