"""Late messages made by hand, each of which restates something.

Each case fails when one part of the protection is taken out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from arrivals import (
    FIRST_DAY,
    MINUTE,
    Message,
    at,
    health,
    reading,
    readings,
    steady,
)

LATE = timedelta(hours=30)


@dataclass
class Case:
    """What is there at a first run, what comes before a second, what that restates.

    Attributes:
        first: the messages of the first run.
        later: the messages that come after it.
        restates: a model, and the production day, from the first, whose rows of the
            case's device have to change. The case would prove nothing without that.
        gone: the production day whose raw rows are deleted after the first run.
        device_id: the device, if it is not the case's own.
    """

    first: list[Message]
    later: list[Message]
    restates: tuple[str, int]
    gone: int | None = None
    device_id: str | None = None


def a_dip_over_the_change_of_day_whose_restoring_reading_is_late(name: str) -> Case:
    before = steady(name, "05:30", 1, 5000, 28)
    dip = readings(name, at("05:58", 1), [3, 4])
    after = steady(name, "07:30", 1, 5600)
    back = reading(name, at("06:01", 1), 5310, LATE)
    return Case([*before, *dip, *after], [back], ("int_brick_excursions", 0))


def a_late_reading_in_the_tail_of_the_previous_day(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 1, 5400)
    late = reading(name, at("05:55", 1), 5260, LATE)
    return Case(first, [late], ("int_brick_increments", 1))


def a_late_reading_in_the_tail_before_a_day_of_a_few_minutes(name: str) -> Case:
    """The short day's only reading is in a dip: the level before is two days back."""
    first = steady(name, "20:00", 0, 5000, 41)
    first += readings(name, at("05:57", 2), [3]) + steady(name, "06:02", 2, 5410)
    late = reading(name, at("20:41", 0), 5404, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_late_reading_hours_after_the_first_minutes_of_a_day(name: str) -> Case:
    """The head reaches an hour then, and is still these minutes: nothing is news."""
    first = steady(name, "20:00", 0, 5000) + steady(name, "06:00", 1, 5400, 12)
    late = reading(name, at("12:00", 1), 8000, LATE)
    return Case(first, [late], ("int_brick_increments", 1))


def a_late_reading_says_which_side_of_a_wave_is_misread(name: str) -> Case:
    """Outside of the tail: ten minutes low, ten high, for longer than an hour."""
    wave = (5000 + i + 9000 * (i // 10 % 2) for i in range(100))
    first = readings(name, at("04:40", 1), wave)
    late = reading(name, at("04:39", 1), 13999, LATE)
    return Case(first, [late], ("int_brick_increments", 1))


def a_late_reading_before_a_day_of_health_messages(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 2, 5400)
    first += [health(name, at("12:00", 1)), health(name, at("20:00", 1))]
    late = reading(name, at("05:55", 1), 5260, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_late_reading_before_a_last_day_of_health_messages(name: str) -> Case:
    first = [*steady(name, "05:30", 1, 5000), health(name, at("12:00", 1))]
    late = reading(name, at("05:55", 1), 5260, LATE)
    return Case(first, [late], ("int_brick_production_periods", 1))


def a_first_reading_on_a_day_of_health_messages(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 2, 5400)
    first.append(health(name, at("12:00", 1)))
    late = reading(name, at("13:00", 1), 5300, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_first_reading_on_a_day_of_rejected_messages(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 2, 5400)
    first += [Message(name, at("12:00", 1), {"count": "?"}, at("12:00", 1))] * 2
    late = reading(name, at("13:00", 1), 5300, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_first_message_on_a_day_that_a_gap_bridged(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 4, 9400)
    late = reading(name, at("12:00", 3), 7000, LATE)
    return Case(first, [late], ("int_brick_slices", 2))


def a_late_reading_before_the_days_that_a_gap_bridged(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 4, 9400)
    late = reading(name, at("05:55", 1), 6000, LATE)
    return Case(first, [late], ("int_brick_slices", 2))


def a_reading_on_the_stroke_of_the_change_of_day(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 1, 5400)
    late = reading(name, at("06:00", 1), 5290, LATE)
    return Case(first, [late], ("int_brick_slices", 0))


def a_stop_over_the_change_of_day_that_late_readings_make_longer(name: str) -> Case:
    """Three minutes that turn out to be twenty: on the day before as well."""
    first = steady(name, "05:30", 1, 5000, 29)
    first += readings(name, at("05:59", 1), [5280] * 3)
    first += steady(name, "06:20", 1, 5290)
    late = readings(name, at("06:02", 1), [5280] * 18)
    return Case(first, late, ("int_brick_slices", 0))


def a_late_reading_joins_what_stood_before_and_after_the_change_of_day(
    name: str,
) -> Case:
    """Two stops of eight minutes with a piece between them, which was none."""
    first = steady(name, "05:30", 1, 5000, 20)
    first += readings(name, at("05:50", 1), [5191] * 9)
    first += readings(name, at("06:00", 1), [5192] * 9)
    first += steady(name, "06:10", 1, 5200)
    late = readings(name, at("06:00", 1), [5191] * 8)
    return Case(first, late, ("downtime_events", 0))


def a_stop_over_the_change_of_day_that_turns_out_to_be_older(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000, 20)
    first += readings(name, at("05:59", 1), [5190] * 3)
    first += steady(name, "06:02", 1, 5200)
    late = readings(name, at("05:50", 1), [5190] * 9)
    return Case(first, late, ("int_brick_slices", 1))


def a_late_reading_tells_the_pace_after_a_stop_at_the_change_of_day(name: str) -> Case:
    """What a step of yesterday lends to a stop, by how fast it went on after it."""
    first = steady(name, "05:30", 1, 5000, 26)
    first += readings(name, at("05:56", 1), [5250] * 3)
    first += readings(name, at("05:59.5", 1), [5251, 5300, 5310], MINUTE * 3)
    late = reading(name, at("06:03.5", 1), 5301, LATE)
    return Case(first, [late], ("int_brick_slices", 1))


def a_late_health_message_tells_that_the_device_began_anew(name: str) -> Case:
    first = [*steady(name, "05:30", 1, 5000), *steady(name, "06:10", 1, 5400)]
    early, later = at("05:52", 1), at("06:05", 1)
    first.append(Message(name, later, {"status": "online", "uptime": 100}, later))
    late = Message(name, early, {"status": "online", "uptime": 5000}, early)
    return Case(first, [late], ("int_brick_message_hours", 1))


def a_day_emptied_between_others(name: str) -> Case:
    first = [
        m for day in range(3) for m in steady(name, "12:00", day, 5000 + day * 900)
    ]
    return Case(first, [], ("int_brick_increments", 1), gone=1)


def a_last_day_emptied(name: str) -> Case:
    first = [
        m for day in range(3) for m in steady(name, "12:00", day, 5000 + day * 900)
    ]
    return Case(first, [], ("int_brick_production_periods", 2), gone=2)


def a_day_replaced_by_as_many_rows_with_the_same_sum_of_ids(name: str) -> Case:
    """Nobody does this; but count and sum alone would not see it."""
    first = readings(name, at("12:00", 0), [10, 20, 30, 40])
    later = readings(name, at("12:00", 0), [10, 21, 32, 43])
    first = [
        replace(m, id=9_000_000 + i) for m, i in zip(first, (1, 4, 11, 14), strict=True)
    ]
    later = [
        replace(m, id=9_000_000 + i) for m, i in zip(later, (2, 3, 12, 13), strict=True)
    ]
    return Case(first, later, ("stg_brick_counts", 0), gone=0)


def a_doubled_row_replaced_by_another_doubled_row(name: str) -> Case:
    """In a raw table without a key; what is there twice, an xor does not see."""
    first, later = (
        2 * [replace(m, id=number) for m in readings(name, at("12:00", 0), [count])]
        for number, count in ((9_000_021, 10), (9_000_022, 20))
    )
    return Case(first, later, ("stg_brick_counts", 0), gone=0)


def a_conflicting_reading_that_arrives_later(name: str) -> Case:
    late = reading(name, at("12:05", 0), 5049, LATE)
    return Case(steady(name, "12:00", 0, 5000), [late], ("stg_brick_counts", 0))


def a_replay_that_says_it_was_written_earlier(name: str) -> Case:
    late = reading(name, at("12:05", 0), 5049, timedelta(0))
    return Case(steady(name, "12:00", 0, 5000), [late], ("rejected_measurements", 0))


def a_duplicate(name: str) -> Case:
    late = reading(name, at("12:05", 0), 5050, LATE)
    return Case(steady(name, "12:00", 0, 5000), [late], ("device_days", 0))


def another_spelling_of_the_device(name: str) -> Case:
    late = reading(f" {name.lower()} ", at("12:30", 0), 5400, LATE)
    return Case(steady(name, "12:00", 0, 5000), [late], ("int_brick_increments", 0))


def a_device_that_appears(name: str) -> Case:
    return Case([], steady(name, "12:00", 0, 5000), ("brick_production_stats", 0))


def a_message_without_a_device(_: str) -> Case:
    lost = Message(None, at("12:00", 0), {"count": 1}, at("12:00", 0))
    changed = ("rejected_measurements", 0)
    return Case([lost], [lost], changed, device_id="(missing)")


def a_message_of_an_unknown_sensor_type(name: str) -> Case:
    odd = Message(name, at("12:00", 0), {"loud": 61}, at("12:00", 0), "noise_level")
    return Case([odd], [odd], ("stg_unclaimed_messages", 0))


def moist(name: str, clock: str, day: int, *values: float) -> list[Message]:
    """Readings of a moisture probe two minutes apart, each written at once."""
    moments = [at(clock, day) + timedelta(minutes=2 * i) for i in range(len(values))]
    return [
        Message(name, moment, {"moisture": value}, moment, "moisture")
        for moment, value in zip(moments, values, strict=True)
    ]


def a_late_moisture_whose_time_reaches_into_the_next_day(name: str) -> Case:
    first = moist(name, "05:30", 1, *[0.15] * 4) + moist(name, "06:10", 1, *[0.16] * 4)
    late = [
        replace(m, created_at=LATE + m.timestamp) for m in moist(name, "05:58", 1, 0.12)
    ]
    return Case(first, late, ("int_moisture_periods", 1))


def a_moisture_excursion_over_the_change_of_day_whose_end_is_late(name: str) -> Case:
    first = moist(name, "05:52", 1, 0.15, 0.15, 0.15, 0.28)
    first += moist(name, "06:10", 1, 0.15, 0.15)
    return Case(first, moist(name, "06:00", 1, 0.28), ("int_moisture_ranges", 0))


def a_late_moisture_two_readings_before_the_day(name: str) -> Case:
    """What holds over the change of day is an excursion since the one before it."""
    first = moist(name, "05:45", 1, 0.15, 0.15) + moist(name, "05:59", 1, 0.28)
    first += moist(name, "06:01", 1, 0.15, 0.15)
    return Case(first, moist(name, "05:57", 1, 0.28), ("int_moisture_ranges", 1))


def a_late_value_tells_that_the_day_before_was_in_percent(name: str) -> Case:
    """The unit is guessed by day; its last value holds over the change of day."""
    first = moist(name, "12:00", 0, 0.9) + moist(name, "05:56", 1, 0.8, 0.9)
    first += moist(name, "06:01", 1, 0.15, 0.15)
    return Case(first, moist(name, "12:30", 0, 14.5), ("int_moisture_periods", 1))


def a_late_moisture_changes_the_baseline_of_the_next_day(name: str) -> Case:
    first = moist(name, "10:00", 0, *[0.15, 0.151, 0.149] * 12)
    first += moist(name, "10:00", 1, *[0.15, 0.151, 0.149] * 8, 0.19)
    later = moist(name, "14:00", 0, *[0.11, 0.19] * 40)
    return Case(first, later, ("moisture_analysis_anomalies", 1))


def machine(
    name: str,
    clock: str,
    day: int,
    *values: float,
    status: str | None = "running",
    metric: str = "vibration",
) -> list[Message]:
    """Readings of a machine a minute apart, each written at once."""
    said = {} if status is None else {"status": status}
    return [
        Message(name, moment, {metric: value} | said, moment, "machine_monitoring")
        for moment, value in (
            (at(clock, day) + i * MINUTE, value) for i, value in enumerate(values)
        )
    ]


def a_late_machine_value_whose_time_reaches_into_the_next_day(name: str) -> Case:
    first = machine(name, "05:30", 1, 2, 2.1) + machine(name, "06:10", 1, 2.2, 2.3)
    late = machine(name, "05:58.5", 1, 3)
    return Case(first, late, ("int_machine_metric_periods", 1))


def a_late_status_whose_time_reaches_into_the_next_day(name: str) -> Case:
    first = machine(name, "05:30", 1, 2, 2.1) + machine(name, "06:10", 1, 2.2, 2.3)
    late = machine(name, "05:58.5", 1, 0, status="stopped")
    return Case(first, late, ("int_machine_states", 1))


def a_late_speed_tells_that_a_silent_machine_ran(name: str) -> Case:
    """A value of before the change of day, that a later state makes running time."""
    first = machine(name, "05:55", 1, *[2.5] * 5, status=None)
    first += machine(name, "06:10", 1, 2.5, 2.5)
    late = machine(name, "05:58.5", 1, 900, status=None, metric="rpm")
    return Case(first, late, ("int_machine_ranges", 1))


def a_stop_of_a_machine_over_the_change_of_day_that_grows(name: str) -> Case:
    """Four minutes that turn out to be eight: a failure of the day before."""
    first = machine(name, "05:50", 1, *[2] * 8)
    first += machine(name, "05:58", 1, 0, 0, status="stopped")
    first += machine(name, "06:10", 1, *[2] * 5)
    late = machine(name, "06:01", 1, 0, 0, 0, status="stopped")
    return Case(first, late, ("int_machine_periods", 0))


def a_stop_of_a_machine_that_turns_out_to_be_older(name: str) -> Case:
    first = machine(name, "05:30", 1, *[2] * 5)
    first += machine(name, "05:55", 1, *[0] * 12, status="stopped")
    first += machine(name, "06:07", 1, *[2] * 5)
    late = machine(name, "05:40", 1, *[0] * 15, status="stopped")
    return Case(first, late, ("int_machine_periods", 1))


def a_late_reading_raises_an_alert_on_the_next_day(name: str) -> Case:
    first = machine(name, "05:50", 1, *[2] * 8)
    first += machine(name, "06:00", 1, 8, 2, 2)
    return Case(first, machine(name, "05:59", 1, 8), ("int_machine_alerts", 1))


def an_alert_over_the_change_of_day_that_began_earlier(name: str) -> Case:
    """Values that neither raise nor clear since an alert in the evening."""
    first = machine(name, "20:00", 0, 2, 2) + machine(name, "05:00", 1, 6.8, 6.9)
    first += machine(name, "06:30", 1, 6.8, 6.9)
    late = machine(name, "21:00", 0, 8, 8)
    return Case(first, late, ("int_machine_alerts", 1))


def a_late_day_of_vibration_changes_the_trend_of_later_ones(name: str) -> Case:
    first = [
        message
        for day in range(6)
        for message in machine(name, "12:00", day, *[2 + day / 2] * 10)
    ]
    late = machine(name, "15:00", 1, *[9] * 10)
    return Case(first, late, ("machine_monitoring_stats_daily", 5))


def a_late_machine_value_changes_the_baseline_of_the_next_day(name: str) -> Case:
    first = machine(name, "10:00", 0, *[2, 2.1, 1.9] * 12)
    first += machine(name, "10:00", 1, *[2, 2.1, 1.9] * 8, 5)
    later = machine(name, "14:00", 0, *[1, 4] * 40)
    return Case(first, later, ("machine_monitoring_anomalies", 1))


def a_machine_that_sends_temperatures_besides(name: str) -> Case:
    """One device of two sensor types: each its own rows."""
    first = machine(name, "12:00", 0, 2, 2.1, 2.2)
    later = [
        replace(message, sensor_type="temperature")
        for message in machine(name, "12:00", 0, 60, 61, metric="temperature")
    ]
    return Case(first, later, ("machine_metric_stats_hourly", 0))


def a_probe_that_counts_bricks_besides(name: str) -> Case:
    """Messages have a fingerprint per sensor type: bricks must not read the other."""
    first, later = moist(name, "12:00", 0, 0.15, 0.16), steady(name, "12:00", 0, 5000)
    return Case(first, later, ("brick_production_stats", 0))


def a_clock_of_1970_is_filed_under_its_arrival(name: str) -> Case:
    odd = Message(name, "1970-01-01 00:00:07+00", {"count": 7}, at("12:00", 0))
    return Case(steady(name, "12:00", 0, 10), [odd], ("rejected_measurements", 0))


def a_machines_clock_of_1970_is_filed_under_its_arrival(name: str) -> Case:
    odd = replace(machine(name, "12:00", 0, 2)[0], timestamp="1970-01-01 00:00:07+00")
    return Case(machine(name, "12:00", 0, 2), [odd], ("rejected_measurements", 0))


def a_probes_clock_of_1970_is_filed_under_its_arrival(name: str) -> Case:
    odd = replace(moist(name, "12:00", 0, 0.15)[0], timestamp="1970-01-01 00:00:07+00")
    return Case(moist(name, "12:00", 0, 0.15), [odd], ("rejected_measurements", 0))


def a_period_is_over_when_another_device_says_so(name: str) -> Case:
    other = reading(f"{name}-OTHER", at("15:00", 6), 1, timedelta(0))
    first = steady(name, "08:30", 6, 5000)
    return Case(first, [other], ("brick_production_stats_hourly", 6))


def a_machine_says_hello_before_anything_was_due(name: str) -> Case:
    """On the stroke of the plant's present: how good its messages are, none can say."""
    hello = replace(health(name, at("15:00", 6)), sensor_type="machine_monitoring")
    first = machine(name, "08:30", 6, 2)
    return Case(first, [hello], ("machine_monitoring_stats_hourly", 6))


def a_probe_says_hello_before_anything_was_due(name: str) -> Case:
    hello = replace(health(name, at("15:00", 6)), sensor_type="moisture")
    first = moist(name, "08:30", 6, 0.15)
    return Case(first, [hello], ("moisture_analysis_stats_hourly", 6))


def a_day_is_final_when_another_device_says_so(name: str) -> Case:
    """It had ended before, not long ago; the reading above came since."""
    first = steady(name, "04:00", 6, 5000)
    return Case(first, [], ("brick_production_stats_daily", 5))


def a_late_reading_changes_the_baseline_of_the_next_day(name: str) -> Case:
    """Far from the day's tail: only who reads a trailing window notices."""
    first = readings(name, at("10:00", 0), _counts(1000, [10, 11] * 20))
    first += steady(name, "05:20", 1, 3000, 30)
    first += readings(name, at("06:10", 1), _counts(4000, [10, 11] * 8 + [40] * 8))
    later = readings(name, at("12:00", 0), _counts(1700, [2, 30] * 20))
    return Case(first, later, ("brick_production_anomalies", 1))


def _counts(start: int, steps: list[int]) -> list[int]:
    return [start + sum(steps[:i]) for i in range(len(steps) + 1)]


CASES: list[Callable[[str], Case]] = [
    make
    for make in list(vars().values())
    if getattr(make, "__annotations__", {}).get("return") == "Case"
]


def production_date(day: int) -> date:
    """Of a day counted from the first."""
    return FIRST_DAY.date() + timedelta(days=day)


REGISTERED = [
    # Thirty pieces a minute, and a stop of five minutes.
    *readings("SAU-ME-01", at("12:00", 0), range(1000, 1600, 30)),
    *readings("SAU-ME-01", at("12:20", 0), [1570] * 5 + [1580, 1590]),
    *readings("SAU-ME-01", at("12:00", 1), range(2000, 2600, 30)),
    *readings("SAU-ME-02", at("12:00", 0), range(1000, 1200, 10)),
    *readings("SAU-ME-02", at("12:00", 4), range(2000, 2200, 10)),
    *readings("SAU-LN-01", at("12:00", 0), [100, 110, 120, 118, 130, 140]),
    *moist("AM-SAY-01", "12:00", 0, 0.15, 0.16, 0.21, 0.22, 0.15, 0.15),
    *machine("QUAT-LO-01", "12:00", 0, 60, 70, 71, 72, 60, metric="temperature"),
    # As many as a domain has models: each gets new code for a device of its own.
    *(
        message
        for i in range(24)
        for message in readings(
            f"COUNTS-{i:02}",
            at("12:00", 0),
            [5000, 5010, 5020, 3, 5030, *[5040] * 8, 5050, 5060],
        )
    ),
    *(m for i in range(10) for m in moist(f"PROBE-{i:02}", "12:00", 0, 0.15, 0.16)),
    *(m for i in range(18) for m in machine(f"TURNS-{i:02}", "12:00", 0, 2.5, 2.6)),
    Message("BROKEN-01", at("12:00", 0), {"count": "?"}, at("12:00", 0)),
    Message("LOUD-01", at("12:00", 0), {"loud": 61}, at("12:00", 0), "noise_level"),
]
