"""Quantum simulation: from rotations about Pauli strings to a verified program."""

from __future__ import annotations

import logging
import math
import reprlib
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from .arch.device import FPQA
from .arch.errors import CircuitError, RoutingError
from .arch.program import CircuitInfo, Program
from .arch.unitary import wrap
from .machine import LINES_PER_SITE, CompileOptions, Machine, Sites, check_sites, choose_region
from .parts import FEWEST_LETTERS, Gates, Part, Source, as_gates, merge, real_angle
from .placement import find_sites, row_major
from .routing.blocks import GateBlock, PauliBlock, PauliString
from .routing.builder import ProgramBuilder
from .routing.contest import Contest
from .routing.diagonal import DiagonalRouter
from .routing.gates import route_gates
from .routing.options import Progress, RouteOptions, among_ways, no_progress, share
from .routing.pauli import route_paulis
from .routing.pauli_paper import route_paulis_one_by_one
from .routing.stage import Layout
from .verify import check_parts, require_legal

if TYPE_CHECKING:
    from qiskit.quantum_info import SparsePauliOp

TRY_GATES = 300
"""Strings of up to this many letters in all are routed as gates too, and the better program is kept."""

TRY_ONE_BY_ONE = 16
"""Up to this many strings are routed one by one too: few at a time cannot hide how their cats are made."""

MOST_QUBITS = 1_000_000
"""Qubits have numbers below this, far beyond any device, so that a slip of the pen takes no memory."""

_WANTED = "give [(label, angle), ...] or a SparsePauliOp."

_log = logging.getLogger(__name__)

Terms = Sequence[tuple[str, float] | tuple[str, Sequence[int], float]]


def compile_paulis(
    paulis: SparsePauliOp | Terms,
    device: FPQA | None = None,
    *,
    num_qubits: int | None = None,
    preserve_order: bool = True,
    strategy: str = "rounds",
    placement: str | Sites = "auto",
    shape: str | tuple[int, int] = "auto",
    objective: str = "balanced",
    effort: int = 1,
    seed: int = 0,
    verify: bool = True,
    progress: Progress | None = None,
) -> Program:
    """Compile a sequence of rotations exp(-i angle/2 P) about Pauli strings P.

    Args:
        paulis: (label, angle) for each rotation, in order. As in Qiskit, the last letter of a label acts on qubit 0.
            Or (letters, qubits, angle), where letters[k] acts on qubits[k]. Or a `SparsePauliOp`: its terms c P are
            run as exp(-i c P), so c is half the angle.
        device: The machine; by default one with a lattice that just fits (`FPQA.for_qubits`).
        num_qubits: Number of qubits; by default, that of the labels, or one more than the highest qubit.
        preserve_order: Keep the order of strings that do not commute. Without it they run in an order that takes fewer
            pulses: another product formula for the same Hamiltonian, and a program that says so. Then give one Trotter
            step, and repeat the program: the order is free all through the list.
        strategy: "rounds" runs commuting strings at the same time, each measured into a cat of ancillas; "paper" runs
            them one by one from copies of a root qubit, as published.
        placement: "auto" and "identity" lay qubits row by row; or the site (row, col) of each qubit.
        shape: Rows and columns of the lattice region that holds the qubits; "auto" is near-square.
        objective: What to have least of: "depth" (Rydberg pulses), "num_2q" (two-qubit gates), "duration", or errors by
            the estimated "fidelity"; "balanced" has few pulses.
        effort: How long to search for few pulses.
        seed: Seed of the search.
        verify: Check the hardware rules and prove that the program computes the rotations.
        progress: Called now and then with the fraction done and the name of the phase.

    Returns:
        The program; `program.circuit.reordered` and its metrics say whether the order was free.

    Raises:
        CircuitError: A label or angle is not valid.
        DeviceError: The device has too few sites.
        OptionError: An option has an unknown value.
        RoutingError: The geometry of the device allows no schedule.
        ProgramError, VerificationError: The compiler made a mistake; please report it.

    >>> import qpilot
    >>> program = qpilot.compile_paulis([("XXIZ", 0.3), ("ZZZZ", 0.1)])
    >>> program.depth
    11
    """
    strings, n = read_paulis(paulis, num_qubits)
    options = CompileOptions("auto", strategy, placement, shape, objective, effort, seed)
    merged = merge(strings)
    blocks = (PauliBlock(n, merged.strings, ordered=preserve_order),) if merged.strings else ()
    info = CircuitInfo("paulis", n, qregs=(("q", n),), reordered=not preserve_order)
    source = Source(info, blocks, global_phase=merged.global_phase)
    return compile_parts(source, device, options, verify=verify, progress=progress)


