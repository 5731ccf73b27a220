"""Which models have nothing to do: their code and all they read stand as before.

One row per model, in a table of its own, says of what it was last built. It is
written in the transaction that writes the model's rows, so that a killed run leaves
both as they were. An idle model is not even compiled: rendering seventy models, to hear
from each that nothing is new, costs more than all else in a run without news.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from dbt.artifacts.schemas.results import RunStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.config import RuntimeConfig
from dbt.context.configured import FQNLookup
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ManifestNode
from dbt.flags import get_flags
from dbt.node_types import NodeType
from dbt.task.base import ExecutionContext
from dbt.task.run import ModelRunner
from psycopg2 import Error
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from dbt_local_python import device_day
from dbt_local_python.code_version import module_sources

LEDGER = "int_message_days"
"""The model that accounts for every raw row: who reads its days besides raw messages
need not count these."""

WORD = re.compile(r"\w+")

UNKNOWN = ""
"""The version of what has none, such as a table that was left out so far."""

TRUSTS_NOTHING = "full"
"""The value of var `reconcile` with which a run looks at everything anew."""

STANDING = """
select model, relation, code, built_from, version, stands_as, relkind = 'v'
from {builds}
inner join pg_class on pg_class.oid = to_regclass(relation)
"""

STANDS_AS = {
    "table": "(select relfilenode || case when exists (select from {relation})"
    " then '' else ' empty' end from pg_class where oid = '{relation}'::regclass)",
    "view": "md5(pg_get_viewdef('{relation}'::regclass))",
}
"""By what a relation is known again: a table by its file, which is another one after
`truncate` or `drop`, and by whether it has rows; a view by its definition."""

WRITE_BUILD = """
insert into {builds} (model, relation, code, built_from, version, stands_as)
values (%s, %s, %s, %s, %s, {stands_as})
on conflict (model) do update
set relation = excluded.relation, code = excluded.code, version = excluded.version,
    built_from = excluded.built_from, stands_as = excluded.stands_as
"""

VERSION_OF_SEED = """
select count(*) || ' ' || coalesce(sum(hash_record_extended(stored, 0)), 0)
from {relation} as stored
"""

VERSION_OF_SOURCE = "select count(*) || ' ' || coalesce(max(id), 0) from {relation}"
"""Of messages that come and go, and do not change, nothing more need be known: what
becomes visible late, below the greatest id, makes the count another one."""


def told_vars(config: RuntimeConfig) -> dict[str, Any]:
    """Return the project's vars with those of the command line, by name."""
    lookup = FQNLookup(config.project_name)
    return {**config.vars.vars_for(lookup, "postgres"), **config.cli_vars}


compile_and_execute_as_dbt_does = ModelRunner.compile_and_execute


def compile_and_execute(
    runner: ModelRunner, manifest: Manifest, context: ExecutionContext
) -> RunResult | None:
    """Stand in for `dbt.task.run.ModelRunner.compile_and_execute`.

    Returns:
        What dbt's own method returns; of an idle model the result `IDLE`, 0 rows, and
        of an ephemeral one that nobody is going to read nothing.
    """
    # Seeds and snapshots have runners that are of this kind, too.
    is_model = runner.node.resource_type == NodeType.Model
    # Other adapters, too, have runners of this kind.
    builds = getattr(runner.adapter, "model_builds", None) if is_model else None
    if builds is None or not builds.is_idle(runner.node):
        return compile_and_execute_as_dbt_does(runner, manifest, context)
    if runner.node.is_ephemeral_model:
        return None
    return RunResult(
        node=runner.node,
        status=RunStatus.Success,
        timing=[],
        thread_id=threading.current_thread().name,
        execution_time=0,
        message="IDLE",
        adapter_response={"_message": "IDLE", "code": "IDLE", "rows_affected": 0},
        failures=None,
        batch_results=None,
    )


class Build(NamedTuple):
    """What a model was last built of, and what came of it."""

    code: str
    """Hash of its code, config and columns."""
    built_from: str
    """Hash of the code and of the versions of all it reads."""
    version: str
    """Another one whenever its rows or its code change."""


