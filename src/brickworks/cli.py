"""The command line: everything `make` does, and a little more."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg2
import psycopg2.extensions
from psycopg2 import sql
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from brickworks import local_database, server_checks
from brickworks import summary as summaries
from brickworks.load import load_csv
from brickworks.settings import (
    Problem,
    Server,
    marts_schema,
    project_root,
    raw_table,
    server,
)
from brickworks.terminal import visible

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

DOCS_FILE = Path("target") / "static_index.html"


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
    cluster = local_database.project_cluster(project_root())
    started = _up(cluster)
    state = "is up" if started else "was up already"
    _say(f"The embedded server {state}: {cluster.server.url()}")


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
    cluster = local_database.project_cluster(root)
    _up(cluster)
    rows = _simulate(cluster, raw_table(root), append=append)
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
    target = server()
    table = raw_table(root)
    if not file.exists():
        raise Problem(f"{file} does not exist: check the name.")
    dsn = target.dsn()
    if target.is_embedded:
        cluster = local_database.project_cluster(root)
        _up(cluster)
        dsn = cluster.superuser_dsn()
    with closing(server_checks.connect(target, dsn)) as connection:
        with _bar(f"Loading {file.name}", shows_count=False) as report:
            rows = load_csv(connection, file, table, report)
        _analyze(connection, table)
    _say(f"{rows:,} rows of {file} are in {'.'.join(table)}.")


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--target", help="Target of the dbt profile.")
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED)
def run(target: str | None, dbt_arguments: tuple[str, ...]) -> None:
    """Do everything: server, messages, models, tests, docs, summary.

    The embedded server is started and, if its raw table is empty, filled with
    simulated messages. DBT_ARGUMENTS go to `dbt build`, say --full-refresh.
    """
    root = project_root()
    _make_profile(root)
    where = server()
    table = raw_table(root)
    if where.is_embedded:
        cluster = local_database.project_cluster(root)
        _up(cluster)
        _simulate(cluster, table, append=False)
    with closing(server_checks.connect(where)) as connection:
        _require_all(connection, table, marts_schema(root, target))
    failures = _build(root, target, dbt_arguments)
    try:
        _print_summary(root, target, where)
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
    root = project_root()
    _print_summary(root, target, server())


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--target", help="Target of the dbt profile.")
@click.option("--limit", default=20, show_default=True, help="Device-days to show.")
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED)
def status(target: str | None, limit: int, dbt_arguments: tuple[str, ...]) -> None:
    """Show which device-days are out of date, and why.

    Nothing is built. The raw table is read as by a build. Edited seed files count once
    they are in the database. DBT_ARGUMENTS are those of the build, say --vars.
    """
    from brickworks import status as statuses

    root = project_root()
    _make_profile(root)
    where = server()
    with closing(server_checks.connect(where)) as connection:
        _require_all(connection, raw_table(root), marts_schema(root, target))
        manifest = _dbt(root, None, target, ["parse", *dbt_arguments], None).result
        statuses.require_a_build(connection, manifest)
        statuses.open_all_models(manifest)
        command = ["compile", "-s", *statuses.COMPILED, *dbt_arguments]
        compiled = _dbt(root, manifest, target, command, None).result.results
        nodes = {result.node.name: result.node for result in compiled}
        printed: list[str] = []

        def take(event: Any) -> None:  # noqa: ANN401
            if event.info.name == "PrintEvent":
                printed.append(event.info.msg)

        versions = json.dumps({"versions": statuses.versions(nodes, root)})
        command = ["run-operation", "print_stale_days", "--args", versions]
        _dbt(root, manifest, target, ["--quiet", *command, *dbt_arguments], take)
        found = statuses.read(connection, manifest, nodes, "\n".join(printed))
    statuses.show(found, Console(width=None if sys.stdout.isatty() else 100), limit)


@main.command()
@click.option("--target", help="Target of the dbt profile.")
def docs(target: str | None) -> None:
    """Write the documentation as one file.

    It is target/static_index.html and needs no web server.
    """
    root = project_root()
    _make_profile(root)
    server_checks.connect(server()).close()
    _dbt(root, None, target, ["docs", "generate", "--static"], None)
    _say(f"The documentation is {root / DOCS_FILE}")


def _say(text: str) -> None:
    click.echo(visible(text, keeps_lines=True))


def _refuse_foreign(command: str) -> None:
    target = server()
    if not target.is_embedded:
        raise Problem(
            f"`brickworks {command}` touches only the embedded server, and "
            f"BRICKWORKS_DB_HOST is set to {target.host}: unset it first."
        )


def _up(cluster: local_database.Cluster) -> bool:
    """Start the embedded server, ready for `dbt build`; return whether it was down."""
    root = project_root()
    _make_profile(root)
    started = local_database.start(cluster)
    local_database.create_role_database_and_raw_table(cluster, raw_table(root))
    return started


def _find_psql() -> str | None:
    if found := shutil.which("psql"):
        return found
    try:
        program = local_database.binaries() / "psql"
    except Problem:
        return None
    return str(program) if program.exists() else None


def _simulate(
    cluster: local_database.Cluster, table: tuple[str, str], *, append: bool
) -> int | None:
    """Load the simulated factory; return its rows, None if the table has some."""
    from brickworks import simulator

    dsn = cluster.superuser_dsn()
    with closing(server_checks.connect(cluster.server, dsn)) as connection:
        with connection.cursor() as cursor:
            # What is reported as loaded outlives a crash.
            cursor.execute("set synchronous_commit = on")
            # Two runs at once: the second waits here and finds the table filled.
            cursor.execute("select pg_advisory_lock(hashtext('brickworks.simulate'))")
            cursor.execute(
                sql.SQL("select exists (select from {})").format(sql.Identifier(*table))
            )
            row = cursor.fetchone()
        connection.commit()
        if row and row[0] and not append:
            return None
        with _bar("Simulating a factory") as report:
            rows = simulator.load(connection, table=table, progress=report)
        connection.commit()
        _analyze(connection, table)
    return rows


def _analyze(
    connection: psycopg2.extensions.connection, table: tuple[str, str]
) -> None:
    """Let the planner know; a role that is not the owner only gets a warning."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("analyze {}").format(sql.Identifier(*table)))
    connection.commit()