def read_paulis(paulis: SparsePauliOp | Terms, num_qubits: int | None = None) -> tuple[list[PauliString], int]:
    """Return rotations, those about the identity included, and the number of qubits; see `compile_paulis`.

    Raises:
        CircuitError: A label or angle is not valid.
    """
    from qiskit.quantum_info import SparsePauliOp

    if isinstance(paulis, SparsePauliOp):
        if paulis.coeffs.dtype == object:
            raise CircuitError("The operator has coefficients that are not numbers; give them values first.")
        angles = [2 * coefficient for coefficient in paulis.coeffs.tolist()]
        terms: list[Any] = list(zip(paulis.paulis.to_labels(), angles, strict=True))
    elif isinstance(paulis, str):
        raise CircuitError(f"{_short(paulis)} is no list of rotations; {_WANTED}")
    else:
        try:
            terms = list(paulis)
        except TypeError:
            raise CircuitError(f"{_short(paulis)} is no list of rotations; {_WANTED}") from None
    strings = [_read_term(number, term) for number, term in enumerate(terms)]
    lengths = {len(term[0]) for term in terms if len(term) == 2}
    if len(lengths) > 1:
        raise CircuitError(
            f"The labels have different lengths, {min(lengths)} to {max(lengths)}; give one letter a qubit."
        )
    highest = max((qubit for string in strings for qubit, _ in string.letters), default=-1)
    least = max([highest + 1, *lengths])
    n: Any = least if num_qubits is None else num_qubits
    if n == 0 and num_qubits is None:
        raise CircuitError("There is no qubit in the rotations; give num_qubits.")
    if isinstance(n, bool) or not isinstance(n, int) or n < max(1, least):
        raise CircuitError(f"num_qubits is {num_qubits!r}; give at least {max(1, least)}, since the rotations need it.")
    return strings, n


def _read_term(number: int, term: Any) -> PauliString:
    """Return one rotation.

    Raises:
        CircuitError: It is not valid.
    """
    place = f"Rotation {number}"
    if not isinstance(term, (tuple, list)) or len(term) not in (2, 3) or not isinstance(term[0], str):
        raise CircuitError(f"{place} is {_short(term)}; it must be (label, angle) or (letters, qubits, angle).")
    label, angle = term[0], term[-1]
    wrong = set(label) - set("IXYZ")
    if wrong:
        raise CircuitError(f"{place} has the letter {min(wrong)!r} in {label[:40]!r}; the letters are I, X, Y and Z.")
    value = real_angle(angle)
    if math.isnan(value):
        raise CircuitError(f"{place} ({label[:40]}) has the angle {_short(angle)}; it must be a finite real number.")
    qubits = range(len(label) - 1, -1, -1) if len(term) == 2 else term[1]
    valid = isinstance(qubits, Sequence) and all(
        isinstance(q, int) and not isinstance(q, bool) and 0 <= q < MOST_QUBITS for q in qubits
    )
    if not valid or len(qubits) != len(label) or len(set(qubits)) < len(qubits):
        raise CircuitError(
            f"{place} ({label[:40]}) has the qubits {_short(qubits)}; it needs different numbers below "
            f"{MOST_QUBITS}, one for each letter."
        )
    letters = sorted((qubit, letter) for qubit, letter in zip(qubits, label, strict=True) if letter != "I")
    return PauliString(tuple(letters), value)


def _short(value: Any) -> str:
    """Return what a caller gave in a form for messages, in one short line."""
    return " ".join(reprlib.repr(value).split())


def compile_parts(
    source: Source,
    device: FPQA | None,
    options: CompileOptions,
    *,
    verify: bool = True,
    progress: Progress | None = None,
) -> Program:
    """Compile a circuit that is cut into parts; see `qpilot.compile`."""
    start = time.perf_counter()
    report = progress or no_progress
    n = source.info.num_qubits
    device, rows, cols = choose_region(n, device, options)
    machine = Machine(device)
    if isinstance(options.placement, str):
        sites: Sites = _place(source, rows, cols, options)
    else:
        sites = check_sites(options.placement, n, rows, cols)
        rows, cols = (1 + max(site[k] for site in sites) for k in (0, 1))
    layout = machine.layout(sites, (rows, cols), LINES_PER_SITE)
    tried = _ways(source, machine, options)
    contest: Contest[tuple[Part, ...]] = Contest(source.info, among_ways(options.objective))
    for number, (name, parts, way) in enumerate(tried):
        part = share(report, 0.9 * number / len(tried), 0.9 / len(tried))
        contest.enter(name, partial(_build, parts, machine, layout, sites, way, contest, part))
    program, done = contest.result(options.objective)
    if verify:
        report(0.9, "checking")
        require_legal(program)
        check_parts(program, replace(source, parts=done))
    report(1.0, "done")
    return msgspec.structs.replace(program, compile_s=time.perf_counter() - start)


