"""Options of a compilation, and the machine and region of its lattice that they choose."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from .arch.device import FIELD_OF_VIEW_UM, FPQA, near_square, wider_shapes
from .arch.errors import DeviceError, OptionError
from .routing.diagonal import can_park
from .routing.generic import POLICIES
from .routing.lines import Axis, site_offsets_um
from .routing.stage import Layout

Sites = Sequence[tuple[int, int]]

LINES_PER_SITE = 2
"""Lines that belong to each row and column of sites, where the AOD has as many; measured on 1 to 4."""


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """How to compile; see `compile` for the meaning of each.

    Raises:
        OptionError: A value is not known, or out of range.
    """

    router: str = "auto"
    strategy: str = "rounds"
    placement: str | Sites = "auto"
    shape: str | tuple[int, int] = "auto"
    objective: str = "balanced"
    effort: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice("router", self.router, ("auto", "generic"))
        _check_choice("strategy", self.strategy, ("rounds", "paper"))
        _check_choice("objective", self.objective, tuple(POLICIES))
        if isinstance(self.placement, str) or not isinstance(self.placement, Iterable):
            _check_choice("placement", self.placement, ("auto", "identity"))
        if isinstance(self.shape, str):
            _check_choice("shape", self.shape, ("auto",))
        else:
            _check_pair("shape", self.shape, 1)
        for name, least in (("effort", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise OptionError(f"{name} is {value!r}; it must be a whole number, at least {least}.")


def check_options(options: dict[str, Any]) -> None:
    """Check arguments of `compile` that are to be used later.

    Raises:
        OptionError: There is no such option, or it has no such value.
    """
    known = [option.name for option in fields(CompileOptions)]
    for name in options:
        if name not in (*known, "verify"):
            raise OptionError(f"There is no option {name!r}; choose {', '.join(known)} or verify.")
    CompileOptions(**{name: value for name, value in options.items() if name in known})


def choose_regions(n: int, device: FPQA | None, options: CompileOptions) -> list[tuple[Machine, tuple[int, int]]]:
    """Return the regions to try, in turn, with the machine of each; without a device, each lattice just fits."""
    first, rows, cols = choose_region(n, device, options)
    machine = Machine(first)
    regions = [(machine, (rows, cols))]
    given = not isinstance(options.shape, str) or not isinstance(options.placement, str)
    if options.effort == 1 or given or options.placement == "identity":
        return regions
    slm = first.slm
    most_cols, most_rows = slm.cols, slm.rows
    if device is None:
        most_cols, most_rows = (int(side / slm.spacing_um + 1e-9) + 1 for side in FIELD_OF_VIEW_UM)
    for shape in wider_shapes(n, most_rows, min(most_cols, machine.most_lines[1])):
        if device is None:
            machine = Machine(choose_region(n, None, replace(options, shape=shape))[0])
        regions.append((machine, shape))
    return regions


def choose_region(n: int, device: FPQA | None, options: CompileOptions) -> tuple[FPQA, int, int]:
    """Return the device and the rows and columns of its lattice, from the first on, that hold the qubits."""
    shape = None if isinstance(options.shape, str) else options.shape
    if device is None:
        device = FPQA.for_qubits(n)
        if shape is not None:
            slm = msgspec.structs.replace(device.slm, rows=shape[0], cols=shape[1])
            device = device.replace(slm=slm, name=f"fpqa-{shape[0]}x{shape[1]}")
    slm = device.slm
    if n > slm.num_sites:
        raise DeviceError(
            f"The circuit has {n} qubits, but the lattice of device {device.name!r} has {slm.rows} x {slm.cols} = "
            f"{slm.num_sites} sites; use a larger lattice, such as that of FPQA.for_qubits({n})."
        )
    if shape is None and not isinstance(options.placement, str):
        shape = slm.rows, slm.cols
    rows, cols = shape or near_square(n, slm.rows, slm.cols)
    if rows > slm.rows or cols > slm.cols:
        raise DeviceError(
            f"The shape {rows} x {cols} does not fit on the {slm.rows} x {slm.cols} lattice of device {device.name!r}."
        )
    if rows * cols < n:
        raise DeviceError(f"The shape {rows} x {cols} has {rows * cols} sites for {n} qubits; give a larger one.")
    if isinstance(options.placement, str):
        rows, cols = min(rows, max(n, 1)), min(cols, max(n, 1))  # more would stay empty
    return device, rows, cols


class Machine:
    """What routing needs to know of a device: the AOD with most lines, and where its lines may stand."""

    def __init__(self, device: FPQA) -> None:
        self.device = device
        self.number = max(range(len(device.aods)), key=lambda k: device.aods[k].max_rows * device.aods[k].max_cols)
        self.aod = device.aods[self.number]
        rydberg = device.rydberg
        self.spacing_um, self.safe_um = device.slm.spacing_um, rydberg.safe_distance_um
        # Crossings of one line are as far apart as the lines; lines closer than the last term bring nothing.
        self.gap_um = max(self.aod.min_spacing_um, rydberg.min_atom_distance_um, rydberg.interaction_radius_um / 20)
        wide = self.gap_um > self.spacing_um
        self.most_lines = (1, 1) if wide else (self.aod.max_rows, self.aod.max_cols)

    @cached_property
    def offsets_um(self) -> tuple[float, ...]:
        """Where lines may stand beside a site."""
        return site_offsets_um(self.device.rydberg, self.spacing_um, self.gap_um)

    @property
    def parking(self) -> bool:
        """Whether a line may stand between two sites."""
        return can_park(self.spacing_um, self.offsets_um[len(self.offsets_um) // 2], max(self.safe_um, self.gap_um))

    @cached_property
    def second(self) -> int | None:
        """The AOD with most lines of the others, if it can work beside the first with as many lines."""
        aods = self.device.aods
        others = [k for k in range(len(aods)) if k != self.number]
        fine = [k for k in others if max(aods[k].min_spacing_um, self.gap_um) == self.gap_um]
        if not fine or not self.parking or self.offsets_um[0] > 0:
            return None
        return max(fine, key=lambda k: aods[k].max_rows * aods[k].max_cols)

    def layout(self, sites: Sites, shape: tuple[int, int], per_site: int, *, both: bool = False) -> Layout:
        """Lay out the lines over the region of the lattice that the sites take, of one AOD or of both."""
        places = np.array(sites, dtype=np.int64).reshape(-1, 2)
        occupied = np.zeros(shape, dtype=bool)
        occupied[tuple(places.T)] = True
        most_rows, most_cols = self.most_lines
        stack = len(self.offsets_um)
        lanes: tuple[int | None, ...] = (None,)
        if both and self.second is not None:
            lanes = 0, 1
            second = self.device.aods[self.second]
            most_rows, most_cols, stack = min(most_rows, second.max_rows), min(most_cols, second.max_cols), stack // 2

        def axis(count: int, most: int, stack: int, lane: int | None = None) -> Axis:
            num_lines = _num_lines(count, most, stack, per_site)
            return Axis(count, num_lines, self.spacing_um, self.gap_um, self.safe_um, self.offsets_um, lane)

        rows, *more_rows = (axis(shape[0], most_rows, stack, lane) for lane in lanes)
        cols = axis(shape[1], most_cols, len(self.offsets_um))
        return Layout(rows, cols, places, occupied, self.spacing_um, self.safe_um, tuple(more_rows))


def _num_lines(num_sites: int, most: int, stack: int, per_site: int) -> int:
    """As many lines for every site as wanted and possible, or else as many as there are."""
    return min(num_sites * min(per_site, stack, max(1, most // num_sites)), most)


def _check_pair(name: str, value: object, least: int) -> tuple[int, int]:
    pair: list[Any] = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []
    whole = (isinstance(x, (int, np.integer)) and not isinstance(x, bool) and x >= least for x in pair)
    if len(pair) != 2 or not all(whole):
        raise OptionError(f"{name} is {value!r}; it must be a pair of whole numbers (rows, cols), at least {least}.")
    return int(pair[0]), int(pair[1])


def check_sites(sites: Sites, num_qubits: int, rows: int, cols: int) -> Sites:
    """Return the sites that a caller gives.

    Raises:
        OptionError: They are not distinct sites of the region, one for each qubit.
    """
    checked = [_check_pair(f"placement of qubit {q}", site, 0) for q, site in enumerate(sites)]
    if len(checked) != num_qubits:
        raise OptionError(f"placement has {len(checked)} sites for {num_qubits} qubits; it needs one for each.")
    for q, (row, col) in enumerate(checked):
        if row >= rows or col >= cols:
            raise OptionError(f"placement puts qubit {q} at {row, col}, off the {rows} x {cols} lattice.")
    if len(set(checked)) < num_qubits:
        raise OptionError("placement puts two qubits at one site.")
    return checked


def _check_choice(name: str, value: object, choices: Collection[str]) -> None:
    if value not in choices:
        close = difflib.get_close_matches(str(value), choices, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose {' or '.join(map(repr, choices))}."
        raise OptionError(f"{name} is {value!r}, which is not known; {hint}")
