"""Devices as architecture files of ZAC, the compiler for zoned machines, and back.

Such a file describes zones of trap arrays, AODs, times and fidelities, in micrometres and microseconds. An `FPQA` is a
machine without storage, whose only entanglement zone holds one array. What ZAC cannot say is lost on the way there and
takes its default on the way back: the distances of `Rydberg`, `native`, the times of moves, what concerns measurements
and resets, and `idle_rydberg`, which ZAC takes to be half the error of a CZ.

References:
    Lin, Tan, Cong, arXiv 2411.11784, section on the architecture specification; hardware_spec/README.md of
    UCLA-VAST/ZAC.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .device import AOD, FPQA, Fidelity, Lattice, Timing
from .errors import DeviceError, plain


class _Array(msgspec.Struct, frozen=True):
    """A trap array; the published files misspell "separation", MQT does not."""

    r: int
    c: int
    site_seperation: tuple[float, float] | None = None
    site_separation: tuple[float, float] | None = None


class _Zone(msgspec.Struct, frozen=True):
    slms: tuple[_Array, ...]


class _Aod(msgspec.Struct, frozen=True):
    r: int
    c: int
    site_seperation: float | None = None
    site_separation: float | None = None


class _Durations(msgspec.Struct, frozen=True):
    rydberg: float = Timing().rydberg_us
    raman: float = msgspec.field(default=Timing().raman_us, name="1qGate")
    atom_transfer: float = Timing().transfer_us


class _Fidelities(msgspec.Struct, frozen=True):
    two_qubit_gate: float = Fidelity().cz
    single_qubit_gate: float = Fidelity().raman
    atom_transfer: float = Fidelity().transfer


class _Qubits(msgspec.Struct, frozen=True):
    t2_us: float = msgspec.field(default=Fidelity().t2_us, name="T")


class _Architecture(msgspec.Struct, frozen=True):
    entanglement_zones: tuple[_Zone, ...]
    aods: tuple[_Aod, ...]
    name: str = "zac"
    storage_zones: tuple[_Zone, ...] = ()
    operation_duration: _Durations = _Durations()
    operation_fidelity: _Fidelities = _Fidelities()
    qubit_spec: _Qubits = _Qubits()


def device_to_zac(device: FPQA) -> bytes:
    """Return a device as an architecture of ZAC: JSON text.

    The entanglement zone reaches one lattice spacing beyond the sites, since ancillas fly around them.
    """
    slm, timing, fidelity = device.slm, device.timing, device.fidelity
    width_um, height_um = slm.spacing_um * (slm.cols - 1), slm.spacing_um * (slm.rows - 1)
    around_um = [[-slm.spacing_um] * 2, [width_um + slm.spacing_um, height_um + slm.spacing_um]]
    architecture: dict[str, Any] = {
        "name": device.name,
        "operation_duration": {
            "rydberg": timing.rydberg_us,
            "1qGate": timing.raman_us,
            "atom_transfer": timing.transfer_us,
        },
        "operation_fidelity": {
            "two_qubit_gate": fidelity.cz,
            "single_qubit_gate": fidelity.raman,
            "atom_transfer": fidelity.transfer,
        },
        "qubit_spec": {"T": fidelity.t2_us},
        "storage_zones": [],
        "entanglement_zones": [
            {
                "zone_id": 0,
                "slms": [
                    {
                        "id": 0,
                        "site_seperation": [slm.spacing_um] * 2,
                        "r": slm.rows,
                        "c": slm.cols,
                        "location": [0, 0],
                    }
                ],
                "offset": [0, 0],
                "dimension": [width_um, height_um],
            }
        ],
        "aods": [
            {"id": k, "site_seperation": aod.min_spacing_um, "r": aod.max_rows, "c": aod.max_cols}
            for k, aod in enumerate(device.aods)
        ],
        "arch_range": around_um,
        "rydberg_range": [around_um],
    }
    return msgspec.json.format(msgspec.json.encode(architecture), indent=2) + b"\n"


def device_from_zac(data: bytes, source: str = "The text") -> FPQA:
    """Read a device from an architecture of ZAC; its first site becomes the origin.

    Args:
        data: JSON text.
        source: What to call the text in an error.

    Raises:
        DeviceError: The text is not such an architecture, or the machine is no FPQA: it has storage, several
            entanglement zones or arrays, sites that are not equally far apart in x and y, or no AOD.
    """
    try:
        machine = msgspec.json.decode(data, type=_Architecture)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DeviceError(f"{source} is not an architecture of ZAC: {plain(error)}.") from None
    array = _only_array(machine, source)
    times, fidelities = machine.operation_duration, machine.operation_fidelity
    try:
        return FPQA(
            slm=Lattice(array.r, array.c, _spacing_um(array, source)),
            aods=tuple(_aod(aod) for aod in machine.aods),
            timing=Timing(times.rydberg, times.raman, times.atom_transfer),
            fidelity=Fidelity(
                cz=fidelities.two_qubit_gate,
                raman=fidelities.single_qubit_gate,
                idle_rydberg=(1 + fidelities.two_qubit_gate) / 2,
                transfer=fidelities.atom_transfer,
                t2_us=machine.qubit_spec.t2_us,
            ),
            name=machine.name,
        )
    except DeviceError as error:
        raise DeviceError(f"{source} is no FPQA: {error}") from None


def _only_array(machine: _Architecture, source: str) -> _Array:
    """Return the only trap array, or say why the machine is of another kind."""
    arrays = [array for zone in machine.entanglement_zones for array in zone.slms]
    if any(zone.slms for zone in machine.storage_zones):
        reason = "it has a storage zone, out of reach of the Rydberg laser"
    elif len(machine.entanglement_zones) != 1:
        reason = f"it has {len(machine.entanglement_zones)} entanglement zones, not one"
    elif len(arrays) != 1:
        reason = f"its entanglement zone has {len(arrays)} trap arrays, not one: partners of data atoms fly"
    elif not machine.aods:
        reason = "it has no AOD, so no ancilla can fly"
    else:
        return arrays[0]
    raise DeviceError(f"{source} is no FPQA: {reason}.")


def _spacing_um(array: _Array, source: str) -> float:
    separation_um = array.site_separation if array.site_seperation is None else array.site_seperation
    if separation_um is None:
        raise DeviceError(f"{source} is not an architecture of ZAC: its trap array has no site_seperation.")
    x_um, y_um = separation_um
    if x_um != y_um and array.r > 1 and array.c > 1:
        raise DeviceError(
            f"{source} is no FPQA: its sites are {x_um:g} um apart in x and {y_um:g} um in y, not equally far."
        )
    return x_um if array.c > 1 else y_um


def _aod(aod: _Aod) -> AOD:
    spacing_um = aod.site_separation if aod.site_seperation is None else aod.site_seperation
    return AOD(aod.r, aod.c) if spacing_um is None else AOD(aod.r, aod.c, spacing_um)
