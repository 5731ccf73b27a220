"""The search for the device-day that breaks a statement."""

from __future__ import annotations

import pytest
from psycopg2 import errors

from dbt_local_python import failing_rows
from dbt_local_python.failing_rows import FailingRows

DUE = "pg_temp.due"
DIVIDES = "select 1 / (number - 3) as part from pg_temp.due"


@pytest.fixture
def days(connection):
    """Five days of one device, the fourth of which divides by nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "create temporary table due as select 'brick_counter' as sensor_type,"
            " 'A' as device_id, date '2026-03-02' + number as production_date, number"
            " from generate_series(0, 4) as number"
        )
        cursor.execute(
            "create function pg_temp.cancelled() returns integer language plpgsql as"
            " $$ begin raise 'as told' using errcode = 'query_canceled'; end $$"
        )
    return connection


def test_the_day_at_fault_is_named_and_all_are_due_as_before(days):
    with pytest.raises(FailingRows, match=r"device 'A', .* production day 2026-03-05"):
        failing_rows.run(days, f"create table t as {DIVIDES}", DIVIDES, DUE, None, None)
    with days.cursor() as cursor:
        cursor.execute("select count(*) from pg_temp.due")
        assert cursor.fetchone() == (5,)


def test_a_search_that_is_cancelled_blames_no_day(days):
    with pytest.raises(errors.QueryCanceled, match="as told"):
        failing_rows.run(
            days, "select 1 / 0", "select pg_temp.cancelled()", DUE, None, None
        )
