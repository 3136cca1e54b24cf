"""The command line: `qpilot compile`, `verify`, `info`, `draw`, `animate`, `device`, `convert`, `disq`, `bench`."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .arch.device import FPQA, PRESETS, preset
from .arch.errors import ProgramError, QPilotError
from .cli_output import PICTURES, check_output, file_kind, print_json
from .convert import read_device
from .convert_command import convert
from .disq_commands import app as disq_app

if TYPE_CHECKING:
    from .arch.program import Program


class Router(StrEnum):
    """Values of --router."""

    AUTO = "auto"
    GENERIC = "generic"


class Strategy(StrEnum):
    """Values of --strategy."""

    ROUNDS = "rounds"
    PAPER = "paper"


class Objective(StrEnum):
    """Values of --objective."""

    BALANCED = "balanced"
    DEPTH = "depth"
    NUM_2Q = "num_2q"
    DURATION = "duration"
    FIDELITY = "fidelity"


Preset = StrEnum("Preset", {name.upper(): name for name in sorted(PRESETS)})  # type: ignore[misc]
_DEFAULT_PRESET = Preset("enola")

app = typer.Typer(
    name="qpilot",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(disq_app, name="disq")

_FIGURES = """
What the figures mean:

* [bold]depth[/]: Rydberg pulses, each a layer of two-qubit gates that run at once. This is what the compiler minimizes.

* [bold]two-qubit gates[/]: pairs summed over the pulses, those that carry a qubit to its ancilla and back included.

* [bold]duration[/]: time from the first move of the atoms to the last instruction, in microseconds.

* [bold]fidelity[/]: estimated probability that no error happens: gates, atoms idle during pulses, decoherence.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The exit status is 0; 1 if something was refused or is not equivalent; 2 for wrong usage; 130 after Ctrl-C.

    Args:
        arguments: Command-line arguments; those of the process by default.
    """
    try:
        status = app(arguments, prog_name="qpilot")
    except QPilotError as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"qpilot {version('qpilot')}")
        except PackageNotFoundError:
            typer.echo("qpilot, run from a folder: no version")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Compile quantum circuits for neutral atoms: field programmable qubit arrays (FPQA) with flying ancillas.

    For example:

      qpilot compile circuit.qasm -o program.json

      qpilot verify program.json circuit.qasm

      qpilot info program.json

      qpilot device --rows 8 --cols 16 -o device.json

    Exit status: 0; 1 if a circuit, device or program was refused or is not equivalent; 2 for wrong usage.
    """


@app.command("compile", epilog=_FIGURES)
def _compile(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="OpenQASM 2 or 3, also .gz.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Save here, as .json or .json.gz; a folder for many files."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many of the files to compile at a time.")] = 1,
    device: Annotated[
        Path | None,
        typer.Option(metavar="D.json", help="Device of qpilot, ZAC or MQT (.namachine); default: one that fits."),
    ] = None,
    constants: Annotated[
        Preset | None, typer.Option("--preset", help="Times and fidelities from the literature, in place of --device.")
    ] = None,
    shape: Annotated[
        str, typer.Option(metavar="RxC|auto", help="Rows x columns of data qubits, such as 10x10 or 1x100.")
    ] = "auto",
    router: Annotated[
        Router, typer.Option(help="What schedules the gates; auto picks by the kind of circuit.")
    ] = Router.AUTO,
    strategy: Annotated[
        Strategy, typer.Option(help="rounds: ancillas serve many gates; paper: as published, arXiv 2311.16190.")
    ] = Strategy.ROUNDS,
    objective: Annotated[
        Objective,
        typer.Option(help="What to have least of: pulses, two-qubit gates, time, errors; or balanced."),
    ] = Objective.BALANCED,
    effort: Annotated[int, typer.Option(min=1, help="Search longer: 1, 4, 16, ... placements.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal programs.")] = 0,
    html: Annotated[
        Path | None, typer.Option(metavar="X.html", help="Also write an interactive page that plays the program.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Skip the proof that the program is right.")] = False,
) -> None:
    """Compile circuits to programs, verify them, and show what they cost.

    For example:

      qpilot compile examples/circuits/bv8.qasm

      qpilot compile circuit.qasm -o program.json --shape 1x100 --effort 3

      qpilot compile circuit.qasm --json | jq .depth

      qpilot compile circuit.qasm --html circuit.html

      qpilot compile circuits/*.qasm --jobs 8 -o programs

    Of many files, each program is saved as soon as it is done. One that fails stops no other.
    """
    rows_cols = _parse_shape(shape)
    if device is not None and constants is not None:
        raise typer.BadParameter("give --device or --preset, not both.")
    if len(files) > 1 and constants is not None and rows_cols is None:
        raise typer.BadParameter("--preset needs --shape where there are many files: they share one device.")
    if len(files) > 1 and html is not None:
        raise typer.BadParameter("--html takes one circuit; 'qpilot animate' makes a page of each saved program.")
    options: dict[str, Any] = {
        "router": router.value,
        "strategy": strategy.value,
        "shape": rows_cols or "auto",
        "objective": objective.value,
        "effort": effort,
        "seed": seed,
        "verify": not no_verify,
    }
    machine = read_device(device) if device is not None else None
    if constants is not None and rows_cols is not None:
        machine = preset(constants.value, *rows_cols)
    if len(files) > 1:
        _compile_many(files, output, jobs, as_json, options | {"device": machine})
        return
    for path in filter(None, (output, html)):
        check_output(path, files[0])
    from .bar import progress_bar
    from .compiler import compile  # noqa: A004
    from .frontend import read_circuit

    circuit = read_circuit(files[0])
    if constants is not None and machine is None:
        lattice = FPQA.for_qubits(circuit.num_qubits).slm
        machine = preset(constants.value, lattice.rows, lattice.cols)
    with progress_bar() as report:
        program = compile(circuit, machine, progress=report, **options)
    if output is not None:
        program.save(output)
    if html is not None:
        from .visualize import to_html

        to_html(program, html, circuit=circuit)
    if as_json:
        print_json(program.metrics)
    else:
        typer.echo(str(program) if output is None else _one_line(program, output))


