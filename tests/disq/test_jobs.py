import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import generate_preset_pass_manager

from qpilot.arch.errors import DriftError
from qpilot.disq import EstimatorEvaluator, Groups, SamplerEvaluator
from qpilot.disq.jobs import restore_stream, stream_state

RNG = np.random.default_rng(0)
NINE = SparsePauliOp.from_list([("".join(RNG.choice(list("IXYZ"), 9)), RNG.normal()) for _ in range(12)])


@pytest.fixture(scope="module")
def ansatz():
    return real_amplitudes(9, reps=1)


def requests(ansatz, groups, shots):
    points = np.random.default_rng(1).normal(size=(3, ansatz.num_parameters))
    count = len(groups)
    return np.repeat(points, count, axis=0), np.tile(np.arange(count), 3), np.full(3 * count, shots)


def exact_means(ansatz, groups, points, numbers):
    operators = [SparsePauliOp(list(a), b) for a, b in zip(groups.labels, groups.coefficients, strict=True)]
    pairs = zip(points, numbers, strict=True)
    return np.array([Statevector(ansatz.assign_parameters(x)).expectation_value(operators[g]).real for x, g in pairs])


class Watched(StatevectorSampler):
    calls: list

    def run(self, pubs, **options):
        self.calls.append(list(pubs))
        return super().run(pubs, **options)


def test_a_sampler_gives_means_and_their_variances_from_one_call(ansatz):
    groups = Groups.of(NINE)
    sampler = Watched(seed=np.random.default_rng(3))
    sampler.calls = []
    evaluator = SamplerEvaluator(ansatz, groups, sampler)
    points, numbers, shots = requests(ansatz, groups, 500)
    shots[::2] = 2000
    means, variances = evaluator.run(points, numbers, shots)
    assert [pub[2] for pub in sampler.calls[0]] == shots.tolist()
    assert len(sampler.calls) == 1
    pulls = (means - exact_means(ansatz, groups, points, numbers)) / np.sqrt(variances)
    assert np.abs(pulls).max() < 4.5
    assert 0.5 < pulls.std() < 1.5


def test_a_circuit_compiled_for_a_device_gives_the_same_means(ansatz):
    groups = Groups.of(NINE)
    manager = generate_preset_pass_manager(
        1, basis_gates=["rz", "sx", "cz"], coupling_map=[[q, q + 1] for q in range(8)], seed_transpiler=1
    )
    points, numbers, shots = requests(ansatz, groups, 4000)
    expected = exact_means(ansatz, groups, points, numbers)
    sampler = SamplerEvaluator(ansatz, groups, StatevectorSampler(seed=3), manager.run)
    means, variances = sampler.run(points, numbers, shots)
    assert (np.abs(means - expected) < 6 * np.sqrt(variances) + 1e-9).all()
    estimator = EstimatorEvaluator(ansatz, groups, StatevectorEstimator(seed=3), manager.run)
    means, _ = estimator.run(points, numbers, shots)
    assert np.abs(means - expected).max() < 6 / np.sqrt(4000)


def test_one_shot_has_no_variance():
    groups = Groups.of(SparsePauliOp(["ZI", "XX"], [1.0, 2.0]))
    evaluator = SamplerEvaluator(real_amplitudes(2, reps=1), groups, StatevectorSampler(seed=1))
    means, variances = evaluator.run(np.zeros((2, 4)), np.array([0, 1]), np.array([1, 1]))
    assert means[1] == 1.0
    assert means[0] in (-2.0, 2.0)
    assert np.isnan(variances).all()


def test_the_random_stream_of_a_sampler_is_put_back(ansatz):
    groups = Groups.of(NINE)
    evaluator = SamplerEvaluator(ansatz, groups, StatevectorSampler(seed=np.random.default_rng(3)))
    job = requests(ansatz, groups, 50)
    state = evaluator.state()
    first = evaluator.run(*job)[0]
    assert (evaluator.run(*job)[0] != first).any()
    evaluator.restore(state)
    assert (evaluator.run(*job)[0] == first).all()


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_the_state_of_a_stream_is_json(kind):
    import msgspec

    stream = np.random.Generator(kind(7))
    stream.integers(5, dtype=np.int32)
    state = msgspec.json.decode(msgspec.json.encode(stream_state(stream)))
    numbers = stream.normal(size=5)
    other = np.random.Generator(kind(8))
    restore_stream(other, state)
    assert (other.normal(size=5) == numbers).all()


def test_another_kind_of_stream_or_sampler_is_refused(ansatz):
    state = stream_state(np.random.Generator(np.random.MT19937(1)))
    with pytest.raises(DriftError, match="MT19937 stream"):
        restore_stream(np.random.default_rng(1), state)
    evaluator = SamplerEvaluator(ansatz, Groups.of(NINE), StatevectorSampler(seed=3))
    with pytest.raises(DriftError, match="another kind of sampler"):
        evaluator.restore({"random": state})
    with pytest.raises(DriftError, match="another kind of sampler"):
        evaluator.restore({"sampler": {}})


def test_a_sampler_with_a_state_of_its_own_is_asked_for_it(ansatz):
    class Drifting(StatevectorSampler):
        clock = 3

        def wait(self, seconds):
            self.clock += seconds

        def state(self):
            return {"clock": self.clock}

        def restore(self, state):
            self.clock = state["clock"]

    sampler = Drifting()
    evaluator = SamplerEvaluator(ansatz, Groups.of(NINE), sampler)
    state = evaluator.state()
    evaluator.wait(6)
    assert sampler.clock == 9
    evaluator.restore(state)
    assert sampler.clock == 3


def test_an_estimator_gives_no_variances(ansatz):
    groups = Groups.of(NINE)
    evaluator = EstimatorEvaluator(ansatz, groups, StatevectorEstimator(seed=1))
    points, numbers, shots = requests(ansatz, groups, 10**10)
    means, variances = evaluator.run(points, numbers, shots)
    assert np.abs(means - exact_means(ansatz, groups, points, numbers)).max() < 1e-4
    assert np.isnan(variances).all()
    evaluator.restore(evaluator.state())


@pytest.mark.parametrize(
    ("circuit", "words"),
    [
        ("h q", "type str"),
        (real_amplitudes(3), "3 qubits and the Hamiltonian 2"),
        (QuantumCircuit(2), "no parameters"),
        (real_amplitudes(2).measure_all(inplace=False), "leave measurements out"),
    ],
)
def test_an_ansatz_that_does_not_fit_is_refused(circuit, words):
    groups = Groups.of(SparsePauliOp("ZZ"))
    for evaluator, primitive in [
        (SamplerEvaluator, StatevectorSampler()),
        (EstimatorEvaluator, StatevectorEstimator()),
    ]:
        with pytest.raises(DriftError, match=words):
            evaluator(circuit, groups, primitive)


def test_what_is_no_primitive_is_refused():
    groups = Groups.of(SparsePauliOp("ZZ"))
    with pytest.raises(DriftError, match="must be a Qiskit BaseSamplerV2"):
        SamplerEvaluator(real_amplitudes(2), groups, StatevectorEstimator())
    with pytest.raises(DriftError, match="must be a Qiskit BaseEstimatorV2"):
        EstimatorEvaluator(real_amplitudes(2), groups, StatevectorSampler())
