"""The command line of drift-aware training: `qpilot disq run`, `resume` and `plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arch.errors import DriftError
from .cli_output import PICTURES, check_output, file_kind, print_json

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train variational circuits on a machine that drifts (DISQ, arXiv 2308.06634).\n\nFor example:\n\n  "
    "qpilot disq run examples/drift.toml",
)

_Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, as 'qpilot disq run' made it.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]


@app.command("run")
def _run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Description of the training, a TOML file.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="RUN", help="Folder to make; default: 'out' or name of CONFIG."),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Train a circuit as a TOML file describes it, on a simulated machine whose noise drifts.

    What a description may hold: hamiltonian, ansatz, optimizer, policy, x0 or x0_seed, maxiter, shots, budget
    (circuits, shots, seconds), seed, out, and the table machine with engine, noise and seed. A kind that is
    not known is answered with those that are; settings are those of the classes of qpilot.disq.

    For example:

      qpilot disq run examples/drift.toml

      qpilot disq run examples/drift.toml -o first --json | jq .relative_error

    Ctrl-C stops the run at once; 'qpilot disq resume' goes on with it.
    """
    from .disq.config import read_training
    from .disq.cost import estimate_cost
    from .disq.folders import make_folder
    from .disq.spsa import SPSA

    training = read_training(config)
    folder = output or Path(training.file.out or config.stem)
    make_folder(folder, config, training)
    if not as_json and isinstance(training.optimizer, SPSA):
        file = training.file
        cost = estimate_cost(
            training.hamiltonian, training.policy, file.maxiter, optimizer=training.optimizer, shots=file.shots
        )
        typer.echo(f"Cost: {cost}")
    _train(folder, as_json)


@app.command("resume")
def _resume(run: _Run, as_json: _AsJson = False) -> None:
    """Go on with a run that was stopped; the result is that of the run had it never stopped, bit for bit.

    For example:

      qpilot disq resume drift
    """
    _train(run, as_json)


@app.command("plot")
def _plot(
    run: _Run,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="A file .png, .svg or .pdf; default: RUN/training.png."),
    ] = None,
) -> None:
    """Draw energies, what the policy tested, and circuits of a run, also of one that is not over.

    For example:

      qpilot disq plot drift -o drift.pdf
    """
    from .arch.files import write_bytes
    from .bar import progress_bar
    from .disq.folders import CHECKPOINT, PICTURE, draw, ground_energy_of, read_folder
    from .disq.records import History

    output = run / PICTURE if output is None else output
    kind = file_kind(output, PICTURES)
    training = read_folder(run)
    check_output(output, run)
    with progress_bar() as report:
        report(0.0, "ground energy")
        exact = ground_energy_of(training.hamiltonian)
        picture = draw(History.load(run / CHECKPOINT), exact, run.resolve().name, kind)
    write_bytes(output, picture, DriftError)


def _train(folder: Path, as_json: bool) -> None:
    """Run or go on, and print what came out."""
    from .bar import progress_bar
    from .disq.folders import HISTORY, PICTURE, RESULT, TABLE, train

    try:
        with progress_bar() as report:
            result = train(folder, report)
    except KeyboardInterrupt:
        typer.echo(f"Stopped; 'qpilot disq resume {folder}' goes on.", err=True)
        raise typer.Exit(130) from None
    if as_json:
        print_json(result)
    else:
        written = [name for name in (RESULT, HISTORY, TABLE, PICTURE) if (folder / name).exists()]
        typer.echo(f"{result}\nWrote {', '.join(written)} in {folder}.")
