"""`make compare BASE=ref`: is every number what it was at that commit?

Builds the project of BASE and the working tree, each with the packages of its own lock
file and in a database of its own, from the same messages; then compares every public
model row for row. The audit log is left out: it tells of runs, not of messages.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import psycopg2
import psycopg2.extensions
from psycopg2 import sql
from rich.console import Console
from rich.table import Table

from bench.differences import (
    TECHNICAL,
    Difference,
    Relation,
    compare,
    explained,
    rows_of,
)
from bench.meter import Failed, Meter
from bench.scenarios import ROOT
from brickworks import simulator
from brickworks.load import load_csv
from brickworks.local_database import (
    Cluster,
    create_role_database_and_raw_table,
    temporary_cluster,
)
from brickworks.settings import Problem, raw_table

AUDIT_LOG = "processing_logs"
HELD = ("held", "messages")
COLUMNS = "id, device_id, sensor_type, timestamp, data, metadata, created_at"
HEADINGS = ("relation", "rows before", "rows after", "only before", "only after")

Say = Callable[[str], None]
Fill = Callable[[psycopg2.extensions.connection, tuple[str, str]], int]


class _NotCompared(click.ClickException):
    """Nothing is known about the numbers: as of `diff`, another status than 1."""

    exit_code = 2


@dataclass(frozen=True)
class Side:
    """One of the two builds.

    Attributes:
        name: `before` or `after`; its database, too.
        tree: The project.
        cluster: The server, with the database of this side.
        folder: What dbt writes goes here.
    """

    name: str
    tree: Path
    cluster: Cluster
    folder: Path

    @property
    def table(self) -> tuple[str, str]:
        """Schema and name of its raw table."""
        return raw_table(self.tree)

    def connect(self) -> closing[psycopg2.extensions.connection]:
        """Connect as superuser."""
        return closing(psycopg2.connect(**self.cluster.superuser_dsn()))


class DataSet(NamedTuple):
    """Messages to build from.

    Attributes:
        name: What they are.
        fill: Loads them into a table, and returns how many they are.
    """

    name: str
    fill: Fill


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("base")
@click.option(
    "--days",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Days of the simulated line, with all its faults; 0 leaves it out.",
)
@click.option("--seed", default=1, show_default=True, help="Of the simulated line.")
@click.option(
    "--messages",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Raw messages, a CSV or .csv.gz; may be given more than once.",
)
@click.option(
    "--shuffled",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="The working tree gets its messages in N random portions, with a run after"
    " each.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="NAME",
    help=f"Column, or column.key of an object, besides {', '.join(TECHNICAL)}.",
)
def main(
    base: str,
    days: int,
    seed: int,
    messages: tuple[Path, ...],
    shuffled: int,
    ignore: tuple[str, ...],
) -> None:
    """Compare every public number of the working tree with what it was at BASE.

    Exits with 1 if a row differs or a relation or column is gone; what is new is only
    listed. With 2 if the two could not be compared.
    """
    console = Console(stderr=True)
    data_sets = [
        *([_simulated(days, seed)] if days else []),
        *(DataSet(path.name, partial(_loaded, path)) for path in messages),
    ]
    if not data_sets:
        raise click.UsageError("Nothing to build from: give --days or --messages.")
    differing = 0
    try:
        with _both_sides(base, partial(console.print, highlight=False)) as sides:
            for data_set in data_sets:
                say = partial(console.print, highlight=False, style="dim")
                rows = _build_both(*sides, data_set, shuffled, seed, say)
                found = _differences(*sides, {*TECHNICAL, *ignore})
                _show(f"{data_set.name}: {rows:,} messages", found)
                differing += sum(not each.is_none for each in found.values())
    except (Problem, Failed, subprocess.CalledProcessError) as error:
        raise _NotCompared(str(error)) from None
    if differing:
        click.echo(f"Not what it was: relations that differ, {differing}.")
        sys.exit(1)
    click.echo("Every number is what it was.")


def _simulated(days: int, seed: int) -> DataSet:
    # The one line that the seeds of the project know.
    config = simulator.full_factory(lines=1, days=days, seed=seed)
    return DataSet(
        f"Simulated line, {days} {'day' if days == 1 else 'days'}",
        lambda connection, table: simulator.load(connection, table, config=config),
    )


def _loaded(
    path: Path, connection: psycopg2.extensions.connection, table: tuple[str, str]
) -> int:
    return load_csv(connection, path, table)


@contextmanager
def _both_sides(base: str, say: Say) -> Iterator[tuple[Side, Side]]:
    """Both projects and one server, until the end."""
    commit = _git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    if not commit:
        raise click.UsageError(f"{base} is no commit here.")
    # As of the benchmark: the temporary folder may be small, or memory.
    parent = ROOT / ".local" / "compare"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="work-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # The server may be another user.
        tree = folder / "base"
        say(f"Making {commit[:12]} ready")
        _git("worktree", "prune")
        _git("worktree", "add", "--detach", str(tree), commit, must=True)
        try:
            subprocess.run([str(tree / ".ci" / "make_venv")], check=True)
            with temporary_cluster(folder / ".local") as cluster:
                yield (
                    _side("before", tree, cluster, folder),
                    _side("after", ROOT, cluster, folder),
                )
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str, must: bool = False) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if must and done.returncode:
        raise Problem(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _side(name: str, tree: Path, cluster: Cluster, folder: Path) -> Side:
    own = folder / name
    own.mkdir()
    shutil.copy(tree / "profiles.example.yml", own / "profiles.yml")
    server = replace(cluster.server, database=name)
    return Side(name, tree, replace(cluster, server=server), own)


def _build_both(
    before: Side, after: Side, data_set: DataSet, portions: int, seed: int, say: Say
) -> int:
    """Build both sides anew from the same messages, and return how many they are."""
    for side in (before, after):
        with closing(psycopg2.connect(**side.cluster.superuser_dsn("postgres"))) as new:
            new.autocommit = True
            with new.cursor() as cursor:
                cursor.execute(f"drop database if exists {side.name} with (force)")
        create_role_database_and_raw_table(side.cluster, side.table)
    say(f"{data_set.name}: loading")
    with before.connect() as connection, after.connect() as other:
        rows = data_set.fill(connection, before.table)
        with other.cursor() as cursor:
            cursor.execute(f"create schema {HELD[0]}")
            cursor.execute(
                sql.SQL("create table {} (like {})").format(
                    sql.Identifier(*HELD), sql.Identifier(*after.table)
                )
            )
        _copy(connection, before.table, other, HELD)
        connection.commit()
        other.commit()
    _dbt(before, "seed", say)
    _dbt(before, "run", say)
    _dbt(after, "seed", say)
    for portion in range(portions):
        _arrive(after, portion, portions, seed)
        _dbt(after, "run", say)
    return rows


def _copy(
    source: psycopg2.extensions.connection,
    from_table: tuple[str, str],
    target: psycopg2.extensions.connection,
    to_table: tuple[str, str],
) -> None:
    """Copy messages as they are, ids and all."""
    with tempfile.TemporaryFile() as file:
        for connection, table, direction in (
            (source, from_table, "to stdout"),
            (target, to_table, "from stdin"),
        ):
            statement = sql.SQL(f"copy {{}} ({COLUMNS}) {direction}")
            with connection.cursor() as cursor:
                cursor.copy_expert(statement.format(sql.Identifier(*table)), file)
            file.seek(0)


def _arrive(side: Side, portion: int, portions: int, seed: int) -> None:
    """Let one portion of what is held arrive, chance being a hash of the id."""
    statement = sql.SQL(
        f"insert into {{}} ({COLUMNS}) select {COLUMNS} from {{}}"
        " where mod(hashint8extended(id, %s) & x'7fffffff'::bigint, %s) = %s"
        " order by id"
    )
    table = sql.Identifier(*side.table)
    with side.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            statement.format(table, sql.Identifier(*HELD)), (seed, portions, portion)
        )
        cursor.execute(sql.SQL("analyze {}").format(table))
        connection.commit()


def _dbt(side: Side, command: str, say: Say) -> None:
    program = side.tree / ".venv" / "bin" / "dbt"
    where = {
        "--project-dir": side.tree,
        "--profiles-dir": side.folder,
        "--target-path": side.folder / "target",
        "--log-path": side.folder / "logs",
    }
    options = [str(part) for option in where.items() for part in option]
    # Whatever server the user works with, this is another one.
    environment = side.cluster.server.environment() | {"BRICKWORKS_DB_HOST": ""}
    meter = Meter(side.cluster, environment)
    cost, _ = meter.run([str(program), "--quiet", command, *options], side.folder)
    say(f"{side.name}: dbt {command}, {cost.wall_seconds:.0f} s")


def _differences(before: Side, after: Side, ignored: set[str]) -> dict[str, Difference]:
    """Public model of either side → how it differs."""
    was, now = _public_models(before), _public_models(after)
    found = {}
    for name in sorted(was | now):
        sides = (
            _relation(side, models[name]) if name in models else None
            for side, models in ((before, was), (after, now))
        )
        found[name] = compare(*sides, ignored)
    return found


class _Model(NamedTuple):
    """Where a public model is, and its tested keys."""

    schema: str
    alias: str
    grains: list[list[str]]


def _public_models(side: Side) -> dict[str, _Model]:
    manifest = json.loads((side.folder / "target" / "manifest.json").read_text())
    nodes: Mapping[str, Any] = manifest["nodes"]
    grains: dict[str, list[list[str]]] = {}
    for node in nodes.values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "unique_grain":
            grain = test["kwargs"]["columns"]
            grains.setdefault(node["attached_node"], []).append(grain)
    return {
        node["alias"]: _Model(node["schema"], node["alias"], grains.get(key, []))
        for key, node in nodes.items()
        if node["resource_type"] == "model"
        and node["access"] == "public"
        and node["name"] != AUDIT_LOG
    }


def _relation(side: Side, model: _Model) -> Relation:
    name = sql.Identifier(model.schema, model.alias)
    with side.connect() as connection, connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.execute(sql.SQL("select * from {} limit 0").format(name))
        columns = [column.name for column in cursor.description]
        cursor.execute(sql.SQL("select to_jsonb(t)::text from {} as t").format(name))
        return Relation(columns, model.grains, rows_of(row for (row,) in cursor))


def _show(title: str, found: Mapping[str, Difference]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    shown = Table(title=title, title_justify="left", title_style="bold", box=None)
    for heading in HEADINGS:
        shown.add_column(heading, justify="left" if heading == "relation" else "right")
    for name, each in found.items():
        shown.add_row(
            name,
            *(
                "-" if n is None else f"{n:,}"
                for n in (each.rows_before, each.rows_after)
            ),
            *(f"{n:,}" if n else "" for n in (each.only_before, each.only_after)),
        )
    console.print(shown)
    console.print()
    for name, each in found.items():
        if each.rows_before is None or each.rows_after is None:
            side = "before" if each.rows_after is None else "after"
            click.echo(f"{name} is there only {side}")
        for side, columns in {"before": each.gone, "after": each.new}.items():
            if columns:
                click.echo(f"{name} has columns only {side}: {', '.join(columns)}")
        for line in explained(name, each):
            click.echo(line)


if __name__ == "__main__":
    main()
