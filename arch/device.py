"""The machine: a fixed lattice of optical traps, movable rows and columns, and the lasers that act on the atoms.

Lengths are in micrometres and times in microseconds; the unit is part of every name.

References:
    Geometry: Wang et al., "Q-Pilot", arXiv 2311.16190, and "Atomique", arXiv 2311.15123.
    Times and fidelities: Lin, Tan, Cong, arXiv 2405.15095 and arXiv 2411.11784.
    Square-root law of move times: Bluvstein et al., Nature 604, 451 (2022).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from .errors import DeviceError, plain
from .files import read_bytes, write_bytes

Native = Literal["cz", "cphase"]
"""What the Rydberg pulse does to a pair: a CZ, or a controlled phase by an angle of choice."""

FIELD_OF_VIEW_UM = (600.0, 600.0)
"""Width and height of the lattice of a device that nobody describes."""

ROW_SHARES = (0.3, 0.4, 0.5, 0.7)
"""Rows of wider shapes, as parts of those of the near-square one."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen record that refuses unknown keys when it is read from JSON."""

    def _require(
        self, name: str, *, at_least: float | None = None, above: float | None = None, at_most: float = math.inf
    ) -> None:
        value = getattr(self, name)
        where = f"{type(self).__name__}.{name}"
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise DeviceError(f"{where} must be a finite number, not {value!r}.")
        if at_least is not None and value < at_least:
            raise DeviceError(f"{where} is {value:g}; it must be at least {at_least:g}.")
        if above is not None and value <= above:
            raise DeviceError(f"{where} is {value:g}; it must be above {above:g}.")
        if value > at_most:
            raise DeviceError(f"{where} is {value:g}; it must be at most {at_most:g}.")

    def _require_int(self, name: str) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise DeviceError(f"{type(self).__name__}.{name} must be a whole number, not {value!r}.")


class Lattice(_Part, frozen=True, forbid_unknown_fields=True):
    """The fixed (SLM) traps: site (row, col) stands at x = col * spacing_um, y = row * spacing_um."""

    rows: int
    cols: int
    spacing_um: float = 15.0

    def __post_init__(self) -> None:
        for name in ("rows", "cols"):
            self._require_int(name)
            self._require(name, at_least=1, at_most=10_000)
        self._require("spacing_um", above=0)

    @property
    def num_sites(self) -> int:
        """Number of traps."""
        return self.rows * self.cols


class AOD(_Part, frozen=True, forbid_unknown_fields=True):
    """One pair of deflectors: rows and columns that move, keep their order and hold an atom at each crossing."""

    max_rows: int = 100
    max_cols: int = 100
    min_spacing_um: float = 1.0

    def __post_init__(self) -> None:
        for name in ("max_rows", "max_cols"):
            self._require_int(name)
            self._require(name, at_least=1, at_most=10_000)
        self._require("min_spacing_um", above=0)


class Rydberg(_Part, frozen=True, forbid_unknown_fields=True):
    """The global pulse: who interacts, who must stay apart, and how close atoms may come.

    With `individual_phases`, each pair of a pulse has an angle of its own, which may be zero; the native gate of the
    machine must be a controlled phase.
    """

    interaction_radius_um: float = 2.5
    safe_distance_um: float = 6.25
    min_atom_distance_um: float = 1.0
    individual_phases: bool = False

    def __post_init__(self) -> None:
        for name in ("interaction_radius_um", "safe_distance_um", "min_atom_distance_um"):
            self._require(name, above=0)
        if self.min_atom_distance_um >= self.interaction_radius_um:
            raise DeviceError(
                f"Rydberg.min_atom_distance_um is {self.min_atom_distance_um:g}, not below "
                f"interaction_radius_um = {self.interaction_radius_um:g}: no pair of atoms could interact."
            )
        if self.safe_distance_um <= self.interaction_radius_um:
            raise DeviceError(
                f"Rydberg.safe_distance_um is {self.safe_distance_um:g}; it must be above "
                f"interaction_radius_um = {self.interaction_radius_um:g}."
            )
        if not isinstance(self.individual_phases, bool):
            raise DeviceError(f"Rydberg.individual_phases must be True or False, not {self.individual_phases!r}.")


