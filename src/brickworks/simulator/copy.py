"""Messages into PostgreSQL by COPY, as fast as the server takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from psycopg2 import sql

from brickworks.simulator.clock import iso_text
from brickworks.simulator.factory import FactoryConfig, expected_messages
from brickworks.simulator.stream import Block, TruthReader, blocks

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

COLUMNS = ("device_id", "sensor_type", "timestamp", "data", "metadata", "created_at")


def load(
    connection: Connection,
    table: tuple[str, str],
    progress: Callable[[int, int], None] | None = None,
    config: FactoryConfig | None = None,
    truth: TruthReader | None = None,
) -> int:
    """Write a simulated factory into a table of raw messages.

    The rows go in by one COPY in the order of their arrival, so that an identity
    column `id` numbers them by arrival. Nothing is committed: the caller does that, or
    rolls back to have none of it. Memory stays constant.

    Args:
        connection: An open psycopg2 connection.
        table: Schema and name of the table.
        progress: Called with (messages so far, messages expected), and at the end with
            the true number twice.
        config: The factory; the small one by default.
        truth: Called with the truth of each day once it is complete.

    Returns:
        Number of messages written.
    """
    config = config or FactoryConfig()
    source = _Source(blocks(config, truth), expected_messages(config), progress)
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(*table), sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, source, size=1 << 18)
    if progress:
        progress(source.sent, source.sent)
    return source.sent


class _Source:
    """A file of COPY text that is written while it is read."""

    def __init__(
        self,
        parts: Iterator[Block],
        expected: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.sent = 0
        self._parts = parts
        self._expected = expected
        self._progress = progress
        self._text = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes of it, none at the end."""
        if self._position >= len(self._text):
            block = next(self._parts, None)
            if block is None:
                return b""
            self._text, self._position = copy_text(block), 0
            self.sent += len(block)
            if self._progress:
                self._progress(self.sent, max(self.sent, self._expected))
        chunk = self._text[self._position : self._position + size]
        self._position += size
        return chunk


def copy_text(block: Block) -> bytes:
    """A block in PostgreSQL's COPY text format."""
    columns = (
        block.device_id,
        block.sensor_type,
        iso_text(block.stamp_ms).tolist(),
        block.data,
        block.metadata,
        iso_text(block.created_ms).tolist(),
    )
    lines = ["\t".join(row) for row in zip(*columns, strict=True)]
    lines.append("")
    # No field has a tab or a line break: JSON text escapes them.
    return "\n".join(lines).replace("\\", "\\\\").encode()
