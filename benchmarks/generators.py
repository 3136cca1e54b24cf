"""Circuits to measure with, by family and size; equal arguments give equal circuits."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import n_local


def random_cz(
    num_qubits: int, gates_per_qubit: int, seed: int = 0, *, one_qubit_rate: float = 0.8, repeat_rate: float = 0.0
) -> QuantumCircuit:
    """Return `gates_per_qubit * num_qubits` CZ gates on random pairs, with one-qubit gates between.

    In the random circuits of arXiv 2311.16190 and 2311.15123 one-qubit gates follow 0.76 of the ends, and 0.41 of the
    CZ gates are on the pair of the one before, always with a one-qubit gate between.

    Args:
        num_qubits: Number of qubits, at least 2.
        gates_per_qubit: CZ gates divided by qubits.
        seed: Seed of the random numbers.
        one_qubit_rate: Probability that an end of a CZ sees a random `u` gate next.
        repeat_rate: Probability that a CZ is on the pair of the one before; at least one end of that sees a `u` gate.
    """
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(num_qubits, name=f"random_q{num_qubits}_g{gates_per_qubit}")
    num_gates = gates_per_qubit * num_qubits
    repeats = rng.random(num_gates) < repeat_rate if repeat_rate else np.zeros(num_gates, dtype=bool)
    pair: list[int] = []
    for here, after in zip(repeats.tolist(), [*repeats.tolist(), False][1:], strict=True):
        if not (here and pair):
            pair = rng.choice(num_qubits, size=2, replace=False).tolist()
        circuit.cz(*pair)
        turned = False
        for qubit in pair:
            must = after and qubit == pair[1] and not turned
            if rng.random() < one_qubit_rate or must:
                circuit.u(*rng.uniform(-math.pi, math.pi, size=3).tolist(), qubit)
                turned = True
    return circuit


def ghz(num_qubits: int) -> QuantumCircuit:
    """Return the preparation of a GHZ state by a fan-out from qubit 0."""
    circuit = QuantumCircuit(num_qubits, name=f"ghz_q{num_qubits}")
    circuit.h(0)
    for qubit in range(1, num_qubits):
        circuit.cx(0, qubit)
    return circuit


def ghz_ladder(num_qubits: int) -> QuantumCircuit:
    """Return the preparation of a GHZ state by a chain, each qubit from the one before."""
    circuit = QuantumCircuit(num_qubits, name=f"ghz_ladder_q{num_qubits}")
    circuit.h(0)
    for qubit in range(1, num_qubits):
        circuit.cx(qubit - 1, qubit)
    return circuit


def w_state(num_qubits: int) -> QuantumCircuit:
    """Return the preparation of a W state by a chain that hands on the excitation, two CZ for each link.

    References:
        Cruz et al., arXiv 1807.05572, the version of linear depth.
    """
    circuit = QuantumCircuit(num_qubits, name=f"w_q{num_qubits}")
    circuit.x(0)
    for qubit in range(num_qubits - 1):
        angle = math.acos(math.sqrt(1 / (num_qubits - qubit)))
        circuit.ry(-angle, qubit + 1)  # with the CZ, a controlled rotation of |0> by twice the angle
        circuit.cz(qubit, qubit + 1)
        circuit.ry(angle, qubit + 1)
        circuit.cx(qubit + 1, qubit)
    return circuit


def qft(num_qubits: int, smallest_angle: float = 0.0) -> QuantumCircuit:
    """Return the quantum Fourier transform without the final reversal of the qubits.

    Args:
        num_qubits: Number of qubits.
        smallest_angle: Controlled phases by less are left out, as in the approximate transform.

    References:
        Coppersmith, arXiv quant-ph/0201067.
    """
    circuit = QuantumCircuit(num_qubits, name=f"qft_q{num_qubits}")
    for target in reversed(range(num_qubits)):
        circuit.h(target)
        for control in reversed(range(target)):
            angle = math.pi / 2 ** (target - control)
            if angle >= smallest_angle:
                circuit.cp(angle, control, target)
    return circuit


def bernstein_vazirani(num_qubits: int, seed: int = 0) -> QuantumCircuit:
    """Return the search for a random hidden string of `num_qubits - 1` bits, measured."""
    hidden = np.random.default_rng(seed).integers(2, size=num_qubits - 1)
    target = num_qubits - 1
    circuit = QuantumCircuit(num_qubits, target, name=f"bv_q{num_qubits}")
    circuit.x(target)
    circuit.h(range(num_qubits))
    for qubit in np.flatnonzero(hidden).tolist():
        circuit.cx(qubit, target)
    circuit.h(range(target))
    circuit.measure(range(target), range(target))
    return circuit


def hidden_shift(num_qubits: int, seed: int = 0) -> QuantumCircuit:
    """Return the search for a random hidden shift s of a bent function, measured; it yields s with certainty.

    The function is f(x, y) = x.y + g(y), whose dual is x.y + g(x); g has as many random products of two variables as
    there are variables in y, and a quarter as many of three.

    Args:
        num_qubits: Number of qubits, even: bit i of s is that of qubit i.
        seed: Seed of s and g.

    References:
        Roetteler, arXiv 0811.3208; Bravyi and Gosset, arXiv 1601.07601, for g of degree three.
    """
    rng = np.random.default_rng(seed)
    half = num_qubits // 2
    shifted = np.flatnonzero(rng.integers(2, size=num_qubits)).tolist()
    degrees = [2] * half + [3] * (half // 4)
    products = [rng.choice(half, size=degree, replace=False).tolist() for degree in degrees if degree <= half]
    circuit = QuantumCircuit(num_qubits, num_qubits, name=f"hidden_shift_q{num_qubits}")

    def phases(first_of_g: int) -> None:
        for qubit in range(half):
            circuit.cz(qubit, half + qubit)
        for variables in products:
            qubits = [first_of_g + variable for variable in variables]
            (circuit.cz if len(qubits) == 2 else circuit.ccz)(*qubits)

    circuit.h(range(num_qubits))
    circuit.x(shifted)
    phases(half)
    circuit.x(shifted)
    circuit.h(range(num_qubits))
    phases(0)
    circuit.h(range(num_qubits))
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


def two_local(num_qubits: int, entanglement: str, reps: int, seed: int = 0) -> QuantumCircuit:
    """Return the two-local ansatz of a variational eigensolver, of RY and CX, at random angles.

    Args:
        num_qubits: Number of qubits.
        entanglement: Which qubits a layer of CX joins, as in Qiskit's `n_local`: "linear", "full" and others.
        reps: Number of layers of CX.
        seed: Seed of the angles.
    """
    ansatz = n_local(num_qubits, "ry", "cx", entanglement, reps, name=f"two_local_{entanglement}_q{num_qubits}")
    angles = np.random.default_rng(seed).uniform(-math.pi, math.pi, size=ansatz.num_parameters)
    circuit: QuantumCircuit = ansatz.assign_parameters(angles)
    return circuit


def ripple_carry_adder(num_bits: int) -> QuantumCircuit:
    """Return b := a + b on two numbers of `num_bits` bits, with one carry in and one carry out.

    The qubits are the carry in, then b and a bit by bit from the lowest, then the carry out: 2 num_bits + 2 in all.

    References:
        Cuccaro, Draper, Kutin, Moulton, arXiv quant-ph/0410184.
    """
    circuit = QuantumCircuit(2 * num_bits + 2, name=f"adder_b{num_bits}")
    steps = [(2 * bit, 2 * bit + 1, 2 * bit + 2) for bit in range(num_bits)]  # carry, bit of b, bit of a
    for carry, b, a in steps:
        circuit.cx(a, b)
        circuit.cx(a, carry)
        circuit.ccx(carry, b, a)
    circuit.cx(2 * num_bits, 2 * num_bits + 1)
    for carry, b, a in reversed(steps):
        circuit.ccx(carry, b, a)
        circuit.cx(a, carry)
        circuit.cx(carry, b)
    return circuit


def random_paulis(num_qubits: int, num_strings: int, p: float, seed: int = 0) -> list[str]:
    """Return random Pauli labels, as in arXiv 2311.16190 and 2311.15123; character i acts on qubit i.

    Args:
        num_qubits: Length of a label.
        num_strings: Number of labels.
        p: Probability that a letter is not I; X, Y and Z are equally likely.
        seed: Seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    letters = rng.choice(list("IXYZ"), size=(num_strings, num_qubits), p=[1 - p, p / 3, p / 3, p / 3])
    return ["".join(row) for row in letters.tolist()]


