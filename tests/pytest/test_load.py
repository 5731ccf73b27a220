"""A file is loaded whole, or its bad line is named and nothing of it is loaded."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import sql

from brickworks.load import HEADER_BYTES, load_csv
from brickworks.local_database import Cluster
from brickworks.settings import Problem

TABLE = ("raw", "measurements")
HEADER = "device_id,sensor_type,timestamp,data,metadata"
GOOD = 'A-1,brick_counter,2025-11-17T01:17:00Z,"{""count"": 1}",{}'
# A record over two physical lines: JSON may hold a line break between its parts.
TALL = 'A-1,brick_counter,2025-11-17T01:17:00Z,"{""count"":\n1}",{}'


@pytest.fixture
def load(superuser: psycopg2.extensions.connection, tmp_path: Path):
    """Write lines to a file and load it."""

    def write_and_load(*lines: str | bytes, name: str = "messages.csv") -> int:
        path = tmp_path / name
        content = b"".join(
            (line if isinstance(line, bytes) else line.encode()) + b"\n"
            for line in lines
        )
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return load_csv(superuser, path, TABLE)

    return write_and_load


def rows(connection: psycopg2.extensions.connection, columns: str = "*") -> list:
    with connection.cursor() as cursor:
        cursor.execute(f"select {columns} from raw.measurements order by id")
        return cursor.fetchall()


@pytest.mark.parametrize("name", ["messages.csv", "messages.csv.gz", "gzip_unnamed"])
def test_a_good_file_is_loaded(load, superuser, name: str, tmp_path: Path):
    assert load(HEADER, GOOD, TALL, GOOD, name=name) == 3
    found = rows(superuser, "id, device_id, data, created_at is not null")
    assert found[0] == (1, "A-1", {"count": 1}, True)
    assert len(found) == 3


def test_the_content_says_what_is_compressed(superuser, tmp_path: Path):
    path = tmp_path / "named_plain.csv"
    path.write_bytes(gzip.compress(f"{HEADER}\n{GOOD}\n".encode()))
    assert load_csv(superuser, path, TABLE) == 1


def test_columns_come_in_any_order_with_created_at_and_a_bom(load, superuser):
    load(
        "\ufeffmetadata,created_at,timestamp,data,sensor_type,device_id",
        "{},2025-01-01T00:00:05Z,2025-01-01 07:00+07,[],x,B",
    )
    found = rows(superuser, "device_id, extract(epoch from created_at - timestamp)")
    assert found == [("B", 5)]


def test_an_empty_cell_is_null_and_a_naive_time_is_utc(load, superuser):
    with superuser.cursor() as cursor:
        cursor.execute("set timezone = 'Asia/Ho_Chi_Minh'")
    superuser.commit()
    load(HEADER, ",brick_counter,2025-11-17 01:00:00,,")
    found = rows(
        superuser, "device_id, data, extract(hour from timestamp at time zone 'UTC')"
    )
    assert found == [(None, None, 1)]


def test_no_rows_are_no_error(load):
    assert load(HEADER) == 0


def test_windows_line_ends_are_fine(load):
    assert load(HEADER + "\r", GOOD + "\r", GOOD + "\r") == 2


BAD_RECORDS = {
    "too few fields": (GOOD.rsplit(",", 1)[0], "missing data"),
    "too many fields": (GOOD + ",more", "extra data"),
    "bad timestamp": (GOOD.replace("2025-11-17", "2025-13-17"), "2025-13-17"),
    "ambiguous date": (GOOD.replace("2025-11-17T", "17/11/2025 "), "17/11/2025"),
    "bad json": (GOOD.replace("{}", "{"), "json"),
    "zero in json": (GOOD.replace("{}", '"""\\u0000"""'), "Unicode"),
    "bad utf-8": (GOOD.encode().replace(b"A-1", b"A-\xff"), "UTF8"),
    "nul": (GOOD.encode().replace(b"A-1", b"A-\0"), "NUL"),
    "end of data": ("\\.", "ends the data"),
    "empty line": ("", "missing data"),
    "stray quote": (GOOD.replace("A-1", '"A-1'), "unterminated|missing data"),
}


@pytest.mark.parametrize("name", ["messages.csv", "messages.csv.gz"])
@pytest.mark.parametrize("record, reason", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_malformed_line_is_named_and_nothing_loaded(
    load, superuser, record: str | bytes, reason: str, name: str
):
    # Lines 1 to 5: header, good, tall (two lines), good; the bad one is line 6.
    with pytest.raises(Problem, match=rf"(?i), line 6: .*({reason})") as caught:
        load(HEADER, GOOD, TALL, GOOD, record, *([GOOD] * 3), name=name)
    assert str(caught.value).endswith("Nothing was loaded.")
    assert rows(superuser) == []


def test_the_bad_line_of_a_large_file_is_found(load, superuser):
    with pytest.raises(Problem, match=r", line 30002: .*oops"):
        load(HEADER, *([GOOD] * 30_000), GOOD.replace("2025-11-17", "oops"), GOOD)
    assert rows(superuser) == []


@pytest.mark.parametrize("shift", range(5))
@pytest.mark.parametrize("mark, reason", [("\\.", "ends the data"), ("A\0", "NUL")])
def test_bytes_are_inspected_across_blocks(
    load, superuser, mark: str, reason: str, shift: int
):
    # The line break before the mark is `shift` bytes before the end of a block.
    room = HEADER_BYTES - len(HEADER) - 1 - len(GOOD) - shift
    first = GOOD.replace("A-1", "A-1" + "x" * room)
    with pytest.raises(Problem, match=rf", line 3: .*{reason}"):
        load(HEADER, first, mark, GOOD)
    assert rows(superuser) == []


def test_a_record_over_several_lines_names_them_all(load, superuser):
    bad = TALL.replace("2025-11-17", "2025-11-71")
    with pytest.raises(Problem, match=r"lines 4 to 5: .*2025-11-71"):
        load(HEADER, TALL, bad, GOOD)
    assert rows(superuser) == []


def test_line_breaks_of_another_kind_inside_quotes_count(load, superuser):
    with pytest.raises(Problem, match=r", line 4: .*nonsense"):
        load(HEADER + "\r", TALL + "\r", GOOD.replace("2025-11-17", "nonsense") + "\r")
    assert rows(superuser) == []


@pytest.mark.parametrize(
    "header, reason",
    [
        ("device_id,sensor_type,timestamp,data", "lacks metadata"),
        (HEADER + ",colour", "unknown column 'colour'"),
        (HEADER + ",data", "'data' is there twice"),
        ("", "empty"),
        (GOOD, "unknown column 'A-1'"),
        (b"\xff\xfe" + HEADER.encode(), "not UTF-8"),
    ],
)
def test_a_bad_header_is_line_1(load, superuser, header: str | bytes, reason: str):
    with pytest.raises(Problem, match=rf", line 1: .*{reason}"):
        load(header, *([GOOD] * 2 if header else []))
    assert rows(superuser) == []


@pytest.mark.parametrize(
    "kept, line", [(0.5, "1[01]...|9..."), (0.999, "19[89].."), (0.9999, "20002")]
)
def test_a_damaged_gzip_is_refused(superuser, tmp_path: Path, kept: float, line: str):
    lines = [GOOD.replace("A-1", f"A-{i * 7919 % 10007}") for i in range(20_000)]
    content = gzip.compress("\n".join([HEADER, *lines, ""]).encode())
    path = tmp_path / "messages.csv.gz"
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(Problem, match=rf", line ({line}): .*ends too early"):
        load_csv(superuser, path, TABLE)
    path.write_bytes(content[:-8] + b"\0" * 8)
    with pytest.raises(Problem, match=r", line 20002: .*damaged"):
        load_csv(superuser, path, TABLE)
    assert rows(superuser) == []


def test_ids_move_the_sequence_behind_them(load, superuser):
    load("id," + HEADER, "7," + GOOD, "5," + GOOD)
    load(HEADER, GOOD)
    assert rows(superuser, "id") == [(5,), (7,), (8,)]
    load("id," + HEADER, "2," + GOOD)
    load(HEADER, GOOD)
    assert rows(superuser, "id") == [(2,), (5,), (7,), (8,), (9,)]


def test_an_id_that_is_taken_is_a_sentence(load, superuser):
    load("id," + HEADER, "7," + GOOD)
    with pytest.raises(Problem, match="line 3: its id is taken"):
        load("id," + HEADER, "8," + GOOD, "7," + GOOD)
    with pytest.raises(Problem, match="line 3: its id is taken"):
        load("id," + HEADER, "9," + GOOD, "9," + GOOD)
    assert rows(superuser, "id") == [(7,)]


def test_progress_ends_at_the_size_of_the_file(superuser, tmp_path: Path):
    path = tmp_path / "messages.csv"
    path.write_text("\n".join([HEADER, *([GOOD] * 20_000), ""]))
    told: list[tuple[int, int]] = []
    load_csv(superuser, path, TABLE, lambda done, total: told.append((done, total)))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert told == sorted(told)
    assert len(told) > 3


def test_a_role_that_may_not_write_gets_a_sentence(
    cluster: Cluster, superuser, tmp_path: Path
):
    path = tmp_path / "messages.csv"
    for header, record in ((HEADER, GOOD), ("id," + HEADER, "1," + GOOD)):
        path.write_text(f"{header}\n{record}\n")
        with (
            closing(psycopg2.connect(**cluster.server.dsn())) as connection,
            pytest.raises(Problem, match=r"your role may not|Your role may not"),
        ):
            load_csv(connection, path, TABLE)
    assert rows(superuser) == []


def test_a_table_that_is_not_there_is_a_sentence(superuser, tmp_path: Path):
    path = tmp_path / "messages.csv"
    for header, record in ((HEADER, GOOD), ("id," + HEADER, "1," + GOOD)):
        path.write_text(f"{header}\n{record}\n")
        with pytest.raises(Problem, match=r"raw\.nowhere does not exist"):
            load_csv(superuser, path, ("raw", "nowhere"))


def test_names_are_quoted(superuser, tmp_path: Path):
    table = ("raw", 'odd "1" name')
    with superuser.cursor() as cursor:
        cursor.execute(
            sql.SQL("create table {} (like raw.measurements including all)").format(
                sql.Identifier(*table)
            )
        )
    superuser.commit()
    path = tmp_path / "messages.csv"
    path.write_text(f"id,{HEADER}\n1,{GOOD}\n")
    try:
        assert load_csv(superuser, path, table) == 1
        path.write_text(f"{HEADER}\n{GOOD}\n{GOOD},\n")
        with pytest.raises(Problem, match="line 3: extra data"):
            load_csv(superuser, path, table)
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(*table)))
        superuser.commit()
