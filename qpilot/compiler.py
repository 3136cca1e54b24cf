"""`compile`: from a circuit to a verified program."""

from __future__ import annotations

import difflib
import logging
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from .arch.device import FIELD_OF_VIEW_UM, FPQA, near_square, wider_shapes
from .arch.errors import DeviceError, OptionError
from .arch.program import Metrics, Program
from .arch.unitary import wrap
from .frontend import Lowered, lower, read_circuit
from .placement import anneal, row_major
from .replay import replay
from .routing.blocks import DiagonalBlock
from .routing.builder import ProgramBuilder
from .routing.diagonal import Arrangement, DiagonalRouter, arrange, can_park, largest_block, starting_sites
from .routing.generic import POLICIES, route_rounds
from .routing.lines import Axis, site_offsets_um
from .routing.options import Progress, RouteOptions
from .routing.paper import route_stages
from .routing.stage import Layout
from .verify import check_against, require_legal

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Sites = Sequence[tuple[int, int]]
TRY_BOTH = 200
"""Circuits of up to this many gates are routed with diagonal blocks as a whole and gate by gate; the better is kept."""

LINES_PER_SITE = 2
"""Lines that belong to each row and column of sites, where the AOD has as many; measured on 1 to 4."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """How to compile; see `compile` for the meaning of each.

    Raises:
        OptionError: A value is not known, or out of range.
    """

    router: str = "auto"
    strategy: str = "rounds"
    placement: str | Sites = "auto"
    shape: str | tuple[int, int] = "auto"
    objective: str = "balanced"
    effort: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice("router", self.router, ("auto", "generic"))
        _check_choice("strategy", self.strategy, ("rounds", "paper"))
        _check_choice("objective", self.objective, tuple(POLICIES))
        if isinstance(self.placement, str) or not isinstance(self.placement, Iterable):
            _check_choice("placement", self.placement, ("auto", "identity"))
        if isinstance(self.shape, str):
            _check_choice("shape", self.shape, ("auto",))
        else:
            _check_pair("shape", self.shape, 1)
        for name, least in (("effort", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise OptionError(f"{name} is {value!r}; it must be a whole number, at least {least}.")


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
        router: "generic" routes every gate by itself; "auto" routes blocks of commuting diagonal gates as a whole.
        strategy: "rounds" lets a copy serve many gates; "paper" creates and recycles one for each gate, as published.
        placement: "auto" searches; "identity" lays qubits row by row; or the site (row, col) of each qubit.
        shape: Rows and columns of the lattice region that holds the qubits; "auto" starts near-square.
        objective: "balanced" weighs pulses and two-qubit gates; "depth" spends gates to save pulses.
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
    report = progress or _no_progress
    report(0.0, "reading")
    source = read_circuit(circuit)
    lowered, gathered = _lower(source)
    regions = _choose_regions(lowered, device, options)
    by_block = router == "auto" and strategy == "rounds"
    dense = largest_block(lowered.block) if by_block else None
    by_block = by_block and (dense is not None or any(not gate.is_cz for gate in lowered.block.gates))
    programs = []
    for number in range(options.effort):
        part = _part(report, number, effort)
        machine, shape = regions[number % len(regions)]
        placed = _place(lowered, dense, machine, shape, options, number, part)
        programs.append(_route(lowered, machine, placed, options, part))
        if by_block and len(lowered.block.gates) <= TRY_BOTH:
            by_gate = replace(options, router="generic")
            placed = _place(lowered, None, machine, shape, by_gate, number, _no_progress)
            programs.append(_route(lowered, machine, placed, by_gate, _no_progress))
    # Diagonal blocks are run as a whole for the sake of depth, so depth decides where there are some.
    program = min(programs, key=lambda program: _cost(program.metrics, "depth" if by_block else objective))
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


def _lower(source: QuantumCircuit) -> tuple[Lowered, bool]:
    """Lower a circuit, with CZ . U . CZ gathered to one diagonal gate where that pays; tell whether it was.

    Such a gate takes two pulses at one position. That suits circuits made of them; among plain CZs they spoil more
    stages than they save (random circuits at 100 qubits: 234 pulses against 179).
    """
    lowered = lower(source)
    gates = lowered.block.gates
    if 2 * sum(not gate.is_cz for gate in gates) >= len(gates) or largest_block(lowered.block):
        return lowered, True
    return lower(source, gathered=False), False


def _choose_regions(
    lowered: Lowered, device: FPQA | None, options: CompileOptions
) -> list[tuple[_Machine, tuple[int, int]]]:
    """Return the regions to try, in turn, with the machine of each; without a device, each lattice just fits."""
    first, rows, cols = _choose_region(lowered, device, options)
    machine = _Machine(first)
    regions = [(machine, (rows, cols))]
    given = not isinstance(options.shape, str) or not isinstance(options.placement, str)
    if options.effort == 1 or given or options.placement == "identity":
        return regions
    slm = first.slm
    most_cols, most_rows = slm.cols, slm.rows
    if device is None:
        most_cols, most_rows = (int(side / slm.spacing_um + 1e-9) + 1 for side in FIELD_OF_VIEW_UM)
    for shape in wider_shapes(lowered.info.num_qubits, most_rows, min(most_cols, machine.most_lines[1])):
        if device is None:
            machine = _Machine(_choose_region(lowered, None, replace(options, shape=shape))[0])
        regions.append((machine, shape))
    return regions


def _choose_region(lowered: Lowered, device: FPQA | None, options: CompileOptions) -> tuple[FPQA, int, int]:
    """Return the device and the rows and columns of its lattice, from the first on, that hold the qubits."""
    n = lowered.info.num_qubits
    shape = None if isinstance(options.shape, str) else options.shape
    if device is None:
        device = FPQA.for_qubits(n)
        if shape is not None:
            slm = msgspec.structs.replace(device.slm, rows=shape[0], cols=shape[1])
            device = device.replace(slm=slm, name=f"fpqa-{shape[0]}x{shape[1]}")
    slm = device.slm
    if n > slm.num_sites:
        raise DeviceError(
            f"The circuit has {n} qubits, but the lattice of device {device.name!r} has {slm.rows} x {slm.cols} = "
            f"{slm.num_sites} sites; use a larger lattice, such as that of FPQA.for_qubits({n})."
        )
    if shape is None and not isinstance(options.placement, str):
        shape = slm.rows, slm.cols
    rows, cols = shape or near_square(n, slm.rows, slm.cols)
    if rows > slm.rows or cols > slm.cols:
        raise DeviceError(
            f"The shape {rows} x {cols} does not fit on the {slm.rows} x {slm.cols} lattice of device {device.name!r}."
        )
    if rows * cols < n:
        raise DeviceError(f"The shape {rows} x {cols} has {rows * cols} sites for {n} qubits; give a larger one.")
    return device, rows, cols


class _Machine:
    """What routing needs to know of a device: the AOD with most lines, and where its lines may stand."""

    def __init__(self, device: FPQA) -> None:
        self.device = device
        self.number = max(range(len(device.aods)), key=lambda k: device.aods[k].max_rows * device.aods[k].max_cols)
        self.aod = device.aods[self.number]
        rydberg = device.rydberg
        self.spacing_um, self.safe_um = device.slm.spacing_um, rydberg.safe_distance_um
        # Crossings of one line are as far apart as the lines; lines closer than the last term bring nothing.
        self.gap_um = max(self.aod.min_spacing_um, rydberg.min_atom_distance_um, rydberg.interaction_radius_um / 20)
        wide = self.gap_um > self.spacing_um
        self.most_lines = (1, 1) if wide else (self.aod.max_rows, self.aod.max_cols)

    @cached_property
    def offsets_um(self) -> tuple[float, ...]:
        return site_offsets_um(self.device.rydberg, self.spacing_um, self.gap_um)

    @property
    def parking(self) -> bool:
        return can_park(self.spacing_um, self.offsets_um[len(self.offsets_um) // 2], max(self.safe_um, self.gap_um))

    def layout(self, sites: Sites, shape: tuple[int, int], per_site: int) -> Layout:
        """Lay out the lines over the region of the lattice that the sites take."""
        places = np.array(sites, dtype=np.int64).reshape(-1, 2)
        occupied = np.zeros(shape, dtype=bool)
        occupied[tuple(places.T)] = True
        rows, cols = (
            Axis(
                count,
                _num_lines(count, most, len(self.offsets_um), per_site),
                self.spacing_um,
                self.gap_um,
                self.safe_um,
                self.offsets_um,
            )
            for count, most in zip(shape, self.most_lines, strict=True)
        )
        return Layout(rows, cols, places, occupied, self.spacing_um, self.safe_um)


@dataclass(frozen=True, slots=True)
class _Placement:
    """Sites of the qubits, the region they span, and the diagonal block they were chosen for, if any."""

    sites: Sites
    shape: tuple[int, int]
    known: tuple[DiagonalBlock, Arrangement] | None = None


def _place(
    lowered: Lowered,
    dense: DiagonalBlock | None,
    machine: _Machine,
    shape: tuple[int, int],
    options: CompileOptions,
    number: int,
    report: Progress,
) -> _Placement:
    n = lowered.info.num_qubits
    if not isinstance(options.placement, str):
        sites = _check_sites(options.placement, n, *shape)
        return _Placement(sites, (1 + max(row for row, _ in sites), 1 + max(col for _, col in sites)))
    if options.placement == "identity":
        return _Placement(row_major(n, shape[1]), shape)
    seed = options.seed + number * 1_000_003
    if dense:
        report(0.0, "placing")
        starts = starting_sites(dense, shape[0], seed=seed)
        found = arrange(dense, starts, shape, machine.most_lines, parking=machine.parking, move=True, seed=seed)
        if found:
            return _Placement(found.sites, shape, (dense, found))
    return _Placement(anneal(lowered.block, *shape, seed=seed), shape)


def _route(
    lowered: Lowered, machine: _Machine, placed: _Placement, options: CompileOptions, report: Progress
) -> Program:
    block = lowered.block
    builder = ProgramBuilder(machine.device, placed.sites, machine.number)
    if block.gates:
        rounds = options.strategy == "rounds"
        layout = machine.layout(placed.sites, placed.shape, LINES_PER_SITE if rounds else 1)
        route_options = RouteOptions(options.objective, report)
        diagonal = None
        if options.router == "auto" and layout.has_line_for_every_site:
            diagonal = DiagonalRouter(
                layout, machine.most_lines, seed=options.seed, known=placed.known, published=not rounds
            )
        if rounds and not layout.has_line_for_every_site:
            _log.info("The AOD has fewer lines than the lattice has rows or columns; using strategy 'paper'.")
            rounds = False
        route = route_rounds if rounds else route_stages
        route(block, layout, builder, route_options, diagonal)
    else:
        builder.run_one_qubit_gates(block)
    builder.measure(lowered.measures)
    return builder.build(lowered.info)


def _num_lines(num_sites: int, most: int, stack: int, per_site: int) -> int:
    """As many lines for every site as wanted and possible, or else as many as there are."""
    return min(num_sites * min(per_site, stack, max(1, most // num_sites)), most)


def _cost(metrics: Metrics, objective: str) -> tuple[float, ...]:
    """What the best of several programs has least of."""
    if objective == "depth":
        return metrics.depth, metrics.num_2q
    # A pulse costs about as much as a gate: at 100 qubits the idle atoms see 0.9975 each.
    return metrics.depth + 0.25 * metrics.num_2q, metrics.depth


def _part(report: Progress, number: int, count: int) -> Progress:
    return lambda fraction, phase: report(0.05 + 0.85 * (number + fraction) / count, phase)


def _no_progress(fraction: float, phase: str) -> None:
    """Tell nobody."""


def _check_choice(name: str, value: object, choices: Collection[str]) -> None:
    if value not in choices:
        close = difflib.get_close_matches(str(value), choices, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose {' or '.join(map(repr, choices))}."
        raise OptionError(f"{name} is {value!r}, which is not known; {hint}")


def _check_pair(name: str, value: object, least: int) -> tuple[int, int]:
    pair: list[Any] = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []
    whole = (isinstance(x, (int, np.integer)) and not isinstance(x, bool) and x >= least for x in pair)
    if len(pair) != 2 or not all(whole):
        raise OptionError(f"{name} is {value!r}; it must be a pair of whole numbers (rows, cols), at least {least}.")
    return int(pair[0]), int(pair[1])


def _check_sites(sites: Sites, num_qubits: int, rows: int, cols: int) -> Sites:
    checked = [_check_pair(f"placement of qubit {q}", site, 0) for q, site in enumerate(sites)]
    if len(checked) != num_qubits:
        raise OptionError(f"placement has {len(checked)} sites for {num_qubits} qubits; it needs one for each.")
    for q, (row, col) in enumerate(checked):
        if row >= rows or col >= cols:
            raise OptionError(f"placement puts qubit {q} at {row, col}, off the {rows} x {cols} lattice.")
    if len(set(checked)) < num_qubits:
        raise OptionError("placement puts two qubits at one site.")
    return checked