def heisenberg_paulis(rows: int, cols: int, *, coupling: float = 1.0, time: float = 0.1) -> list[tuple[str, float]]:
    """Return one first-order Trotter step of the Heisenberg model on a square lattice with open ends.

    H is the sum of coupling * (XX + YY + ZZ) over neighbours. All XX come first, then all YY, then all ZZ: the strings
    of a kind commute, and this order has the fewest kinds.

    Returns:
        Labels and angles, of exp(-i angle / 2 P); site (r, c) is qubit r * cols + c.
    """
    return [
        (_label(rows * cols, {a: letter, b: letter}), 2 * coupling * time)
        for letter, (a, b) in product("XYZ", _lattice_bonds(rows, cols))
    ]


def fermi_hubbard_paulis(
    rows: int, cols: int, t: float = 1.0, u: float = 4.0, *, time: float = 0.1
) -> list[tuple[str, float]]:
    """Return one first-order Trotter step of the Fermi-Hubbard model on a square lattice with open ends.

    H = -t sum (c+_i c_j + h.c.) over neighbours and spins + u sum n_up n_down over sites, by Jordan-Wigner with all
    spins up before all spins down, each row by row. The constant part of H is left out.

    Args:
        rows: Rows of sites.
        cols: Columns of sites.
        t: Hopping energy.
        u: Energy of two electrons on a site.
        time: Length of the step.

    Returns:
        Labels and angles, of exp(-i angle / 2 P), on 2 * rows * cols qubits.
    """
    sites = rows * cols
    energies = []
    for (a, b), spin, end in product(_lattice_bonds(rows, cols), range(2), "XY"):
        first, last = a + spin * sites, b + spin * sites
        between = dict.fromkeys(range(first + 1, last), "Z")
        energies.append(({first: end, last: end} | between, -t / 2))
    for site in range(sites):  # u n_up n_down = u / 4 (1 - Z_up) (1 - Z_down)
        up, down = {site: "Z"}, {site + sites: "Z"}
        energies += [(up, -u / 4), (down, -u / 4), (up | down, u / 4)]
    return [(_label(2 * sites, letters), 2 * energy * time) for letters, energy in energies]


def _lattice_bonds(rows: int, cols: int) -> list[tuple[int, int]]:
    """Return the neighbours of a lattice, in four layers in which no site occurs twice."""
    sites = [(row, col, row * cols + col) for row, col in product(range(rows), range(cols))]
    across = [(col % 2, (site, site + 1)) for _, col, site in sites if col + 1 < cols]
    down = [(2 + row % 2, (site, site + cols)) for row, _, site in sites if row + 1 < rows]
    return [bond for _, bond in sorted(across + down)]


def _label(num_qubits: int, letters: dict[int, str]) -> str:
    return "".join(letters.get(qubit, "I") for qubit in range(num_qubits))
