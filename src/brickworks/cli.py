"""The command line: everything `make` does, and a little more."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import psycopg2
from rich.console import Console

from brickworks import dbt_runs, local_database, runner, server_checks
from brickworks import summary as summaries
from brickworks.settings import (
    Problem,
    marts_schema,
    project_root,
    raw_table,
    server,
)
from brickworks.terminal import visible


class _Sentences(click.Group):
    """A group whose foreseen failures are sentences on stderr, exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            raise click.ClickException(visible(problem, keeps_lines=True)) from None
        except psycopg2.Error as error:
            said = server_checks.sentence(error, server())
            raise click.ClickException(visible(said)) from None
        except KeyboardInterrupt:
            click.echo("Stopped. What was under way is rolled back.", err=True)
            ctx.exit(130)


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="brickworks")
def main() -> None:
    """Factory messages in, production numbers out.

    Without further settings everything happens on the embedded PostgreSQL of this
    project: loopback only, port BRICKWORKS_DB_PORT (default 25432), data in .local/.

    Set BRICKWORKS_DB_HOST (and BRICKWORKS_DB_PORT, _USER, _PASSWORD, _NAME) to use a
    PostgreSQL of your own, 14 or newer. There, brickworks reads the raw table and
    builds its schemas; it makes and deletes nothing else.

    \b
    First steps:
      brickworks run                   build everything on simulated messages
      brickworks psql                  look at the tables
      brickworks load messages.csv.gz  bring messages of your own
    """  # noqa: D301 (click wants the backspace itself)


@main.command()
def up() -> None:
    """Start the embedded server.

    Makes its role, database and raw table where they are missing, and the profile
    for dbt. Safe to repeat, and after any crash. The server stays up until
    `brickworks down`.
    """
    _refuse_foreign("up")
    started = runner.up(project_root())
    state = "is up" if started else "was up already"
    _say(f"The embedded server {state}: {server().url()}")