@contextmanager
def _bar(
    title: str, *, shows_count: bool = True
) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr; yield what it is told (done, total) with.

    A log file gets none: there, the sentence at the end says it all.
    """
    console = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn() if shows_count else TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with progress:
        task = progress.add_task(visible(title), total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield report


def _make_profile(root: Path) -> None:
    """Copy the example profile where dbt looks, unless there is one."""
    profile = root / "profiles.yml"
    if not profile.exists():
        temporary = root / ".profiles.yml.new"
        shutil.copyfile(root / "profiles.example.yml", temporary)
        temporary.rename(profile)


def _require_all(
    connection: psycopg2.extensions.connection, table: tuple[str, str], schema: str
) -> None:
    missing = server_checks.what_is_missing(connection, table, schema)
    if missing:
        raise Problem("\n".join(missing))


def _build(root: Path, target: str | None, arguments: tuple[str, ...]) -> int:
    """Build and document in one process, parsing once; return what failed."""
    manifest = _dbt(root, None, target, ["parse"], None).result
    console = Console(stderr=True)
    with _bar("Building") as report:
        watcher = _Watcher(report, console)
        # Unit tests test the code, not the plant's data: `make test` runs them.
        command = ["build", "--exclude-resource-type", "unit_test", *arguments]
        built = _dbt(root, manifest, target, command, watcher, may_fail=True)
    failures = watcher.failures
    if not built.success and not failures:
        raise Problem(_reason(built, root))
    # What is there gets documented, whatever failed beside it.
    documented = _dbt(
        root,
        manifest,
        target,
        ["docs", "generate", "--static", "--no-compile"],
        None,
        may_fail=True,
    )
    if not documented.success and not failures:
        raise Problem(_reason(documented, root))
    return failures


class _Watcher:
    """Turns dbt's events into a progress bar, warnings and errors."""

    def __init__(self, report: Callable[[int, int], None], console: Console) -> None:
        self.failures = 0
        self._report = report
        self._console = console
        self._done = 0
        self._total = 0

    def __call__(self, event: Any) -> None:  # noqa: ANN401
        """Take one event of dbt."""
        if event.info.level in ("warn", "error"):
            message = event.info.msg.strip()
            if message:
                click.echo(visible(message, keeps_lines=True), err=True)
        if event.info.name == "LogStartLine":
            self._total = max(self._total, event.data.total)
        elif event.info.name == "NodeFinished":
            self._done += 1
            status = event.data.run_result.status
            if status in ("error", "fail", "runtime error"):
                self.failures += 1
            node = event.data.node_info
            if not self._console.is_terminal and "test" not in node.resource_type:
                seconds = event.data.run_result.execution_time
                click.echo(
                    f"{node.resource_type} {node.node_name}: {status}, {seconds:.1f} s",
                    err=True,
                )
        self._report(self._done, max(self._total, self._done))


def _dbt(
    root: Path,
    manifest: Manifest | None,
    target: str | None,
    command: list[str],
    watcher: Callable[[Any], None] | None,
    *,
    may_fail: bool = False,
) -> Any:  # noqa: ANN401
    """Run one dbt command in this process; its whole log goes to logs/dbt.log."""
    from dbt.cli.main import dbtRunner

    options = [
        *("--project-dir", str(root), "--profiles-dir", str(root)),
        *("--log-level", "none", "--log-level-file", "debug"),
        # What is told of its messages is text: colors would be shown as codes.
        "--no-use-colors",
    ]
    if target:
        options += ["--target", target]
    runner = dbtRunner(manifest=manifest, callbacks=[watcher] if watcher else [])
    with chdir(root):
        result = runner.invoke([*command, *options])
    if not result.success and not may_fail:
        raise Problem(_reason(result, root))
    return result


def _reason(result: Any, root: Path) -> str:  # noqa: ANN401
    said = str(result.exception).strip() if result.exception else "it says no reason"
    log = root / "logs" / "dbt.log"
    return f"dbt failed: {said}\nAll details are in {log}."


def _print_summary(root: Path, target: str | None, where: Server) -> None:
    schema = marts_schema(root, target)
    with closing(server_checks.connect(where)) as connection:
        content = summaries.read(connection, schema)
    content.places.append(("database", f"{_program()} psql"))
    content.places.append(("", where.url()))
    page = root / DOCS_FILE
    content.places.append(
        ("docs", str(page) if page.exists() else f"{_program()} docs")
    )
    width = None if sys.stdout.isatty() else 100
    summaries.show(content, Console(width=width))


def _program() -> str:
    """Return how this program was called, to be copied into a shell."""
    return sys.argv[0] if "brickworks" in Path(sys.argv[0]).name else "brickworks"
