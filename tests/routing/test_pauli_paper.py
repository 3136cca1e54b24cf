"""Pauli strings one by one: chains are the longest, copies are made in few pulses, and programs are right and legal."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import Pauli

import qpilot
from qpilot.arch import AOD, FPQA, Lattice
from qpilot.routing.pauli_paper import cover, fan_out, longest_chain
from qpilot.testing import statevector_fidelity
from tests.strategies import devices

SITES = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9)


@st.composite
def rotations(draw, max_qubits=6):
    """Random rotations about Pauli strings, as labels and angles."""
    n = draw(st.integers(1, max_qubits))
    labels = draw(st.lists(st.text("IXYZ", min_size=n, max_size=n), min_size=1, max_size=4))
    return [(label, draw(st.sampled_from([0.3, -1.1, math.pi / 2, math.pi]))) for label in labels]


def is_chain(sites, stack):
    """Whether rows and columns never fall, and no row or column holds more than `stack` sites."""
    rising = all(r <= s and c <= d for (r, c), (s, d) in itertools.pairwise(sites))
    return rising and all(max(Counter(site[axis] for site in sites).values()) <= stack for axis in (0, 1))


def random_labels(num_qubits, num_strings, p, seed):
    letters = np.random.default_rng(seed).choice(list("IXYZ"), (num_strings, num_qubits), p=[1 - p, *[p / 3] * 3])
    return ["".join(row) for row in letters.tolist()]


# --- chains ----------------------------------------------------------------------------------------------------------


@given(SITES, st.integers(1, 4))
def test_chain_is_as_long_as_any(sites, stack):
    chain = longest_chain(sorted(sites), stack)
    assert set(chain) <= sites
    assert is_chain(chain, stack)
    longer = itertools.combinations(sorted(sites), len(chain) + 1)
    assert not any(is_chain(some, stack) for some in longer)


def test_row_of_sites_takes_as_many_as_lines_fit():
    row = [(0, col) for col in range(6)]
    assert [len(longest_chain(row, stack)) for stack in (1, 4, 9)] == [1, 4, 6]


@given(SITES.filter(lambda sites: len(sites) > 1), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_stages_serve_every_qubit_once(sites, stack, most_copies, linked):
    plan = cover(sites, stack, most_copies, linked=linked)
    assert sorted([plan.root, *itertools.chain(*plan.chains)]) == sorted(sites)
    assert all(is_chain(chain, stack) for chain in plan.chains)
    copies = max(map(len, plan.chains))
    assert copies <= most_copies
    assert plan.fan_out == fan_out(copies, linked=linked)


# --- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("copies", range(1, 30))
def test_every_copy_is_made_once_from_the_root_or_a_neighbour(copies, linked):
    made = set()
    for pulse in fan_out(copies, linked=linked):
        new = [after for _, after in pulse.links] + [pulse.seed] * (pulse.seed is not None)
        busy = [*itertools.chain(*pulse.links)] + [pulse.seed] * (pulse.seed is not None)
        assert len(set(busy)) == len(busy)
        assert all(before in made and abs(before - after) == 1 for before, after in pulse.links)
        joined = sorted(max(link) for link in pulse.links)
        assert all(b - a > 1 for a, b in itertools.pairwise(joined)), "no three copies together"
        assert linked or not pulse.links
        made.update(new)
    assert made == set(range(copies))


def test_copies_grow_with_the_square_of_the_pulses():
    assert [len(fan_out(copies)) for copies in (1, 2, 3, 4, 7, 8, 13, 14)] == [1, 2, 2, 3, 3, 4, 4, 5]
    assert len(fan_out(5, linked=False)) == 5


# --- programs --------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.data(), rotations(max_qubits=16))
def test_programs_on_any_device_are_verified(data, terms):
    qpilot.compile_paulis(terms, data.draw(devices(min_sites=len(terms[0][0]))), strategy="paper")


@settings(deadline=None, max_examples=30)
@given(rotations())
def test_simulated_state_and_its_phase_are_those_of_the_rotations(terms):
    device = FPQA(slm=Lattice(2, 3), aods=(AOD(2, 3),))
    program = qpilot.compile_paulis(terms, device, strategy="paper")
    expected = QuantumCircuit(program.num_qubits)
    for label, angle in terms:
        matrix = Pauli(label).to_matrix()
        rotation = math.cos(angle / 2) * np.eye(len(matrix)) - 1j * math.sin(angle / 2) * matrix
        expected.append(UnitaryGate(rotation), range(program.num_qubits))
    assert statevector_fidelity(program, expected, global_phase=True) == pytest.approx(1)


@settings(deadline=None, max_examples=30)
@given(SITES.filter(lambda sites: len(sites) > 1), st.booleans())
def test_pulses_are_those_planned(sites, linked):
    aod = AOD(min_spacing_um=1.0 if linked else 1.8)  # copies on a diagonal interact up to 2.5 um
    device = FPQA(slm=Lattice(4, 4), aods=(aod,))
    term = ("Z" * len(sites), [4 * row + col for row, col in sites], 0.3)
    program = qpilot.compile_paulis([term], device, num_qubits=16, strategy="paper")
    stack = 4 if linked else 2
    assert program.depth == cover(sites, stack, 100, linked=linked).pulses


def test_short_strings_need_no_copy_or_one():
    terms = [("IIX", 0.1), ("IIY", 0.2), ("ZII", 0.3), ("XIZ", 0.4)]
    program = qpilot.compile_paulis(terms, strategy="paper")
    assert program.depth == 6
    assert len(program.ancillas) == 1


def test_free_order_is_the_order_given():
    terms = [("XXXI", 0.1), ("ZIZZ", 0.2), ("IXXX", 0.3), ("ZZIZ", 0.4)]
    kept, free = (qpilot.compile_paulis(terms, strategy="paper", preserve_order=kept) for kept in (True, False))
    assert kept.instructions == free.instructions


def test_few_lines_take_shorter_chains():
    label = "Z" * 16
    few = qpilot.compile_paulis([(label, 0.3)], FPQA(slm=Lattice(4, 4), aods=(AOD(2, 3),)), strategy="paper")
    many = qpilot.compile_paulis([(label, 0.3)], FPQA(slm=Lattice(4, 4)), strategy="paper")
    assert len(few.ancillas) == 2
    assert len(many.ancillas) > 2
    assert many.depth < few.depth


@pytest.mark.parametrize(("p", "least", "most"), [(0.1, 10, 20), (0.5, 20, 35)])
def test_depth_for_a_hundred_qubits(p, least, most):
    labels = random_labels(100, 100, p, seed=0)
    program = qpilot.compile_paulis([(label, math.pi / 4) for label in labels], strategy="paper")
    assert least * 100 < program.depth < most * 100
