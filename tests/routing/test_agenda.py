"""The agenda: which strings anticommute, and that no schedule breaks the order or opens what does not commute."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import PauliList

from qpilot.paulis import read_paulis
from qpilot.routing.agenda import Agenda, anticommuting
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
@given(pauli_labels(max_qubits=4, max_strings=10), st.booleans(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_schedules(labels, ordered, bays, random):
    """Strings become ready, and ready again, after random times; in the end all are closed."""
    conflicts = anticommuting(block_of(labels))
    latencies = [random.randint(2, 9) for _ in labels]
    agenda = Agenda(conflicts, latencies, ordered=ordered)
    ready_at, opened, order = {}, set(), []  # ready_at: started strings that are not closed
    for time in range(40 * len(labels)):
        while len(ready_at) < bays and (started := agenda.next_to_start()) is not None:
            assert started not in ready_at
            ready_at[started] = time + random.randint(0, 3)
        ready = [string for string, since in ready_at.items() if since <= time]
        chosen = agenda.choose([k for k in ready if k not in opened], [k for k in ready if k in opened])
        if chosen is None:
            continue
        assert chosen in ready
        if chosen in opened:
            agenda.close(chosen)
            opened.remove(chosen)
            del ready_at[chosen]
        else:
            agenda.open(chosen)
            assert not conflicts[chosen, list(opened)].any()
            opened.add(chosen)
            order.append(chosen)
            ready_at[chosen] = time + latencies[chosen]
    assert agenda.done
    assert agenda.order == order
    assert sorted(order) == list(range(len(labels)))
    if ordered:
        place = np.argsort(order)
        assert not any(conflicts[a, b] and place[a] > place[b] for b in range(len(labels)) for a in range(b))
