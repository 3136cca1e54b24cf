import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpilot.arch import AOD, FPQA, PRESETS, Fidelity, Lattice, Rydberg, Timing, preset
from qpilot.arch.device import near_square, wider_shapes
from qpilot.arch.errors import DeviceError
from tests.strategies import devices


def test_defaults_are_the_documented_ones():
    device = FPQA(slm=Lattice(4, 5))
    assert (device.slm.num_sites, device.slm.spacing_um) == (20, 15.0)
    assert device.aods == (AOD(100, 100, 1.0),)
    assert device.rydberg == Rydberg(2.5, 6.25, 1.0, individual_phases=False)
    assert device.native == "cz"
    assert device.timing == Timing(0.36, 0.625, 15.0, 0.00275, None)
    assert device.fidelity == Fidelity(0.995, 0.9997, 0.9975, 0.999, 1.5e6)


@given(devices())
def test_save_and_load(tmp_path_factory, device):
    path = tmp_path_factory.getbasetemp() / "device.json"
    device.save(path)
    assert FPQA.load(path) == device


def test_devices_are_frozen_and_hashable():
    device = FPQA(slm=Lattice(2, 2))
    with pytest.raises(AttributeError):
        device.name = "other"
    assert len({device, FPQA(slm=Lattice(2, 2)), device.replace(name="other")}) == 2
    assert not dataclasses.is_dataclass(device)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Lattice(0, 3), "Lattice.rows is 0; it must be at least 1."),
        (lambda: Lattice(3, 10_001), "Lattice.cols is 10001; it must be at most 10000."),
        (lambda: Lattice(3.0, 3), "Lattice.rows must be a whole number, not 3.0."),
        (lambda: Lattice(True, 3), "Lattice.rows must be a whole number, not True."),
        (lambda: Lattice(3, 3, 0), "Lattice.spacing_um is 0; it must be above 0."),
        (lambda: Lattice(3, 3, float("nan")), "Lattice.spacing_um must be a finite number, not nan."),
        (lambda: AOD(0, 1), "AOD.max_rows is 0; it must be at least 1."),
        (lambda: AOD(1, 1, -1), "AOD.min_spacing_um is -1; it must be above 0."),
        (lambda: Rydberg(interaction_radius_um="2"), "Rydberg.interaction_radius_um must be a finite number, not '2'."),
        (lambda: Rydberg(1.0, 3.0, 1.0), "no pair of atoms could interact"),
        (lambda: Rydberg(2.5, 2.5), "Rydberg.safe_distance_um is 2.5; it must be above interaction_radius_um = 2.5."),
        (lambda: Rydberg(individual_phases=1), "Rydberg.individual_phases must be True or False, not 1."),
        (lambda: Timing(rydberg_us=-1), "Timing.rydberg_us is -1; it must be at least 0."),
        (lambda: Timing(acceleration_um_per_us2=0), "Timing.acceleration_um_per_us2 is 0; it must be above 0."),
        (lambda: Timing(move_us=-1), "Timing.move_us is -1; it must be at least 0."),
        (lambda: Fidelity(cz=1.5), "Fidelity.cz is 1.5; it must be at most 1."),
        (lambda: Timing(measure_us=-1), "Timing.measure_us is -1; it must be at least 0."),
        (lambda: Fidelity(reset=0), "Fidelity.reset is 0; it must be above 0."),
        (lambda: Fidelity(t2_us=0), "Fidelity.t2_us is 0; it must be above 0."),
        (lambda: FPQA(slm=(3, 3)), "FPQA.slm must be a Lattice, not (3, 3)."),
        (lambda: FPQA(slm=Lattice(2, 2), aods=()), "FPQA.aods must hold at least one AOD: without it no ancilla"),
        (lambda: FPQA(slm=Lattice(2, 2), aods=[AOD()]), "FPQA.aods must be a tuple of AOD"),
        (lambda: FPQA(slm=Lattice(2, 2), aods=AOD()), "FPQA.aods must be a tuple of AOD"),
        (lambda: FPQA(slm=Lattice(2, 2), native="cphse"), "FPQA.native is 'cphse'; it must be 'cz' or 'cphase'."),
        (lambda: FPQA(slm=Lattice(2, 2), native=None), "FPQA.native is None; it must be 'cz' or 'cphase'."),
        (
            lambda: FPQA(slm=Lattice(2, 2), rydberg=Rydberg(individual_phases=True)),
            "Rydberg.individual_phases is true, but FPQA.native is 'cz'",
        ),
        (lambda: FPQA(slm=Lattice(2, 2, 6.0)), "Lattice.spacing_um is 6, below Rydberg.safe_distance_um = 6.25"),
    ],
)
def test_impossible_devices_are_refused(build, message):
    with pytest.raises(DeviceError) as error:
        build()
    assert message in str(error.value)


