"""Which device-days the next run will rebuild, and why."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.artifacts.resources.types import AccessType
from psycopg2 import sql
from rich.table import Table

from brickworks import runner, server_checks
from brickworks.dbt_runs import invoke
from brickworks.settings import Problem, server
from brickworks.terminal import as_text
from dbt_local_python.code_version import code_version, imported_columns

if TYPE_CHECKING:
    import psycopg2.extensions
    from dbt.contracts.graph.manifest import Manifest
    from rich.console import Console

LEDGER = "int_message_days"
DAYS = "device_days"
COMPILED = (LEDGER, DAYS, "config.materialized:device_day")
"""The models whose compiled code the status needs."""


@dataclass(frozen=True)
class StaleDay:
    """A device-day whose rows in a model are to be rebuilt.

    Attributes:
        model: name of the model.
        device_id: the device.
        production_date: the production day.
        reason: why, in words.
    """

    model: str
    device_id: str
    production_date: date
    reason: str


@dataclass(frozen=True)
class Status:
    """What a run would find to do.

    Attributes:
        stale: device-days to rebuild, each once, under the first model that is stale.
        models: for every model how many of its device-days are stale already; those
            that only a rebuild before them will make stale do not count.
        known_days: device-days that are known.
        messages: their messages.
    """

    stale: list[StaleDay]
    models: dict[str, int]
    known_days: int
    messages: int


def find(root: Path, target: str | None, dbt_arguments: tuple[str, ...]) -> Status:
    """Ask what the next run would rebuild; nothing is built.

    Args:
        root: Project directory.
        target: Target of the profile, its default target when absent.
        dbt_arguments: Those of the build.

    Raises:
        Problem: If something is missing, nothing is built yet, or dbt fails.
    """
    runner.make_profile(root)
    with closing(server_checks.connect(server())) as connection:
        runner.require_all(connection, root, target)
        manifest = invoke(root, ["parse", *dbt_arguments], target).result
        _require_a_build(connection, manifest)
        _open_all_models(manifest)
        command = ["compile", "-s", *COMPILED, *dbt_arguments]
        compiled = invoke(root, command, target, manifest).result.results
        nodes = {result.node.name: result.node for result in compiled}
        printed: list[str] = []

        def take(event: Any) -> None:  # noqa: ANN401
            if event.info.name == "PrintEvent":
                printed.append(event.info.msg)

        told = json.dumps({"versions": versions(nodes, root)})
        command = ["--quiet", "run-operation", "print_stale_days", "--args", told]
        invoke(root, [*command, *dbt_arguments], target, manifest, take)
        return _read(connection, manifest, nodes, "\n".join(printed))


def _require_a_build(
    connection: psycopg2.extensions.connection, manifest: Manifest
) -> None:
    """Raise a Problem unless the project has been built once."""
    with connection, connection.cursor() as cursor:
        name = _relation(manifest, LEDGER).as_string(cursor)
        cursor.execute("select to_regclass(%s)", (name,))
        if cursor.fetchone() == (None,):
            raise Problem("Nothing is built yet: run `brickworks run` first.")


def versions(nodes: dict[str, Any], root: Path) -> dict[str, dict[str, Any]]:
    """Return of each device-day model what its compiled code says.

    Args:
        nodes: the compiled nodes by name.
        root: the project's folder.
    """
    return {
        name: {
            "version": code_version(node.to_dict(), node.compiled_code, root),
            "columns": imported_columns(node.compiled_code),
        }
        for name, node in nodes.items()
        if node.resource_type == "model" and node.config.materialized == "device_day"
    }


def _open_all_models(manifest: Manifest) -> None:
    """Let every model be read from everywhere: the status looks into all of them."""
    for node in manifest.nodes.values():
        if getattr(node, "access", None) == AccessType.Private:
            node.access = AccessType.Protected


def _read(
    connection: psycopg2.extensions.connection,
    manifest: Manifest,
    nodes: dict[str, Any],
    stale_days: str,
) -> Status:
    """Compare what is there with what was built.

    Args:
        connection: to the plant's database; it is only read.
        manifest: the parsed project.
        nodes: the compiled nodes by name. What the ledger and device_days would hold
            is asked of their code, for a setting may have changed since the last run.
        stale_days: the query that the macro of this name writes.
    """
    order = {name: depth for depth, name in enumerate(_in_order(manifest))}
    arrivals, days = nodes[LEDGER].compiled_code, nodes[DAYS]
    with connection, connection.cursor() as cursor:
        cursor.execute(f"create temporary table {DAYS}_now as {days.compiled_code}")
    with connection, connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        ledger = _relation(manifest, LEDGER)
        cursor.execute(_KNOWN.format(ledger=ledger))
        known_days, messages = cursor.fetchone()
        cursor.execute(_ARRIVALS.format(arrivals=sql.SQL(arrivals), ledger=ledger))
        found = [StaleDay(LEDGER, *row) for row in cursor.fetchall()]
        cursor.execute(stale_days.replace(days.relation_name, f"{DAYS}_now"))
        found += [StaleDay(*row) for row in cursor.fetchall()]
    first: dict[tuple[str, date], StaleDay] = {}
    models: dict[str, int] = defaultdict(int)
    for day in sorted(found, key=lambda day: order[day.model]):
        models[day.model] += 1
        first.setdefault((day.device_id, day.production_date), day)
    stale = sorted(first.values(), key=lambda day: (day.production_date, day.device_id))
    return Status(stale, dict(models), known_days, messages)


_KNOWN = sql.SQL("select count(*), coalesce(sum(message_count), 0) from {ledger}")

_ARRIVALS = sql.SQL("""
select
    device_id,
    production_date,
    case
        when ledger.messages_hash is null
            then format('new, messages: %s', found.message_count)
        when found.messages_hash is null
            then format('messages: %s fewer', ledger.message_count)
        when found.is_expired and not ledger.is_expired
            then 'it is now before raw_kept_from; what was built of it is kept'
        when found.calendar_version <> ledger.calendar_version
            then 'what decides where its day begins has changed'
        when found.message_count > ledger.message_count
            then format(
                'messages: %s more', found.message_count - ledger.message_count
            )
        when found.message_count < ledger.message_count
            then format(
                'messages: %s fewer', ledger.message_count - found.message_count
            )
        else 'other messages than before'
    end as reason
