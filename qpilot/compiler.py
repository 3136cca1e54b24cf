"""`compile`: from a circuit to a verified program."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .arch.device import FPQA
from .arch.errors import RoutingError
from .arch.program import Program
from .arch.unitary import wrap
from .frontend import Lowered, lower, read_circuit
from .ladders import shorten_ladders
from .machine import LINES_PER_SITE, CompileOptions, Machine, Sites, check_sites, choose_regions
from .parameters import require_bound
from .parts import cut, gathers
from .paulis import compile_parts
from .placement import LONG_SWEEPS, SWEEPS, find_sites, row_major
from .replay import replay
from .routing.blocks import DiagonalBlock, GateBlock
from .routing.builder import ProgramBuilder
from .routing.contest import Contest
from .routing.dense import largest_block
from .routing.diagonal import Arrangement, DiagonalRouter, arrange, starting_sites
from .routing.flying import is_narrow
from .routing.gates import route_gates
from .routing.options import Progress, RouteOptions, among_ways, no_progress, share
from .verify import check_against, require_legal

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
TRY_BOTH = 200
"""Circuits of up to this many gates are routed with CX RZ CX as one gate and without, and sparing copies or not."""

BY_BLOCK, BY_GATE = "diagonal blocks as a whole", "gate by gate"

TRIES_PER_EFFORT = 4
"""How many times as many placements are tried for one more of effort."""

PLANS = 4
"""So often each round of the best placement is planned in the end, at effort above 1."""


def compile(  # noqa: A001 - the name the user asked for
    circuit: QuantumCircuit | str | Path,
    device: FPQA | None = None,
    *,
    router: str = "auto",
    strategy: str = "rounds",
    placement: str | Sites = "auto",
    shape: str | tuple[int, int] = "auto",
    objective: str = "balanced",
    effort: int = 1,
    seed: int = 0,
    verify: bool = True,
    progress: Progress | None = None,
) -> Program:
    """Compile a circuit for a field programmable qubit array.

    Equal arguments give equal programs. A circuit may measure and reset qubits at any time, and have gates on single
    qubits that depend on outcomes (`if_test` on a bit or a register). There all qubits wait, and every ancilla is
    recycled first, so fewer such places give a shorter program; see `qpilot.dynamic`.

    Args:
        circuit: A circuit, OpenQASM 2 or 3 text, or the path of such a text. Its parameters must have values;
            `compile_template` compiles for all values at once.
        device: The machine; by default one with a lattice that just fits (`FPQA.for_qubits`).
        router: "generic" routes every gate by itself; "auto" routes blocks of commuting diagonal gates as a whole, and
            evolutions under Pauli strings of three and more letters as `compile_paulis` does.
        strategy: "rounds" lets a copy serve many gates; "paper" creates and recycles one for each gate, as published.
        placement: "auto" searches; "identity" lays qubits row by row; or the site (row, col) of each qubit.
        shape: Rows and columns of the lattice region that holds the qubits; "auto" starts near-square.
        objective: What to have least of: "depth" (Rydberg pulses), "num_2q" (two-qubit gates), "duration", or errors by
            the estimated "fidelity"; "balanced" weighs pulses and two-qubit gates.
        effort: How long to search for sites of the qubits: 1, 4, 16, ... placements are routed, and the best program by
            the objective is returned, so more effort is never worse. Where `shape` is "auto", the first are in the
            near-square region and in wider ones, in turn; the others, all in the region of the best program so far.
            In the end its placement is routed once more with more care.
        seed: Seed of the search.
        verify: Check the hardware rules and prove that the program computes the circuit.
        progress: Called now and then with the fraction done and the name of the phase.

    Returns:
        The program; it knows its metrics, and can print, save and draw itself.

    Raises:
        CircuitError: The circuit cannot be read or compiled.
        DeviceError: The device has too few sites.
        OptionError: An option has an unknown value.
        RoutingError: The geometry of the device allows no schedule.
        ProgramError, VerificationError: The compiler made a mistake; please report it.
    """
    start = time.perf_counter()
    options = CompileOptions(router, strategy, placement, shape, objective, effort, seed)
    report = progress or no_progress
    report(0.0, "reading")
    source = read_circuit(circuit)
    require_bound(source)
    in_parts = cut(source, device, by_strings=router == "auto")
    if in_parts:
        return compile_parts(in_parts, device, options, verify=verify, progress=progress)
    program, entry = _search(source, device, options, report)
    way = entry.way
    report(0.9, "checking")
    lowered, form = way.lowered, way.lowered.form
    if lowered.block.fences:
        form = lower(way.source, keep_barriers=False, gathered=way.gathered).form
    if verify:
        require_legal(program)
        phase = check_against(program, form, lowered.measures)
    else:
        phase = wrap(form.global_phase - replay(program).form.global_phase)
    report(1.0, "done")
    return msgspec.structs.replace(
        program,
        circuit=msgspec.structs.replace(program.circuit, global_phase=phase),
        compile_s=time.perf_counter() - start,
    )


def compile_traced(source: QuantumCircuit, device: FPQA | None, options: CompileOptions, report: Progress) -> Program:
    """Compile a circuit with parameters: angles of the program that depend on them are `Traced`; nothing is checked.

    See `compile` for the errors.
    """
    in_parts = cut(source, device, by_strings=options.router == "auto")
    if in_parts:
        return compile_parts(in_parts, device, options, verify=False, progress=report)
    program, entry = _search(source, device, options, report)
    phase = entry.way.lowered.form.global_phase + entry.global_phase
    return msgspec.structs.replace(program, circuit=msgspec.structs.replace(program.circuit, global_phase=phase))


def _search(
    source: QuantumCircuit, device: FPQA | None, options: CompileOptions, report: Progress
) -> tuple[Program, _Entry]:
    """Return the best program of all ways, regions and placements, and which of them it is of."""
    ways = _ways(source, device, options)
    info = ways[0].lowered.info
    regions = choose_regions(info.num_qubits, device, options)
    objective, effort = options.objective, options.effort
    contest: Contest[_Entry] = Contest(info, among_ways(objective) if any(way.dense for way in ways) else objective)
    searching = isinstance(options.placement, str) and options.placement == "auto"
    tries = TRIES_PER_EFFORT ** (effort - 1) if searching else 1
    whole = share(report, 0.05, 0.8 if effort > 1 else 0.85)
    for number in range(tries):
        region = number
        if number >= len(regions) and contest.best is not None:
            ways, region = [contest.best[1].way], contest.best[1].region
        machine, size = regions[region]
        placements: dict[tuple[int, bool], _Placement] = {}  # ways that run the same gates share one
        for k, way in enumerate(ways):
            # exact, since the number of tries is a power of two
            part = share(share(whole, number / tries, 1 / tries), k / len(ways), 1 / len(ways))
            same = id(way.lowered), way.dense is not None
            if same not in placements:
                placements[same] = _place(way.lowered, way.dense, machine, size, options, number, part)
            entry = _Entry(way, region, placements[same])
            contest.enter(way.name, partial(_route, entry, machine, options, 1, contest, part))
    program, entry = contest.result(objective)
    if effort > 1:
        part = share(report, 0.85, 0.05)
        contest.enter(entry.way.name, partial(_route, entry, regions[entry.region][0], options, PLANS, contest, part))
        program, entry = contest.result(objective)
    return program, entry


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to route a circuit.

    Attributes:
        name: What is done.
        source: The circuit.
        lowered: The circuit as gates.
        gathered: Whether CZ . U . CZ is gathered there to one diagonal gate.
        dense: The diagonal block for which the qubits are placed; without one, gates are routed one by one.
        flying: Whether qubits may fly.
        both: Whether two AODs are used.
        policy: The objective by which the router weighs pulses and gates, if not that of the caller.
    """

    name: str
    source: QuantumCircuit
    lowered: Lowered
    gathered: bool
    dense: DiagonalBlock | None = None
    flying: bool = False
    both: bool = False
    policy: str = ""