class Timing(_Part, frozen=True, forbid_unknown_fields=True):
    """Durations of the operations.

    A move over a distance d takes sqrt(d / acceleration), or `move_us` whatever the distance where that is given. The
    published estimates leave out the time to measure atoms and to reset them, and so do the defaults; an image of some
    of the atoms took 500 us in 2023 (Bluvstein et al., Nature 626, 58).
    """

    rydberg_us: float = 0.36
    raman_us: float = 0.625
    transfer_us: float = 15.0
    acceleration_um_per_us2: float = 0.00275
    move_us: float | None = None
    measure_us: float = 0.0
    reset_us: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rydberg_us", "raman_us", "transfer_us", "measure_us", "reset_us"):
            self._require(name, at_least=0)
        self._require("acceleration_um_per_us2", above=0)
        if self.move_us is not None:
            self._require("move_us", at_least=0)

    def move_duration_us(self, distance_um: float) -> float:
        """Time to move lines by at most `distance_um`; zero for no displacement."""
        if distance_um <= 0:
            return 0.0
        if self.move_us is not None:
            return self.move_us
        return math.sqrt(distance_um / self.acceleration_um_per_us2)


class Fidelity(_Part, frozen=True, forbid_unknown_fields=True):
    """Success probability of each operation (`cz` also of a controlled phase), and the coherence time of an atom.

    `measure` and `reset` are those of one atom; the published estimates leave them out, and so do the defaults.
    """

    cz: float = 0.995
    raman: float = 0.9997
    idle_rydberg: float = 0.9975
    transfer: float = 0.999
    t2_us: float = 1.5e6
    measure: float = 1.0
    reset: float = 1.0

    def __post_init__(self) -> None:
        for name in ("cz", "raman", "idle_rydberg", "transfer", "measure", "reset"):
            self._require(name, above=0, at_most=1)
        self._require("t2_us", above=0)


