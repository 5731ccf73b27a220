"""What the commands do: the server made ready, messages brought in, models built."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import psycopg2.extensions
from psycopg2 import sql

from brickworks import dbt_runs, local_database, server_checks
from brickworks.load import load_csv
from brickworks.settings import Problem, marts_schema, raw_table, server
from brickworks.terminal import progress_bar


def up(root: Path) -> bool:
    """Start the embedded server, ready for `dbt build`.

    Args:
        root: Project directory.

    Returns:
        True if this call started it, false if it was running.

    Raises:
        Problem: If the server does not start.
    """
    make_profile(root)
    cluster, table = local_database.project_cluster(root), raw_table(root)
    started = local_database.start(cluster)
    local_database.create_role_database_and_raw_table(cluster, table)
    return started


def simulate(root: Path, *, append: bool) -> int | None:
    """Start the embedded server and load the simulated factory into it.

    Args:
        root: Project directory.
        append: Whether to load it even if the raw table has rows.

    Returns:
        The rows loaded, None if the table had some.

    Raises:
        Problem: If the server does not start.
    """
    # numpy takes a while to import: only a command that needs it pays.
    from brickworks import simulator

    up(root)
    cluster, table = local_database.project_cluster(root), raw_table(root)
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
        with progress_bar("Simulating a factory") as report:
            rows = simulator.load(
                connection,
                table=table,
                progress=report,
                config=simulator.demo_factory(),
            )
        connection.commit()
        _analyze(connection, table)
    return rows


def load(root: Path, file: Path) -> int:
    """Load a file of messages, into the embedded server or a foreign one.

    Args:
        root: Project directory.
        file: A CSV or .csv.gz, see `load_csv`.

    Returns:
        The rows loaded.

    Raises:
        Problem: If something is wrong with the file or the server.
    """
    target = server()
    table = raw_table(root)
    if not file.exists():
        raise Problem(f"{file} does not exist: check the name.")
    dsn = target.dsn()
    if target.is_embedded:
        up(root)
        dsn = local_database.project_cluster(root).superuser_dsn()
    with closing(server_checks.connect(target, dsn)) as connection:
        with progress_bar(f"Loading {file.name}", shows_count=False) as report:
            rows = load_csv(connection, file, table, report)
        _analyze(connection, table)
    return rows


def _analyze(
    connection: psycopg2.extensions.connection, table: tuple[str, str]
) -> None:
    """Let the planner know; a role that is not the owner only gets a warning."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("analyze {}").format(sql.Identifier(*table)))
    connection.commit()


def run(root: Path, target: str | None, dbt_arguments: tuple[str, ...]) -> int:
    """Do everything: server, messages where there are none, models, tests, docs.

    Args:
        root: Project directory.
        target: Target of the profile, its default target when absent.
        dbt_arguments: More arguments of `dbt build`.

    Returns:
        How many nodes failed; their errors are told on stderr.

    Raises:
        Problem: If something is missing, or dbt fails otherwise.
    """
    make_profile(root)
    where = server()
    if where.is_embedded:
        simulate(root, append=False)
    with closing(server_checks.connect(where)) as connection:
        require_all(connection, root, target)
    return dbt_runs.build(root, target, dbt_arguments)


def write_docs(root: Path, target: str | None) -> Path:
    """Write the documentation as one file and return it.

    Args:
        root: Project directory.
        target: Target of the profile, its default target when absent.

    Raises:
        Problem: If no server answers, or dbt fails.
    """
    make_profile(root)
    server_checks.connect(server()).close()
    dbt_runs.invoke(root, [*dbt_runs.DOCUMENT], target)
    return root / dbt_runs.DOCS_FILE


def simulate_labels(
    root: Path,
    directory: Path,
    days: int,
    seed: int,
    lines: int,
    faults: Collection[str] | None,
) -> tuple[int, int]:
    """Write a simulated plant and what went wrong in it, to backtest on.

    Args:
        root: Project directory.
        directory: Where it goes.
        days: Production days.
        seed: Chooses one of the possible histories.
        lines: Production lines.
        faults: Names of what may go wrong, None for all.

    Returns:
        The messages and the events.

    Raises:
        Problem: If the directory is a file, or a fault is none.
    """
    # numpy takes a while to import: only a command that needs it pays.
    from brickworks.backtest import simulated

    config = simulated.config_of(days, seed, lines, faults)
    with progress_bar("Simulating a factory") as report:
        return simulated.write(directory, config, root / "seeds", report)


def make_profile(root: Path) -> None:
    """Copy the example profile where dbt looks, unless there is one."""
    profile = root / "profiles.yml"
    if not profile.exists():
        temporary = root / ".profiles.yml.new"
        shutil.copyfile(root / "profiles.example.yml", temporary)
        temporary.rename(profile)


def require_all(
    connection: psycopg2.extensions.connection, root: Path, target: str | None
) -> None:
    """Refuse a server on which a build would stumble.

    Args:
        connection: Connection as the role that will build.
        root: Project directory.
        target: Target of the profile, its default target when absent.

    Raises:
        Problem: With a sentence for everything that is missing.
    """
    missing = server_checks.what_is_missing(
        connection, raw_table(root), marts_schema(root, target)
    )
    if missing:
        raise Problem("\n".join(missing))