def _compile_many(files: list[Path], folder: Path | None, jobs: int, as_json: bool, options: dict[str, Any]) -> None:
    """Compile many files, save each program as soon as it is done, and report all in order."""
    from .frontend import circuit_name
    from .many import Failure, Interrupted, Result, compile_many
    from .workers import worker_pool

    outputs = [folder and folder / f"{circuit_name(file)}.json" for file in files]
    if folder is not None:
        _prepare_folder(folder, files, [output for output in outputs if output])
    unsaved: dict[int, ProgramError] = {}

    def save(index: int, result: Result) -> None:
        output = outputs[index]
        if output is not None and not isinstance(result, Failure):
            try:
                result.save(output)
            except ProgramError as error:
                unsaved[index] = error

    status = 0
    try:
        with worker_pool(min(jobs, len(files))) as executor:
            results = compile_many(files, executor, on_result=save, **options)
    except Interrupted as stop:
        results, status = stop.results, 130
    figures: list[dict[str, object]] = []
    for index, result in enumerate(results):
        error = result.error if isinstance(result, Failure) else unsaved.get(index)
        if isinstance(result, Failure) or error is not None:
            kind = "" if isinstance(error, QPilotError) else f"{type(error).__name__}: "
            message = kind + " ".join(str(error).split())
            typer.echo(f"error: {files[index]}: {message}", err=True)
            figures.append({"file": str(files[index]), "error": message})
            status = status or 1
        else:
            figures.append({"file": str(files[index]), "metrics": result.metrics})
            if not as_json:
                typer.echo(_one_line(result, outputs[index]))
    if as_json:
        print_json(figures)
    raise typer.Exit(status)


def _prepare_folder(folder: Path, files: list[Path], outputs: list[Path]) -> None:
    """Make the folder if there is none, and refuse before the work what could not be saved there."""
    twice = next((output for output, count in Counter(outputs).items() if count > 1), None)
    if twice is not None:
        raise ProgramError(f"Two of the circuits would be saved as {twice}; give them different names.")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ProgramError(f"The folder {folder} cannot be made: {error.strerror or error}.") from None
    for file, output in zip(files, outputs, strict=True):
        check_output(output, file)


@app.command("verify")
def _verify(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM", help="Program, as written by 'qpilot compile -o'.")],
    circuit: Annotated[Path, typer.Argument(metavar="CIRCUIT", help="OpenQASM 2 or 3 it should compute.")],
) -> None:
    """Prove that a program obeys the hardware and computes a circuit.

    The proof takes time linear in the number of gates, at any size. Global phase is not compared.

    For example:

      qpilot verify program.json circuit.qasm && echo good
    """
    from .arch.program import Program
    from .frontend import read_circuit
    from .verify import verify

    verify(Program.load(program), read_circuit(circuit))
    typer.echo(f"{program} is legal on its device and computes {circuit}.")