@main.command()
def down() -> None:
    """Stop the embedded server; its data stays.

    This works with BRICKWORKS_DB_HOST set, too: it is always the embedded server that
    stops, never another one.
    """
    cluster = local_database.project_cluster(project_root())
    stopped = local_database.stop(cluster)
    _say(f"The embedded server {'is down' if stopped else 'was down already'}.")


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Delete the embedded server with all its data.

    The next `brickworks up` makes a new, empty one.
    """
    _refuse_foreign("reset")
    cluster = local_database.project_cluster(project_root())
    if not yes:
        click.confirm(
            f"Delete the embedded server and its data in {cluster.directory}?",
            abort=True,
            err=True,
        )
    local_database.delete(cluster)
    _say("The embedded server and its data are deleted.")


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--superuser", is_flag=True, help="Embedded server only.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(superuser: bool, arguments: tuple[str, ...]) -> None:
    """Open psql on the database, or run it with ARGUMENTS.

    The marts come first in the search path.

    \b
    Example:
      brickworks psql -c 'select * from brick_production_stats limit 5'
    """  # noqa: D301
    root = project_root()
    target = server()
    dsn = target.dsn()
    if superuser:
        _refuse_foreign("psql --superuser")
        dsn = local_database.project_cluster(root).superuser_dsn()
    server_checks.connect(target, dsn).close()
    program = _find_psql()
    if program is None:
        raise Problem(
            "There is no psql here: install postgresql-client, or connect any other "
            f"client to {target.url()}."
        )
    environment = os.environ | {
        "PGHOST": dsn["host"],
        "PGPORT": str(dsn["port"]),
        "PGUSER": dsn["user"],
        "PGPASSWORD": dsn["password"],
        "PGDATABASE": dsn["dbname"],
        "PGOPTIONS": f"-c search_path={marts_schema(root)},public",
    }
    os.execvpe(program, [program, *arguments], environment)  # noqa: S606


@main.command()
@click.option("--append", is_flag=True, help="Even if the raw table has rows.")
def simulate(append: bool) -> None:
    """Load a small simulated factory into the embedded server.

    The same messages every time. A raw table that has rows is left alone, unless
    --append is given.
    """
    _refuse_foreign("simulate")
    root = project_root()
    rows = runner.simulate(root, append=append)
    if rows is None:
        raise Problem(
            f"{'.'.join(raw_table(root))} has rows already: give --append to add the "
            "simulated messages to them, or run `brickworks reset` first."
        )
    _say(f"{rows:,} simulated messages are in {'.'.join(raw_table(root))}.")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def load(file: Path) -> None:
    """Load FILE, a CSV or .csv.gz of raw messages.

    The first line names the columns, in any order: device_id, sensor_type, timestamp,
    data, metadata, and if you like id and created_at (else: now). data and metadata
    are JSON; a time without an offset is UTC; an empty cell is NULL.

    All of the file is loaded, or nothing: a malformed line is refused with its number.
    """
    root = project_root()
    rows = runner.load(root, file)
    _say(f"{rows:,} rows of {file} are in {'.'.join(raw_table(root))}.")


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--target", help="Target of the dbt profile.")
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED)
def run(target: str | None, dbt_arguments: tuple[str, ...]) -> None:
    """Do it all: server, messages, models, tests, docs, summary.

    The embedded server is started and, if its raw table is empty, filled with
    simulated messages. DBT_ARGUMENTS go to `dbt build`, say --full-refresh.
    """
    root = project_root()
    failures = runner.run(root, target, dbt_arguments)
    try:
        _print_summary(root, target)
    except (Problem, psycopg2.Error):
        # After a failed build there may be nothing to sum up; that is said below.
        if not failures:
            raise
    if failures:
        raise Problem(
            f"{failures} of the nodes above failed: repair and run this again; all "
            f"details are in {root / 'logs' / 'dbt.log'}."
        )


@main.command()
@click.option("--target", help="Target of the dbt profile.")
def summary(target: str | None) -> None:
    """Show what the last build made of the messages."""
    _print_summary(project_root(), target)


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--target", help="Target of the dbt profile.")
@click.option("--limit", default=20, show_default=True, help="Device-days to show.")
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED)
def status(target: str | None, limit: int, dbt_arguments: tuple[str, ...]) -> None:
    """Show which device-days are out of date, and why.

    Nothing is built. The raw table is read as by a build. Edited seed files count once
    they are in the database. DBT_ARGUMENTS are those of the build, say --vars.
    """
    # dbt takes seconds to import: only a command that needs it pays.
    from brickworks import status as statuses

    found = statuses.find(project_root(), target, dbt_arguments)
    statuses.show(found, Console(width=None if sys.stdout.isatty() else 100), limit)


@main.command()
@click.option("--target", help="Target of the dbt profile.")
def docs(target: str | None) -> None:
    """Write the documentation as one file.

    It is target/static_index.html and needs no web server.
    """
    page = runner.write_docs(project_root(), target)
    _say(f"The documentation is {page}")


@main.command()
@click.argument(
    "directories",
    metavar="DIRECTORY...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option("--points", is_flag=True, help="Score injected events by points, too.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all of it as JSON.",
)
@click.option(
    "--flags",
    "flags_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the flagged rows to a CSV.",
)
@click.option("--require-floor", is_flag=True, help="Fail below a floor.")
def backtest(
    directories: tuple[Path, ...],
    points: bool,
    json_file: Path | None,
    flags_file: Path | None,
    require_floor: bool,
) -> None:
    """Score the anomaly rules on labelled messages.

    Each DIRECTORY holds measurements*.csv.gz, truth*.json.gz and, if you like,
    seeds/*.csv; see docs/backtest.md. They go through the project's models on a server
    that is there for a while only: nothing of yours is touched. This takes minutes.
    """
    # pandas takes a while to import: only a command that needs it pays.
    from brickworks.backtest import report as reports
    from brickworks.backtest import run as backtests

    for file in (json_file, flags_file):
        if file and not file.parent.is_dir():
            raise Problem(f"{file.parent} is no directory: {file} cannot go there.")
    root = project_root()
    detections = backtests.together(
        {
            str(directory): backtests.detect(
                root, directory, scores_episodes=not points
            )
            for directory in directories
        }
    )
    if flags_file:
        backtests.write_flags(flags_file, detections)
    report = reports.make(detections)
    if json_file:
        content: dict[str, Any] = {"directories": list(map(str, directories))}
        content["events_by"] = "points" if points else "episodes"
        content |= report.as_json()
        json_file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    reports.show(report, Console(width=None if sys.stdout.isatty() else 100))
    if require_floor and not report.meets_floors:
        raise Problem("Some metrics are below their floor, see above.")


@main.command("simulate-labels")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--days", type=click.IntRange(min=2), default=8, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--lines", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--faults/--no-faults", default=True, help="Whether things go wrong.")
@click.option(
    "--fault", multiple=True, metavar="NAME", help="This one only; repeat it."
)
def simulate_labels(
    directory: Path,
    days: int,
    seed: int,
    lines: int,
    faults: bool,
    fault: tuple[str, ...],
) -> None:
    """Write a simulated plant and its faults to DIRECTORY.

    That is what `brickworks backtest` reads. The same options give the same files.
    Without faults, every alarm is false.
    """
    if fault and not faults:
        raise click.UsageError("--no-faults and --fault exclude each other.")
    wanted = fault or (None if faults else ())
    messages, events = runner.simulate_labels(
        project_root(), directory, days, seed, lines, wanted
    )
    _say(f"{messages:,} messages and {events:,} labelled events are in {directory}.")


def _say(text: str) -> None:
    click.echo(visible(text, keeps_lines=True))


def _refuse_foreign(command: str) -> None:
    target = server()
    if not target.is_embedded:
        raise Problem(
            f"`brickworks {command}` touches only the embedded server, and "
            f"BRICKWORKS_DB_HOST is set to {target.host}: unset it first."
        )


def _find_psql() -> str | None:
    if found := shutil.which("psql"):
        return found
    try:
        program = local_database.binaries() / "psql"
    except Problem:
        return None
    return str(program) if program.exists() else None


def _print_summary(root: Path, target: str | None) -> None:
    where = server()
    schema = marts_schema(root, target)
    with closing(server_checks.connect(where)) as connection:
        content = summaries.read(connection, schema)
    content.places.append(("database", f"{_program()} psql"))
    content.places.append(("", where.url()))
    page = root / dbt_runs.DOCS_FILE
    content.places.append(
        ("docs", str(page) if page.exists() else f"{_program()} docs")
    )
    width = None if sys.stdout.isatty() else 100
    summaries.show(content, Console(width=width))


def _program() -> str:
    """Return how this program was called, to be copied into a shell."""
    return sys.argv[0] if "brickworks" in Path(sys.argv[0]).name else "brickworks"
