"""Devices as files of ZAC and of MQT: what both can say survives, and what is no FPQA is refused with the reason."""

import json
import re

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpilot.arch import AOD, FPQA, Fidelity, Lattice, Rydberg, Timing, preset
from qpilot.arch.errors import DeviceError
from qpilot.arch.namachine import device_from_namachine, device_to_namachine
from qpilot.arch.zac import device_from_zac, device_to_zac

SIZES = st.integers(1, 6)
TIMES = st.floats(0.01, 1e3)
SHARES = st.floats(0.01, 1)


@st.composite
def devices(draw):
    """Devices of all sizes and constants."""
    spacing_um = draw(st.floats(6.25, 100))
    radius_um = draw(st.floats(1.5, 2.5))
    return FPQA(
        slm=Lattice(draw(SIZES), draw(SIZES), spacing_um),
        aods=tuple(draw(st.lists(st.builds(AOD, SIZES, SIZES, st.floats(0.1, 5)), min_size=1, max_size=3))),
        rydberg=Rydberg(radius_um, draw(st.floats(2.6, 6)), draw(st.floats(0.1, 1.4))),
        timing=Timing(draw(TIMES), draw(TIMES), draw(TIMES), draw(st.floats(1e-3, 1)), draw(st.none() | TIMES)),
        fidelity=Fidelity(draw(SHARES), draw(SHARES), draw(SHARES), draw(SHARES), draw(st.floats(1, 1e9))),
        name=draw(st.text(st.characters(codec="ascii", exclude_characters='"\\', categories=("L", "N", "P")))),
    )


def only(device, **parts):
    """Return a device with some of its parts, or some fields of them, and the rest by default."""
    default = FPQA(slm=device.slm)
    kept = {}
    for part, fields in parts.items():
        own = getattr(device, part)
        kept[part] = own if fields is all else msgspec.structs.replace(
            getattr(default, part), **{field: getattr(own, field) for field in fields}
        )  # fmt: skip
    return default.replace(**kept)


@given(devices())
@settings(max_examples=60)
def test_zac_keeps_lattice_aods_times_and_fidelities(device):
    found = device_from_zac(device_to_zac(device))
    wanted = only(
        device,
        name=all,
        aods=all,
        timing=("rydberg_us", "raman_us", "transfer_us"),
        fidelity=("cz", "raman", "transfer", "t2_us"),
    )
    idle = (1 + device.fidelity.cz) / 2
    assert found == wanted.replace(fidelity=msgspec.structs.replace(wanted.fidelity, idle_rydberg=idle))
    assert device_from_zac(device_to_zac(found)) == found


@given(devices())
@settings(max_examples=60)
def test_namachine_keeps_lattice_times_radius_and_the_speed(device):
    found = device_from_namachine(device_to_namachine(device))
    slm, timing, radius_um = device.slm, device.timing, device.rydberg.interaction_radius_um
    assert (found.slm.rows, found.slm.cols, found.name) == (slm.rows, slm.cols, device.name)
    if slm.num_sites > 1:
        assert found.slm.spacing_um == pytest.approx(slm.spacing_um, abs=1e-8)
        step_us = found.timing.move_duration_us(slm.spacing_um)
        assert step_us == pytest.approx(timing.move_duration_us(slm.spacing_um), rel=1e-5)
    for key in ("rydberg_us", "raman_us", "transfer_us"):
        assert getattr(found.timing, key) == pytest.approx(getattr(timing, key), abs=1e-8)
    assert found.rydberg.interaction_radius_um == pytest.approx(radius_um, abs=1e-8)
    assert (found.aods, found.fidelity) == ((AOD(),), Fidelity())


@pytest.mark.parametrize("name", ["enola", "atomique"])
def test_presets_of_zac_survive_the_constants_that_it_has(name):
    device = preset(name, 3, 4)
    found = device_from_zac(device_to_zac(device))
    assert (found.slm, found.aods, found.name) == (device.slm, device.aods, device.name)
    assert found.fidelity.cz == device.fidelity.cz
    if name == "enola":
        assert found == device