def _place(source: Source, rows: int, cols: int, options: CompileOptions) -> Sites:
    """Return sites that suit the gates of a circuit; its strings go well with any."""
    gates = tuple(gate for part in source.parts if isinstance(part, Gates) for gate in part.block.gates)
    if options.placement == "identity" or not gates:
        return row_major(source.info.num_qubits, cols)
    return find_sites(GateBlock(source.info.num_qubits, gates, (), ()), rows, cols, seed=options.seed)


def _ways(source: Source, machine: Machine, options: CompileOptions) -> list[tuple[str, Source, CompileOptions]]:
    """Return how to route a circuit: its strings in cats, and where it may be better one by one, or as gates."""
    strings = [string for part in source.parts if isinstance(part, PauliBlock) for string in part.strings]
    name = "strings in cats" if options.strategy == "rounds" else "strings one by one"
    ways = [(name if strings else "stretch by stretch", source, options)]
    if options.strategy == "paper" or not strings:
        return ways
    letters = [len(string.letters) for string in strings]
    for_gates = options.objective == "num_2q"
    if len(strings) <= TRY_ONE_BY_ONE or for_gates:
        ways.append(("strings one by one", source, replace(options, strategy="paper")))
    if max(letters) < FEWEST_LETTERS or sum(letters) <= TRY_GATES or for_gates:
        parts = (as_gates(part, machine.device) if isinstance(part, PauliBlock) else part for part in source.parts)
        ways.append(("strings as gates", replace(source, parts=tuple(parts)), options))
    return ways


def _build(
    source: Source,
    machine: Machine,
    layout: Layout,
    sites: Sites,
    options: CompileOptions,
    contest: Contest[tuple[Part, ...]],
    report: Progress,
) -> tuple[Program, tuple[Part, ...]]:
    """Return a program, and the parts that it runs: Pauli strings in the order in which they were run."""
    builder = ProgramBuilder(machine.device, sites, [machine.number])
    report = contest.watch(builder, report)
    size = 1 / max(1, len(source.parts))
    done = tuple(
        _route(part, machine, layout, builder, options, share(report, number * size, size))
        for number, part in enumerate(source.parts)
    )
    builder.flush_phases()  # gates that merge leave a phase
    builder.measure(source.measures)
    of_parts = sum(part.global_phase for part in done if isinstance(part, Gates))
    phase = wrap(source.global_phase + of_parts + builder.global_phase)
    info = msgspec.structs.replace(source.info, global_phase=phase)
    return builder.build(info), done


def _route(
    part: Part,
    machine: Machine,
    layout: Layout,
    builder: ProgramBuilder,
    options: CompileOptions,
    report: Progress,
) -> Part:
    """Append a part to a program; return it, Pauli strings in the order in which they were run."""
    if not isinstance(part, (Gates, PauliBlock)):
        builder.event(part)
        return part
    route_options = RouteOptions(options.objective, report, effort=options.effort, seed=options.seed)
    why = ""
    if isinstance(part, PauliBlock):
        try:
            in_cats = options.strategy == "rounds"
            route = route_paulis if in_cats else route_paulis_one_by_one
            with builder.block("strings", "cats" if in_cats else "one by one"):
                order = route(part, layout, builder, route_options, machine.most_lines)
                builder.count(len(order), (qubit for string in part.strings for qubit, _ in string.letters))
            return replace(part, strings=tuple(part.strings[k] for k in order))
        except RoutingError as error:
            _log.info("%s Its strings are routed as gates.", error)
            why = str(error).rstrip(".")
            part = as_gates(part, machine.device)
    if not part.block.gates:
        builder.run_one_qubit_gates(part.block)
        return part
    diagonal = None
    if layout.has_line_for_every_site and options.router == "auto":
        diagonal = DiagonalRouter(machine.device, layout, machine.most_lines, seed=options.seed)
    route_gates(part.block, layout, builder, route_options, diagonal, options.strategy, why)
    return part
