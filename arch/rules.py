"""The rules of the hardware, and nothing else: what a legal program obeys whatever it computes.

1. The lines of an AOD are strictly increasing with at least `min_spacing_um`, never more than `max_rows` / `max_cols`,
   and their number is constant.
2. Data sites are distinct and on the lattice; ancilla crossings are distinct and exist.
3. At every Rydberg pulse, among data atoms and bright ancillas: the pairs within the interaction radius are exactly the
   declared pairs, no atom is in two of them, and every other pair is at least the safe distance apart. No two atoms,
   dark ancillas included, are closer than the least atom distance.
4. A Raman layer drives an atom at most once. An ancilla turns bright at its first Raman gate and dark at its release.
5. Between pulses lines move straight to the next position; passing over occupied sites is allowed, as in the literature.

That a released ancilla is in |0> is a matter of meaning, which `qpilot.verify` proves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .program import Measure, Move, Program, Raman, Release, Rydberg, check_structure

_EPS_UM = 1e-9
MAX_VIOLATIONS = 100
"""The check stops after this many violations."""


class Violation(NamedTuple):
    """One broken rule.

    Attributes:
        instruction: Index of the instruction, or None where the fault is in the header.
        rule: Number of the rule in the module docstring.
        message: What is wrong, with atoms and distances.
    """

    instruction: int | None
    rule: int
    message: str

    def __str__(self) -> str:
        """Return one sentence with the place and the rule."""
        place = "the header" if self.instruction is None else f"instruction {self.instruction}"
        return f"{place} breaks rule {self.rule}: {self.message}."


def check_legal(program: Program) -> list[Violation]:
    """Return every rule the program breaks, at most `MAX_VIOLATIONS` of them; an empty list means it is legal.

    Linear in the number of instructions, and n log n in the atoms at each pulse.

    Raises:
        ProgramError: The program is not even well formed (see `check_structure`).
    """
    check_structure(program)
    checker = _Checker(program)
    for index, op in enumerate(program.instructions):
        if len(checker.found) >= MAX_VIOLATIONS:
            break
        checker.index = index
        if isinstance(op, Move):
            checker.move(op)
        elif isinstance(op, Raman):
            checker.raman(op)
        elif isinstance(op, Rydberg):
            checker.rydberg(op)
        elif isinstance(op, Release):
            checker.release(op)
        else:
            checker.measure(op)
    return checker.found[:MAX_VIOLATIONS]


class _Checker:
    """Positions and brightness of the atoms at the current instruction, and the violations found so far."""

    def __init__(self, program: Program) -> None:
        self.device = program.device
        self.n = program.num_qubits
        self.found: list[Violation] = []
        self.index: int | None = None
        sites = np.array(program.sites, dtype=np.int64).reshape(-1, 2)
        crossings = np.array(program.ancillas, dtype=np.int64).reshape(-1, 3)
        self._check_header(sites, crossings)
        self.ancillas = [np.flatnonzero(crossings[:, 0] == a) for a in range(len(self.device.aods))]
        self.crossings = crossings
        self.lines: list[tuple[NDArray[np.float64], NDArray[np.float64]] | None] = [None] * len(self.device.aods)
        self.xy = np.full((program.num_atoms, 2), np.nan)
        self.xy[: self.n] = sites[:, ::-1] * self.device.slm.spacing_um
        self.bright = np.zeros(program.num_atoms, dtype=bool)
        self.bright[: self.n] = True
        slm = self.device.slm
        self.occupied = np.zeros((slm.rows, slm.cols), dtype=bool)
        inside = ((sites >= 0) & (sites < (slm.rows, slm.cols))).all(axis=1)
        self.occupied[tuple(sites[inside].T)] = True
        # Crossings of one AOD keep their line spacing; only then need ancillas not be compared with each other.
        self.spaced = len(self.device.aods) == 1 and (
            self.device.aods[0].min_spacing_um >= self.device.rydberg.min_atom_distance_um
        )

    def report(self, rule: int, message: str) -> None:
        self.found.append(Violation(self.index, rule, message))

    def _check_header(self, sites: NDArray[np.int64], crossings: NDArray[np.int64]) -> None:
        slm = self.device.slm
        for q in np.flatnonzero(((sites < 0) | (sites >= (slm.rows, slm.cols))).any(axis=1)):
            self.report(2, f"data qubit {q} is at site {tuple(sites[q].tolist())}, off the {slm.rows} x {slm.cols} lattice")
        for name, places in (("data qubits", sites), ("ancillas", crossings)):
            unique, counts = np.unique(places, axis=0, return_counts=True)
            for place in unique[counts > 1]:
                self.report(2, f"two {name} share the place {tuple(place.tolist())}")
        for k, (aod, row, col) in enumerate(crossings.tolist()):
            limits = self.device.aods[aod]
            if row >= limits.max_rows or col >= limits.max_cols:
                self.report(
                    2, f"ancilla {k} is at line ({row}, {col}) of an AOD with {limits.max_rows} x {limits.max_cols} lines"
                )

    def move(self, op: Move) -> None:
        limits, old = self.device.aods[op.aod], self.lines[op.aod]
        rows, cols = np.array(op.rows_um), np.array(op.cols_um)
        for name, line, most in (("row", rows, limits.max_rows), ("column", cols, limits.max_cols)):
            if len(line) > most:
                self.report(1, f"{len(line)} {name} lines, but the AOD has at most {most}")
            gaps = np.diff(line)
            if len(gaps) and gaps.min() < limits.min_spacing_um - _EPS_UM:
                k = int(gaps.argmin())
                self.report(
                    1,
                    f"{name} lines {k} and {k + 1} are {gaps[k]:.3f} um apart in order, "
                    f"less than min_spacing_um = {limits.min_spacing_um:g}",
                )
        if old is not None and (len(old[0]), len(old[1])) != (len(rows), len(cols)):
            self.report(1, f"the AOD had {len(old[0])} x {len(old[1])} lines and now has {len(rows)} x {len(cols)}")
        self.lines[op.aod] = (rows, cols)
        held = self.ancillas[op.aod]
        row, col = self.crossings[held, 1], self.crossings[held, 2]
        missing = (row >= len(rows)) | (col >= len(cols))
        if missing.any():
            k = int(held[missing][0])
            self.report(2, f"ancilla {k} is at line {tuple(self.crossings[k, 1:].tolist())}, which the move does not place")
            held, row, col = held[~missing], row[~missing], col[~missing]
        self.xy[self.n + held, 0] = cols[col]
        self.xy[self.n + held, 1] = rows[row]

    def raman(self, op: Raman) -> None:
        atoms = np.array(op.atoms, dtype=np.int64)
        if len(np.unique(atoms)) < len(atoms):
            values, counts = np.unique(atoms, return_counts=True)
            self.report(4, f"atom {values[counts > 1][0]} is driven twice in one layer")
        self.bright[atoms] = True

    def release(self, op: Release) -> None:
        self.bright[np.array(op.atoms, dtype=np.int64)] = False

    def measure(self, op: Measure) -> None:
        if len(set(op.atoms)) < len(op.atoms):
            self.report(4, "an atom is measured twice at once")

    def rydberg(self, op: Rydberg) -> None:
        rydberg = self.device.rydberg
        if np.isnan(self.xy).any():
            atom = int(np.flatnonzero(np.isnan(self.xy).any(axis=1))[0])
            self.report(3, f"ancilla atom {atom} is not placed: no move of its AOD came before the pulse")
            return
        declared = np.sort(np.array(op.pairs, dtype=np.int64).reshape(-1, 2), axis=1)
        atoms, counts = np.unique(declared, return_counts=True)
        if (counts > 1).any():
            self.report(3, f"atom {atoms[counts > 1][0]} is in two pairs of one pulse")
        if not self.bright[atoms].all():
            self.report(3, f"ancilla atom {atoms[~self.bright[atoms]][0]} is in a pair but dark: no Raman gate drove it")
        self._check_min_distance()
        bright = np.flatnonzero(self.bright)
        near = self._near_pairs(bright)
        distance = np.hypot(*(self.xy[near[:, 0]] - self.xy[near[:, 1]]).T)
        within = distance <= rydberg.interaction_radius_um + _EPS_UM
        size = len(self.xy)
        actual, wanted = (pairs[:, 0] * size + pairs[:, 1] for pairs in (near[within], declared))
        for code in np.setdiff1d(actual, wanted)[:3]:
            self.report(3, f"atoms {code // size} and {code % size} are within the interaction radius but not declared")
        for a, b in declared[~np.isin(wanted, actual)][:3]:
            apart = np.hypot(*(self.xy[a] - self.xy[b]))
            self.report(
                3, f"pair ({a}, {b}) is {apart:.2f} um apart, beyond interaction_radius_um = {rydberg.interaction_radius_um:g}"
            )
        for k in np.flatnonzero(~within)[:3]:
            self.report(
                3,
                f"atoms {near[k, 0]} and {near[k, 1]} are {distance[k]:.2f} um apart, "
                f"less than safe_distance_um = {rydberg.safe_distance_um:g}",
            )

    def _near_pairs(self, bright: NDArray[np.int64]) -> NDArray[np.int64]:
        """Bright atoms closer than the safe distance, as sorted pairs; data atoms among themselves are safe on a lattice."""
        flying = bright[bright >= self.n]
        reach = self.device.rydberg.safe_distance_um - _EPS_UM
        if not len(flying):
            return np.empty((0, 2), dtype=np.int64)
        flying_tree, data = cKDTree(self.xy[flying]), self._data_tree
        pairs = flying[flying_tree.query_pairs(reach, output_type="ndarray")].reshape(-1, 2)
        if data is None:
            return np.sort(pairs, axis=1).astype(np.int64)
        mixed = data.sparse_distance_matrix(flying_tree, reach, output_type="coo_matrix")
        beside = np.stack([mixed.row, flying[mixed.col]], axis=1)
        return np.concatenate([np.sort(pairs, axis=1), beside]).astype(np.int64)

    @property
    def _data_tree(self) -> cKDTree | None:
        if not hasattr(self, "_tree"):
            self._tree = cKDTree(self.xy[: self.n]) if self.n else None
        return self._tree

    def _check_min_distance(self) -> None:
        least = self.device.rydberg.min_atom_distance_um - _EPS_UM
        flying = self.xy[self.n :]
        slm = self.device.slm
        site = np.rint(flying[:, ::-1] / slm.spacing_um).astype(np.int64)
        np.clip(site, 0, (slm.rows - 1, slm.cols - 1), out=site)
        offset = flying - site[:, ::-1] * slm.spacing_um
        close = self.occupied[tuple(site.T)] & (np.hypot(offset[:, 0], offset[:, 1]) < least)
        for k in np.flatnonzero(close)[:3]:
            self.report(
                3,
                f"ancilla atom {self.n + k} is {np.hypot(*offset[k]):.2f} um from the data qubit at site "
                f"{tuple(site[k].tolist())}, less than min_atom_distance_um = {self.device.rydberg.min_atom_distance_um:g}",
            )
        if not self.spaced and len(flying) > 1:
            for a, b in cKDTree(flying).query_pairs(least, output_type="ndarray")[:3]:
                self.report(3, f"ancilla atoms {self.n + a} and {self.n + b} are closer than the least atom distance")
