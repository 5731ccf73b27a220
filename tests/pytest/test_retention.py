"""History outlives its raw messages where that is declared, and is not lost unasked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from arrivals import Message, at, reading, steady
from cases import production_date
from plant import BUILDS, Plant

NAME = "SAU-ME-01"
CUT = production_date(2)
"""The first production date of which the raw table keeps all messages."""

DATE = f"{{raw_kept_from: '{CUT}'}}"
INTERVAL = "{raw_kept_from: 2 days}"
"""Back from the newest event, which is of the fifth day."""

WITH_COUNTS_OF_MESSAGES = {
    "brick_production_stats",
    "brick_production_stats_hourly",
    "brick_production_stats_daily",
    "int_brick_production_judged",
    "int_brick_message_hours",
}
"""Those that say how many messages were rejected, besides."""

FORGET = ("--vars", "forget_missing_days: true")


@pytest.fixture
def history(plant: Plant) -> Plant:
    """Four days of a counter, built, twenty readings each; kept as `complete`."""
    plant.clear()
    for day in range(4):
        plant.arrive(steady(NAME, "12:00", day, 1000 + 900 * day))
    plant.run()
    plant.keep("complete")
    return plant


def delete_raw(plant: Plant, condition: str, *values: object) -> None:
    plant.sql(f"delete from raw.measurements where {condition}", *values)


def expire(plant: Plant) -> None:
    """A retention rule takes the first two days, and a fifth one comes."""
    delete_raw(plant, '"timestamp" < %s', at("06:00", 2))
    plant.arrive(steady(NAME, "12:00", 4, 5000))


def changes_before_the_cut(plant: Plant) -> set[tuple]:
    return {
        (difference.model, difference.production_date)
        for difference in plant.differences("complete")
        # What is about now has no date.
        if difference.production_date and difference.production_date < CUT
    }


def readings_of(plant: Plant) -> int:
    days = plant.tables["device_days"]
    [(count,)] = plant.sql(f"select sum(reading_count)::integer from {days}")
    return count


@pytest.mark.parametrize("declared", [DATE, INTERVAL], ids=["date", "interval"])
def test_declared_retention_keeps_what_was_built(history: Plant, declared: str):
    """However often it is built again, and from nothing."""
    expire(history)
    for options in [(), (), ("--full-refresh",)]:
        history.run(*options, "--vars", declared)
        # The ledger says that they are expired.
        assert changes_before_the_cut(history) == {
            ("int_message_days", production_date(0)),
            ("int_message_days", production_date(1)),
        }
        assert history.sql(
            "select production_date, message_count::integer, raw_message_count::integer"
            f" from {history.tables['int_message_days']} where is_expired"
            " order by production_date"
        ) == [(production_date(0), 20, 0), (production_date(1), 20, 0)]
        assert readings_of(history) == 100
    history.assert_equal_to_full_refresh("--vars", declared)


def test_new_code_reaches_expired_days_from_what_was_staged(history: Plant):
    """Ten pieces a minute are slow for the line, and now they are not."""
    expire(history)
    slow = f"{{raw_kept_from: '{CUT}', slow_share: 0.1}}"
    history.run("--vars", slow)
    changed = changes_before_the_cut(history)
    assert ("int_brick_steps", production_date(0)) in changed
    assert ("brick_production_stats_daily", production_date(0)) in changed
    assert readings_of(history) == 100
    history.assert_equal_to_full_refresh("--vars", slow)


def test_a_message_for_an_expired_day_is_rejected_as_too_late(history: Plant):
    expire(history)
    history.run("--vars", DATE)
    history.keep("complete")
    history.arrive([reading(NAME, at("12:30", 1), 2100, timedelta())])
    [(late,)] = history.sql("select max(id) from raw.measurements")
    for options in [(), (), ("--full-refresh",)]:
        history.run(*options, "--vars", DATE)
        assert history.sql(
            "select measurement_id, reason, production_date"
            f" from {history.tables['rejected_measurements']}"
        ) == [(late, "too_late", production_date(1))]
        # It is counted as rejected; bricks, times and speeds are what they were.
        numbers = {
            model
            for model, _ in changes_before_the_cut(history)
            if model.startswith(("int_brick", "brick_production"))
        }
        assert numbers <= WITH_COUNTS_OF_MESSAGES
        assert readings_of(history) == 100
        assert bricks_by_day(history) == bricks_by_day(history, "complete")
    history.assert_equal_to_full_refresh("--vars", DATE)


def bricks_by_day(plant: Plant, schema: str = "analytics") -> list[tuple]:
    return plant.sql(
        "select production_date, count_increment, error_count, running_seconds,"
        f" avg_speed from {schema}.brick_production_stats_daily"
        " order by production_date"
    )


def test_a_loss_that_nobody_declared_is_refused(history: Plant):
    """In a sentence that names device, day, and both ways out; nothing is written."""
    expire(history)
    before = history.versions()
    built = history.sql(f"select * from {BUILDS} order by 1, 2, 3, 4")
    for options in [(), ("--full-refresh",), ("--vars", "{reconcile: arrivals}")]:
        said = history.failure(*options)
        for words in [
            "2 device-days are gone",
            f"{NAME}, {production_date(0)}",
            "raw_kept_from",
            "forget_missing_days: true",
        ]:
            assert words in said
        assert history.versions() == before
        assert history.sql(f"select * from {BUILDS} order by 1, 2, 3, 4") == built


@pytest.mark.parametrize("options", [(), ("--full-refresh",)], ids=["run", "refresh"])
def test_with_leave_the_numbers_go(history: Plant, options: tuple[str, ...]):
    """From every table: a full refresh leaves no row of a day that is one no longer."""
    expire(history)
    history.run(*options, *FORGET)
    assert readings_of(history) == 60
    increments = history.tables["int_brick_increments"]
    first = f"select min(production_date) from {increments}"
    assert history.sql(first) == [(CUT,)]
    history.assert_equal_to_full_refresh()


def test_retention_that_reaches_less_far_than_the_loss_is_refused(history: Plant):
    expire(history)
    kept_from = f"{{raw_kept_from: '{production_date(1)}'}}"
    said = history.failure("--vars", kept_from)
    assert f"1 device-days are gone ({NAME}, {production_date(1)})" in said


def test_a_day_of_rejected_messages_alone_may_vanish(history: Plant):
    odd = Message(NAME, at("12:00", 5), {"count": "?"}, at("12:00", 5))
    history.arrive([odd])
    history.run()
    assert history.sql("select reason from analytics.rejected_measurements")
    delete_raw(history, '"timestamp" = %s', odd.timestamp)
    history.run()
    assert not history.sql("select reason from analytics.rejected_measurements")
    history.assert_equal_to_full_refresh()


def test_messages_missing_of_a_day_that_is_kept_are_taken_as_deleted(history: Plant):
    delete_raw(history, '"timestamp" = %s', at("12:19", 3))
    history.run()
    assert readings_of(history) == 79
    history.assert_equal_to_full_refresh()


def test_a_calendar_that_expired_days_cannot_follow_is_refused(history: Plant):
    expire(history)
    history.run("--vars", DATE)
    before = history.versions()
    moved = f"{{raw_kept_from: '{CUT}', plant_timezone: Europe/Madrid}}"
    said = history.failure("--vars", moved)
    assert "The plant's calendar has changed" in said
    assert "2 device-days up to" in said
    assert history.versions() == before