class ModelBuilds:
    """What the models of a project were last built of; one object a run."""

    def __init__(
        self, table: str, manifest: Manifest, config: RuntimeConfig, look: Connection
    ) -> None:
        """Remember where to look.

        Args:
            table: what holds the builds.
            manifest: the project's.
            config: the run's.
            look: a connection of which each statement is a transaction.
        """
        self._table, self._nodes = table, {**manifest.nodes, **manifest.sources}
        self._look, self._lock = look, threading.Lock()
        self._root = Path(config.project_root).resolve()
        told = told_vars(config)
        # How a run looks for news does not decide what comes of them.
        self._trusts_nothing = told.pop("reconcile", None) == TRUSTS_NOTHING
        self._named = {
            name: json.dumps(value, sort_keys=True, default=str)
            for name, value in told.items()
        } | {
            macro.name: macro.macro_sql
            for macro in manifest.macros.values()
            if macro.package_name == config.project_name
        }
        # What the materialization of this name asks of Python.
        self._named["device_day"] = Path(device_day.__file__).read_text("utf-8")
        self._ahead: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._rows: dict[str, str] = {}

    def is_idle(self, node: ManifestNode) -> bool:
        """Whether a model's code and all it reads are what it was last built from.

        Never in a run that trusts nothing, refreshes all, or reads no rows. Asked
        before the model reads anything: what is noted later may be older than the rows
        that it has read, never newer.

        An ephemeral model is idle if all that reads it is, as far as that can be known
        by then: who reads more may have to wait for the rest. Whoever reads it after
        all compiles it.
        """
        if node.config.materialized == "ephemeral":
            inputs = {node.unique_id, *self._inputs(node)}
            readers = self._readers[node.unique_id]
            return all(
                inputs.issuperset(self._inputs(reader)) and self.is_idle(reader)
                for reader in readers
            )
        with self._lock:
            built_from = self._ahead[node.unique_id] = self._built_from(node)
            build = self._builds.get(node.unique_id)
        flags, refreshes_all = get_flags(), node.config.full_refresh
        if refreshes_all is None:
            refreshes_all = flags.FULL_REFRESH
        if self._trusts_nothing or refreshes_all or flags.EMPTY:
            return False
        return (
            build is not None
            and build.built_from == built_from
            and built_from != UNKNOWN
        )

    def note(self, cursor: Cursor, unique_id: str, has_changed: bool) -> None:
        """Write down what a model has just been built of, if that is news.

        Nothing of a run that reads no rows.

        Args:
            cursor: of the transaction that has written the model's rows.
            unique_id: the model.
            has_changed: whether its rows, or its definition, are others than before.
        """
        if get_flags().EMPTY:
            return
        node = self._nodes[unique_id]
        with self._lock:
            before, code = self._builds.get(unique_id), self._code(node)
            is_same = before is not None and before.code == code and not has_changed
            version = before.version if is_same else str(uuid4())
            build = Build(code, self._ahead[unique_id], version)
            if build == before:
                return
            stands_as = _stands_as(
                node.relation_name, node.config.materialized == "view"
            )
            cursor.execute(
                WRITE_BUILD.format(
                    builds=self._table, stands_as=stands_as.replace("%", "%%")
                ),
                [unique_id, node.relation_name, *build],
            )
            self._builds[unique_id] = build

    def forget(self, unique_id: str) -> None:
        """Take a model's relation for another one than was built."""
        with self._lock:
            self._builds.pop(unique_id, None)

    @cached_property
    def _readers(self) -> dict[str, list[ManifestNode]]:
        """The models that read each node."""
        readers = defaultdict(list)
        for node in self._nodes.values():
            if node.resource_type == NodeType.Model:
                for unique_id in node.depends_on.nodes:
                    readers[unique_id].append(node)
        return readers

    @cached_property
    def _builds(self) -> dict[str, Build]:
        """The builds of models whose relations stand as they were left."""
        found = self._query(STANDING.format(builds=self._table))
        looks = [
            f"select {number}, {_stands_as(relation, is_view)}"
            for number, (_, relation, *_, is_view) in enumerate(found)
        ]
        standing = dict(self._query(" union all ".join(looks))) if looks else {}
        return {
            model: Build(*build)
            for number, (model, _, *build, as_left, _) in enumerate(found)
            if standing.get(number) == as_left
        }

    def _built_from(self, node: ManifestNode) -> str:
        """Hash what a model is built from, if there is a version of all it reads."""
        of_code = node.config.materialized == "view"
        inputs = [self._nodes[i] for i in sorted(set(self._inputs(node)))]
        if of_code or LEDGER in [input.name for input in inputs]:
            inputs = [i for i in inputs if i.resource_type != NodeType.Source]
        versions = [self._version(input, of_code) for input in inputs]
        if UNKNOWN in versions:
            return UNKNOWN
        return _hash([self._code(node), *versions])

    def _inputs(self, node: ManifestNode) -> Iterator[str]:
        """The relations that are read, also through views and ephemeral models."""
        for unique_id in node.depends_on.nodes:
            yield unique_id
            read = self._nodes[unique_id]
            if getattr(read.config, "materialized", None) in ("ephemeral", "view"):
                yield from self._inputs(read)

    def _version(self, node: Any, of_code: bool) -> str:  # noqa: ANN401
        """The version of a relation's rows, or of the code that gave it its columns."""
        if node.resource_type == NodeType.Source:
            return self._version_of_rows(node.relation_name, VERSION_OF_SOURCE)
        if node.resource_type == NodeType.Seed:
            return self._version_of_rows(node.relation_name, VERSION_OF_SEED)
        if node.config.materialized == "ephemeral":
            return self._code(node)
        build = self._builds.get(node.unique_id)
        if build is None:
            return UNKNOWN
        return build.code if of_code else build.version

    def _version_of_rows(self, relation: str, query: str) -> str:
        """Asked when a reader asks: by then the run has loaded a seed."""
        if relation not in self._rows:
            found = self._query(query.format(relation=relation))
            self._rows[relation] = found[0][0] if found else UNKNOWN
        return self._rows[relation]

    def _query(self, query: str) -> list[tuple]:
        """The rows of a query; none if the session is lost: then nothing is idle."""
        with suppress(Error), self._look.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
        return []

    def _code(self, node: ManifestNode) -> str:
        """Hash what decides what a model does with what it reads."""
        if node.unique_id not in self._codes:
            modules = ()
            if node.language == "python":
                modules = module_sources(node.raw_code, self._root)
            columns = {name: column.to_dict() for name, column in node.columns.items()}
            said = json.dumps(
                [node.config.to_dict(), columns], sort_keys=True, default=str
            )
            materialization = f"materialization_{node.config.materialized}_postgres"
            names = self._names(" ".join([node.raw_code, said, materialization]))
            named = [f"{name} {self._named[name]}" for name in sorted(names)]
            parts = [node.relation_name or "", node.raw_code, said, *modules, *named]
            self._codes[node.unique_id] = _hash(parts)
        return self._codes[node.unique_id]

    def _names(self, code: str) -> set[str]:
        """The macros and vars of the project that code names, also through macros.

        Whatever is spelled like one counts: to wake a model too many costs a look, to
        miss one that is named by a config or another var would leave wrong numbers.
        """
        found: set[str] = set()
        ahead = self._named.keys() & WORD.findall(code)
        while ahead:
            found |= ahead
            ahead = set().union(*(self._names_in[name] for name in ahead)) - found
        return found

    @cached_property
    def _names_in(self) -> dict[str, set[str]]:
        """The same of each macro and var, but for what they name in turn."""
        return {
            name: self._named.keys() & WORD.findall(text)
            for name, text in self._named.items()
        }


def _stands_as(relation: str, is_view: bool) -> str:
    return STANDS_AS["view" if is_view else "table"].format(relation=relation)


def _hash(parts: list[str]) -> str:
    return hashlib.md5("\0".join(parts).encode(), usedforsecurity=False).hexdigest()