def test_a_single_site_may_have_any_spacing():
    assert FPQA(slm=Lattice(1, 1, 0.5)).slm.num_sites == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "truncated"),
        ("[]", "Expected 'object', got 'array'"),
        ('{"name": "x"}', "missing required field 'slm'"),
        ('{"slm": {"rows": 2, "cols": 2}, "colour": 1}', "unknown field 'colour'"),
        ('{"slm": {"rows": 2, "cols": 2, "spacing_mm": 1}}', "unknown field 'spacing_mm' - at 'slm'"),
        ('{"slm": {"rows": "2", "cols": 2}}', "Expected 'int', got 'str' - at 'slm.rows'"),
        ('{"slm": {"rows": 2, "cols": 2, "spacing_um": 1e999}}', "out of range - at 'slm.spacing_um'"),
        ('{"slm": {"rows": 2, "cols": 2}, "aods": []}', "FPQA.aods must hold at least one AOD"),
        ('{"slm": {"rows": 0, "cols": 2}}', "Lattice.rows is 0"),
        ('{"slm": {"rows": 2, "cols": 2}, "native": "cnot"}', "Invalid enum value 'cnot' - at 'native'"),
        ('{"slm": {"rows": 2, "cols": 2}, "rydberg": {"individual_phases": 1}}', "at 'rydberg.individual_phases'"),
        ('{"slm": {"rows": 2, "cols": 2}, "rydberg": {"individual_phases": true}}', "but FPQA.native is 'cz'"),
        ('{"slm": ' + "[" * 100_000, "not a valid device"),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, message):
    path = tmp_path / "device.json"
    path.write_text(text)
    with pytest.raises(DeviceError) as error:
        FPQA.load(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DeviceError, match="There is no file"):
        FPQA.load(tmp_path / "none.json")
    with pytest.raises(DeviceError, match="cannot be read"):
        FPQA.load(tmp_path)
    with pytest.raises(DeviceError, match="cannot be written"):
        FPQA(slm=Lattice(1, 1)).save(tmp_path / "none" / "device.json")
    with pytest.raises(DeviceError, match="is a folder"):
        FPQA(slm=Lattice(1, 1)).save(tmp_path)


def test_a_file_is_readable_json_and_replaced_whole(tmp_path):
    path = tmp_path / "device.json"
    path.write_text("old")
    FPQA(slm=Lattice(3, 4)).save(path)
    assert json.loads(path.read_text())["slm"] == {"rows": 3, "cols": 4, "spacing_um": 15.0}
    assert [file.name for file in tmp_path.iterdir()] == ["device.json"]


@given(st.integers(0, 1681))
def test_for_qubits_holds_the_qubits_without_a_spare_row(n):
    slm = FPQA.for_qubits(n).slm
    assert slm.num_sites >= n
    assert (slm.rows - 1) * slm.cols < max(n, 1)
    assert max(slm.rows, slm.cols) <= 41


@pytest.mark.parametrize(
    ("qubits", "field", "shape"),
    [(100, (600, 600), (10, 10)), (100, (60, 600), (20, 5)), (100, (600, 60), (5, 20)), (7, (600, 0), (1, 7))],
)
def test_for_qubits_fits_the_field_of_view(qubits, field, shape):
    slm = FPQA.for_qubits(qubits, field).slm
    assert (slm.rows, slm.cols) == shape


def test_for_qubits_refuses_what_does_not_fit():
    with pytest.raises(DeviceError, match="1682 qubits need more than the 41 x 41 sites"):
        FPQA.for_qubits(1682)
    with pytest.raises(DeviceError, match="spacing_um above 0"):
        FPQA.for_qubits(4, spacing_um=0)
    with pytest.raises(DeviceError, match="field_of_view_um of at least 0"):
        FPQA.for_qubits(4, (-20, 600))


def test_presets():
    for name in PRESETS:
        assert preset(name, 3, 4).slm == Lattice(3, 4)
    assert preset("enola").timing == Timing()
    assert preset("atomique").timing.move_duration_us(1.0) == 300.0
    with pytest.raises(DeviceError, match="no device preset 'sycamore'; choose one of atomique, enola"):
        preset("sycamore")


def test_move_duration_follows_the_square_root():
    timing = Timing()
    assert timing.move_duration_us(0) == 0
    assert timing.move_duration_us(110) == pytest.approx(200)  # sqrt(110 / 0.00275)
    assert timing.move_duration_us(4 * 27.5) == pytest.approx(2 * timing.move_duration_us(27.5))


@pytest.mark.parametrize("num_qubits", [1, 2, 7, 30, 100, 400])
@pytest.mark.parametrize(("max_rows", "max_cols"), [(41, 41), (10, 40), (40, 10)])
def test_wider_shapes_fit_and_are_wider(num_qubits, max_rows, max_cols):
    square = near_square(num_qubits, max_rows, max_cols)
    for rows, cols in wider_shapes(num_qubits, max_rows, max_cols):
        assert rows <= square[0]
        assert square[1] < cols <= max_cols
        assert rows * cols >= num_qubits
    assert (3, 34) in wider_shapes(100, 41, 41)
