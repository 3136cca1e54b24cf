"""Parameters of circuits: angles that depend on them, as numbers that remember how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitError as CircuitErrorOfQiskit
from qiskit.circuit import Parameter, ParameterExpression

from .arch.errors import CircuitError
from .arch.traced import Traced, placeholder

NAMED = 8
"""Most parameters that an error names."""


class Affine(NamedTuple):
    """An angle as a constant and a weight for each parameter."""

    constant: float
    weights: dict[Parameter, float]


def is_free(value: Any) -> bool:
    """Return whether a value depends on parameters."""
    return isinstance(value, ParameterExpression) and bool(value.parameters)


def affine(expression: ParameterExpression) -> Affine | None:
    """Return an expression as a sum of parameters; None if it is none."""
    if isinstance(expression, Parameter):
        return Affine(0.0, {expression: 1.0})
    names = sorted(expression.parameters, key=lambda parameter: str(parameter.name))
    try:
        slopes = {name: expression.gradient(name) for name in names}
    except RuntimeError:  # Qiskit cannot differentiate all of its functions
        return None
    if any(map(is_free, slopes.values())):
        return None
    weights = {name: _real(slope) for name, slope in slopes.items()}
    return Affine(_real(expression.bind(dict.fromkeys(names, 0.0))), weights)


def number(value: Any) -> float:
    """Return an angle of a circuit; one that depends on parameters is `Traced`.

    Its value is that at a point without coincidences. Where it is no sum of parameters, it is a variable of its own.

    Raises:
        ValueError: An angle is no finite real number.
    """
    if not is_free(value):
        return float(value)
    there = at(value, {name: value_of(name) for name in value.parameters})
    form = affine(value)
    if form is None:
        return Traced(value_of(value), {value: 1.0})
    weights = {name: weight for name, weight in form.weights.items() if weight}
    return Traced(there, weights) if weights else there


def expression(number: float) -> Any:
    """Return a number of `number` as an angle that Qiskit takes: an expression, if it depends on parameters."""
    if not isinstance(number, Traced):
        return number
    weights: Any = number.weights
    constant = float(number) - sum(weight * value_of(variable) for variable, weight in weights.items())
    return sum((weight * variable for variable, weight in weights.items()), start=constant)


def value_of(variable: ParameterExpression) -> float:
    """Return the value of a parameter, or of an expression that is a variable, at the point without coincidences."""
    return placeholder(variable.name if isinstance(variable, Parameter) else str(variable))


def at(expression: ParameterExpression, values: Mapping[Parameter, float]) -> float:
    """Return an expression for some values, more of them than it needs or just as many.

    Raises:
        ValueError: It is no finite real number there.
    """
    try:
        return _real(expression.bind({name: values[name] for name in expression.parameters}))
    except (TypeError, ArithmeticError, CircuitErrorOfQiskit) as error:
        raise ValueError(f"{expression} cannot be calculated: {error}") from None


def require_bound(circuit: QuantumCircuit) -> None:
    """Refuse a circuit with parameters that have no values.

    Raises:
        CircuitError: It has some.
    """
    if circuit.parameters:
        names = ", ".join(sorted(parameter.name for parameter in circuit.parameters)[:NAMED])
        raise CircuitError(
            f"The circuit has unbound parameters ({names}); give them values with circuit.assign_parameters, or "
            "compile it once for all values with qpilot.compile_template."
        )


def _real(value: Any) -> float:
    """Return a constant expression or number as a float.

    Raises:
        ValueError: It is no finite real number.
    """
    number = complex(value)
    if not math.isfinite(number.real) or abs(number.imag) > 0.0:
        raise ValueError(f"{value} is not a finite real number")
    return number.real
