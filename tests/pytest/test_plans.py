"""What an incremental run reads, as PostgreSQL counts it while the plans execute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

DEVICES, DAYS, READINGS = 20, 30, 144
"""Enough for the planner to mind a scan: 86,400 readings, one every ten minutes."""

RAW = "measurements"
LEDGERS = ("int_message_days", "int_day_verdicts", "device_days")
READS = """
select relname, coalesce(seq_scan, 0), coalesce(seq_tup_read, 0),
    coalesce(idx_tup_fetch, 0)
from pg_stat_user_tables where relname = any(%s)
"""


@pytest.fixture(scope="module")
def large(project: Any) -> Any:
    """A plant with a history, built; the statistics of its tables are gathered."""
    project.sql(
        """
        insert into raw.measurements
            (device_id, sensor_type, "timestamp", data, created_at)
        select
            format('PLAN-%%s', device), 'brick_counter', at,
            jsonb_build_object('count', 10 * row_number() over (
                partition by device order by at
            )),
            at
        from generate_series(1, %s) as devices (device)
        cross join lateral generate_series(
            timestamptz '2026-03-01 06:00+07',
            timestamptz '2026-03-01 06:00+07' + %s * interval '1 day'
                - interval '1 second',
            interval '1 day' / %s
        ) as moments (at)
        order by at
        """,
        DEVICES,
        DAYS,
        READINGS,
    )
    project.dbt("seed")
    project.dbt("run")
    project.sql("vacuum analyze")
    return project


@contextmanager
def reads(project: Any) -> Iterator[dict[str, tuple[int, int, int]]]:
    """Per table: sequential scans, rows these read, rows fetched through indexes."""
    tables = [name.split(".")[1].strip('"') for name in project.incremental_tables()]
    found: dict[str, tuple[int, int, int]] = {}

    def count() -> dict[str, tuple[int, int, int]]:
        project.sql("select pg_stat_force_next_flush()")
        rows = project.sql(READS, [RAW, *tables])
        return {name: tuple(counts) for name, *counts in rows}

    before = count()
    yield found
    for name, after in count().items():
        found[name] = tuple(b - a for a, b in zip(before[name], after, strict=True))


def arrive_for_an_hour(project: Any) -> None:
    """Twenty devices send some readings more, the last one on the stroke of 06:00."""
    project.sql(
        'insert into raw.measurements (device_id, sensor_type, "timestamp", data,'
        " created_at) select device_id, sensor_type, \"timestamp\" + interval '10 min',"
        " data, created_at from raw.measurements"
        " where \"timestamp\" >= timestamptz '2026-03-31 05:00+07'"
    )


@pytest.mark.parametrize("arrives", [False, True], ids=["no news", "an hour more"])
def test_a_run_by_arrivals_reads_no_history(large, arrives):
    """Each device-day is looked up, and the readings of days with news are read; of the
    raw table always the days of the newest ids, for what commits out of order. What
    needs the line in view is worked out from small tables, and left out here."""
    if arrives:
        arrive_for_an_hour(large)
    with reads(large) as found:
        variables = "{reconcile: arrivals, arrival_margin: 200}"
        large.dbt("run", "--exclude", "factory", "--vars", variables)
    assert found[RAW][0] == 0, "the raw table is scanned"
    for table, (_, scanned, fetched) in found.items():
        # The ledgers have one row a day, and are read as a whole some times; to scan a
        # table of two rows a day once may be cheaper than to look forty days up.
        if table not in LEDGERS:
            assert scanned <= 3 * DEVICES * DAYS, f"{table} is scanned"
        # The day of the news, and the one that begins with the last of them.
        days_read = 2 * DEVICES if arrives or table == RAW else 0
        assert fetched <= 10 * (DEVICES * DAYS + days_read * READINGS), table


def test_what_each_run_works_out_whole_reads_no_readings(large):
    """Only what is small: per device and day some episodes, hours and shifts."""
    with reads(large) as found:
        large.dbt("run", "-s", "factory")
    of_readings = [RAW, "stg_brick_counts", "int_brick_increments", "int_brick_steps"]
    for table in [*of_readings, "int_brick_slices"]:
        _, scanned, fetched = found[table]
        # One row tells that a table is not empty.
        assert scanned <= 1, f"{table} is scanned"
        assert fetched <= DEVICES * READINGS, table
    assert found["int_brick_episodes"][1] <= 2 * DEVICES * (DAYS + 1)
