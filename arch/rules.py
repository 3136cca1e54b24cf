"""The rules of the hardware, and nothing else: what a legal program obeys whatever it computes.

1. The lines of an AOD are strictly increasing with at least `min_spacing_um`, never more than `max_rows` / `max_cols`,
   and their number is constant.
2. Data sites are distinct and on the lattice; ancilla crossings are distinct and exist.
3. At every Rydberg pulse, among data atoms and bright ancillas: the pairs within the interaction radius are exactly the
   declared pairs, no atom is in two of them, and every other pair is at least the safe distance apart. No two atoms,
   dark ancillas included, are closer than the least atom distance.
4. A Raman layer drives an atom at most once; a measurement measures it, and a reset resets it, at most once. An ancilla
   turns bright at its first Raman gate and dark at its release.
5. Between pulses lines move straight to the next position; passing over occupied sites is allowed, as in the
   literature.
6. A pulse has angles only where the native gate is "cphase". They are equal, unless the machine has
   `individual_phases`.
7. Data atoms are reset and driven under a condition only while every ancilla is dark: a bright one may hold a copy,
   which would keep the old value.

That a released ancilla is in |0>, and that none holds a copy of what is measured in mid-circuit, is a matter of
meaning, which `qpilot.verify` proves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .program import Event, Measure, Move, Program, Raman, Release, Reset, Rydberg, check_structure, is_event

Pairs = NDArray[np.int64]
"""Pairs of atoms, shape (number of pairs, 2), the smaller number first."""

_EPS_UM = 1e-9
_NO_PAIRS: Pairs = np.empty((0, 2), dtype=np.int64)
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
        if is_event(op):
            checker.event(op)
        elif isinstance(op, Move):
            checker.move(op)
        elif isinstance(op, Raman):
            checker.raman(op)
        elif isinstance(op, Rydberg):
            checker.rydberg(op)
        elif isinstance(op, Release):
            checker.release(op)
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
        self.data_at = np.zeros((slm.rows, slm.cols), dtype=np.int64)  # 1 + data atom; an unused page costs no memory
        inside = np.flatnonzero(((sites >= 0) & (sites < (slm.rows, slm.cols))).all(axis=1))
        self.data_at[tuple(sites[inside].T)] = inside + 1
        # Crossings of one AOD keep their line spacing; only then need ancillas not be compared with each other.
        self.spaced = len(self.device.aods) == 1 and (
            self.device.aods[0].min_spacing_um >= self.device.rydberg.min_atom_distance_um
        )

    def report(self, rule: int, message: str) -> None:
        self.found.append(Violation(self.index, rule, message))

    def _check_header(self, sites: NDArray[np.int64], crossings: NDArray[np.int64]) -> None:
        slm = self.device.slm
        for q in np.flatnonzero(((sites < 0) | (sites >= (slm.rows, slm.cols))).any(axis=1)):
            site = tuple(sites[q].tolist())
            self.report(2, f"data qubit {q} is at site {site}, off the {slm.rows} x {slm.cols} lattice")
        for name, places in (("data qubits", sites), ("ancillas", crossings)):
            unique, counts = np.unique(places, axis=0, return_counts=True)
            for place in unique[counts > 1]:
                self.report(2, f"two {name} share the place {tuple(place.tolist())}")
        for k, (aod, row, col) in enumerate(crossings.tolist()):
            limits = self.device.aods[aod]
            if row >= limits.max_rows or col >= limits.max_cols:
                size = f"{limits.max_rows} x {limits.max_cols}"
                self.report(2, f"ancilla {k} is at crossing ({row}, {col}) of an AOD with {size} lines")

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
            crossing = tuple(self.crossings[k, 1:].tolist())
            self.report(2, f"ancilla {k} is at crossing {crossing}, which the move does not place")
            held, row, col = held[~missing], row[~missing], col[~missing]
        self.xy[self.n + held, 0] = cols[col]
        self.xy[self.n + held, 1] = rows[row]

    def raman(self, op: Raman) -> None:
        atoms = np.array(op.atoms, dtype=np.int64)
        if len(set(op.atoms)) < len(op.atoms):
            self.report(4, f"atom {np.bincount(atoms).argmax()} is driven twice in one layer")
        self.bright[atoms] = True

    def release(self, op: Release) -> None:
        self.bright[np.array(op.atoms, dtype=np.int64)] = False

    def event(self, op: Event) -> None:
        does = {Raman: "driven", Measure: "measured", Reset: "reset"}[type(op)]
        if len(set(op.atoms)) < len(op.atoms):
            self.report(4, f"an atom is {does} twice at once")
        bright = self.n + np.flatnonzero(self.bright[self.n :])
        if op.atoms and len(bright) and not isinstance(op, Measure):
            how = " under a condition" if isinstance(op, Raman) else ""
            self.report(7, f"atom {op.atoms[0]} is {does}{how} while ancilla atom {bright[0]} is bright")

    def rydberg(self, op: Rydberg) -> None:
        self._check_angles(op.angles)
        unplaced = np.flatnonzero(np.isnan(self.xy[:, 0]))
        if len(unplaced):
            self.report(3, f"ancilla atom {unplaced[0]} is not placed: no move of its AOD came before the pulse")
            return
        declared = np.sort(np.array(op.pairs, dtype=np.int64).reshape(-1, 2), axis=1)
        uses = np.bincount(declared.ravel(), minlength=len(self.xy))
        for atom in np.flatnonzero(uses > 1)[:3]:
            self.report(3, f"atom {atom} is in two pairs of one pulse")
        for atom in np.flatnonzero((uses > 0) & ~self.bright)[:3]:
            self.report(3, f"ancilla atom {atom} is in a pair but dark: no Raman gate drove it")
        flying = self.n + np.flatnonzero(self.bright[self.n :])
        beside, apart = self._data_neighbours()
        lit = self.bright[beside[:, 1]]
        self._check_distances(declared, [(beside[lit], apart[lit]), self._flying_neighbours(flying)])
        self._check_min_distance(beside, apart)

    def _check_angles(self, angles: tuple[float, ...]) -> None:
        if angles and self.device.native == "cz":
            self.report(6, "the pulse has angles, but the native gate of the device is 'cz'")
        elif angles and not self.device.rydberg.individual_phases and min(angles) != max(angles):
            low, high = min(angles), max(angles)
            self.report(6, f"angles from {low:g} to {high:g} in one pulse, but the device has no individual_phases")

    def _check_distances(self, declared: Pairs, near: list[tuple[Pairs, NDArray[np.float64]]]) -> None:
        """Compare the declared pairs with the bright atoms that are closer than the safe distance."""
        rydberg, size = self.device.rydberg, len(self.xy)
        close = np.concatenate([pairs for pairs, _ in near])
        distance = np.concatenate([apart for _, apart in near])
        within = distance <= rydberg.interaction_radius_um + _EPS_UM
        actual, wanted = (pairs[:, 0] * size + pairs[:, 1] for pairs in (close[within], declared))
        if not np.array_equal(np.sort(actual), np.sort(wanted)):
            self._report_pairs(actual, wanted)
        for k in np.flatnonzero(~within)[:3]:
            self.report(
                3,
                f"atoms {close[k, 0]} and {close[k, 1]} are {distance[k]:.2f} um apart, "
                f"less than safe_distance_um = {rydberg.safe_distance_um:g}",
            )

    def _report_pairs(self, actual: NDArray[np.int64], wanted: NDArray[np.int64]) -> None:
        """Report pairs that interact but are not declared, and the other way round; (a, b) is coded a * atoms + b."""
        size, radius = len(self.xy), self.device.rydberg.interaction_radius_um
        for code in np.setdiff1d(actual, wanted)[:3]:
            self.report(3, f"atoms {code // size} and {code % size} are within the interaction radius but not declared")
        for code in np.setdiff1d(wanted, actual)[:3]:
            a, b = divmod(int(code), size)
            apart = np.hypot(*(self.xy[a] - self.xy[b]))
            self.report(3, f"pair ({a}, {b}) is {apart:.2f} um apart, beyond interaction_radius_um = {radius:g}")

    def _data_neighbours(self) -> tuple[Pairs, NDArray[np.float64]]:
        """Pairs (data atom, ancilla atom) closer than the safe distance, and their distances.

        The safe distance is at most the lattice spacing, so only the corners of the cell around an ancilla count.
        """
        slm = self.device.slm
        reach = self.device.rydberg.safe_distance_um - _EPS_UM
        x, y = self.xy[self.n :].T
        corners = (slm.rows - 2, slm.cols - 2)
        row, col = (
            np.clip(np.floor(v / slm.spacing_um), 0, max(last, 0)).astype(np.int64)
            for v, last in zip((y, x), corners, strict=True)
        )
        pairs, distances = [_NO_PAIRS], [np.empty(0)]
        for down in range(min(2, slm.rows)):
            for right in range(min(2, slm.cols)):
                dy, dx = y - (row + down) * slm.spacing_um, x - (col + right) * slm.spacing_um
                apart, data = np.hypot(dx, dy), self.data_at[row + down, col + right] - 1
                near = np.flatnonzero((apart < reach) & (data >= 0))
                pairs.append(np.stack([data[near], self.n + near], axis=1))
                distances.append(apart[near])
        return np.concatenate(pairs), np.concatenate(distances)

    def _flying_neighbours(self, flying: NDArray[np.int64]) -> tuple[Pairs, NDArray[np.float64]]:
        """Pairs of these ancilla atoms closer than the safe distance, sorted, and their distances."""
        if len(flying) < 2:
            return _NO_PAIRS, np.empty(0)
        found = _close_pairs(self.xy[flying], self.device.rydberg.safe_distance_um - _EPS_UM)
        pairs = np.sort(flying[found], axis=1)
        return pairs, np.hypot(*(self.xy[pairs[:, 0]] - self.xy[pairs[:, 1]]).T)

    def _check_min_distance(self, beside: Pairs, apart: NDArray[np.float64]) -> None:
        least = self.device.rydberg.min_atom_distance_um
        for k in np.flatnonzero(apart < least - _EPS_UM)[:3]:
            self.report(
                3,
                f"ancilla atom {beside[k, 1]} is {apart[k]:.2f} um from data qubit {beside[k, 0]}, "
                f"less than min_atom_distance_um = {least:g}",
            )
        if not self.spaced and len(self.xy) > self.n + 1:
            close = _close_pairs(self.xy[self.n :], least - _EPS_UM)
            for a, b in self.n + np.sort(close, axis=1)[:3]:
                self.report(3, f"ancilla atoms {a} and {b} are closer than min_atom_distance_um = {least:g}")


def _close_pairs(points: NDArray[np.float64], reach_um: float) -> NDArray[np.int64]:
    """Index pairs of points at most `reach_um` apart."""
    from scipy.spatial import cKDTree  # a quarter of a second, and `import qpilot` does not need it

    pairs: NDArray[np.int64] = cKDTree(points).query_pairs(reach_um, output_type="ndarray")
    return pairs