def test_naviz_and_mqt_have_the_same_syntax(tmp_path):
    """The text is accepted by NAViz, and the text that QMAP writes is read: its zoned machine is refused as such."""
    zoned = pytest.importorskip("mqt.qmap.na.zoned")
    from qpilot.benchmarks.qmap import architecture
    from tests.strategies import flying_cz
    from tests.visualize.test_naviz import read, refusal, to_naviz

    texts = read(to_naviz(flying_cz(), tmp_path / "p.naviz"))
    texts[1] = device_to_namachine(flying_cz().device)
    assert refusal(texts, tmp_path) is None
    text = zoned.ZonedNeutralAtomArchitecture.from_json_string(json.dumps(architecture(4))).to_namachine_string()
    with pytest.raises(DeviceError, match="is no FPQA: 2000 of its traps are storage"):
        device_from_namachine(text)
    no_storage = re.sub(r"trap trap0_.*?\}\n", "", text, flags=re.DOTALL)
    with pytest.raises(DeviceError, match="is no FPQA: its 280 traps do not form one full square lattice"):
        device_from_namachine(no_storage)


NAMACHINE = """
// a machine
name: "three"
movement { max_speed: 0.3 }
time { load: 10 store: 20 ry: 0.3 rz: 0.1
       cz: 0.2 unit: "us" }
distance { interaction: 2 unit: "um" }
zone here { from: (100, 30) to: (-5, -5) }
trap a { position: (10.5, 20) }
trap b { position: (+40.5, 20) } /* traps
come in any order */
trap c { position: (25.5, 20.0) }
"""


def test_a_namachine_by_hand_is_read():
    found = device_from_namachine(NAMACHINE)
    assert found.slm == Lattice(1, 3, 15.0)
    assert found.name == "three"
    assert msgspec.structs.astuple(found.timing)[:4] == pytest.approx((0.2, 0.5, 20.0, 0.2**2 / 15))
    assert found.rydberg == Rydberg(2.0, 5.0, 0.8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name:", "name", "line 3 makes no sense"),
        ("/* traps", "}", "line 10 makes no sense"),
        ("trap b", "trap a", "line 10 gives trap a a second time"),
        ("(25.5, 20.0) }", "(25.5, 20.0)", "a block is not closed"),
        ("movement", "motion", "it has no movement"),
        ("max_speed: 0.3", "max_speed: fast", "movement.max_speed is not a number"),
        ("max_speed: 0.3", "max_speed: 0", "no ancilla can fly"),
        ('"us"', '"ms"', "time.unit is 'ms'; only 'us' is read"),
        ('"um"', '"nm"', "distance.unit is 'nm'"),
        ("rz: 0.1", "", "time.rz is not a number"),
        ("rz: 0.1", "rz: -1", "Timing.raman_us is -1.7"),
        ("interaction: 2", "interaction: 0", "Rydberg.interaction_radius_um is 0"),
        ("interaction: 2", "interaction: 10", "below Rydberg.safe_distance_um = 25"),
        ("position: (10.5, 20)", "place: (10.5, 20)", "trap a has no position"),
        ("(10.5, 20)", "(12, 20)", "3 traps do not form one full square lattice"),
        ("(10.5, 20)", "(10.5, 27)", "3 traps do not form one full square lattice"),
        ("(10.5, 20)", "(25.5, 20)", "3 traps do not form one full square lattice"),
        ("(100, 30)", "(30, 30)", "1 of its traps are storage"),
        ("zone here", "region here", "it has 0 zones"),
        ("trap a", "zone there { from: (0, 0) to: (1, 1) } trap a", "it has 2 zones"),
    ],
)
def test_namachines_that_cannot_be_used_are_refused(old, new, message):
    assert old in NAMACHINE
    with pytest.raises(DeviceError, match=re.escape(message)) as error:
        device_from_namachine(NAMACHINE.replace(old, new), "m.namachine")
    assert str(error.value).startswith("m.namachine")


def test_a_namachine_without_traps_or_of_instant_moves_is_refused():
    with pytest.raises(DeviceError, match="it has no traps"):
        device_from_namachine(NAMACHINE[: NAMACHINE.index("trap a")])
    with pytest.raises(DeviceError, match="move_us of 0"):
        device_to_namachine(FPQA(slm=Lattice(1, 1), timing=Timing(move_us=0)))
    assert device_from_namachine(device_to_namachine(FPQA(slm=Lattice(1, 1, 8.0)))).slm == Lattice(1, 1)


