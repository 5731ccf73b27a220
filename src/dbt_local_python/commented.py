"""Statements of ours with dbt's query comment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as PlainCursor


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
