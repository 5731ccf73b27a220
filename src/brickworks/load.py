"""Load a CSV of raw messages: all of it, or nothing and the line that is wrong.

PostgreSQL's COPY judges the values; this module judges the file (header, compression,
bytes) and translates COPY's complaints into physical line numbers.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psycopg2
import psycopg2.extensions
from psycopg2 import errors, sql

from brickworks.settings import Problem
from brickworks.terminal import visible

REQUIRED_COLUMNS = ("device_id", "sensor_type", "timestamp", "data", "metadata")
OPTIONAL_COLUMNS = ("id", "created_at")
BLOCK_BYTES = 256 * 1024
HEADER_BYTES = 64 * 1024

# A command of COPY, not data: PostgreSQL before 18 ends the load there, silently.
END_OF_DATA = re.compile(rb"(?<=[\r\n])\\\.(?=[\r\n])")

Progress = Callable[[int, int], None]


class _BadBytes(Exception):
    """Something in the file itself, before any value, is wrong."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def load_csv(
    connection: psycopg2.extensions.connection,
    path: Path,
    table: tuple[str, str],
    progress: Progress | None = None,
) -> int:
    """Load a CSV with a header into the raw table, in one transaction.

    Times without an offset are taken as UTC. An empty unquoted cell is NULL. If the
    file brings ids, the table's id sequence is moved behind them.

    Args:
        connection: Connection whose role may insert into the table; it is committed
            on success and rolled back otherwise.
        path: CSV file, plain or gzip.
        table: (schema, name) of the raw table.
        progress: Called with (bytes read, bytes in all) of the file as stored.

    Returns:
        Rows loaded.

    Raises:
        Problem: If anything in the file is malformed, with its line number, or if
            the role may not write.
    """
    if not path.exists():
        raise Problem(f"{path} does not exist: check the name.")
    if path.is_dir():
        raise Problem(f"{path} is a directory: name a CSV file.")
    try:
        with path.open("rb") as stored:
            return _copy(connection, path, stored, table, progress)
    except PermissionError:
        raise Problem(f"{path} is not readable for you: check its mode.") from None
    finally:
        # After a commit there is nothing left to roll back.
        if not connection.closed:
            connection.rollback()


def _copy(
    connection: psycopg2.extensions.connection,
    path: Path,
    stored: BinaryIO,
    table: tuple[str, str],
    progress: Progress | None,
) -> int:
    source = _Source(path, stored, progress)
    try:
        columns = _columns(source.peek_header())
        with connection.cursor() as cursor:
            # Without these, a file would mean different things on different servers.
            cursor.execute("set local timezone = 'UTC'")
            cursor.execute("set local datestyle = 'ISO, YMD'")
            cursor.execute("set local statement_timeout = 0")
            # What is reported as loaded outlives a crash.
            cursor.execute("set local synchronous_commit = on")
            if "id" in columns:
                _require_sequence(cursor, table)
            statement = sql.SQL(
                "copy {} ({}) from stdin with"
                " (format csv, header true, encoding 'UTF8')"
            ).format(
                sql.Identifier(*table),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
            )
            try:
                cursor.copy_expert(statement, source, BLOCK_BYTES)
            except psycopg2.Error as error:
                if source.failure:  # It broke the COPY: the cause is ours.
                    raise source.failure from None
                raise _translated(error, path, table, columns) from None
            rows = cursor.rowcount
            if "id" in columns:
                _advance_sequence(cursor, table)
        connection.commit()
    except _BadBytes as bad:
        raise _refusal(path, f"line {bad.line}", bad.reason) from None
    return rows


def _refusal(path: Path, place: str, reason: str) -> Problem:
    # The reason may quote the file: a line feed in it must not begin a line of ours.
    said = visible(reason.rstrip("."))
    return Problem(f"{visible(path)}, {place}: {said}. Nothing was loaded.")


