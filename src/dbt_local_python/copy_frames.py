"""Frames out of and into PostgreSQL by COPY, value for value.

| PostgreSQL                | read as                      | written from         |
|---------------------------|------------------------------|----------------------|
| boolean                   | `boolean`                    | bool                 |
| smallint, integer, bigint | `Int64`                      | int, integral float  |
| real, double precision    | `float64`, NULL as NaN       | number               |
| numeric                   | `object` of Decimal, None    | number               |
| date                      | `object` of date, None       | date                 |
| timestamptz               | `datetime64[us, UTC]`        | datetime with a zone |
| timestamp                 | `datetime64[us]`             | datetime without one |
| json, jsonb               | `str`, the JSON's text       | str as JSON text,    |
|                           |                              | else any JSON value  |
| text, varchar, char       | `str`                        | str                  |
| others (uuid, array …)    | `str`, as PostgreSQL has it  | its `str()`          |

None, NaN, NaT and NA are NULL. Infinite times are errors: pandas has none.
"""

import csv
import io
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import IO, Any

import numpy as np
import pandas as pd
from psycopg2.extensions import connection as Connection

CHUNK_ROWS = 50_000
"""Rows held as text at a time: large enough to be fast, small next to a device."""

BOOL, JSON, JSONB, DATE, TIMESTAMP, TIMESTAMPTZ, NUMERIC = (
    16,
    114,
    3802,
    1082,
    1114,
    1184,
    1700,
)
INTEGERS, FLOATS, TEXTS = {20, 21, 23}, {700, 701}, {25, 1042, 1043}


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def column_types(connection: Connection, query: str) -> dict[str, int]:
    """Return the type oid of each column of a query, in its order."""
    with connection.cursor() as cursor:
        # A query is SQL that the model's author wrote: nothing to escape.
        cursor.execute(f"select * from ({query}) as described limit 0")  # noqa: S608
        return {column.name: column.type_code for column in cursor.description}


# --- reading --------------------------------------------------------------------


def read(
    connection: Connection,
    query: str,
    order_by: Sequence[str] = (),
    chunk_rows: int | None = None,
) -> Iterator[pd.DataFrame]:
    """Read a query in frames of at most `chunk_rows` rows (None: in one).

    The rows wait in a temporary file, so that the connection is free for other
    statements between two frames and memory holds one frame only.
    """
    types = column_types(connection, query)
    # Times travel as integers: exact, fast, and independent of session settings.
    expressions = {
        DATE: "{} - date '1970-01-01'",
        TIMESTAMP: "(extract(epoch from {}) * 1000000)::bigint",
        TIMESTAMPTZ: "(extract(epoch from {}) * 1000000)::bigint",
    }
    selected = ", ".join(
        expressions.get(oid, "{}").format(quote(name)) for name, oid in types.items()
    )
    order = ", ".join(map(quote, order_by))
    ordered = f" order by {order}" if order else ""
    # A word no stored text can have known of tells NULL from every text.
    null = secrets.token_hex(8)
    copy = (
        f"copy (select {selected} from ({query}) as source{ordered}) to stdout "  # noqa: S608
        f"(format csv, null '{null}', encoding 'utf8')"
    )
    with tempfile.TemporaryFile() as spool:
        with connection.cursor() as cursor:
            cursor.copy_expert(copy, spool)
        if not spool.tell():
            yield _typed(pd.DataFrame(columns=range(len(types)), dtype=object), types)
            return
        spool.seek(0)
        for chunk in _parse(spool, list(types.values()), null, chunk_rows):
            yield _typed(chunk, types)


def _parse(
    spool: IO[bytes], oids: list[int], null: str, chunk_rows: int | None
) -> Iterator[pd.DataFrame]:
    parsed = {BOOL: "boolean", DATE: "Int64", TIMESTAMP: "Int64", TIMESTAMPTZ: "Int64"}
    parsed |= dict.fromkeys(INTEGERS, "Int64") | dict.fromkeys(FLOATS, "float64")
    options: dict[str, Any] = {
        "header": None,
        "names": range(len(oids)),
        "dtype": {i: parsed.get(oid, "str") for i, oid in enumerate(oids)},
        "na_values": {
            i: [null, "NaN"] if oid in FLOATS else [null] for i, oid in enumerate(oids)
        },
        "keep_default_na": False,
        "true_values": ["t"],
        "false_values": ["f"],
        "skip_blank_lines": False,
        "encoding": "utf-8",
        "index_col": False,
    }
    if chunk_rows is None:
        yield pd.read_csv(spool, **options)
    else:
        yield from pd.read_csv(spool, chunksize=chunk_rows, **options)


def _typed(frame: pd.DataFrame, types: dict[str, int]) -> pd.DataFrame:
    typed = [
        _typed_column(frame[i], oid).reset_index(drop=True)
        for i, oid in enumerate(types.values())
    ]
    return pd.concat(typed, axis=1, keys=list(types))