from ({arrivals}) as found
full join {ledger} as ledger using (sensor_type, device_id, production_date)
where found is distinct from ledger
""")


def show(status: Status, console: Console, limit: int = 20) -> None:
    """Print the status, at most `limit` device-days of it."""
    if not status.stale:
        console.print(
            f"Everything is built: {status.known_days:,} device-days of"
            f" {status.messages:,} messages.",
            highlight=False,
        )
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("device", "production date", "first stale in", "why"):
        table.add_column(name, overflow="fold")
    for day in status.stale[:limit]:
        date_text = day.production_date.isoformat()
        cells = (day.device_id, date_text, day.model, day.reason)
        table.add_row(*map(as_text, cells))
    console.print(f"{len(status.stale):,} device-days are stale:\n", highlight=False)
    console.print(table)
    if len(status.stale) > limit:
        console.print(f"… and {len(status.stale) - limit:,} more.", highlight=False)
    told = ", ".join(f"{name} {count:,}" for name, count in status.models.items())
    console.print()
    console.print(as_text(f"By model: {told}."))
    console.print("The next run rebuilds them.")


def _relation(manifest: Manifest, name: str) -> sql.Identifier:
    node = manifest.nodes[f"model.{manifest.metadata.project_name}.{name}"]
    return sql.Identifier(node.schema, node.alias)


def _in_order(manifest: Manifest) -> list[str]:
    """Return the models' names, each after all it reads."""
    ordered: list[str] = []
    seen: set[str] = set()

    def visit(node: Any) -> None:  # noqa: ANN401
        if node.unique_id in seen:
            return
        seen.add(node.unique_id)
        for parent in node.depends_on.nodes:
            if parent in manifest.nodes and parent.startswith("model."):
                visit(manifest.nodes[parent])
        ordered.append(node.name)

    for node in manifest.nodes.values():
        if node.resource_type == "model":
            visit(node)
    return ordered