@app.command("info", epilog=_FIGURES)
def _info(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM", help="Program, as written by 'qpilot compile -o'.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")] = False,
) -> None:
    """Show what a program costs. It is checked against the rules of its device first.

    For example:

      qpilot info program.json --json
    """
    from .arch.program import Program

    loaded = Program.load(program)
    if as_json:
        print_json(loaded.metrics)
    else:
        typer.echo(str(loaded))


@app.command("draw")
def _draw(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM", help="Program, as written by 'qpilot compile -o'.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file .png, .svg or .pdf.")],
    step: Annotated[
        int | None, typer.Option(min=0, help="Number of the instruction; default: the pulse with most pairs.")
    ] = None,
) -> None:
    """Draw where the atoms stand at one instruction of a program.

    For example:

      qpilot draw program.json --step 12 -o step.pdf
    """
    from .arch.files import write_bytes
    from .arch.program import Program
    from .visualize import picture

    kind = file_kind(output, PICTURES)
    check_output(output, program)
    write_bytes(output, picture(Program.load(program), step, kind=kind), ProgramError)


@app.command("animate")
def _animate(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM", help="Program, as written by 'qpilot compile -o'.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file .html, .gif or .mp4.")],
    steps: Annotated[
        str | None, typer.Option(metavar="A:B", help="Instructions A to B - 1 of a film; default: all.")
    ] = None,
    fps: Annotated[int, typer.Option(min=1, max=50, help="Frames of a second of a film.")] = 20,
    dpi: Annotated[int, typer.Option(min=20, max=600, help="Pixels of an inch of a film.")] = 100,
    equal: Annotated[bool, typer.Option("--equal", help="Give every instruction of a film the same time.")] = False,
    circuit: Annotated[
        Path | None, typer.Option(metavar="CIRCUIT", help="The source, whose gates a page lists beside the schedule.")
    ] = None,
) -> None:
    """Show a program as atoms that move: an interactive page, or a film.

    For example:

      qpilot animate program.json -o program.html

      qpilot animate program.json -o program.gif --steps 0:40
    """
    from .arch.program import Program
    from .bar import progress_bar
    from .frontend import read_circuit
    from .visualize import animate, to_html
    from .visualize.animation import Timing

    check_output(output, program)
    kind = file_kind(output, ".html, .gif or .mp4")
    match = re.fullmatch(r"(\d+):(\d+)", steps or "0:0")
    if match is None:
        raise typer.BadParameter(f"--steps is {steps!r}; give the first instruction and the one after the last: 0:40.")
    loaded = Program.load(program)
    if kind == "html":
        to_html(loaded, output, circuit=read_circuit(circuit) if circuit else None)
        return
    chosen = (int(match[1]), int(match[2])) if steps else None
    with progress_bar() as report:
        timing: Timing = "equal" if equal else "real"
        animate(loaded, output, steps=chosen, fps=fps, dpi=dpi, timing=timing, progress=report)


@app.command("device")
def _device(
    constants: Annotated[
        Preset, typer.Option("--preset", help="Whose times and fidelities: arXiv 2405.15095 or 2311.15123.")
    ] = _DEFAULT_PRESET,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="Rows of the lattice.")] = 10,
    cols: Annotated[int, typer.Option(min=1, max=10_000, help="Columns of the lattice.")] = 10,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="D.json", help="Save it here instead of printing it.")
    ] = None,
) -> None:
    """Print the JSON of a device, to edit and pass to 'qpilot compile --device'.

    Lengths are in micrometres and times in microseconds, as the names say.

    For example:

      qpilot device --preset atomique --rows 4 --cols 16 -o device.json
    """
    machine = preset(constants.value, rows, cols)
    if output is not None:
        machine.save(output)
    else:
        print_json(machine)


app.command("convert")(convert)


@app.command(
    "bench",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def _bench(context: typer.Context) -> None:
    """Compare depth, gates, fidelity and compile time with other compilers; 'qpilot bench --help' lists the options.

    For example:

      qpilot bench --quick
    """
    from .benchmarks.__main__ import main as bench

    raise typer.Exit(bench(context.args, prog="qpilot bench"))


def _parse_shape(text: str) -> tuple[int, int] | None:
    """Return (rows, cols), or None for `auto`."""
    if text == "auto":
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if found is None:
        raise typer.BadParameter(f"--shape is {text!r}; it must be rows x columns, such as 10x10, or auto.")
    return int(found[1]), int(found[2])


def _one_line(program: Program, path: Path | None) -> str:
    metrics = program.metrics
    return (
        f"{f'Wrote {path}' if path else program.circuit.name}: depth {metrics.depth}, {metrics.num_2q} two-qubit "
        f"gates, {metrics.duration_us:.0f} us, estimated fidelity {metrics.fidelity.total:.3g}."
    )