def _typed_column(column: pd.Series, oid: int) -> pd.Series:
    if oid in (TIMESTAMP, TIMESTAMPTZ):
        nat = np.iinfo("int64").min
        times = column.astype("Int64").to_numpy("int64", na_value=nat)
        naive = pd.Series(times.view("datetime64[us]"))
        return naive.dt.tz_localize("UTC") if oid == TIMESTAMPTZ else naive
    if oid == DATE:
        nat = np.iinfo("int64").min
        days = column.astype("Int64").to_numpy("int64", na_value=nat)
        return pd.Series(days.view("datetime64[D]").tolist(), dtype=object)
    if oid == NUMERIC:
        values = [None if v != v or v == "NaN" else Decimal(v) for v in column]
        return pd.Series(values, dtype=object)
    if len(column):
        return column
    kind = {BOOL: "boolean"} | dict.fromkeys(INTEGERS, "Int64")
    return column.astype((kind | dict.fromkeys(FLOATS, "float64")).get(oid, "str"))


# --- writing --------------------------------------------------------------------


def write(
    connection: Connection, table: str, frame: pd.DataFrame, types: dict[str, int]
) -> None:
    """Append a frame to a table.

    Args:
        connection: an open psycopg2 connection.
        table: the table's quoted name.
        frame: the rows, with exactly the columns of `types`.
        types: type oid per column.

    Raises:
        TypeError: the frame's columns, or a value's type, are not those of `types`.
    """
    _check_columns(list(frame.columns), list(types))
    null = secrets.token_hex(8)
    names = ", ".join(map(quote, types))
    # Every field is quoted, so that no text can be taken for COPY's own syntax.
    copy = (
        f"copy {table} ({names}) from stdin "
        f"(format csv, null '{null}', force_null ({names}), encoding 'utf8')"
    )
    with connection.cursor() as cursor:
        for first in range(0, len(frame), CHUNK_ROWS):
            part = frame.iloc[first : first + CHUNK_ROWS]
            columns = [
                _texts(part[name], name, oid, null) for name, oid in types.items()
            ]
            text = io.StringIO(newline="")
            lines = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
            lines.writerows(zip(*columns, strict=True))
            cursor.copy_expert(copy, io.BytesIO(text.getvalue().encode("utf-8")))


def _check_columns(given: list[Any], declared: list[str]) -> None:
    problems = {
        "missing": [name for name in declared if name not in given],
        "not declared": [name for name in given if name not in declared],
        "given twice": sorted({str(name) for name in given if given.count(name) > 1}),
    }
    found = [f"{what}: {', '.join(map(str, n))}" for what, n in problems.items() if n]
    if found:
        raise TypeError(f"The frame's columns are not the YAML's. {'; '.join(found)}.")


def _texts(column: pd.Series, name: str, oid: int, null: str) -> list[Any]:
    """Return one field per row."""
    missing = column.isna().to_numpy(dtype=bool)
    if oid in INTEGERS and column.dtype.kind in "iu" and not missing.any():
        return column.tolist()
    if oid in FLOATS and column.dtype.kind == "f":
        return [
            null if no else x for x, no in zip(column.tolist(), missing, strict=True)
        ]
    if oid in TEXTS and isinstance(column.dtype, pd.StringDtype):
        return column.where(~missing, null).tolist()
    if oid == TIMESTAMPTZ and isinstance(column.dtype, pd.DatetimeTZDtype):
        utc = column.dt.tz_convert("UTC").dt.tz_localize(None)
        values = np.datetime_as_string(utc.to_numpy("datetime64[us]"), timezone="UTC")
        return np.where(missing, null, values).tolist()
    text = _writer(oid)
    try:
        return [
            null if is_null else text(value)
            for value, is_null in zip(column.astype(object), missing, strict=True)
        ]
    except (TypeError, ValueError) as error:
        raise TypeError(f'Column "{name}": {error}') from error


def _writer(oid: int) -> Callable[[Any], Any]:
    named = {
        BOOL: _boolean,
        NUMERIC: _number,
        DATE: _date,
        TIMESTAMP: lambda value: _time(value, has_zone=False),
        TIMESTAMPTZ: lambda value: _time(value, has_zone=True),
        JSON: _json,
        JSONB: _json,
    }
    named |= dict.fromkeys(INTEGERS, _integer) | dict.fromkeys(FLOATS, _float)
    return (named | dict.fromkeys(TEXTS, _text)).get(oid, str)


def _refuse(value: object, wanted: str) -> TypeError:
    return TypeError(f"{value!r} is {type(value).__name__}, not {wanted}.")


def _boolean(value: object) -> str:
    if not isinstance(value, bool | np.bool_):
        raise _refuse(value, "a boolean")
    return "t" if value else "f"


def _number(value: object) -> Real | Decimal:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real | Decimal):
        raise _refuse(value, "a number")
    return value


def _integer(value: object) -> int:
    # pandas turns integers with gaps into floats: those are meant as integers.
    value = _number(value)
    if not isinstance(value, Integral) and value != value // 1:
        raise _refuse(value, "an integer")
    return int(value)


def _float(value: object) -> float:
    return float(_number(value))


def _date(value: object) -> str:
    if not isinstance(value, date):
        raise _refuse(value, "a date")
    if isinstance(value, datetime):
        if value != datetime(value.year, value.month, value.day):
            raise _refuse(value, "a date: it has a time of day or a zone")
        value = value.date()
    return value.isoformat()


def _time(value: object, has_zone: bool) -> str:
    if not isinstance(value, datetime) or (value.tzinfo is not None) != has_zone:
        wanted = "with" if has_zone else "without"
        raise _refuse(value, f"a datetime {wanted} a time zone")
    return (value.astimezone(UTC) if has_zone else value).isoformat()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _refuse(value, "text")
    return value


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)