class _Source(io.RawIOBase):
    """The bytes of a CSV as COPY reads them, counting lines and catching what it can't.

    Attributes:
        failure: What broke the reading, for psycopg2 hides an exception of `read`.
    """

    def __init__(self, path: Path, stored: BinaryIO, progress: Progress | None) -> None:
        super().__init__()
        self.failure: _BadBytes | None = None
        status = path.stat()
        self._stored = stored
        self._progress = progress
        self._size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        self._content = _decompressed(stored)
        self._line = 1
        self._tail = b""
        self._waiting = b""

    def peek_header(self) -> bytes:
        """Return the first line without its end; it stays to be read."""
        self._waiting = self._block(HEADER_BYTES)
        if self.failure:
            raise self.failure
        if not self._waiting.strip():
            raise _BadBytes(1, f"it is empty; a header is needed: {_expected()}")
        return re.split(rb"\r?\n|\r", self._waiting, maxsplit=1)[0]

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end of the file."""
        block = self._waiting or self._block(size if size > 0 else BLOCK_BYTES)
        self._waiting = b""
        if self.failure:
            raise self.failure
        self._inspect(block)
        if self.failure:
            raise self.failure
        if self._progress and self._size:
            self._progress(self._stored.tell(), self._size)
        return block

    def _block(self, size: int) -> bytes:
        try:
            # One piece at a time: what precedes damage is delivered, and counted.
            return self._content.read1(size)  # type: ignore[attr-defined]
        except EOFError:
            self._fail("the compressed file ends too early; fetch it again")
        except (zlib.error, gzip.BadGzipFile, OSError) as error:
            self._fail(f"the compressed file is damaged ({error}); fetch it again")
        return b""

    def _fail(self, reason: str, breaks_before: int = 0) -> None:
        self.failure = _BadBytes(self._line + breaks_before, reason)

    def _inspect(self, block: bytes) -> None:
        if (position := block.find(b"\0")) >= 0:
            self._fail("a NUL byte, which no text has", block.count(b"\n", 0, position))
        # With the bytes before the block, for the mark may lie across its border,
        # and as if the file's last line had an end.
        window = self._tail + (block or b"\n")
        if b"\\." in window and (found := END_OF_DATA.search(window)):
            before = window.count(b"\n", 0, found.start()) - self._tail.count(b"\n")
            self._fail(r"the line is \., which ends the data for COPY", before)
        self._line += block.count(b"\n")
        self._tail = window[-3:]


def _decompressed(stored: BinaryIO) -> BinaryIO:
    """Return a reader of the content: by what the file is, not by how it is called."""
    buffered = io.BufferedReader(stored, BLOCK_BYTES)  # type: ignore[arg-type]
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]
    return buffered


def _expected() -> str:
    return f"{', '.join(REQUIRED_COLUMNS)}, optionally {', '.join(OPTIONAL_COLUMNS)}"


def _columns(header: bytes) -> list[str]:
    """Return the column names of a header line.

    Raises:
        _BadBytes: If one is missing, unknown or there twice.
    """
    try:
        text = header.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _BadBytes(1, "the header is not UTF-8") from None
    names = [name.strip() for name in next(csv.reader([text]), [])]
    for name in names:
        if name not in REQUIRED_COLUMNS + OPTIONAL_COLUMNS:
            raise _BadBytes(1, f"unknown column {name!r}; known are {_expected()}")
        if names.count(name) > 1:
            raise _BadBytes(1, f"the column {name!r} is there twice")
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    if missing:
        raise _BadBytes(1, f"the header lacks {', '.join(missing)}")
    return names


def _sequence(cursor: psycopg2.extensions.cursor, table: tuple[str, str]) -> str | None:
    """Return the (quoted) name of the sequence behind the ids, None without one."""
    cursor.execute(
        "select pg_get_serial_sequence(format('%%I.%%I', %s::text, %s::text), 'id')",
        table,
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _require_sequence(
    cursor: psycopg2.extensions.cursor, table: tuple[str, str]
) -> None:
    try:
        sequence = _sequence(cursor, table)
    except errors.InsufficientPrivilege as error:
        raise _not_allowed(error, table) from None
    except psycopg2.Error:
        raise _no_table(table) from None
    if sequence is None:
        return
    cursor.execute("select has_sequence_privilege(%s, 'UPDATE')", (sequence,))
    row = cursor.fetchone()
    if not (row and row[0]):
        raise Problem(
            f"The file brings ids, and your role may not move the sequence {sequence}"
            " behind them: grant update on it, or leave the column id out."
        )


def _advance_sequence(
    cursor: psycopg2.extensions.cursor, table: tuple[str, str]
) -> None:
    if (sequence := _sequence(cursor, table)) is None:
        return
    # Never backwards: other loads may have drawn numbers already.
    cursor.execute(
        sql.SQL(
            "select setval(%s, greatest((select max(id) from {}), last_value))"
            " from {} where (select max(id) from {}) >= last_value"
        ).format(
            sql.Identifier(*table),
            sql.SQL(sequence),
            sql.Identifier(*table),
        ),
        (sequence,),
    )


def _no_table(table: tuple[str, str]) -> Problem:
    return Problem(
        f"The table {table[0]}.{table[1]} does not exist or lacks a raw column: run "
        "`brickworks up` (embedded server) or check the vars raw_schema and raw_table."
    )


def _not_allowed(error: psycopg2.Error, table: tuple[str, str]) -> Problem:
    reason = error.diag.message_primary or "permission denied"
    return Problem(
        f"Your role may not insert into {table[0]}.{table[1]} ({reason}): "
        "connect with a role that may."
    )


def _translated(
    error: psycopg2.Error, path: Path, table: tuple[str, str], columns: list[str]
) -> Exception:
    """Turn an error of COPY into a sentence about the file."""
    if isinstance(error, errors.InsufficientPrivilege):
        return _not_allowed(error, table)
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return _no_table(table)
    if isinstance(error, psycopg2.OperationalError) and not error.diag.context:
        return error
    reason = error.diag.message_primary or str(error).strip()
    detail = error.diag.message_detail or ""
    if isinstance(error, errors.UniqueViolation):
        reason = (
            f"its id is taken, in the table or earlier in the file ({detail or reason})"
            "; leave the column id out to have new numbers"
        )
    elif detail:
        reason = f"{reason} ({detail.rstrip('.')})"
    number = _copy_line(error, table[1])
    if number is None:
        return _refusal(path, "somewhere", reason)
    unquoted = "unterminated" in reason
    return _refusal(path, _place(path, number, unquoted), reason)


def _copy_line(error: psycopg2.Error, name: str) -> int | None:
    """Return the line number in COPY's context, whatever language it speaks."""
    for line in (error.diag.context or "").splitlines():
        if "COPY" in line and (found := re.search(r"\d+", line.replace(name, "", 1))):
            return int(found.group())
    return None


