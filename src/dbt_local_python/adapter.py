"""The postgres adapter with three more methods for Jinja."""

import functools
import hashlib
import re
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dbt.adapters import postgres
from dbt.adapters.base import available
from dbt.adapters.contracts.connection import Connection
from dbt_common.exceptions import DbtRuntimeError
from psycopg2 import STRING
from psycopg2.extensions import new_type, register_type

LIBRARY = "brickworks.detectors"
"""The package that the Python models are shims of: its source is their code."""

TURN_POLL_SECONDS = 0.2

VAR = re.compile(r"""\bvar\(\s*["'](\w+)["']""")

# A contract asks psycopg2 for the name of each type, and it has none for uuid.
register_type(new_type((2950,), "UUID", STRING))


class PostgresAdapter(postgres.PostgresAdapter):
    """dbt-postgres, able to run `.py` models itself and to let one run in at a time."""

    turn: Connection | None = None

    @available.parse(lambda *_: "")
    def wait_for_turn(self, say: Callable[[str], Any]) -> str:
        """Wait until no other run builds into this target, then keep others waiting.

        The lock is a session's: it ends with this run, however that ends.

        Args:
            say: is told if there is something to wait for.

        Returns:
            Nothing, for use in a hook.
        """
        schema = self.config.credentials.schema
        self.turn = Connection("postgres", "turn", self.config.credentials)
        self.connections.open(self.turn)
        self.turn.handle.commit()
        self.turn.handle.autocommit = True
        with self.turn.handle.cursor() as cursor:
            take = cursor.mogrify(
                "select pg_try_advisory_lock(hashtextextended(%s, 0))",
                [f"brickworks runs into {schema}"],
            ).decode()
            header = self.connections.query_header
            take, has_said = header.add(take) if header else take, False
            while cursor.execute(take) or not cursor.fetchone()[0]:
                if not has_said:
                    say(f"Waiting for another run into {schema} to end.", True)
                    has_said = True
                time.sleep(TURN_POLL_SECONDS)
        # dbt listed the relations before: the run waited for has made others.
        nodes = self.get_macro_resolver().nodes.values()
        relations = [n for n in nodes if n.is_relational and not n.is_ephemeral_model]
        self.set_relations_cache(relations, clear=True)
        return ""

    def cleanup_connections(self) -> None:
        """Close all connections at the end of a run: the next one may begin."""
        super().cleanup_connections()
        if self.turn is not None:
            self.connections.close(self.turn)
            self.turn = None

    @available.parse(lambda *_: "")
    def stage_python_model(
        self, model: dict[str, Any], compiled_code: str, empty: bool = False
    ) -> str:
        """Run a Python model into a temporary table.

        Args:
            model: the node, as Jinja's `model` has it.
            compiled_code: the model's code followed by dbt's `dbtObj`.
            empty: whether relations are to be read without rows (`--empty`).

        Returns:
            The select that reads the result, for a `create table as`.

        Raises:
            DbtRuntimeError: the model failed, or its frames break the contract.
        """
        # pandas takes half a second to import: only a run that needs it pays.
        from dbt_local_python.runtime import commented, stage

        connection = self.connections.get_thread_connection()
        if connection.credentials.autocommit:
            raise DbtRuntimeError(
                "A Python model needs a transaction: set `autocommit: false`."
            )
        if not connection.transaction_open:
            self.connections.begin()
        source = Path(self.config.project_root) / model["original_file_path"]
        header, handle = self.connections.query_header, connection.handle
        with commented(handle, header.add if header else str):
            return stage(handle, model, compiled_code, source, bool(empty))

    @available.parse(lambda *_: "")
    def code_version(self, model: dict[str, Any]) -> str:
        """Hash everything of this project that decides what a model computes.

        Args:
            model: the node, as Jinja's `model` has it.

        Returns:
            The md5 of the model's code and of this project's macros it depends on,
            also through others, of the views and ephemeral models it reads, of the
            vars named in any of these, and of the days it says it builds; for a Python
            model also of the detectors' source. Seeds and macros of installed packages
            are not part of it, nor are tables: these carry their own version.
        """
        manifest = self.get_macro_resolver()
        nodes = [model, *self._inlined(manifest, model["depends_on"]["nodes"])]
        found, ahead = set(), []
        for node in nodes:
            ahead += node["depends_on"]["macros"]
        # dbt cannot see the macros that are called by a name in the config.
        settings = model["config"].get("meta") or {}
        for part in settings.get("built_from", []):
            ahead.append(f"macro.{self.config.project_name}.{part}".removesuffix("()"))
        while ahead:
            name = ahead.pop()
            if name in manifest.macros and name not in found:
                found.add(name)
                ahead.extend(manifest.macros[name].depends_on.macros)
        parts = [node["raw_code"] for node in nodes]
        parts += [
            manifest.macros[name].macro_sql
            for name in sorted(found)
            if manifest.macros[name].package_name == self.config.project_name
        ]
        values = {**self.config.vars.to_dict(), **self.config.cli_vars}
        used = {name for part in parts for name in VAR.findall(part)}
        parts += [f"{name}={values[name]!r}" for name in sorted(used & values.keys())]
        parts.append(str(settings.get("builds_days_with", "")))
        if model["language"] == "python":
            parts.append(_library_source())
        return hashlib.md5("\0".join(parts).encode(), usedforsecurity=False).hexdigest()

    def _inlined(self, manifest: Any, names: list[str]) -> list[dict[str, Any]]:  # noqa: ANN401
        """Views and ephemeral models, also through others: code that runs as ours."""
        found: dict[str, dict[str, Any]] = {}
        ahead = list(names)
        while ahead:
            node = manifest.nodes.get(ahead.pop())
            if node is None or node.unique_id in found:
                continue
            if node.config.materialized in ("view", "ephemeral"):
                found[node.unique_id] = node.to_dict(omit_none=True)
                ahead.extend(node.depends_on.nodes)
        return [found[name] for name in sorted(found)]


@functools.cache
def _library_source() -> str:
    """Return the detectors' source, file by file in the order of their names."""
    spec = find_spec(LIBRARY)
    folders = spec.submodule_search_locations if spec else None
    files = sorted(file for f in folders or [] for file in Path(f).rglob("*.py"))
    return "\0".join(f"{file.name}\0{file.read_text('utf-8')}" for file in files)
