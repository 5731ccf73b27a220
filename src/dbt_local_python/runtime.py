"""What a Python model meets while it runs: relations, session, its own errors."""

import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from dbt_common.exceptions import DbtRuntimeError
from psycopg2.extensions import connection as Connection

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
    imports: dict[str, str] = field(default_factory=dict)

    def days(self, relation: Relation) -> str:
        """Return the device-days that this run builds of the model, as SQL.

        Args:
            relation: `dbt.ref` of the table whose days the model has.
        """
        return self._import(relation)

    def reads(self, relation: Relation) -> str:
        """Return the rows of a table that a day may read, as SQL for a lateral.

        Args:
            relation: `dbt.ref` of a device-day table. The SQL names the day's alias,
                `device_days`.
        """
        return self._import(relation)

    def reads_once(self, days: Relation, table: Relation) -> str:
        """Return the rows of a table that the days of this run read, each once, as SQL.

        A model that looks back reads most rows for many of its days. Here a row comes
        with the first day that reads it; `is_due` tells whether that is its own.

        Args:
            days: `dbt.ref` of the table whose days the model has.
            table: `dbt.ref` of a table that is read some days back.
        """
        return f"""(
            select of_the_day.*
            from (
                select *, lag(production_date) over (
                    partition by sensor_type, device_id order by production_date
                ) as due_before
                from {self.days(days)} as due
            ) as device_days
            cross join lateral (
                select stored.*, stored.production_date = device_days.production_date
                    as is_due
                from {self.reads(table)} as stored
                where coalesce(stored.production_date > due_before, true)
            ) as of_the_day
        )"""  # noqa: S608

    def _import(self, relation: Relation) -> str:
        if str(relation) not in self.imports:
            raise KeyError(f"{relation} is no input of this model's device-days.")
        return self.imports[str(relation)]

    def relation(self, name: str) -> Relation:
        """Return the relation of a quoted name, as `dbt.ref` resolves it."""
        return Relation(self.connection, name, self.is_empty)

    def query(self, sql: str) -> Relation:
        """Return the relation of a select; relations can be formatted into it."""
        return Relation(self.connection, f"(\n{sql}\n)", self.is_empty)


def stage(
    connection: Connection,
    model: dict[str, Any],
    code: str,
    source: Path,
    is_empty: bool,
    imports: dict[str, str],
) -> str:
    """Run a model and copy its frames into a temporary table.

    Args:
        connection: the psycopg2 connection, inside the materialization's transaction.
        model: dbt's node.
        code: the compiled code.
        source: the model's own file, to which errors point.
        is_empty: whether relations are read without rows.
        imports: what `session.days` and `session.reads` give, by relation.

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
        for frame in _frames(connection, code, source, is_empty, imports):
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
    connection: Connection,
    code: str,
    source: Path,
    is_empty: bool,
    imports: dict[str, str],
) -> Iterator[pd.DataFrame]:
    # dbt strips the file before it appends its own code: the lines come back here,
    # so that a traceback has the numbers of the file.
    text = source.read_text("utf-8") if source.exists() else ""
    lines_before = text[: len(text) - len(text.lstrip())].count("\n")
    scope: dict[str, Any] = {"__name__": source.stem, "__file__": str(source)}
    compiled = compile("\n" * lines_before + code, str(source), "exec")
    exec(compiled, scope)  # noqa: S102 (running the model is what this is for)
    session = Session(connection, is_empty, imports)
    context = scope["dbtObj"](session.relation)
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