@dataclass(frozen=True)
class _Record:
    """One CSV record: where it begins and ends, and what COPY calls that line."""

    first_line: int
    last_line: int
    copy_line: int


def _records(content: BinaryIO) -> Iterator[_Record]:
    """Yield the records of a CSV; quotes alone decide where one ends, as in COPY."""
    line, first, copy_line = 0, 1, 0
    is_quoted = False
    line_end: bytes | None = None
    for text in content:
        line += 1
        if not is_quoted:
            first = line
            copy_line += 1
        is_quoted ^= text.count(b'"') % 2 == 1
        if line_end is None and not is_quoted:
            line_end = b"\r\n" if text.endswith(b"\r\n") else b"\n"
        if is_quoted:
            # COPY counts line breaks inside quotes only if they are the file's own.
            copy_line += text.endswith(line_end or b"\n")
        else:
            yield _Record(first, line, copy_line)
    if is_quoted:
        yield _Record(first, line, copy_line)


def _place(path: Path, copy_line: int, is_unterminated: bool) -> str:
    """Return the physical line or lines of what COPY calls a line."""
    if not path.is_file():
        return f"line {copy_line}"
    with path.open("rb") as stored:
        try:
            for record in _records(_decompressed(stored)):
                if record.copy_line < copy_line:
                    continue
                if record.first_line == record.last_line or is_unterminated:
                    return f"line {record.first_line}"
                return f"lines {record.first_line} to {record.last_line}"
        except (EOFError, OSError, zlib.error):
            pass  # The damage lies behind the line that is asked for.
    return f"line {copy_line}"