def zac(**changes):
    """Return the JSON of an architecture as ZAC publishes them, of one zone, with changes of its parts."""
    array = {"id": 0, "site_seperation": [10, 10], "r": 2, "c": 3, "location": [35, 307]}
    machine = {
        "name": "monolithic",
        "operation_duration": {"rydberg": 0.36, "1qGate": 52, "atom_transfer": 15},
        "operation_fidelity": {"two_qubit_gate": 0.99, "single_qubit_gate": 0.9997, "atom_transfer": 0.999},
        "qubit_spec": {"T": 1.5e6},
        "entanglement_zones": [{"zone_id": 0, "slms": [array], "offset": [35, 307], "dimension": [20, 10]}],
        "aods": [{"id": 0, "site_seperation": 2, "r": 100, "c": 50}],
        "arch_range": [[0, 0], [297, 402]],
        "rydberg_range": [[[5, 312], [292, 402]]],
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = machine
        for key in parents:
            inner = inner[int(key) if key.isdigit() else key]
        inner[last] = value
    return json.dumps({key: value for key, value in machine.items() if value is not None}).encode()


def test_an_architecture_of_zac_is_read():
    found = device_from_zac(zac())
    assert found == FPQA(
        slm=Lattice(2, 3, 10.0),
        aods=(AOD(100, 50, 2.0),),
        timing=Timing(0.36, 52.0, 15.0),
        fidelity=Fidelity(cz=0.99, idle_rydberg=0.995),
        name="monolithic",
    )
    slms = "entanglement_zones__0__slms"
    other = {"site_separation": [7, 10], "r": 2, "c": 1}
    assert device_from_zac(zac(**{slms: [other], "qubit_spec": None})).slm == Lattice(2, 1, 10.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"storage_zones": [{"zone_id": 0, "slms": [{"r": 1, "c": 1}]}]}, "a storage zone, out of reach"),
        ({"entanglement_zones": []}, "it has 0 entanglement zones, not one"),
        ({"entanglement_zones": [{"slms": []}, {"slms": []}]}, "it has 2 entanglement zones, not one"),
        ({"entanglement_zones": [{"slms": [{"r": 1, "c": 1}] * 2}]}, "has 2 trap arrays, not one"),
        ({"aods": []}, "it has no AOD"),
        ({"entanglement_zones__0__slms": [{"r": 1, "c": 1}]}, "has no site_seperation"),
        ({"entanglement_zones__0__slms": [{"r": 7, "c": 20, "site_seperation": [12, 10]}]}, "12 um apart in x and 10"),
        ({"entanglement_zones__0__slms": [{"r": 2, "c": 2, "site_seperation": [3, 3]}]}, "Lattice.spacing_um is 3"),
        ({"aods": [{"r": 0, "c": 1}]}, "AOD.max_rows is 0"),
        ({"aods": [{"r": 1, "c": 1, "site_seperation": 0}]}, "AOD.min_spacing_um is 0"),
        ({"aods": None}, "is not an architecture of ZAC: Object missing required field 'aods'"),
        ({"operation_duration": {"1qGate": "x"}}, "is not an architecture of ZAC: Expected 'float', got 'str'"),
        ({"operation_fidelity": {"two_qubit_gate": 2}}, "Fidelity.cz is 2"),
    ],
)
def test_architectures_of_other_kinds_are_refused(changes, message):
    with pytest.raises(DeviceError, match=re.escape(message)) as error:
        device_from_zac(zac(**changes), "arch.json")
    assert str(error.value).startswith("arch.json is no")


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(DeviceError, match=r"^arch\.json is not an architecture of ZAC"):
        device_from_zac(data, "arch.json")


def test_an_exported_architecture_is_as_zac_reads_it():
    """The keys that ZAC's readers index, with the types they expect."""
    machine = json.loads(device_to_zac(FPQA(slm=Lattice(2, 3), aods=(AOD(), AOD(3, 4, 2.0)))))
    (array,) = machine["entanglement_zones"][0]["slms"]
    place = np.array(array["location"]) + np.array(array["site_seperation"]) * [array["c"] - 1, array["r"] - 1]
    assert place.tolist() == [30, 15]
    assert [aod["id"] for aod in machine["aods"]] == [0, 1]
    for low, high in (machine["arch_range"], *machine["rydberg_range"]):
        assert (np.array(low) < 0).all()
        assert (np.array(high) > place).all()
