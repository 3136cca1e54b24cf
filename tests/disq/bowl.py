"""A Hamiltonian, and evaluators that need no circuit, for tests of the loop."""

from dataclasses import replace

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qpilot.disq import Groups, History, minimize
from qpilot.disq.jobs import restore_stream, stream_state

HAMILTONIAN = SparsePauliOp(["ZZI", "XII", "IYX", "ZXZ", "III"], [-0.7, 0.9, -0.6, 0.1, -5.0])
GROUPS = Groups.of(HAMILTONIAN)
NUM_PARAMETERS = 4
X0 = np.linspace(0.2, 1.0, NUM_PARAMETERS)


class Bowl:
    """Groups whose energies are sines of the parameters, with noise that has a random walk as its drift."""

    def __init__(self, seed=5, noise=0.3, drift=0.0, groups=GROUPS):
        self.num_groups = len(groups)
        self.weights = groups.weights
        self.rng = np.random.default_rng(seed)
        self.noise, self.drift = noise, drift
        self.walk = 0.0
        self.jobs = []

    def exact(self, points, groups):
        return self.weights[groups] * np.cos(points + groups[:, None]).mean(axis=1)

    def run(self, points, groups, shots):
        self.jobs.append((points.copy(), groups.copy(), shots.copy()))
        self.walk += self.drift * self.rng.normal()
        variances = (self.noise * self.weights[groups]) ** 2 / shots
        means = self.exact(points, groups) + self.walk + self.rng.normal(size=len(groups)) * np.sqrt(variances)
        return means, variances

    def state(self):
        return {"random": stream_state(self.rng), "walk": self.walk}

    def restore(self, state):
        restore_stream(self.rng, state["random"])
        self.walk = state["walk"]


class BreaksAt(Bowl):
    """A bowl whose job of a given number raises."""

    def __init__(self, number, error=None, **options):
        super().__init__(**options)
        self.number = number
        self.error = error or RuntimeError("out of atoms")

    def run(self, points, groups, shots):
        if len(self.jobs) == self.number:
            raise self.error
        return super().run(points, groups, shots)


def without_times(history):
    """Return a history as text without the wall times, to compare it bit for bit."""
    return History([replace(record, wall_s=0.0) for record in history]).to_json()


def train(evaluator=None, **options):
    """Minimize the energy of a bowl."""
    options = {"maxiter": 8, "seed": 3, "shots": 100} | options
    return minimize(None, HAMILTONIAN, X0, evaluator=evaluator or Bowl(), **options)
