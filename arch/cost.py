"""What a program costs: durations, estimated fidelity and counts.

References:
    Lin, Tan, Cong, arXiv 2405.15095, section on fidelity; arXiv 2411.11784 (ZAC); Wang et al., arXiv 2311.15123.
"""

from __future__ import annotations

import numpy as np

from .program import (
    FidelityEstimate,
    Measure,
    Metrics,
    Move,
    Program,
    Raman,
    Release,
    Reset,
    Rydberg,
    check_structure,
)


def instruction_times_us(program: Program) -> list[float]:
    """Return the time each instruction takes.

    A move takes as long as its longest line displacement needs; moves of different AODs in a row run together, so each
    is charged only what it adds. Placing an AOD and releasing take no time here. A Raman layer that has a condition
    takes its time whether or not it is run.
    """
    timing = program.device.timing
    lines: dict[int, np.ndarray] = {}
    times: list[float] = []
    running: dict[int, float] = {}  # moves that run together, by AOD
    for op in program.instructions:
        if isinstance(op, Move):
            new = np.array(op.rows_um + op.cols_um)
            old = lines.get(op.aod, new)
            lines[op.aod] = new
            distance = float(np.abs(new - old).max(initial=0.0)) if len(old) == len(new) else 0.0
            if op.aod in running:
                running = {}
            before = max(running.values(), default=0.0)
            running[op.aod] = timing.move_duration_us(distance)
            times.append(max(0.0, running[op.aod] - before))
            continue
        running = {}
        if isinstance(op, Rydberg):
            times.append(timing.rydberg_us)
        elif isinstance(op, Raman):
            times.append(timing.raman_us if op.atoms else 0.0)
        elif isinstance(op, (Measure, Reset)) and op.atoms:
            times.append(timing.measure_us if isinstance(op, Measure) else timing.reset_us)
        else:
            times.append(0.0)
    return times


def compute_metrics(program: Program) -> Metrics:
    """Return the metrics of a program.

    Fidelity is the product of: `cz` per pair; `raman` per one-qubit gate; `idle_rydberg` per pulse for each data atom
    and bright ancilla that is in no pair (and, in `total_all_atoms`, for each dark ancilla too); 1 - t / T2, at least
    0, for each data qubit and ancilla, where t is the time it holds a state and nothing acts on it; `measure` and
    `reset` per atom that is measured or reset. Data atoms are not transferred between traps and ancillas are loaded
    once, in |0>, so `transfer` is 1 for every program of this format. A controlled phase of any angle, zero included,
    has the time and the error of a CZ. A gate that has a condition counts as if it were always run.

    Raises:
        ProgramError: The program is not well formed.
    """
    check_structure(program)
    constants, timing, n = program.device.fidelity, program.device.timing, program.num_qubits
    times = instruction_times_us(program)
    depth = num_2q = num_1q = raman_layers = idle_bright = idle_all = 0
    bright = np.zeros(program.num_atoms, dtype=bool)
    bright[:n] = True
    bright_since = np.zeros(program.num_atoms)
    held_us = np.zeros(program.num_atoms)  # time in some state other than |0>
    busy_us = np.zeros(program.num_atoms)
    clock, measurement = 0.0, 1.0
    for op, time in zip(program.instructions, times, strict=True):
        if isinstance(op, Raman):
            atoms = np.array(op.atoms, dtype=np.int64)
            num_1q += len(atoms)
            raman_layers += bool(len(atoms))
            fresh = atoms[~bright[atoms]]
            bright[fresh] = True
            bright_since[fresh] = clock
            busy_us[atoms] += timing.raman_us
        elif isinstance(op, Rydberg) and op.pairs:
            atoms = np.array(op.pairs, dtype=np.int64).ravel()
            depth += 1
            num_2q += len(op.pairs)
            idle_bright += int(bright.sum()) - len(atoms)
            idle_all += program.num_atoms - len(atoms)
            busy_us[atoms] += timing.rydberg_us
        elif isinstance(op, (Measure, Reset)):
            measurement *= (constants.measure if isinstance(op, Measure) else constants.reset) ** len(op.atoms)
            busy_us[list(op.atoms)] += time
        elif isinstance(op, Release):
            atoms = np.array(op.atoms, dtype=np.int64)
            atoms = atoms[bright[atoms]]
            bright[atoms] = False
            held_us[atoms] += clock + time - bright_since[atoms]
        clock += time
    held_us[bright] += clock - bright_since[bright]
    idle_us = np.maximum(0.0, held_us - busy_us)
    two_qubit = constants.cz**num_2q
    one_qubit = constants.raman**num_1q
    decoherence = float(np.prod(np.maximum(0.0, 1.0 - idle_us / constants.t2_us)))
    excitation = constants.idle_rydberg ** max(0, idle_bright)
    common = two_qubit * one_qubit * decoherence * measurement
    return Metrics(
        depth=depth,
        num_2q=num_2q,
        num_1q=num_1q,
        num_moves=_count_moves(program),
        duration_us=clock,
        fidelity=FidelityEstimate(
            total=common * excitation,
            two_qubit=two_qubit,
            one_qubit=one_qubit,
            idle_excitation=excitation,
            decoherence=decoherence,
            transfer=1.0,
            total_all_atoms=common * constants.idle_rydberg ** max(0, idle_all),
            measurement=measurement,
        ),
        depth_with_1q=depth + raman_layers,
        num_ancillas=len(program.ancillas),
        compile_s=program.compile_s,
        native=program.device.native,
        reordered=program.circuit.reordered,
    )


def _count_moves(program: Program) -> int:
    moves = [op.aod for op in program.instructions if isinstance(op, Move)]
    return len(moves) - len(set(moves))
