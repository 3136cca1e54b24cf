import cmath
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit.library import UGate

from qpilot.arch.unitary import ANGLE_TOLERANCE, matmul, u_angles, u_matrix, wrap
from tests.strategies import ANGLES

TRIPLES = st.tuples(ANGLES, ANGLES, ANGLES)


@given(TRIPLES, st.floats(-4, 4))
def test_angles_of_a_matrix(angles, alpha):
    m = np.array(u_matrix(*angles)).reshape(2, 2) * cmath.exp(1j * alpha)
    theta, phi, lam, phase = u_angles(tuple(m.ravel().tolist()))
    assert 0 <= theta <= math.pi
    again = np.array(u_matrix(theta, phi, lam)).reshape(2, 2) * cmath.exp(1j * phase)
    np.testing.assert_allclose(again, m, atol=2 * ANGLE_TOLERANCE)


@given(TRIPLES, TRIPLES)
def test_matrices_are_those_of_qiskit(first, second):
    one, two = (UGate(*angles).to_matrix() for angles in (first, second))
    np.testing.assert_allclose(np.reshape(u_matrix(*first), (2, 2)), one, atol=1e-12)
    np.testing.assert_allclose(np.reshape(matmul(u_matrix(*first), u_matrix(*second)), (2, 2)), one @ two, atol=1e-12)


@given(st.floats(-100, 100))
def test_wrap(angle):
    assert -math.pi < wrap(angle) <= math.pi
    assert math.cos(wrap(angle) - angle) == pytest.approx(1)


@pytest.mark.parametrize(("angle", "wrapped"), [(math.pi, math.pi), (-math.pi, math.pi), (0.0, 0.0)])
def test_wrap_at_the_ends(angle, wrapped):
    assert wrap(angle) == wrapped
