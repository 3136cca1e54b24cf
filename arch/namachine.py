"""Devices as machine files of the Munich Quantum Toolkit (.namachine), and back; and the syntax of such files.

Such a file describes traps, zones in which atoms do a CZ, one greatest speed, times and one distance. An `FPQA` is a
machine whose traps form one lattice, all of it in the only zone. What both can say:

* the lattice, except for its place and, with a single trap, its spacing;
* the interaction radius; the other two distances keep their ratio to it, which is that of the defaults;
* the times of a CZ, a transfer (`load` and `store`) and a one-qubit gate, which is an RZ, an RY and an RZ;
* how fast atoms move: a move by one lattice spacing takes as long there, at constant jerk and the greatest speed, as it
  does here. Other moves differ.

The file names no AODs, fidelities or measurements: these are lost on the way there and take their defaults on the way
back.

References:
    https://mqt.readthedocs.io/projects/naviz
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from .device import FPQA, Lattice, Rydberg, Timing
from .errors import DeviceError

Settings: TypeAlias = Mapping[str, Any]
"""Texts, numbers and further settings, by name."""

ZONE = "zone_cz"

TOP_OVER_AVERAGE = 1.5
"""Greatest over average speed of a move at constant jerk."""

_NUMBER = r"[-+]?\d+(?:\.\d*)?"
_STATEMENT = re.compile(
    rf"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    | (?P<close>}})
    | (?P<open>[^\W\d]\w*(?:\s+[^\W\d]\w*)?)\s*{{
    | (?P<key>[^\W\d]\w*)\s*:\s*(?: "(?P<text>[^"\n]*)" | (?P<number>{_NUMBER})
      | \(\s*(?P<x>{_NUMBER})\s*,\s*(?P<y>{_NUMBER})\s*\) | (?P<word>\w+) )""",
    re.VERBOSE | re.DOTALL,
)
_TOLERANCE_UM = 1e-6


def device_to_namachine(device: FPQA) -> str:
    """Return a device as the text of a .namachine file.

    The zone reaches one lattice spacing beyond the traps, since ancillas fly around them.

    Raises:
        DeviceError: Moves take no time: a .namachine file has a greatest speed.
    """
    slm, timing = device.slm, device.timing
    if timing.move_us == 0:
        raise DeviceError(
            f"{device.name} has a Timing.move_us of 0; a .namachine file needs a greatest speed of moves."
        )
    far_um = slm.spacing_um * np.array([slm.cols, slm.rows])
    settings = machine_settings(
        device,
        max_speed=TOP_OVER_AVERAGE * slm.spacing_um / timing.move_duration_us(slm.spacing_um),
        transfer_us=timing.transfer_us,
        zone_um=(np.full(2, -slm.spacing_um), far_um),
    )
    return "".join(f"{line}\n" for line in lines_of(settings))


def machine_settings(
    device: FPQA, *, max_speed: float, transfer_us: float, zone_um: tuple[np.ndarray, np.ndarray]
) -> Settings:
    """Return the settings of a .namachine file.

    Args:
        device: The machine.
        max_speed: Greatest speed of an atom, in um/us.
        transfer_us: Time to load or store an atom.
        zone_um: (x, y) of two corners of the zone in which atoms do a CZ.
    """
    slm, timing = device.slm, device.timing
    traps: dict[str, Settings] = {
        f"trap trap{row * slm.cols + col}": {"position": point(slm.spacing_um * np.array([col, row]))}
        for row in range(slm.rows)
        for col in range(slm.cols)
    }
    return {
        "name": quoted(device.name),
        "movement": {"max_speed": number(max_speed)},
        "time": {
            "load": number(transfer_us),
            "store": number(transfer_us),
            "ry": number(timing.raman_us / 3),
            "rz": number(timing.raman_us / 3),
            "cz": number(timing.rydberg_us),
            "unit": quoted("us"),
        },
        "distance": {"interaction": number(device.rydberg.interaction_radius_um), "unit": quoted("um")},
        f"zone {ZONE}": {"from": point(zone_um[0]), "to": point(zone_um[1])},
        **traps,
    }


def lines_of(settings: Settings, indent: str = "") -> Iterator[str]:
    """Yield the lines of a block of settings, and of those within it."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key} {{"
            yield from lines_of(value, indent + "\t")
            yield f"{indent}}}"
        else:
            yield f"{indent}{key}: {value}"


def number(value: float) -> str:
    """Write a decimal; NAViz reads no exponents."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def point(xy_um: np.ndarray) -> str:
    """Write a place."""
    return f"({number(xy_um[0])}, {number(xy_um[1])})"


def quoted(text: str) -> str:
    """Quote a string; NAViz knows no escapes, so quotes and line breaks cannot be part of it."""
    return '"' + re.sub(r'["\\\x00-\x1f\x7f]', " ", text) + '"'


