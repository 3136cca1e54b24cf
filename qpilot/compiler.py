"""`compile`: from a circuit to a verified program."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .arch.device import FPQA
from .arch.program import Program
from .arch.unitary import wrap
from .contest import Contest
from .frontend import Lowered, lower, read_circuit
from .machine import LINES_PER_SITE, CompileOptions, Machine, Sites, among_ways, check_sites, choose_regions
from .parts import cut, gathers
from .paulis import compile_parts
from .placement import anneal, row_major
from .replay import replay
from .routing.blocks import DiagonalBlock
from .routing.builder import ProgramBuilder
from .routing.diagonal import Arrangement, DiagonalRouter, arrange, largest_block, starting_sites
from .routing.gates import route_gates
from .routing.options import Progress, RouteOptions, no_progress, share
from .verify import check_against, require_legal

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
BY_BLOCK, BY_GATE = "diagonal blocks as a whole", "gate by gate"


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

    Equal arguments give equal programs.

    Args:
        circuit: A circuit, OpenQASM 2 or 3 text, or the path of such a text.
        device: The machine; by default one with a lattice that just fits (`FPQA.for_qubits`).
        router: "generic" routes every gate by itself; "auto" routes blocks of commuting diagonal gates as a whole, and
            evolutions under Pauli strings of three and more letters as `compile_paulis` does.
        strategy: "rounds" lets a copy serve many gates; "paper" creates and recycles one for each gate, as published.
        placement: "auto" searches; "identity" lays qubits row by row; or the site (row, col) of each qubit.
        shape: Rows and columns of the lattice region that holds the qubits; "auto" starts near-square.
        objective: What to have least of: "depth" (Rydberg pulses), "num_2q" (two-qubit gates), "duration", or errors by
            the estimated "fidelity"; "balanced" weighs pulses and two-qubit gates.
        effort: How many placements to try, beyond the first also in wider regions where `shape` and `placement` are
            "auto"; the best program is returned. Time grows in proportion.
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
    in_parts = cut(source, device) if router == "auto" else None
    if in_parts:
        return compile_parts(in_parts, device, options, verify=verify, progress=progress)
    lowered, gathered = _lower(source, device)
    regions = choose_regions(lowered.info.num_qubits, device, options)
    device = regions[0][0].device
    by_block = router == "auto" and strategy == "rounds"
    dense = largest_block(lowered.block, device) if by_block else None
    by_block = by_block and (dense is not None or any(not gate.is_cz for gate in lowered.block.gates))
    contest: Contest[None] = Contest(lowered.info, among_ways(objective) if by_block else objective)
    ways = [(BY_BLOCK, options), (BY_GATE, replace(options, router="generic"))]
    tried = ways if by_block else [(BY_GATE, options)]
    for number in range(options.effort):
        machine, shape = regions[number % len(regions)]
        for k, (name, way) in enumerate(tried):
            part = share(report, 0.05 + 0.85 * (number + k / len(tried)) / effort, 0.85 / effort / len(tried))
            block = dense if way.router == "auto" else None
            contest.enter(name, partial(_route_in_way, lowered, block, machine, shape, way, number, contest, part))
    program, _ = contest.result(objective)
    report(0.9, "checking")
    form = lower(source, keep_barriers=False, gathered=gathered).form if lowered.block.fences else lowered.form
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


def _lower(source: QuantumCircuit, device: FPQA | None) -> tuple[Lowered, bool]:
    """Lower a circuit, with CZ . U . CZ gathered to one diagonal gate where that pays; tell whether it was."""
    lowered = lower(source)
    device = device or FPQA.for_qubits(1)  # the gates of a default device do not depend on its size
    if gathers(lowered.block, device):
        return lowered, True
    return lower(source, gathered=False), False


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
    if dense:
        report(0.0, "placing")
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
    return _Placement(anneal(lowered.block, *shape, seed=seed), shape)


def _route_in_way(
    lowered: Lowered,
    dense: DiagonalBlock | None,
    machine: Machine,
    shape: tuple[int, int],
    options: CompileOptions,
    number: int,
    contest: Contest[None],
    report: Progress,
) -> tuple[Program, None]:
    """Place the qubits and route the circuit, unless that turns out dearer than the best of the contest."""
    placed = _place(lowered, dense, machine, shape, options, number, report)
    builder = ProgramBuilder(machine.device, placed.sites, machine.number)
    return _route(lowered, machine, placed, builder, options, contest.watch(builder, report)), None


def _route(
    lowered: Lowered,
    machine: Machine,
    placed: _Placement,
    builder: ProgramBuilder,
    options: CompileOptions,
    report: Progress,
) -> Program:
    block = lowered.block
    if block.gates:
        rounds = options.strategy == "rounds"
        layout = machine.layout(placed.sites, placed.shape, LINES_PER_SITE if rounds else 1)
        route_options = RouteOptions(options.objective, report)
        diagonal = None
        if options.router == "auto" and layout.has_line_for_every_site:
            diagonal = DiagonalRouter(
                machine.device,
                layout,
                machine.most_lines,
                seed=options.seed,
                known=placed.known,
                published=not rounds,
            )
        route_gates(block, layout, builder, route_options, diagonal, options.strategy)
    else:
        builder.run_one_qubit_gates(block)
    builder.measure(lowered.measures)
    return builder.build(lowered.info)
