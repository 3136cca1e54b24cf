"""One program for each way to break a rule of `qpilot.arch.rules`; all are close to a legal one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from qpilot.arch import (
    AOD,
    FPQA,
    CircuitInfo,
    Condition,
    Lattice,
    Measure,
    Move,
    Program,
    Raman,
    Release,
    Reset,
    Rydberg,
    check_legal,
)
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.errors import ProgramError
from qpilot.arch.rules import MAX_VIOLATIONS
from tests.strategies import AT_0, HADAMARD, PAIR_DEVICE, flying_cz, legal_programs, pair_program

BRIGHT = Raman((2,), (HADAMARD,))
IF_ONE = Condition((1,), (True,))


def program(*steps, sites=((0, 0), (0, 2)), ancillas=((0, 0, 0), (0, 1, 1)), device=None):
    """Two data qubits 30 um apart on a 2 x 3 lattice, and ancillas (atoms 2 and 3) on the diagonal of a 2 x 2 AOD."""
    device = device or FPQA(slm=Lattice(2, 3), aods=(AOD(2, 2),))
    return Program(CircuitInfo("test", 2, 2), device, sites, ancillas, steps)


def cphase(*steps, individual=False):
    """A program of that kind on a machine with controlled phases."""
    rydberg = Rydberg(individual_phases=individual)
    return program(*steps, device=FPQA(slm=Lattice(2, 3), aods=(AOD(2, 2),), rydberg=rydberg, native="cphase"))


LIT = Raman((2, 3), (HADAMARD, HADAMARD))
APART = Move(0, (1.0, 20.0), (1.0, 20.0))


def test_legal_programs():
    assert check_legal(flying_cz()) == []
    assert check_legal(program(APART, LIT, Pulse(((0, 2),)))) == []
    assert check_legal(program()) == []


@settings(max_examples=30, deadline=None)  # the first check of the rules loads scipy
@given(legal_programs())
def test_random_legal_programs(legal):
    assert check_legal(legal) == []


@pytest.mark.parametrize(
    ("broken", "instruction", "rule", "message"),
    [
        # 1. lines
        (program(Move(0, (1.0, 20.0), (20.0, 1.0))), 0, 1, "column lines 0 and 1 are -19.000 um apart in order"),
        (program(Move(0, (1.0, 1.9), (1.0, 20.0))), 0, 1, "row lines 0 and 1 are 0.900 um apart in order"),
        (program(Move(0, (1.0, 20.0, 30.0), (1.0, 20.0))), 0, 1, "3 row lines, but the AOD has at most 2"),
        (program(Move(0, (1.0, 20.0), (1.0, 20.0, 30.0))), 0, 1, "3 column lines, but the AOD has at most 2"),
        (
            program(APART, Move(0, (1.0,), (1.0, 20.0)), ancillas=((0, 0, 0),)),
            1, 1, "the AOD had 2 x 2 lines and now has 1 x 2",
        ),
        # 2. places
        (program(sites=((0, 0), (0, 0))), None, 2, "two data qubits share the place (0, 0)"),
        (program(sites=((0, 0), (2, 0))), None, 2, "data qubit 1 is at site (2, 0), off the 2 x 3 lattice"),
        (program(sites=((0, 0), (0, -1))), None, 2, "data qubit 1 is at site (0, -1), off the 2 x 3 lattice"),
        (program(ancillas=((0, 0, 0), (0, 0, 0))), None, 2, "two ancillas share the place (0, 0, 0)"),
        (program(ancillas=((0, 0, 2),)), None, 2, "ancilla 0 is at crossing (0, 2) of an AOD with 2 x 2 lines"),
        (
            program(Move(0, (1.0,), (1.0,))),
            0, 2, "ancilla 1 is at crossing (1, 1), which the move does not place",
        ),
        # 3. pulses
        (program(LIT, Pulse(((0, 2),))), 1, 3, "ancilla atom 2 is not placed"),
        (program(APART, LIT, Pulse(())), 2, 3, "atoms 0 and 2 are within the interaction radius but not declared"),
        (
            program(Move(0, (1.0, 20.0), (7.0, 20.0)), LIT, Pulse(((0, 2),))),
            2, 3, "pair (0, 2) is 7.07 um apart, beyond interaction_radius_um = 2.5",
        ),
        (
            program(Move(0, (1.0, 20.0), (4.0, 20.0)), LIT, Pulse(())),
            2, 3, "atoms 0 and 2 are 4.12 um apart, less than safe_distance_um = 6.25",
        ),
        (
            program(Move(0, (20.0, 23.0), (20.0, 23.0)), LIT, Pulse(())),
            2, 3, "atoms 2 and 3 are 4.24 um apart, less than safe_distance_um = 6.25",
        ),
        (
            program(Move(0, (20.0, 21.0), (20.0, 21.0)), LIT, Pulse(())),
            2, 3, "atoms 2 and 3 are within the interaction radius but not declared",
        ),
        (program(APART, LIT, Pulse(((0, 1), (0, 2)))), 2, 3, "atom 0 is in two pairs of one pulse"),
        (program(APART, LIT, Pulse(((0, 2), (2, 0)))), 2, 3, "atom 0 is in two pairs of one pulse"),
        (program(APART, LIT, Pulse(((0, 2), (0, 1)))), 2, 3, "pair (0, 1) is 30.00 um apart"),
        (program(APART, Pulse(((0, 2),))), 1, 3, "ancilla atom 2 is in a pair but dark: no Raman gate drove it"),
        (
            program(APART, LIT, Release((2,)), Pulse(((0, 2),))),
            3, 3, "ancilla atom 2 is in a pair but dark: no Raman gate drove it",
        ),
        (
            program(Move(0, (0.6, 20.0), (0.6, 20.0)), LIT, Pulse(((0, 2),))),
            2, 3, "ancilla atom 2 is 0.85 um from data qubit 0, less than min_atom_distance_um = 1",
        ),
        (
            program(Move(0, (0.6, 20.0), (0.6, 20.0)), Pulse(())),  # dark atoms keep this distance too
            1, 3, "ancilla atom 2 is 0.85 um from data qubit 0, less than min_atom_distance_um = 1",
        ),
        (
            program(
                Move(0, (9.0, 9.5), (9.0, 9.5)), Pulse(()), device=FPQA(slm=Lattice(2, 3), aods=(AOD(2, 2, 0.5),))
            ),
            1, 3, "ancilla atoms 2 and 3 are closer than min_atom_distance_um = 1",
        ),
        (
            program(
                Move(0, (9.0,), (9.0,)), Move(1, (9.2,), (9.2,)), Pulse(()),
                ancillas=((0, 0, 0), (1, 0, 0)), device=FPQA(slm=Lattice(2, 3), aods=(AOD(1, 1), AOD(1, 1))),
            ),
            2, 3, "ancilla atoms 2 and 3 are closer than min_atom_distance_um = 1",
        ),
        # 4. Raman layers and measurements
        (program(Raman((0, 1, 0), (HADAMARD,) * 3)), 0, 4, "atom 0 is driven twice in one layer"),
        (program(Measure((1, 1), (0, 1))), 0, 4, "an atom is measured twice at once"),
        (program(Reset((1, 1))), 0, 4, "an atom is reset twice at once"),
        (program(Raman((1, 1), (HADAMARD,) * 2, IF_ONE)), 0, 4, "an atom is driven twice at once"),
        # 6. angles
        (
            program(APART, LIT, Pulse(((0, 2),), (math.pi,))),
            2, 6, "the pulse has angles, but the native gate of the device is 'cz'",
        ),
        (
            cphase(Move(0, (0.8, 2.0), (1.0, 31.0)), LIT, Pulse(((0, 2), (1, 3)), (0.3, 0.0))),
            2, 6, "angles from 0 to 0.3 in one pulse, but the device has no individual_phases",
        ),
        # 7. events while an ancilla is bright
        (program(BRIGHT, Reset((1,))), 1, 7, "atom 1 is reset while ancilla atom 2 is bright"),
        (
            program(BRIGHT, Raman((0,), (HADAMARD,), IF_ONE)),
            1, 7, "atom 0 is driven under a condition while ancilla atom 2 is bright",
        ),
    ],
)  # fmt: skip
def test_each_rule(broken, instruction, rule, message):
    violations = check_legal(broken)
    assert any(v.instruction == instruction and v.rule == rule and message in v.message for v in violations), violations


def test_events_while_all_ancillas_are_dark():
    events = (Measure((0, 1), (0, 1)), Reset((0, 1)), Raman((0,), (HADAMARD,), IF_ONE), Raman((0,), (HADAMARD,)))
    assert check_legal(program(*events, BRIGHT, Measure((0,), (0,)), Release((2,)), *events)) == []


def test_angles_on_machines_that_have_them():
    lit = (Move(0, (1.0, 20.0), (1.0, 31.0)), LIT)
    both = Move(0, (0.8, 2.0), (1.0, 31.0))  # one ancilla beside each data qubit
    assert check_legal(cphase(*lit, Pulse(((0, 2),), (0.3,)))) == []
    assert check_legal(cphase(*lit, both, Pulse(((0, 2), (1, 3))))) == []
    assert check_legal(cphase(*lit, both, Pulse(((0, 2), (1, 3)), (0.3, 0.3)))) == []
    assert check_legal(cphase(*lit, both, Pulse(((0, 2), (1, 3)), (0.3, 0.0)), individual=True)) == []


def test_a_violation_is_one_sentence():
    violation = check_legal(program(Raman((0, 0), (HADAMARD,) * 2)))[0]
    assert str(violation) == "instruction 0 breaks rule 4: atom 0 is driven twice in one layer."
    header = check_legal(program(sites=((0, 0), (0, 0))))[0]
    assert str(header) == "the header breaks rule 2: two data qubits share the place (0, 0)."


def test_dark_ancillas_may_be_near_pulses():
    dark = program(Move(0, (1.0, 20.0), (1.0, 20.0)), Raman((3,), (HADAMARD,)), Pulse(()))
    assert check_legal(dark) == []


def test_an_ancilla_is_bright_again_after_its_release():
    released = [AT_0, BRIGHT, Release((2,)), Pulse(())]
    assert check_legal(pair_program(*released)) == []
    assert check_legal(pair_program(*released, BRIGHT, Pulse(((2, 0),)))) == []
    assert check_legal(pair_program(*released, BRIGHT, Pulse(())))


def test_a_single_site_reaches_beyond_its_spacing():
    """On a lattice of one site the spacing says nothing about who is near."""
    device = FPQA(slm=Lattice(1, 1, 1.0), aods=(AOD(1, 1),))
    steps = (Move(0, (3.0,), (3.0,)), Raman((1,), (HADAMARD,)), Pulse(()))
    alone = Program(CircuitInfo("x", 1), device, ((0, 0),), ((0, 0, 0),), steps)
    assert "4.24 um apart" in str(check_legal(alone)[0])


def test_the_nearest_occupied_site_counts():
    """An ancilla nearest to an empty site may still be too close to an atom at the next one."""
    device = FPQA(slm=Lattice(1, 2, 7.0), aods=(AOD(1, 1),), rydberg=Rydberg(6.0, 6.5, 5.0))
    steps = (Move(0, (0.0,), (3.4,)), Pulse(()))
    crowded = Program(CircuitInfo("x", 1), device, ((0, 1),), ((0, 0, 0),), steps)
    assert "3.60 um from data qubit 0" in str(check_legal(crowded)[0])


def test_the_check_stops_after_a_number_of_violations():
    steps = (Raman((0, 0), (HADAMARD,) * 2),) * (3 * MAX_VIOLATIONS)
    assert len(check_legal(program(*steps))) == MAX_VIOLATIONS


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (program(Move(1, (), ())), "Instruction 0 (move): there is no AOD 1."),
        (program(Move(0, (float("inf"),), (1.0,))), "Instruction 0 (move): inf um is no place for a line."),
        (program(Move(0, (1.0,), (float("nan"),))), "Instruction 0 (move): nan um is no place for a line."),
        (program(Move(0, (-1e300,), (1.0,))), "Instruction 0 (move): -1e+300 um is no place for a line."),
        (program(Raman((4,), (HADAMARD,))), "there is no atom 4; the atoms are 0 to 3"),
        (program(Raman((-1,), (HADAMARD,))), "there is no atom -1"),
        (program(Raman((0, 1), (HADAMARD,))), "2 atoms but 1 triples of angles"),
        (program(Raman((0,), ((float("nan"), 0.0, 0.0),))), "an angle is not finite"),
        (program(Pulse(((0, 9),))), "Instruction 0 (rydberg): there is no atom 9"),
        (program(Pulse(((1, 1),))), "Instruction 0 (rydberg): atom 1 is paired with itself."),
        (cphase(Pulse(((0, 2),), (0.1, 0.1))), "Instruction 0 (rydberg): 1 pairs but 2 angles."),
        (cphase(Pulse((), (0.1,))), "Instruction 0 (rydberg): 0 pairs but 1 angles."),
        (cphase(Pulse(((0, 2),), (float("inf"),))), "Instruction 0 (rydberg): an angle is not finite."),
        (cphase(Pulse(((0, 2),), (float("nan"),))), "Instruction 0 (rydberg): an angle is not finite."),
        (program(Reset((2,))), "Instruction 0 (reset): atom 2 is an ancilla; only data qubits are reset."),
        (
            program(Raman((2,), (HADAMARD,), IF_ONE)),
            "atom 2 is an ancilla; only data qubits are driven under a condition",
        ),
        (program(Raman((0,), (HADAMARD,), Condition((), ()))), "the condition has 0 classical bits and 0 values"),
        (program(Raman((0,), (HADAMARD,), Condition((1,), ()))), "the condition has 1 classical bits and 0 values"),
        (program(Raman((0,), (HADAMARD,), Condition((1, 1), (True, False)))), "names a classical bit twice"),
        (program(Raman((0,), (HADAMARD,), Condition((2,), (True,)))), "there is no classical bit 2"),
        (program(Release((1,))), "atom 1 is a data qubit; only ancillas are released"),
        (program(Measure((0,), ())), "1 atoms but 0 classical bits"),
        (program(Measure((2,), (0,))), "atom 2 is an ancilla; only data qubits are measured"),
        (program(Measure((0,), (2,))), "there is no classical bit 2; the program has 2"),
        (program(sites=((0, 0),)), "The program has 1 sites for 2 qubits"),
        (program(sites=((0, 0), (0, 10**30))), "A data qubit is at site"),
        (program(ancillas=((1, 0, 0),)), "Ancilla 0 is at crossing (1, 0, 0), which the device does not have."),
        (program(ancillas=((0, -1, 0),)), "Ancilla 0 is at crossing (0, -1, 0)"),
        (program(ancillas=((0, 0, 10**30),)), "Ancilla 0 is at crossing"),
    ],
)
def test_malformed_programs_are_refused(broken, message):
    with pytest.raises(ProgramError) as error:
        check_legal(broken)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (CircuitInfo("x", -1), "negative number"),
        (CircuitInfo("x", 2, 1, cregs=(("c", 2),)), "circuit.cregs names more bits than the 1 there are."),
        (CircuitInfo("x", 2, qregs=(("q", -1), ("r", 3))), "circuit.qregs names more bits"),
        (CircuitInfo("x", 2, 2, qregs=(("q", 2),), cregs=(("q", 2),)), "Two registers of the circuit have the same"),
        (CircuitInfo("x", 2, global_phase=float("nan")), "circuit.global_phase is nan; it must be finite."),
    ],
)
def test_malformed_headers_are_refused(info, message):
    with pytest.raises(ProgramError) as error:
        check_legal(Program(info, PAIR_DEVICE, ((0, 0), (0, 1)), (), ()))
    assert message in str(error.value)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2]))
def test_distances_agree_with_comparing_all_atoms(seed, side, num_aods):
    """The neighbour search of rule 3 against all pairs of atoms, at random positions of random lines."""
    rng = np.random.default_rng(seed)
    aod = AOD(4, 4, 1.0)
    device = FPQA(slm=Lattice(side, 4, 7.0), aods=(aod,) * num_aods)
    n = int(rng.integers(1, device.slm.num_sites + 1))
    sites = [divmod(int(s), 4) for s in rng.permutation(device.slm.num_sites)[:n]]
    ancillas = [(a, r, c) for a in range(num_aods) for r in range(4) for c in range(4) if rng.random() < 0.3]
    lines = [[np.sort(rng.uniform(-8, 30, 4)) + np.arange(4) for _ in "yx"] for _ in range(num_aods)]
    moves = [Move(a, tuple(rows.tolist()), tuple(cols.tolist())) for a, (rows, cols) in enumerate(lines)]
    lit = [n + k for k in range(len(ancillas)) if rng.random() < 0.6]
    xy = np.array([(7.0 * c, 7.0 * r) for r, c in sites] + [(lines[a][1][c], lines[a][0][r]) for a, r, c in ancillas])
    apart = cdist(xy, xy) + 1e9 * np.tri(len(xy))
    bright = np.array([k < n or k in lit for k in range(len(xy))])
    apart_bright = np.where(bright[:, None] & bright, apart, 1e9)
    pairs = np.argwhere(apart_bright <= 2.5)
    legal = len(np.unique(pairs)) == pairs.size and apart.min(initial=1e9) >= 1.0
    legal &= not ((apart_bright > 2.5) & (apart_bright < 6.25)).any()
    steps = [*moves, Raman(tuple(lit), (HADAMARD,) * len(lit)), Pulse(tuple(map(tuple, pairs.tolist())))]
    found = check_legal(Program(CircuitInfo("x", n), device, tuple(sites), tuple(ancillas), tuple(steps)))
    assert (found == []) == legal
    assert not any("not declared" in v.message or "beyond" in v.message for v in found)


def test_a_large_program_is_legal():
    side, n = 32, 1000
    device = FPQA(slm=Lattice(side, side))
    atoms, crossings = range(n), [divmod(k, side) for k in range(n)]
    steps = [Raman(tuple(range(n, 2 * n)), (HADAMARD,) * n)]
    for k in range(300):
        offset = 1.0 + 0.1 * (k % 5)
        lines = tuple(15.0 * i + offset for i in range(side))
        steps += [Move(0, lines, lines), Pulse(tuple((q, n + q) for q in atoms))]
    ancillas = tuple((0, r, c) for r, c in crossings)
    large = Program(CircuitInfo("large", n), device, tuple(crossings), ancillas, tuple(steps))
    assert check_legal(large) == []
