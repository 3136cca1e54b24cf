import msgspec
import pytest
from hypothesis import given, settings

from qpilot.arch.report import format_duration, summarize
from tests.strategies import flying_cz, legal_programs

EXPECTED = """\
program        pair
device         pair (1 x 2 sites; AOD 1 x 1)
qubits         2
ancillas       1
depth          3 Rydberg pulses (8 with one-qubit layers)
2Q gates       3 (native cz)
1Q gates       6
moves          2
duration       151.91 us
fidelity       0.9757 (estimate)
  2Q gates     0.9851
  1Q gates     0.9982
  idle atoms   0.9925 (excited by pulses they take no part in)
  decoherence  0.9997
  transfer     1.0000
  all atoms    0.9757 (total if dark ancillas are excited too)
compile time   not recorded"""


def test_summary():
    assert summarize(flying_cz()) == EXPECTED
    assert str(flying_cz()) == EXPECTED


def test_compile_time():
    program = msgspec.structs.replace(flying_cz(), compile_s=0.25)
    assert summarize(program).endswith("compile time   250.00 ms")


@settings(max_examples=20)
@given(legal_programs())
def test_it_fits_a_terminal(program):
    lines = summarize(program).split("\n")
    assert len(lines) == 17
    assert max(map(len, lines)) <= 80


def test_long_names_are_cut():
    info = msgspec.structs.replace(flying_cz().circuit, name="n" * 100 + "\n")
    line = summarize(msgspec.structs.replace(flying_cz(), circuit=info)).split("\n")[0]
    assert len(line) == 80
    assert line.endswith("n...")


@pytest.mark.parametrize(
    ("time_us", "text"),
    [(0, "0.00 us"), (999.4, "999.40 us"), (1234, "1.23 ms"), (5.5e6, "5.50 s"), (1.2e10, "12,000.00 s")],
)
def test_units(time_us, text):
    assert format_duration(time_us) == text
