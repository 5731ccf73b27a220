"""What lies across 06:00, by its numbers, as the tables have it after two runs.

Each device's messages come in two parts: the second are those about the border, so that
what the first run wrote of them has to be restated.
"""

from __future__ import annotations

from datetime import datetime

import pytest
from arrivals import Message, at, readings, steady
from cases import production_date
from plant import BUILDS, Plant


def a_dip() -> tuple[list[Message], list[Message]]:
    """From 05:58 to 06:01 the counter shows next to nothing."""
    first = steady("DIP", "05:30", 1, 5000, 28) + steady("DIP", "06:02", 1, 5320)
    return first, readings("DIP", at("05:58", 1), [3, 4, 5, 5310])


def a_stop() -> tuple[list[Message], list[Message]]:
    """From 05:49 to 06:09 no brick is made."""
    first = steady("STOP", "05:30", 1, 5000, 20) + steady("STOP", "06:10", 1, 5200)
    return first, readings("STOP", at("05:50", 1), [5190] * 20)


def a_first_increment() -> tuple[list[Message], list[Message]]:
    """Three hundred bricks in the half hour about 06:00."""
    first = steady("FIRST", "05:30", 1, 5000, 11) + steady("FIRST", "06:15", 1, 5400)
    return first, steady("FIRST", "05:41", 1, 5110, 5)


def a_silent_day() -> tuple[list[Message], list[Message]]:
    """The level before the third day is that of the first."""
    first = steady("SILENT", "05:00", 1, 5000) + steady("SILENT", "06:30", 2, 5800)
    return first, readings("SILENT", at("05:30", 1), [5300])


def a_full_day() -> tuple[list[Message], list[Message]]:
    """Ten hours on either side of 06:00, a reading a minute."""
    return steady("FULL", "20:00", 0, 5000, 600), steady("FULL", "06:00", 1, 11000, 600)


@pytest.fixture(scope="module")
def plant(plant: Plant) -> Plant:
    parts = [a_dip(), a_stop(), a_first_increment(), a_silent_day(), a_full_day()]
    for part in zip(*parts, strict=True):
        plant.arrive([message for messages in part for message in messages])
        plant.run()
    return plant


def increments(plant: Plant, device_id: str, start: datetime, end: datetime) -> list:
    return plant.sql(
        "select event_at, counter_event, count_increment::integer,"
        " previous_count::integer from analytics_intermediate.int_brick_increments"
        " where device_id = %s and event_at between %s and %s order by event_at",
        device_id,
        start,
        end,
    )


def daily(plant: Plant, device_id: str, *columns: str) -> list:
    return plant.sql(
        f"select production_date, {', '.join(columns)}"
        " from analytics.brick_production_stats_daily where device_id = %s"
        " order by production_date",
        device_id,
    )


def test_a_dip_over_six_takes_no_brick_from_either_day(plant: Plant):
    assert increments(plant, "DIP", at("05:57", 1), at("06:02", 1)) == [
        (at("05:57", 1), "normal", 10, 5260),
        (at("05:58", 1), "dip", 0, None),
        (at("05:59", 1), "dip", 0, None),
        (at("06:00", 1), "dip", 0, None),
        (at("06:01", 1), "normal", 40, 5270),
        (at("06:02", 1), "normal", 10, 5310),
    ]
    # Of the forty that were made meanwhile three minutes' are the day before's.
    assert daily(plant, "DIP", "count_increment::integer") == [
        (production_date(0), 300),
        (production_date(1), 210),
    ]


def test_a_stop_over_six_is_one_to_both_days(plant: Plant):
    """Longer than five minutes in all: a failure, and no short stop of either."""
    columns = ("downtime_seconds::integer", "micro_stop_seconds::integer")
    assert daily(plant, "STOP", *columns) == [
        (production_date(0), 11 * 60, 0),
        (production_date(1), 9 * 60, 0),
    ]
    assert plant.sql(
        "select started_at, ended_at from analytics.downtime_events"
        # When the messages end, it stands as well.
        " where device_id = 'STOP' and ended_at is not null"
    ) == [(at("05:49", 1), at("06:09", 1))]


def test_the_first_increment_of_a_day_starts_from_the_last_level_of_the_day_before(
    plant: Plant,
):
    assert increments(plant, "FIRST", at("05:45", 1), at("06:15", 1)) == [
        (at("05:45", 1), "normal", 10, 5140),
        (at("06:15", 1), "normal", 250, 5150),
    ]
    assert daily(plant, "FIRST", "count_increment::integer") == [
        (production_date(0), 150 + 125),
        (production_date(1), 125 + 190),
    ]


def test_the_level_before_a_silent_day_is_the_last_one_there_was(plant: Plant):
    assert increments(plant, "SILENT", at("05:30", 1), at("06:30", 2)) == [
        (at("05:30", 1), "normal", 110, 5190),
        (at("06:30", 2), "normal", 500, 5300),
    ]


def test_of_a_neighbour_just_the_border_is_read(plant: Plant):
    """An hour and what is on its ends; of six hundred readings."""
    [(beside,)] = plant.sql(
        f"select array_remove(reads_beside, null) from {BUILDS}"
        " where model = 'int_brick_excursions' and device_id = 'FULL'"
        " and production_date = %s",
        production_date(1),
    )
    assert beside == [at("04:59", 1), at("05:59", 1)]
