"""The agenda: which strings anticommute, and that no schedule breaks the order or opens what does not commute."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import PauliList

from qpilot.paulis import read_paulis
from qpilot.routing.agenda import anticommuting, make_agenda
from qpilot.routing.blocks import PauliBlock
from tests.strategies import pauli_labels


def block_of(labels):
    strings, num_qubits = read_paulis([(label, 0.3) for label in labels])
    return PauliBlock(num_qubits, tuple(strings))


@settings(max_examples=60, deadline=None)
@given(pauli_labels(max_qubits=7, max_strings=12))
def test_anticommuting_strings_are_those_of_qiskit(labels):
    expected = [PauliList(labels).anticommutes(PauliList(label)) for label in labels]
    assert np.array_equal(anticommuting(block_of(labels)), expected)


def test_anticommuting_strings_of_many_qubits():
    rng = np.random.default_rng(0)
    labels = ["".join(rng.choice(list("IXYZ"), 300)) for _ in range(40)]
    expected = [PauliList(labels).anticommutes(PauliList(label)) for label in labels]
    assert np.array_equal(anticommuting(block_of(labels)), expected)


@settings(max_examples=100, deadline=None)
@given(pauli_labels(max_qubits=4, max_strings=10), st.booleans(), st.integers(1, 5), st.data())
def test_agendas(labels, ordered, bays, data):
    """Cats are ready when they touch, bays hold one at a time, open strings commute, and all is over at the end."""
    conflicts = anticommuting(block_of(labels))
    steps = data.draw(st.lists(st.integers(0, 5), min_size=len(labels), max_size=len(labels)))
    agenda = make_agenda(conflicts, steps, bays, ordered=ordered)
    assert make_agenda(conflicts, steps, bays, ordered=ordered) == agenda
    ready_at, touches, free_at, bay_of, opened, order = {}, {}, [0] * bays, {}, set(), []
    for now, moment in enumerate(agenda.moments):
        for string in moment.turns:
            assert steps[string] == 0
            assert not conflicts[string, list(opened)].any()
            touches[string] = 2
            order.append(string)
        for string, bay in moment.starts:
            assert free_at[bay] <= now
            free_at[bay] = 10**9
            bay_of[string], touches[string], ready_at[string] = bay, 0, now + steps[string]
        if moment.touch is not None:
            string = moment.touch
            assert ready_at[string] <= now
            touches[string] += 1
            if touches[string] == 1:
                assert not conflicts[string, list(opened)].any()
                opened.add(string)
                order.append(string)
                ready_at[string] = now + 1 + 2 * steps[string]
            else:
                opened.remove(string)
                free_at[bay_of[string]] = now + 1 + steps[string]
    assert sorted(touches) == list(range(len(labels)))
    assert set(touches.values()) == {2}
    assert max(free_at) <= len(agenda.moments)
    assert list(agenda.order) == order
    if ordered:
        place = np.argsort(order)
        assert not any(conflicts[a, b] and place[a] > place[b] for b in range(len(labels)) for a in range(b))


def test_a_free_agenda_is_no_longer():
    rng = np.random.default_rng(0)
    conflicts = np.triu(rng.random((30, 30)) < 0.5, 1)
    conflicts |= conflicts.T
    steps = rng.integers(1, 6, 30).tolist()
    ordered, free = (make_agenda(conflicts, steps, 6, ordered=kept) for kept in (True, False))
    assert len(free.moments) < len(ordered.moments)
