"""The postgres adapter with more methods for Jinja."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

from dbt.adapters import postgres
from dbt.adapters.base import available
from dbt.adapters.contracts.connection import Connection
from dbt.adapters.events.types import SQLQuery
from dbt_common.events.functions import fire_event
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError
from psycopg2 import STRING, Error
from psycopg2.errors import DeadlockDetected, LockNotAvailable
from psycopg2.extensions import new_type, register_type

from dbt_local_python import code_version, device_day, failing_rows
from dbt_local_python.commented import commented
from dbt_local_python.model_builds import ModelBuilds, told_vars

TURN_POLL_SECONDS = 0.2

PAUSE_SECONDS = 0.5
"""Between two tries to get a lock, for those who wait to get through."""

LOCK_WAIT = {"seconds": 0.9, "tries": 30}
"""How long all of a try may wait for locks, and how often to try. Below PostgreSQL's
`deadlock_timeout` (1 s) it is never a reader whom a deadlock ends."""

SET_LOCK_TIMEOUT = "select set_config('lock_timeout', %s, true)"

HOLDERS_OF_LOCKS = """
select
    waiting.relation::regclass::text,
    holder.pid,
    session.usename,
    session.application_name,
    session.state,
    to_char(session.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ')
from pg_locks as waiting
cross join unnest(pg_blocking_pids(waiting.pid)) as holder (pid)
left join pg_stat_activity as session on session.pid = holder.pid
where waiting.pid = %s and not waiting.granted
"""

# A contract asks psycopg2 for the name of each type, and it has none for these.
for oid, name in {2950: "UUID", 4534: "TSTZMULTIRANGE"}.items():
    register_type(new_type((oid,), name, STRING))


class PostgresAdapter(postgres.PostgresAdapter):
    """dbt-postgres, able to run `.py` models itself and to let one run in at a time."""

    turn: Connection | None = None
    model_builds: ModelBuilds | None = None

    @available.parse(lambda *_: "")
    def wait_for_turn(self, say: Callable[[str], Any]) -> str:
        """Wait until no other run builds into this target, then keep others waiting.

        The lock is a session's: it ends with this run, however that ends.

        Args:
            say: is told if there is something to wait for.

        Returns:
            Nothing, for use in a hook.
        """
        project, schema = self.config.project_name, self.config.credentials.schema
        self.turn = self._connect("turn")
        with self.turn.handle.cursor() as cursor:
            take = cursor.mogrify(
                "select pg_try_advisory_lock(hashtextextended(%s, 0))",
                [f"{project} runs into {schema}"],
            ).decode()
            take, has_said = self._add_comment(take), False
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

    @available.parse(lambda *_: "")
    def look_at_model_builds(self, table: str) -> str:
        """Know from now on of what models were built last: `table` says so.

        Returns:
            Nothing, for use in a hook.
        """
        self.model_builds = ModelBuilds(
            table, self.get_macro_resolver(), self.config, self.turn.handle
        )
        return ""

    @available.parse(lambda *_: "")
    def note_model(self, unique_id: str, has_changed: bool) -> str:
        """Write down, in this transaction, what a model has just been built from.

        Args:
            unique_id: the model.
            has_changed: whether its rows, or its definition, are others than before.

        Returns:
            Nothing, for use in Jinja.
        """
        if self.model_builds is not None:
            handle = self._in_transaction("A note of what was built").handle
            with commented(handle, self._add_comment), handle.cursor() as cursor:
                self.model_builds.note(cursor, unique_id, bool(has_changed))
        return ""

    @available.parse(lambda *_: "")
    def forget_model(self, unique_id: str) -> str:
        """Take a model for one that is not built: something stands in for it."""
        if self.model_builds is not None:
            self.model_builds.forget(unique_id)
        return ""

    def cleanup_connections(self) -> None:
        """Close all connections at the end of a run: the next one may begin."""
        super().cleanup_connections()
        if self.turn is not None:
            self.connections.close(self.turn)
            self.turn = self.model_builds = None

    @available.parse(lambda *_: "")
    def execute_patiently(self, statements: list[str]) -> str:
        """Execute statements that need a lock which others may hold.

        While a statement waits for its lock, everybody who comes later waits behind
        it. So a try that lasts too long lets go of all its locks, and the next one
        begins when those who waited are through. Var `lock_wait` says how long a try
        may last and how often to try, by default `LOCK_WAIT`.

        Args:
            statements: executed one after the other, in one savepoint.

        Returns:
            Nothing, for use in Jinja.

        Raises:
            DbtRuntimeError: each try took too long. It says who holds the lock.
        """
        if not statements:
            return ""
        wait = told_vars(self.config).get("lock_wait", LOCK_WAIT)
        seconds, tries = wait["seconds"], wait["tries"]
        connection = self._in_transaction("A change of tables that stand")
        with self.connections.exception_handler("; ".join(statements)):
            for left in reversed(range(tries)):
                with self._watched(connection, seconds / 2, left) as holders:
                    if self._execute_within(connection, statements, seconds):
                        return ""
                time.sleep(PAUSE_SECONDS if left else 0)
            raise DbtRuntimeError(_say_who_is_in_the_way(holders, seconds, tries))

    def _execute_within(
        self, connection: Connection, statements: list[str], seconds: float
    ) -> bool:
        """Execute statements, or none if their locks take too long to get."""
        with connection.handle.cursor() as cursor:
            cursor.execute("show lock_timeout")
            [before] = cursor.fetchone()
            cursor.execute("savepoint patience")
            waits_until = time.monotonic() + seconds
            try:
                for statement in statements:
                    left = max(1, round(1000 * (waits_until - time.monotonic())))
                    cursor.execute(SET_LOCK_TIMEOUT, [str(left)])
                    fire_event(SQLQuery(conn_name=connection.name, sql=statement))
                    cursor.execute(self._add_comment(statement))
            except (LockNotAvailable, DeadlockDetected):
                cursor.execute("rollback to savepoint patience")
                return False
            cursor.execute(SET_LOCK_TIMEOUT, [before])
            cursor.execute("release savepoint patience")
        return True

    @contextmanager
    def _watched(
        self,
        connection: Connection,
        seconds: float,
        tries_left: int,
    ) -> Iterator[list[tuple]]:
        """Note, in the last try, whom a session waits for after some seconds.

        Only while it waits can the server say so.
        """
        holders: list[tuple] = []
        if tries_left:
            yield holders
            return
        pid, watcher = connection.handle.get_backend_pid(), self._connect("watcher")

        def look() -> None:
            with suppress(Error), watcher.handle.cursor() as cursor:
                cursor.execute(HOLDERS_OF_LOCKS, [pid])
                holders.extend(cursor.fetchall())

        timer = Timer(seconds, look)
        timer.start()
        try:
            yield holders
        finally:
            timer.cancel()
            timer.join()
            self.connections.close(watcher)

    def _add_comment(self, statement: str) -> str:
        """Return a statement with dbt's query comment, if the project has one."""
        header = self.connections.query_header
        return header.add(statement) if header else statement

    def _connect(self, name: str) -> Connection:
        """Open a session beside dbt's own, each statement a transaction."""
        connection = Connection("postgres", name, self.config.credentials)
        self.connections.open(connection)
        connection.handle.commit()
        connection.handle.autocommit = True
        return connection

    def _in_transaction(self, what: str) -> Connection:
        """Return this thread's connection with a transaction open."""
        connection = self.connections.get_thread_connection()
        if connection.credentials.autocommit:
            raise DbtRuntimeError(
                f"{what} needs a transaction: set `autocommit: false`."
            )
        if not connection.transaction_open:
            self.connections.begin()
        return connection

    @available.parse(lambda *_: "")
    def stage_python_model(
        self,
        model: dict[str, Any],
        compiled_code: str,
        empty: bool = False,
        imports: dict[str, str] | None = None,
    ) -> str:
        """Run a Python model into a temporary table.

        Args:
            model: the node, as Jinja's `model` has it.
            compiled_code: the model's code followed by dbt's `dbtObj`.
            empty: whether relations are to be read without rows (`--empty`).
            imports: what `session.days` and `session.reads` give, by relation.

        Returns:
            The select that reads the result, for a `create table as`.

        Raises:
            DbtRuntimeError: the model failed, or its frames break the contract.
        """
        # pandas takes half a second to import: only a run that needs it pays.
        from dbt_local_python.runtime import stage

        connection = self._in_transaction("A Python model")
        source = Path(self.config.project_root) / model["original_file_path"]
        with commented(connection.handle, self._add_comment):
            return stage(
                connection.handle,
                model,
                compiled_code,
                source,
                bool(empty),
                imports or {},
            )

    @available.parse(lambda *_: None)
    def device_day(
        self, model: dict[str, Any], var: Callable[[str], Any]
    ) -> device_day.DeviceDay:
        """Return what a model of device-days reads, and whose days it has.

        Args:
            model: the node, as Jinja's `model` or `graph` has it; of a unit test, which
                has a config of its own, the model that it tests counts.
            var: Jinja's `var`, which in a unit test knows other vars.
        """
        nodes = self.get_macro_resolver().nodes
        unique_id = model.get("tested_node_unique_id") or model["unique_id"]
        return device_day.DeviceDay(nodes[unique_id], nodes, var)

    @available.parse(lambda *_: [])
    def imported_columns(self, code: str) -> list[str]:
        """Return the columns of the days that a compiled model asks for."""
        return code_version.imported_columns(code)

    @available.parse(lambda *_: "")
    def code_version(self, model: dict[str, Any], code: str) -> str:
        """Hash everything that decides what a model computes from its input.

        Args:
            model: the node, as Jinja's `model` has it.
            code: its compiled code.
        """
        root = Path(self.config.project_root).resolve()
        return code_version.code_version(model, code, root)

    @available.parse(lambda *_: 0)
    def build_days(
        self,
        statement: str,
        select: str,
        due: str,
        view: str | None = None,
        ids: str | None = None,
    ) -> int:
        """Run a statement that builds device-days and return the rows it wrote.

        The arguments are those of `failing_rows.run`.

        Raises:
            DbtRuntimeError: with the device-day and the messages that make it fail.
        """
        connection = self.connections.get_thread_connection()
        with commented(connection.handle, self._add_comment):
            try:
                return failing_rows.run(
                    connection.handle, statement, select, due, view, ids
                )
            except Error as error:
                self.connections.rollback_if_open()
                raise DbtDatabaseError(str(error).strip()) from error
            except failing_rows.FailingRows as error:
                raise DbtRuntimeError(str(error)) from error


def _say_who_is_in_the_way(holders: list[tuple], seconds: float, tries: int) -> str:
    """Put into words who holds a lock, as HOLDERS_OF_LOCKS has it, and what to do."""
    said, ends = [], []
    for _, pid, user, application, state, since in holders:
        if not pid:
            said.append("a prepared transaction (see pg_prepared_xacts)")
            continue
        # Of the sessions of others, most roles see the user and the application only.
        doing = f"{state} since {since}" if state else "doing what we may not see"
        said.append(f"pid {pid} ({user}, {application or 'no name'}, {doing})")
        ends.append(f"select pg_terminate_backend({pid})")
    what = (holders and holders[0][0]) or "a table or view"
    return (
        f"No lock on {what} in {tries} tries of {seconds:g} s: it is in use by "
        f"{', '.join(said) or 'a session that nobody saw'}. "
        f"Build again later{', or end it: ' if ends else ''}{'; '.join(ends)}."
    )
