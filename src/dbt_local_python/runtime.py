"""What a Python model meets while it runs: relations, session, its own errors."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd
from dbt_common.exceptions import DbtRuntimeError
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as PlainCursor

from dbt_local_python import copy_frames
from dbt_local_python.copy_frames import quote

STAGE = 'pg_temp."dbt_local_python_stage"'


@dataclass(frozen=True)
class Relation:
    """A table, view or select that is read when asked; `str()` is its SQL."""

    connection: Connection
    sql: str
    is_empty: bool

    def __str__(self) -> str:
        return self.sql

    def df(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pd.DataFrame:
        """Read it whole.

        Args:
            columns: names of the columns wanted, None for all.
            where: an SQL predicate; the relation's alias in it is `source`.

        Returns:
            A frame typed as in `dbt_local_python.copy_frames`.
        """
        return next(copy_frames.read(self.connection, self._query(columns, where)))

    def groups(
        self,
        by: str | Sequence[str],
        order_by: str | Sequence[str] = (),
        columns: Sequence[str] | None = None,
        where: str | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Read it group by group, holding one group in memory.

        Args:
            by: the column or columns that make a group; NULL is a group.
            order_by: the order of rows inside a group.
            columns: names of the columns wanted besides `by`, None for all.
            where: an SQL predicate; the relation's alias in it is `source`.

        Yields:
            One frame per group, in the order of `by`; none without rows.
        """
        by, order_by = _names(by), _names(order_by)
        if columns is not None:
            columns = list(dict.fromkeys([*by, *order_by, *columns]))
        chunks = copy_frames.read(
            self.connection,
            self._query(columns, where),
            order_by=[*by, *order_by],
            chunk_rows=copy_frames.CHUNK_ROWS,
        )
        current, parts = None, []
        for chunk in chunks:
            for values, part in chunk.groupby(by, sort=False, dropna=False):
                key = tuple(None if pd.isna(value) else value for value in values)
                if parts and key != current:
                    yield pd.concat(parts, ignore_index=True)
                    parts = []
                current = key
                parts.append(part)
        if parts:
            yield pd.concat(parts, ignore_index=True)

    def _query(self, columns: Sequence[str] | None, where: str | None) -> str:
        selected = "*" if columns is None else ", ".join(map(quote, columns))
        limit = " limit 0" if self.is_empty else ""
        return (
            f"select {selected} from {self.sql} as source "  # noqa: S608
            f"where {where or 'true'}{limit}"
        )


@dataclass
class Session:
    """The second argument of `model(dbt, session)`."""

    connection: Connection
    is_empty: bool
    this: str | None = None

    def relation(self, name: str) -> Relation:
        """Return the relation of a quoted name, as `dbt.ref` resolves it."""
        return Relation(self.connection, name, self.is_empty)

    def query(self, sql: str) -> Relation:
        """Return the relation of a select; relations can be formatted into it."""
        return Relation(self.connection, f"(\n{sql}\n)", self.is_empty)

    def missing(self, *keys: str) -> str:
        """Return the predicate for rows whose keys the model's table has not yet.

        True for every row where there is no table to add to: on the first build,
        on a full refresh, or in a model that is not incremental. Keys must not be
        NULL: a NULL key is always missing.
        """
        if self.this is None:
            return "true"
        same = " and ".join(f"built.{quote(k)} = source.{quote(k)}" for k in keys)
        return f"not exists (select from {self.this} as built where {same})"


@contextmanager
def commented(connection: Connection, comment: Callable[[str], str]) -> Iterator[None]:
    """Let every statement carry dbt's query comment, as dbt's own statements do.

    By it people see in `pg_stat_activity` which model a session works for, and the
    audit log which run.

    Args:
        connection: the psycopg2 connection; its cursors are changed inside the block.
        comment: adds the comment to a statement.
    """

    class Cursor(PlainCursor):
        def execute(self, query: str, vars: Any = None) -> None:  # noqa: ANN401
            super().execute(comment(query), vars)

        def copy_expert(self, sql: str, file: IO[bytes], size: int = 8192) -> None:
            super().copy_expert(comment(sql), file, size)

    before, connection.cursor_factory = connection.cursor_factory, Cursor
    try:
        yield
    finally:
        connection.cursor_factory = before


def stage(
    connection: Connection,
    model: dict[str, Any],
    code: str,
    source: Path,
    is_empty: bool,
) -> str:
    """Run a model and copy its frames into a temporary table.

    Args:
        connection: the psycopg2 connection, inside the materialization's transaction.
        model: dbt's node.
        code: the compiled code.
        source: the model's own file, to which errors point.
        is_empty: whether relations are read without rows.

    Returns:
        The select over the temporary table, columns in the order of the YAML.

    Raises:
        DbtRuntimeError: with the file and line of what failed.
    """
    declared = {c["name"]: c.get("data_type") for c in model["columns"].values()}
    untyped = [name for name, data_type in declared.items() if not data_type]
    if untyped or not declared:
        raise DbtRuntimeError(
            "A Python model's YAML has to declare its columns, each with a data_type."
            + (f" Without one: {', '.join(untyped)}." if untyped else "")
        )
    columns = ", ".join(f"{quote(name)} {kind}" for name, kind in declared.items())
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"drop table if exists {STAGE}")
            cursor.execute(f"create temporary table {STAGE} ({columns}) on commit drop")
        types = copy_frames.column_types(connection, f"select * from {STAGE}")  # noqa: S608
        for frame in _frames(connection, code, source, is_empty):
            copy_frames.write(connection, STAGE, frame, types)
    except Exception as error:
        raise DbtRuntimeError(explain_failure(error, source, model)) from error
    return f"select {', '.join(map(quote, declared))} from {STAGE}"  # noqa: S608


def explain_failure(error: Exception, source: Path, model: dict[str, Any]) -> str:
    """Say what failed, where in the model's own file, and how it came there."""
    calls = traceback.extract_tb(error.__traceback__)
    own = [i for i, call in enumerate(calls) if call.filename == str(source)]
    path = model["original_file_path"]
    what = f"{type(error).__name__}: {str(error).strip()}"
    if not own:
        return f"{path}: {what}"
    steps = [
        f"  {path if i in own else call.filename}, line {call.lineno}, in {call.name}"
        + (f": {call.line}" if call.line else "")
        for i, call in enumerate(calls)
        if i >= own[0]
    ]
    return "\n".join([f"{path}, line {calls[own[-1]].lineno}: {what}", *steps])


def _frames(
    connection: Connection, code: str, source: Path, is_empty: bool
) -> Iterator[pd.DataFrame]:
    # dbt strips the file before it appends its own code: the lines come back here,
    # so that a traceback has the numbers of the file.
    text = source.read_text("utf-8") if source.exists() else ""
    lines_before = text[: len(text) - len(text.lstrip())].count("\n")
    scope: dict[str, Any] = {"__name__": source.stem, "__file__": str(source)}
    compiled = compile("\n" * lines_before + code, str(source), "exec")
    exec(compiled, scope)  # noqa: S102 (running the model is what this is for)
    session = Session(connection, is_empty)
    context = scope["dbtObj"](session.relation)
    if context.is_incremental:
        session.this = str(context.this)
    result = scope["model"](context, session)
    if isinstance(result, pd.DataFrame):
        result = [result]
    if not isinstance(result, Iterable):
        raise TypeError(f"model() returned {type(result).__name__}, not frames.")
    for frame in result:
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"model() gave {type(frame).__name__}, not a frame.")
        yield frame


def _names(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
