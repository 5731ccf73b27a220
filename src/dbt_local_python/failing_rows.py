"""Runs a statement that builds device-days, and finds the day that breaks it."""

from collections.abc import Callable, Sequence
from typing import Any

from psycopg2 import DatabaseError
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

OF_THE_DATA = ("21", "22", "23", "54")
"""Classes of SQLSTATE that a row can bring about: a cardinality, a value, a constraint,
a limit of the program. Others (no memory, no lock, cancelled) are no row's fault."""

SHOWN = 10
"""Ids named at most."""

KEY = "sensor_type, device_id, production_date"


class FailingRows(Exception):
    """A statement failed; the text says why, and which rows are to blame."""


def run(
    connection: Connection,
    statement: str,
    select: str,
    due: str,
    view: str | None,
    ids: str | None,
) -> int:
    """Run a statement; if its data make it fail, say which.

    Args:
        connection: a psycopg2 connection, inside a transaction.
        statement: creates or fills the table.
        select: the rows that it writes.
        due: the table of the days to build.
        view: the relation of raw messages that the select reads, None if it reads none.
        ids: a format that selects the ids of the messages of one of these days, by
            sensor_type, device_id and production_date.

    Returns:
        The number of rows written.

    Raises:
        FailingRows: with the server's words and the device-day at fault.
    """
    with connection.cursor() as cursor:
        cursor.execute("savepoint before_the_days")
        try:
            cursor.execute(statement)
        except DatabaseError as error:
            if not _is_of_the_data(error):
                raise
            cursor.execute("rollback to savepoint before_the_days")
            found = _find(cursor, select, due, view, ids)
            raise FailingRows(f"{str(error).strip()}\n{found}") from error
        written = cursor.rowcount
        cursor.execute("release savepoint before_the_days")
        return written


def _find(
    cursor: Cursor, select: str, due: str, view: str | None, ids: str | None
) -> str:
    cursor.execute(
        f"select {KEY} from {due} order by production_date, device_id"  # noqa: S608
    )
    found = _halve(
        cursor.fetchall(), lambda days: _fails(cursor, _only(cursor, due, days), select)
    )
    if len(found) != 1:
        return "No single device-day makes it fail."
    sensor_type, device_id, day = found[0]
    told = f"It is device {device_id!r}, {sensor_type}, production day {day}"
    if view is None or ids is None:
        return f"{told}."
    quoted = [cursor.mogrify("%s", [value]).decode() for value in found[0]]
    cursor.execute(ids.format(**dict(zip(KEY.split(", "), quoted, strict=True))))
    messages = sorted(row[0] for row in cursor.fetchall())
    only_the_day = _only(cursor, due, found)

    def fails_with_messages(chosen: Sequence[Any]) -> bool:
        few = ", ".join(map(str, chosen))
        limited = f"(select * from {view} where measurement_id in ({few})) as few"  # noqa: S608
        return _fails(cursor, only_the_day, select.replace(view, limited))

    guilty = _halve(messages, fails_with_messages)
    named = ", ".join(map(str, guilty[:SHOWN]))
    more = f" and {len(guilty) - SHOWN} more" if len(guilty) > SHOWN else ""
    return (
        f"{told}, measurement ids {named}{more}. Nothing of this run is lost: mend or"
        " delete the message in the raw table, tell us what it was, and run again."
    )


def _only(cursor: Cursor, due: str, days: Sequence[Any]) -> str:
    """Return the statement after which no other days are due."""
    return cursor.mogrify(
        f"delete from {due} where ({KEY}) not in %s",  # noqa: S608
        [tuple(days)],
    ).decode()


def _halve(items: list, fails: Callable[[Sequence[Any]], bool]) -> list:
    """Return the smallest part found that fails alone: one item, if one is to blame."""
    while len(items) > 1:
        half = len(items) // 2
        parts = [items[:half], items[half:]]
        failing = next((part for part in parts if fails(part)), None)
        if failing is None:
            return items
        items = failing
    return items


def _fails(cursor: Cursor, prepare: str, select: str) -> bool:
    cursor.execute("savepoint a_part")
    try:
        cursor.execute(prepare)
        cursor.execute(f"create temporary table a_part as {select}")
    except DatabaseError as error:
        if not _is_of_the_data(error):
            raise
        return True
    else:
        return False
    finally:
        cursor.execute("rollback to savepoint a_part")


def _is_of_the_data(error: DatabaseError) -> bool:
    return (error.pgcode or "")[:2] in OF_THE_DATA
