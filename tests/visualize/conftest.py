"""Programs that the pictures are drawn of."""

import matplotlib as mpl
import networkx as nx
import numpy as np
import pytest
from matplotlib import pyplot as plt

import qpilot
from qpilot.arch import AOD, FPQA, CircuitInfo, Lattice, Move, Program, Raman, Release, RydbergPulse

mpl.use("Agg")
HADAMARD = (np.pi / 2, 0.0, np.pi)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def pair():
    """Two qubits on a row of three sites; ancilla 2 copies qubit 0 and meets qubit 1, ancilla 3 stays dark."""
    instructions = (
        Move(0, (1.5,), (0.0, 7.5)),
        RydbergPulse(()),
        Raman((2,), (HADAMARD,)),
        RydbergPulse(((0, 2),)),
        Raman((2,), (HADAMARD,)),
        Move(0, (1.5,), (15.0, 22.5)),
        RydbergPulse(((2, 1),)),
        Move(0, (1.5,), (0.0, 22.5)),
        Raman((2,), (HADAMARD,)),
        RydbergPulse(((0, 2),)),
        Raman((2,), (HADAMARD,)),
        Release((2,)),
    )
    device = FPQA(slm=Lattice(1, 3))
    return Program(CircuitInfo("pair", 2), device, ((0, 0), (0, 1)), ((0, 0, 0), (0, 0, 1)), instructions)


@pytest.fixture(scope="session")
def two_aods():
    """Two AODs of one ancilla each, which move at the same time, the second one farther."""
    instructions = (
        Move(0, (1.5,), (0.0,)),
        Move(1, (13.5,), (0.0,)),
        Raman((1, 2), (HADAMARD, HADAMARD)),
        Move(0, (1.5,), (7.5,)),
        Move(1, (13.5,), (30.0,)),
        Raman((1, 2), (HADAMARD, HADAMARD)),
        Release((1, 2)),
    )
    device = FPQA(slm=Lattice(2, 3), aods=(AOD(), AOD()))
    return Program(CircuitInfo("two", 1), device, ((0, 2),), ((0, 0, 0), (1, 0, 0)), instructions)


@pytest.fixture(scope="session")
def generic():
    return qpilot.compile("examples/circuits/bv8.qasm", seed=1)


@pytest.fixture(scope="session")
def qaoa():
    return qpilot.compile(qpilot.qaoa_circuit(nx.random_regular_graph(3, 16, seed=1), [0.4], [0.3]), seed=1)


@pytest.fixture(scope="session")
def paulis():
    return qpilot.compile_paulis([("XXIZZ", 0.3), ("ZYZIX", 0.1), ("IIXXX", 0.2)])


@pytest.fixture(params=["generic", "qaoa", "paulis"])
def program(request):
    """One program of each router."""
    return request.getfixturevalue(request.param)
