"""A referee for programs with many ancillas: sparse state vectors of the atoms that are entangled, and of no others.

It shares no code with the compiler, the verifier or Qiskit. An ancilla takes part from its first gate to its release,
where it must be in |0>; a dark one changes nothing. Atoms that never met are in different clusters, and basis states
of amplitude zero are left out, so that a cat of any number of ancillas costs two amplitudes.
"""

import cmath
import math

import numpy as np

from qpilot.arch import Raman, Release
from qpilot.arch import RydbergPulse as Pulse

LARGEST = 1 << 22
NOTHING = 1e-12


class TooLargeError(Exception):
    """More basis states than fit."""


class Cluster:
    """Atoms in a pure state: `amplitudes[k]` belongs to the basis state `keys[k]`, which has bit i for `atoms[i]`."""

    def __init__(self, atoms, keys, amplitudes):
        self.atoms, self.keys, self.amplitudes = atoms, keys, amplitudes

    def bits(self, atom):
        return self.keys >> self.atoms.index(atom) & 1

    def gate(self, atom, matrix):
        """Apply a 2 x 2 matrix."""
        bit = np.int64(1) << self.atoms.index(atom)
        if matrix[0][1] == matrix[1][0] == 0:
            self.amplitudes = self.amplitudes * np.array([matrix[0][0], matrix[1][1]])[self.bits(atom)]
            return
        rest, place = np.unique(self.keys & ~bit, return_inverse=True)
        old = np.zeros((2, len(rest)), dtype=complex)
        old[((self.keys & bit) != 0).astype(int), place] = self.amplitudes
        new = np.asarray(matrix) @ old
        keys, amplitudes = np.concatenate([rest, rest | bit]), new.ravel()
        kept = abs(amplitudes) > NOTHING
        self.keys, self.amplitudes = keys[kept], amplitudes[kept]
        if len(self.keys) > LARGEST:
            raise TooLargeError

    def times(self, other):
        """Return the product of two clusters."""
        if len(self.keys) * len(other.keys) > LARGEST or len(self.atoms) + len(other.atoms) > 62:
            raise TooLargeError
        keys = (self.keys[:, None] | other.keys << len(self.atoms)).ravel()
        return Cluster(self.atoms + other.atoms, keys, np.outer(self.amplitudes, other.amplitudes).ravel())

    def drop(self, atom):
        """Take out an atom, which must be in |0>."""
        weight = np.sum(abs(self.amplitudes[self.bits(atom) == 1]) ** 2)
        assert weight < 1e-9, f"atom {atom} is in |1> with probability {weight:.3g}"
        place = self.atoms.index(atom)
        kept = self.bits(atom) == 0
        low = np.int64(1) << place
        self.keys = (self.keys[kept] & (low - 1)) | self.keys[kept] >> (place + 1) << place
        self.amplitudes = self.amplitudes[kept]
        self.atoms = self.atoms[:place] + self.atoms[place + 1 :]


def final_state(program, states):
    """Return what a program makes of a product state of the data qubits, as a vector; the first qubit is the last bit.

    Args:
        program: The program; measurements are left out.
        states: The state of each data qubit, shape (qubits, 2).
    """
    clusters = {q: Cluster([q], np.arange(2), np.array(state, dtype=complex)) for q, state in enumerate(states)}

    def drop(atom):
        if atom in clusters:
            clusters.pop(atom).drop(atom)

    for op in program.instructions:
        if isinstance(op, Raman):
            for atom, angles in zip(op.atoms, op.angles, strict=True):
                if atom not in clusters:
                    clusters[atom] = Cluster([atom], np.zeros(1, dtype=np.int64), np.ones(1, dtype=complex))
                clusters[atom].gate(atom, u(*angles))
        elif isinstance(op, Pulse):
            for k, (a, b) in enumerate(op.pairs):
                if a in clusters and b in clusters:
                    if clusters[a] is not clusters[b]:
                        joined = clusters[a].times(clusters[b])
                        clusters.update(dict.fromkeys(joined.atoms, joined))
                    both = clusters[a].bits(a) & clusters[a].bits(b)
                    angle = op.angles[k] if op.angles else math.pi
                    clusters[a].amplitudes = np.where(both, cmath.exp(1j * angle), 1) * clusters[a].amplitudes
        elif isinstance(op, Release):
            for atom in op.atoms:
                drop(atom)
    for atom in [atom for atom in clusters if atom >= program.num_qubits]:
        drop(atom)
    return cmath.exp(1j * program.circuit.global_phase) * _dense(clusters, program.num_qubits)


def _dense(clusters, num_qubits):
    whole = Cluster([], np.zeros(1, dtype=np.int64), np.ones(1, dtype=complex))
    for cluster in {id(cluster): cluster for cluster in clusters.values()}.values():
        whole = whole.times(cluster)
    vector = np.zeros(2**num_qubits, dtype=complex)
    index = sum((whole.bits(q) << q for q in range(num_qubits)), np.zeros_like(whole.keys))
    vector[index] = whole.amplitudes
    return vector


def u(theta, phi, lam):
    """The matrix of Qiskit's gate of this name."""
    cos, sin = math.cos(theta / 2), math.sin(theta / 2)
    return [[cos, -cmath.exp(1j * lam) * sin], [cmath.exp(1j * phi) * sin, cmath.exp(1j * (phi + lam)) * cos]]


# --- what the result is compared with --------------------------------------------------------------------------------

LETTERS = {"I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}


def random_states(num_qubits, seed=0):
    """Return a random state of each qubit; different unitaries agree on their product with probability zero."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(num_qubits, 2)) + 1j * rng.normal(size=(num_qubits, 2))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def product_state(states):
    """Return the product of states of single qubits as a vector."""
    vector = np.ones(1)
    for state in states:
        vector = np.kron(state, vector)
    return vector


def pauli_matrix(letters, num_qubits):
    """Return the matrix of a Pauli string given as (qubit, letter), ..."""
    at, matrix = dict(letters), np.eye(1)
    for q in range(num_qubits):
        matrix = np.kron(LETTERS[at.get(q, "I")], matrix)
    return matrix


def rotated(vector, strings):
    """Return a state after rotations exp(-i angle/2 P), given as ((qubit, letter), ...) and angle."""
    num_qubits = len(vector).bit_length() - 1
    for letters, angle in strings:
        turned = pauli_matrix(letters, num_qubits) @ vector
        vector = math.cos(angle / 2) * vector - 1j * math.sin(angle / 2) * turned
    return vector


def departure(program, strings, seed=0):
    """Return how far a program is from rotations in this order on a random product state: 0 if equal, phase and all."""
    states = random_states(program.num_qubits, seed)
    return float(abs(final_state(program, states) - rotated(product_state(states), strings)).max())