def device_from_namachine(text: str, source: str = "The text") -> FPQA:
    """Read a device from the text of a .namachine file; its first trap becomes the origin.

    Args:
        text: Content of the file.
        source: What to call the text in an error.

    Raises:
        DeviceError: The text is not such a machine, or the machine is no FPQA: its atoms do not move, its traps form no
            square lattice, not all of them are in a zone, or there are several zones.
    """
    settings = _read_settings(text, source)
    movement, times, distance = (_block(settings, key, source) for key in ("movement", "time", "distance"))
    for block, name, unit in ((times, "time", "us"), (distance, "distance", "um")):
        if block.get("unit") != unit:
            raise DeviceError(f"{source}: {name}.unit is {block.get('unit')!r}; only {unit!r} is read.")
    traps_um = _points(settings, "trap", "position", source)
    _check_zone(settings, traps_um, source)
    lattice = _lattice(traps_um, source)
    speed = _number(movement, "movement.max_speed", source)
    if speed <= 0:
        raise DeviceError(f"{source} is no FPQA: with a movement.max_speed of {speed:g} no ancilla can fly.")
    load_us, store_us, cz_us, ry_us, rz_us = (
        _number(times, f"time.{key}", source) for key in ("load", "store", "cz", "ry", "rz")
    )
    radius_um = _number(distance, "distance.interaction", source)
    default = Rydberg()
    scale = radius_um / default.interaction_radius_um
    try:
        return FPQA(
            slm=lattice,
            rydberg=Rydberg(radius_um, scale * default.safe_distance_um, scale * default.min_atom_distance_um),
            timing=Timing(
                rydberg_us=cz_us,
                raman_us=ry_us + 2 * rz_us,
                transfer_us=max(load_us, store_us),
                acceleration_um_per_us2=(speed / TOP_OVER_AVERAGE) ** 2 / lattice.spacing_um,
            ),
            name=str(settings.get("name", "namachine")),
        )
    except DeviceError as error:
        raise DeviceError(f"{source} is no FPQA: {error}") from None


def _lattice(traps_um: np.ndarray, source: str) -> Lattice:
    """Return the lattice that the traps form, whatever their order.

    Args:
        traps_um: (traps, 2) places.
        source: What to call the text in an error.
    """
    if not len(traps_um):
        raise DeviceError(f"{source} is no FPQA: it has no traps.")
    steps_um = traps_um - traps_um.min(axis=0)
    gaps_um = np.concatenate([np.diff(np.unique(axis)) for axis in steps_um.T])
    gaps_um = gaps_um[gaps_um > _TOLERANCE_UM]
    if not len(gaps_um) and len(traps_um) == 1:
        return Lattice(1, 1)
    places = np.rint(steps_um / gaps_um.min(initial=np.inf))
    cols, rows = (int(count) + 1 for count in places.max(axis=0))
    spacing_um = float(steps_um.max()) / max(cols - 1, rows - 1, 1)
    full = len(np.unique(places, axis=0)) == len(places) == rows * cols
    if not full or np.abs(steps_um - spacing_um * places).max() > _TOLERANCE_UM:
        raise DeviceError(f"{source} is no FPQA: its {len(traps_um)} traps do not form one full square lattice.")
    return Lattice(rows, cols, spacing_um)


def _check_zone(settings: Settings, traps_um: np.ndarray, source: str) -> None:
    """Check that all (traps, 2) traps are in the only zone: the others would be storage."""
    low_um, high_um = (_points(settings, "zone", key, source) for key in ("from", "to"))
    if len(low_um) != 1:
        raise DeviceError(f"{source} is no FPQA: it has {len(low_um)} zones, not one in which all atoms interact.")
    low_um, high_um = np.minimum(low_um, high_um), np.maximum(low_um, high_um)
    outside = int(((traps_um < low_um - _TOLERANCE_UM) | (traps_um > high_um + _TOLERANCE_UM)).any(axis=1).sum())
    if outside:
        raise DeviceError(f"{source} is no FPQA: {outside} of its traps are storage, out of the zone of the CZ gates.")


def _block(settings: Settings, key: str, source: str) -> Settings:
    block = settings.get(key)
    if not isinstance(block, Mapping):
        raise DeviceError(f"{source} is not a machine of MQT: it has no {key} {{ ... }}.")
    return block


def _number(block: Settings, path: str, source: str) -> float:
    value = block.get(path.rpartition(".")[2])
    if not isinstance(value, float):
        raise DeviceError(f"{source} is not a machine of MQT: {path} is not a number.")
    return value


def _points(settings: Settings, kind: str, key: str, source: str) -> np.ndarray:
    """Return (blocks, 2) the places that the blocks of a kind give as a key."""
    blocks = [(name, block) for name, block in settings.items() if name.startswith(f"{kind} ")]
    wrong = next((name for name, block in blocks if not isinstance(block.get(key), tuple)), None)
    if wrong is not None:
        raise DeviceError(f"{source} is not a machine of MQT: {wrong} has no {key}: (x, y).")
    return np.array([block[key] for _, block in blocks]).reshape(-1, 2)


def _read_settings(text: str, source: str) -> Settings:
    """Return the settings of a file; blocks with a name of their own have keys such as "trap trap0"."""
    blocks: list[dict[str, Any]] = [{}]
    at = 0
    while at < len(text):
        found = _STATEMENT.match(text, at)
        key = " ".join((found["open"] or found["key"] or "").split()) if found else ""
        if found is None or key in blocks[-1] or (found["close"] and len(blocks) == 1):
            reason = f"gives {key} a second time" if key else "makes no sense"
            line = text.count("\n", 0, at) + 1
            raise DeviceError(f"{source} is not a machine of MQT: line {line} {reason}.")
        at = found.end()
        if found["close"]:
            blocks.pop()
        elif found["open"]:
            blocks[-1][key] = {}
            blocks.append(blocks[-1][key])
        elif key:
            blocks[-1][key] = _value(found)
    if len(blocks) > 1:
        raise DeviceError(f"{source} is not a machine of MQT: a block is not closed.")
    return blocks[0]


def _value(found: re.Match[str]) -> str | float | tuple[float, float]:
    if found["number"]:
        return float(found["number"])
    if found["x"]:
        return float(found["x"]), float(found["y"])
    return found["text"] if found["word"] is None else found["word"]