def _ways(source: QuantumCircuit, device: FPQA | None, options: CompileOptions) -> list[_Way]:
    """Return the ways to route a circuit that are worth a trial, the most promising first."""
    device = device or FPQA.for_qubits(1)  # the gates of a default device do not depend on its size
    gathered = _Way(BY_GATE, source, lower(source), gathered=True)
    plain = _Way(BY_GATE, source, lower(source, gathered=False), gathered=False)
    first, second = (gathered, plain) if gathers(gathered.lowered.block, device) else (plain, gathered)
    if options.strategy == "paper":
        return [replace(first, name="as published")]
    dense = largest_block(first.lowered.block, device) if options.router == "auto" else None
    ways = [replace(first, name=BY_BLOCK, dense=dense), first] if dense else [first]
    if len(first.lowered.block.gates) <= TRY_BOTH and first.lowered.block.gates != second.lowered.block.gates:
        ways.append(replace(second, name=f"{BY_GATE}, {'with' if second.gathered else 'without'} CX RZ CX as one"))
    if options.router == "auto":
        if is_narrow(plain.lowered.block):
            ways.append(replace(plain, name="with flying qubits", flying=True))
        shortened = shorten_ladders(source)
        if shortened is not None:
            lowered = lower(shortened, gathered=False)
            ways.append(_Way("CX ladders as trees", shortened, lowered, gathered=False))
    if len(first.lowered.block.gates) <= TRY_BOTH:
        other = "depth" if options.objective in ("balanced", "num_2q") else "balanced"
        ways += [
            replace(way, name=f"{way.name}, as for {other}", policy=other)
            for way in ways
            if not way.dense and way.gathered == first.gathered
        ]
    if Machine(device).second is not None:
        ways += [replace(way, name=f"{way.name}, two AODs", both=True) for way in ways if not way.dense]
    return ways


