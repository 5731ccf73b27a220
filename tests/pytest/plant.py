"""The project on a database of its own: messages arrive, dbt runs, tables compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from arrivals import Message
from dbt.cli.main import dbtRunner
from psycopg2.extras import execute_values

BUILDS = "analytics_intermediate.device_day_builds"
STATE = "device_day_builds"
"""What each model has built: it, too, is the same after a full refresh."""

GIVEN = "as_given"
"""A schema with copies of the seeds, to put them back."""


@dataclass(frozen=True)
class Difference:
    """A row that is there before or after, but not both times."""

    model: str
    device_id: str
    production_date: date | None
    is_new: bool
    row: dict = field(hash=False, compare=False)


class Plant:
    """The project on its own database: messages arrive, dbt runs, tables compare."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self.manifest = self._invoke(None, "parse").result
        # What is not run only takes time.
        for name, node in list(self.manifest.nodes.items()):
            if node.resource_type in ("test", "analysis"):
                del self.manifest.nodes[name]
        self.manifest.unit_tests.clear()
        self.manifest.docs.clear()
        # dbt 1.11 cannot copy a manifest with selectors.
        self.manifest.selectors.clear()
        self.manifest.build_parent_and_child_maps()
        models = [
            node
            for node in self.manifest.nodes.values()
            if node.resource_type == "model"
            and (
                node.config.materialized == "device_day"
                or node.name in ("int_message_days", "device_days")
            )
        ]
        self.nodes = {node.name: node for node in models}
        self.tables = {node.name: f'"{node.schema}"."{node.alias}"' for node in models}
        # What is read of them: worked out whole by every run, or by whoever reads it.
        self.marts = {
            node.name: f'"{node.schema}"."{node.alias}"'
            for node in self.manifest.nodes.values()
            if node.resource_type == "model"
            and node.access == "public"
            and "device_id" in node.columns
            and node.name not in self.tables
            and (node.config.materialized == "view" or node.fqn[1] == "factory")
        }
        self.seeds = {
            node.name: f'"{node.schema}"."{node.alias}"'
            for node in self.manifest.nodes.values()
            if node.resource_type == "seed"
        }

    def run(self, *arguments: str, succeeds: bool | None = True) -> Any:
        """One `dbt run`, or another command, on the manifest that was parsed once."""
        done = self._done(*arguments)
        assert succeeds is None or done.success == succeeds, done.exception or [
            f"{result.node.name}: {result.message}" for result in done.result
        ]
        return done.result

    def failure(self, *arguments: str) -> str:
        """What `dbt run`, or another command, says that has to fail."""
        done = self._done(*arguments)
        assert not done.success
        messages = [str(r.message) for r in done.result or [] if r.message]
        return "\n".join([str(done.exception or ""), *messages])

    def _done(self, *arguments: str) -> Any:
        if not arguments or arguments[0].startswith("-"):
            arguments = ("run", *arguments)
        # dbt writes compiled code into the manifest, and reuses that of ephemerals.
        return self._invoke(self.manifest.deepcopy(), *arguments)

    def _invoke(self, manifest: Any, *arguments: str) -> Any:
        folder = self.project.folder
        places = ["--project-dir", self.project.root, "--profiles-dir", folder]
        places += ["--target-path", folder / "target", "--log-path", folder]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.project.environment.items():
                patch.setenv(name, value)
            runner = dbtRunner(manifest=manifest)
            quietly = ["--quiet", "--no-write-json", "--log-level-file", "none"]
            return runner.invoke([*quietly, *arguments, *map(str, places)])

    @contextmanager
    def patched(self, patches: dict[str, tuple[str, str]]) -> Iterator[None]:
        """Other code in the parsed macros and models, by their unique id."""
        before = {}
        for name, (old, new) in patches.items():
            is_macro = name.startswith("macro.")
            node = (self.manifest.macros if is_macro else self.manifest.nodes)[name]
            code = "macro_sql" if is_macro else "raw_code"
            before[name] = node, code, getattr(node, code)
            assert old in before[name][2], f"{name} does not say {old!r}"
            setattr(node, code, before[name][2].replace(old, new))
        try:
            yield
        finally:
            for node, code, text in before.values():
                setattr(node, code, text)

    def arrive(self, messages: list[Message]) -> None:
        [(newest,)] = self.sql("select coalesce(max(id), 0) from raw.measurements")
        rows = [message.row() for message in messages]
        rows = [(row[0] or newest + i, *row[1:]) for i, row in enumerate(rows, 1)]
        with self.project._connect() as connection, connection.cursor() as cursor:
            execute_values(
                cursor,
                'insert into raw.measurements (id, device_id, sensor_type, "timestamp",'
                " data, created_at) values %s",
                rows,
            )

    def sql(self, query: str, *values: object) -> list[tuple]:
        return self.project.sql(query, *values)

    def exists(self, table: str) -> bool:
        return self.sql("select to_regclass(%s)", table)[0][0] is not None

    def clear(self) -> None:
        """No message and no row, the tables stay; the seeds are as they were given."""
        tables = ["raw.measurements", BUILDS, *self.tables.values()]
        tables += [t for name, t in self.marts.items() if self._is_table(name)]
        self.sql(f"truncate {', '.join(filter(self.exists, tables))}")
        for name, table in self.seeds.items():
            if self.exists(f"{GIVEN}.{name}"):
                self.sql(f"truncate {table}; insert into {table} table {GIVEN}.{name}")

    def keep_seeds(self) -> None:
        """What `clear` puts back."""
        self.sql(f"drop schema if exists {GIVEN} cascade; create schema {GIVEN}")
        for name, table in self.seeds.items():
            self.sql(f"create table {GIVEN}.{name} as table {table}")

    @contextmanager
    def failing(self, model: str, at_the_end: bool = True) -> Iterator[None]:
        """A model that fails, if it has anything to write, after it has written it.

        With `at_the_end` its transaction fails as it notes what it has built, else as
        the rows are written.
        """
        table, when = self.tables[model], "insert"
        if at_the_end:
            table, when = BUILDS, "update of row_count"
        self.sql(
            "create function public.fail() returns trigger language plpgsql as"
            " $$ begin raise 'as told'; end $$"
        )
        condition = (
            f"when (new.model = '{model}' and new.row_count is not null)"
            if at_the_end
            else ""
        )
        self.sql(
            f"create trigger fails before {when} on {table} for each row {condition}"
            " execute function public.fail()"
        )
        try:
            yield
        finally:
            self.sql("drop function public.fail() cascade")

    def _is_table(self, mart: str) -> bool:
        return self._node(mart).config.materialized != "view"

    def _node(self, name: str) -> Any:
        return self.manifest.nodes[f"model.brickworks.{name}"]

    def keep(self, name: str) -> None:
        """Copy every table and mart, and what was built, into a schema of that name."""
        self.sql(f"drop schema if exists {name} cascade; create schema {name}")
        compared = self._compared() | {STATE: BUILDS}
        copies = [f"create table {name}.{m} as table {t}" for m, t in compared.items()]
        self.sql(";".join(copies))

    def _compared(self) -> dict[str, str]:
        return self.tables | self.marts

    def differences(
        self, before: str, after: str | None = None, but: tuple[str, ...] = ()
    ) -> list[Difference]:
        """Compare what was kept with what was kept later, or with what is there now.

        Columns named in `but` do not count; a row that is there twice must be there
        twice on the other side.
        """
        return [
            difference
            for model, table in self._compared().items()
            for difference in self._differences(model, table, before, after, but)
        ]

    def state_differences(
        self, before: str, after: str | None = None
    ) -> list[Difference]:
        """The same of what is noted as built."""
        return list(self._differences(STATE, BUILDS, before, after, ("is_due",)))

    def _differences(
        self,
        model: str,
        table: str,
        before: str,
        after: str | None,
        but: tuple[str, ...],
    ) -> Iterator[Difference]:
        drop = "".join(f" - '{column}'" for column in but)
        tables = (f"{before}.{model}", f"{after}.{model}" if after else table)
        old, new = (f"select to_jsonb(t){drop} from {name} as t" for name in tables)
        rows = self.sql(
            f"select false, row from ({old} except all {new}) as gone (row)"
            f" union all"
            f" select true, row from ({new} except all {old}) as come (row)"
        )
        for is_new, row in rows:
            day = row.get("production_date")
            yield Difference(
                model, row["device_id"], day and date.fromisoformat(day), is_new, row
            )

    def assert_equal_to_full_refresh(self, *options: str) -> None:
        """Row for row, in every table and mart, and in what is noted as built."""
        self.keep("incremental")
        self.run("--full-refresh", *options)
        assert self.differences("incremental") == []
        assert self.state_differences("incremental") == []

    def versions(self) -> dict[tuple[str, str], set]:
        """Where each device's rows are and which transaction wrote them."""
        found: dict[tuple[str, str], set] = defaultdict(set)
        columns = "device_id, production_date, xmin::text, ctid::text"
        for model, table in self.tables.items():
            for device_id, *row in self.sql(f"select {columns} from {table}"):
                found[model, device_id].add(tuple(row))
        return dict(found)

    def facts(self) -> set[str]:
        """The incremental models that know no threshold."""
        return {
            model
            for model in self.tables
            if "seed.brickworks.thresholds" not in self._ancestors(model)
        }

    def _ancestors(self, model: str) -> set[str]:
        found: set[str] = set()
        ahead = list(self.nodes[model].depends_on.nodes)
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                node = self.manifest.nodes.get(name)
                ahead += getattr(getattr(node, "depends_on", None), "nodes", [])
        return found

    def readers(self, model: str) -> set[str]:
        """The incremental models that read a table, be it through views."""
        found, seen, ahead = set(), set(), [self.nodes[model].unique_id]
        while ahead:
            for child in self.manifest.child_map.get(ahead.pop(), []):
                node = self.manifest.nodes.get(child)
                if node is None or child in seen:
                    continue
                seen.add(child)
                if node.name in self.tables:
                    found.add(node.name)
                elif node.config.materialized in ("view", "ephemeral"):
                    ahead.append(child)
        return found


@contextmanager
def elsewhere(plant: Plant) -> Iterator[None]:
    """Sessions whose clock is half an hour off the plant's hours."""
    role = plant.project.cluster.server.user
    where = f'role {role} in database "{plant.project.database}"'
    plant.sql(f"alter {where} set timezone = 'America/St_Johns'")
    plant.sql(f"alter {where} set datestyle = 'SQL, DMY'")
    try:
        yield
    finally:
        plant.sql(f"alter {where} reset all")