class FPQA(_Part, frozen=True, forbid_unknown_fields=True):
    """A field programmable qubit array: fixed traps for data qubits, movable traps for flying ancillas.

    Only `slm` must be given. `native` is the gate of a Rydberg pulse: a controlled phase by any angle but pi takes two
    pulses with "cz", one with "cphase".

    Raises:
        DeviceError: A value is not known, or the geometry is impossible, as with sites closer than the safe distance.
    """

    slm: Lattice
    aods: tuple[AOD, ...] = (AOD(),)
    rydberg: Rydberg = Rydberg()
    timing: Timing = Timing()
    fidelity: Fidelity = Fidelity()
    name: str = "fpqa"
    native: Native = "cz"

    def __post_init__(self) -> None:
        for field, kind in (("slm", Lattice), ("rydberg", Rydberg), ("timing", Timing), ("fidelity", Fidelity)):
            if not isinstance(getattr(self, field), kind):
                raise DeviceError(f"FPQA.{field} must be a {kind.__name__}, not {getattr(self, field)!r}.")
        aods: Any = self.aods
        if not isinstance(aods, tuple) or not all(isinstance(aod, AOD) for aod in aods):
            raise DeviceError(f"FPQA.aods must be a tuple of AOD, not {aods!r}.")
        if not self.aods:
            raise DeviceError("FPQA.aods must hold at least one AOD: without it no ancilla can fly.")
        if self.native not in get_args(Native):
            raise DeviceError(f"FPQA.native is {self.native!r}; it must be 'cz' or 'cphase'.")
        if self.rydberg.individual_phases and self.native == "cz":
            raise DeviceError(
                "Rydberg.individual_phases is true, but FPQA.native is 'cz'; phases take native 'cphase'."
            )
        spacing, safe = self.slm.spacing_um, self.rydberg.safe_distance_um
        if self.slm.num_sites > 1 and spacing < safe:
            raise DeviceError(
                f"Lattice.spacing_um is {spacing:g}, below Rydberg.safe_distance_um = {safe:g}: "
                "neighbouring data qubits would disturb each other at every pulse."
            )

    @classmethod
    def for_qubits(
        cls, num_qubits: int, field_of_view_um: tuple[float, float] = FIELD_OF_VIEW_UM, *, spacing_um: float = 15.0
    ) -> FPQA:
        """Return a device with the smallest near-square lattice that holds `num_qubits`.

        Args:
            num_qubits: Number of data qubits.
            field_of_view_um: Largest width (x) and height (y) of the lattice.
            spacing_um: Distance between neighbouring sites.

        Raises:
            DeviceError: The qubits do not fit in the field of view.
        """
        if not spacing_um > 0 or not min(field_of_view_um) >= 0:
            raise DeviceError(
                f"FPQA.for_qubits needs spacing_um above 0 and a field_of_view_um of at least 0, "
                f"not {spacing_um:g} and {field_of_view_um}."
            )
        n = max(num_qubits, 1)
        max_cols, max_rows = (int(extent / spacing_um + 1e-9) + 1 for extent in field_of_view_um)
        rows, cols = near_square(n, max_rows, max_cols)
        if cols > max_cols:
            raise DeviceError(
                f"{num_qubits} qubits need more than the {max_rows} x {max_cols} sites that fit in "
                f"{field_of_view_um[0]:g} x {field_of_view_um[1]:g} um at {spacing_um:g} um spacing; "
                "give a larger field_of_view_um to FPQA.for_qubits and pass that device."
            )
        return cls(slm=Lattice(rows, cols, spacing_um), name=f"fpqa-{rows}x{cols}")

    @classmethod
    def load(cls, path: str | Path) -> FPQA:
        """Read a device from a JSON file.

        Raises:
            DeviceError: No such file, not JSON, an unknown key, a wrong type, or impossible geometry.
        """
        return device_from_json(read_bytes(path, DeviceError), str(path))

    def save(self, path: str | Path) -> None:
        """Write the device to a JSON file; the file appears whole or not at all."""
        write_bytes(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n", DeviceError)

    def replace(self, **changes: Any) -> FPQA:
        """Return a copy with some fields changed."""
        return msgspec.structs.replace(self, **changes)


def device_from_json(data: bytes, source: str = "The text") -> FPQA:
    """Read a device from what `FPQA.save` writes.

    Args:
        data: JSON text.
        source: What to call the text in an error.

    Raises:
        DeviceError: Not JSON, an unknown key, a wrong type, or impossible geometry.
    """
    try:
        return msgspec.json.decode(data, type=FPQA)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DeviceError(f"{source} is not a valid device: {plain(error)}.") from None
    except DeviceError as error:
        raise DeviceError(f"{source} is not a valid device: {error}") from None


def near_square(num_qubits: int, max_rows: int, max_cols: int) -> tuple[int, int]:
    """Return (rows, cols) of the smallest near-square region for the qubits; too many columns mean that none fits."""
    cols = min(max(1, math.ceil(math.sqrt(num_qubits))), max_cols)
    rows = math.ceil(num_qubits / cols)
    if rows > max_rows:
        rows, cols = max_rows, math.ceil(num_qubits / max_rows)
    return rows, cols


def wider_shapes(num_qubits: int, max_rows: int, max_cols: int) -> list[tuple[int, int]]:
    """Return regions (rows, cols) for the qubits with fewer rows than the near-square one, the widest first."""
    rows, cols = near_square(num_qubits, max_rows, max_cols)
    fewer = sorted({math.ceil(share * rows) for share in ROW_SHARES})
    found = ((count, math.ceil(num_qubits / count)) for count in fewer)
    return [shape for shape in found if cols < shape[1] <= max_cols]


def preset(name: str, rows: int = 10, cols: int = 10) -> FPQA:
    """Return a device with published constants.

    Args:
        name: One of `PRESETS`.
        rows: Rows of the lattice.
        cols: Columns of the lattice.

    Raises:
        DeviceError: No preset has this name.
    """
    if name not in PRESETS:
        raise DeviceError(f"There is no device preset {name!r}; choose one of {', '.join(sorted(PRESETS))}.")
    timing, fidelity = PRESETS[name]
    return FPQA(slm=Lattice(rows, cols), timing=timing, fidelity=fidelity, name=f"{name}-{rows}x{cols}")


PRESETS: dict[str, tuple[Timing, Fidelity]] = {
    # Lin, Tan, Cong, arXiv 2405.15095 and 2411.11784.
    "enola": (Timing(), Fidelity()),
    # Wang et al., arXiv 2311.15123: 300 us a move, T1 = 15 s, idle atoms not charged.
    "atomique": (
        Timing(rydberg_us=0.38, raman_us=0.625, move_us=300.0),
        Fidelity(cz=0.9975, raman=0.99992, idle_rydberg=1.0, transfer=1.0, t2_us=15e6),
    ),
}
"""Published constants by preset name: (`Timing`, `Fidelity`)."""