@dataclass(frozen=True, slots=True)
class _Placement:
    """Sites of the qubits, the region they span, and the diagonal block they were chosen for, if any."""

    sites: Sites
    shape: tuple[int, int]
    known: tuple[DiagonalBlock, Arrangement] | None = None


def _place(
    lowered: Lowered,
    dense: DiagonalBlock | None,
    machine: Machine,
    shape: tuple[int, int],
    options: CompileOptions,
    number: int,
    report: Progress,
) -> _Placement:
    n = lowered.info.num_qubits
    if not isinstance(options.placement, str):
        sites = check_sites(options.placement, n, *shape)
        return _Placement(sites, (1 + max(row for row, _ in sites), 1 + max(col for _, col in sites)))
    if options.placement == "identity":
        return _Placement(row_major(n, shape[1]), shape)
    seed = options.seed + number * 1_000_003
    report(0.0, "placing")
    if dense:
        starts = starting_sites(dense, shape[0], seed=seed)
        found = arrange(
            dense,
            starts,
            shape,
            machine.most_lines,
            device=machine.device,
            parking=machine.parking,
            move=True,
            seed=seed,
        )
        if found:
            return _Placement(found.sites, shape, (dense, found))
    sweeps = SWEEPS if number == 0 else LONG_SWEEPS
    return _Placement(find_sites(lowered.block, *shape, seed=seed, sweeps=sweeps), shape)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What enters the contest.

    Attributes:
        way: A way to route.
        region: Number of the region.
        placed: Where the qubits are.
        global_phase: By which the program falls short of the block, in radians.
    """

    way: _Way
    region: int
    placed: _Placement
    global_phase: float = 0.0


def _route(
    entry: _Entry,
    machine: Machine,
    options: CompileOptions,
    plans: int,
    contest: Contest[_Entry],
    report: Progress,
) -> tuple[Program, _Entry]:
    """Route the circuit, unless that turns out dearer than the best of the contest."""
    way, placed = entry.way, entry.placed
    block = way.lowered.block
    most = block.num_qubits // 2 if way.flying else 0
    while True:
        aods = [machine.number, *([machine.second] if way.both and machine.second is not None else [])]
        builder = ProgramBuilder(machine.device, placed.sites, aods)
        watch = contest.watch(builder, report)
        route_options = RouteOptions(way.policy or options.objective, watch, plans, options.seed, most)
        try:
            _route_block(block, placed, machine, builder, way, options, route_options)
            break
        except RoutingError:
            if not most:
                raise
            most //= 2  # they were in each other's way
    builder.measure(way.lowered.measures)
    program = builder.build(way.lowered.info)
    return program, replace(entry, global_phase=builder.global_phase)


def _route_block(
    block: GateBlock,
    placed: _Placement,
    machine: Machine,
    builder: ProgramBuilder,
    way: _Way,
    options: CompileOptions,
    route_options: RouteOptions,
) -> None:
    if not block.gates:
        builder.run_one_qubit_gates(block)
        return
    rounds = options.strategy == "rounds"
    layout = machine.layout(placed.sites, placed.shape, LINES_PER_SITE if rounds else 1, both=way.both)
    diagonal = None
    if layout.has_line_for_every_site and (way.dense or (options.router == "auto" and not rounds)):
        diagonal = DiagonalRouter(
            machine.device,
            layout,
            machine.most_lines,
            seed=options.seed,
            known=placed.known,
            published=not rounds,
        )
    route_gates(block, layout, builder, route_options, diagonal, options.strategy)
