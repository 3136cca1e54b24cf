import msgspec
import pytest
from hypothesis import given, settings

from qpilot.arch.formats import program_from_json, program_to_json
from qpilot.arch.program import RoutedBlock, Routing, TriedWay
from qpilot.arch.report import MOST_BLOCKS, format_duration, summarize
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


# --- the report on the routing ---------------------------------------------------------------------------------------

ROUTING = Routing(
    "depth",
    (
        TriedWay("diagonal blocks as a whole", 1200, 3000),
        TriedWay("gate by gate", 1300, 2500, finished=False),
    ),
    (
        RoutedBlock("gates", "rounds", 8, 21, 1100, 2000),
        RoutedBlock("diagonal", "diagonal", 12, 40, 100, 1000, "diagonal 50 pulses; gate by gate over 60 pulses", 2),
    ),
)

REPORT = """\
routing of pair, objective depth

whole circuit               pulses  2Q gates
diagonal blocks as a whole   1,200     3,000  taken
gate by gate                 1,300     2,500  given up here: already dearer

block  what                 qubits  size  router    pulses  2Q gates  why
    1  gates                     8    21  rounds     1,100     2,000
    2  2 x commuting gates      12    40  diagonal     100     1,000  diagonal 50 pulses; gate by gate over 60 pulses"""


def with_routing(routing):
    return msgspec.structs.replace(flying_cz(), routing=routing)


def test_report():
    assert with_routing(ROUTING).report() == REPORT
    assert "\nrouters        rounds 1,100, diagonal 100 (pulses)\n" in str(with_routing(ROUTING))


def test_a_program_without_a_record_says_so():
    assert flying_cz().report() == "routing of pair: not recorded"


def test_a_long_report_is_cut():
    blocks = tuple(RoutedBlock("gates", "rounds", 2, k, 1, 1) for k in range(1000))
    lines = with_routing(Routing("depth", (), blocks)).report().splitlines()
    assert len(lines) <= MOST_BLOCKS + 6
    assert "960 more" in "".join(lines)
    assert lines[-1].split()[0] == "1000"


def test_the_record_is_saved_and_is_no_part_of_what_programs_do():
    program = with_routing(ROUTING)
    assert program == flying_cz()
    assert hash(program) == hash(flying_cz())
    assert program_from_json(program_to_json(program)).routing == ROUTING
    assert program_from_json(program_to_json(flying_cz())).routing is None
    assert b"routing" not in program_to_json(flying_cz())
