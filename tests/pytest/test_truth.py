"""Machines and moisture, against what really happened in the simulated factory."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import mean
from typing import Any, NamedTuple

import pytest

from brickworks.simulator import FactoryConfig, Truth, simulate, tell

MACHINES = {
    "MAY-EP-01": "SAU-ME-01",
    "LO-NUNG-01": "SAU-LN-01",
    "QUAT-LO-01": "SAU-LN-01",
}
"""A machine, and the counter behind it: both run at the same times."""
PROBES = ("AM-SAY-01", "AM-SAY-02")
MACHINE_INTERVAL, PROBE_INTERVAL = timedelta(seconds=60), timedelta(seconds=300)
JITTER = timedelta(seconds=5)
"""No sensor keeps its interval to the second."""

NULL_IN_THIS_FACTORY: dict[str, str] = {}
"""Columns that may be NULL in every row, and why."""


class Span(NamedTuple):
    start: datetime
    end: datetime

    def overlap(self, other: Span) -> timedelta:
        shared = min(self.end, other.end) - max(self.start, other.start)
        return max(shared, timedelta(0))


class Factory(NamedTuple):
    project: Any
    truth: Truth

    def faults(self, name: str) -> list[tuple[str, Span]]:
        return [
            (fault.device_id, Span(fault.start, fault.end))
            for fault in self.truth.faults
            if fault.fault == name
        ]

    def true_spans(self, counter: str, *states: str) -> list[Span]:
        return [
            Span(state.start, state.end)
            for state in self.truth.states
            if state.device_id == counter and state.state in states
        ]


@pytest.fixture(scope="module")
def factory(project: Any) -> Factory:
    """A week in which machines overheat and shake, and tiles are too wet or too dry."""
    config = FactoryConfig(
        seed=24,
        first_day=date(2025, 11, 9),
        days=7,
        faults=FactoryConfig().faults
        | {"vibration_growth", "reset", "spike", "messy_id", "dead_sensor"},
        rates={
            "overheating": 0.6,
            "moisture_excursion": 0.9,
            "vibration_growth": 0.6,
            "reset": 0.3,
            "dead_sensor": 0.05,
        },
    )
    devices = frozenset([*MACHINES, *PROBES, "SAU-ME-01", "SAU-LN-01"])
    project.insert(list(simulate(replace(config, devices=devices))))
    project.dbt("build", "--exclude-resource-type", "unit_test")
    return Factory(project, Truth(tell(config)))


def test_nothing_is_lost_of_any_sensor_type(factory: Factory):
    [*raw] = factory.project.sql(
        "select lower(trim(sensor_type)), count(*) from raw.measurements group by 1"
    )
    [*judged] = factory.project.sql(
        "select sensor_type, sum(reading_count + health_count + duplicate_count"
        " + rejected_count)::bigint from analytics.device_days group by 1"
    )
    assert dict(judged) == dict(raw)
    assert dict(raw)["machine_monitoring"] > 25_000
    assert dict(raw)["moisture"] > 3_500


def test_broken_machine_messages_are_rejected_for_what_is_wrong_with_them(
    factory: Factory,
):
    expected = Counter(
        fault.detail["verdict"]
        for fault in factory.truth.faults
        if fault.fault == "bad_required" and fault.device_id in MACHINES
    )
    found = dict(
        factory.project.sql(
            "select reason, count(*) from analytics.rejected_measurements"
            " where sensor_type = 'machine_monitoring' group by reason"
        )
    )
    del expected["unknown_sensor_type"]
    assert found == dict(expected)


def test_a_machine_begins_and_ceases_to_run_within_one_interval(factory: Factory):
    """Every stop that lasts for two messages is found, at most an interval off."""
    observed = _states(factory, "running", "stopped")
    stopped = _states(factory, "stopped")
    missed, found = [], 0
    for machine, counter in MACHINES.items():
        running = factory.true_spans(counter, "running", "slow")
        for stop in _between(running):
            if stop.end - stop.start < 2 * (MACHINE_INTERVAL + JITTER):
                continue
            around = Span(
                stop.start - 2 * MACHINE_INTERVAL, stop.end + 2 * MACHINE_INTERVAL
            )
            if not any(_covers(span, around) for span in observed[machine]):
                continue
            found += 1
            if not any(
                abs(span.start - stop.start) <= MACHINE_INTERVAL + JITTER
                and abs(span.end - stop.end) <= MACHINE_INTERVAL + JITTER
                for span in stopped[machine]
            ):
                missed.append((machine, *stop))
    assert missed == []
    assert found > 50


def test_a_day_of_a_machine_is_off_by_an_interval_for_each_of_its_stops(
    factory: Factory,
):
    """A message tells the state of its moment, so that each stop may be that much off;
    over the days the errors are as often too long as too short."""
    errors = []
    for machine, day, running, stops, start, end in factory.project.sql(
        "select device_id, production_date, running_seconds,"
        " (select count(*) from analytics_intermediate.int_machine_states as states"
        "  where states.device_id = stats.device_id and state = 'stopped'"
        "  and states.production_date = stats.production_date), start_time, end_time"
        " from analytics.machine_monitoring_stats_daily as stats"
        " where reading_count > 0 order by 1, 2"
    ):
        observed = [
            Span(max(span.start, start), min(span.end, end))
            for span in _states(factory, "running", "stopped")[machine]
            if span.start < end and span.end > start
        ]
        truth = sum(
            (
                span.overlap(true)
                for span in observed
                for true in factory.true_spans(MACHINES[machine], "running", "slow")
            ),
            timedelta(0),
        )
        error = float(running) - truth.total_seconds()
        errors.append(error)
        assert abs(error) <= MACHINE_INTERVAL.total_seconds() * (stops + 1), (
            machine,
            day,
        )
    assert len(errors) == 7 * len(MACHINES)
    assert abs(mean(errors)) <= MACHINE_INTERVAL.total_seconds()


def test_every_overheating_is_an_alert_or_an_anomaly(factory: Factory):
    told = defaultdict(list)
    for device_id, at in factory.project.sql(
        "select device_id, at from analytics.machine_monitoring_anomalies"
        " where detector in ('novelty', 'threshold') and metric = 'temperature'"
        " and is_flagged"
        " union all select device_id, starts_at"
        " from analytics_intermediate.int_machine_alerts"
        " where is_alert and metric = 'temperature'"
    ):
        told[device_id].append(at)
    overheated = factory.faults("overheating")
    assert [
        (device_id, *span)
        for device_id, span in overheated
        if not any(span.start <= at <= span.end for at in told[device_id])
    ] == []
    assert len(overheated) > 5


def test_a_vibration_that_grows_needs_maintenance_before_the_week_is_over(
    factory: Factory,
):
    growing = {device_id for device_id, _ in factory.faults("vibration_growth")}
    assert 0 < len(growing) < len(MACHINES)
    rows = factory.project.sql(
        "select device_id, bool_or(trend_penalty > 0),"
        " bool_or(maintenance_needed and maintenance_reason like '%vibration rises%')"
        " from analytics.machine_monitoring_stats_daily"
        " where trend_penalty is not null group by device_id"
    )
    assert {device_id for device_id, warned, _ in rows if warned} == growing
    assert {device_id for device_id, _, needed in rows if needed} <= growing


def test_the_time_out_of_the_moisture_band_is_that_of_the_excursions(factory: Factory):
    """Each excursion may be off by an interval on either side."""
    excursions = _excursions(factory)
    for device_id, start, end, outside, observed in factory.project.sql(
        "select device_id, start_time, end_time, out_of_range_seconds, observed_seconds"
        " from analytics.moisture_analysis_stats_daily"
    ):
        day = Span(start, end)
        true = [span for span in excursions[device_id] if day.overlap(span)]
        expected = sum((day.overlap(span) for span in true), timedelta(0))
        error = float(outside) - expected.total_seconds()
        assert abs(error) <= PROBE_INTERVAL.total_seconds() * len(true), (
            device_id,
            start,
            observed,
        )


def test_every_moisture_excursion_is_found_where_it_was(factory: Factory):
    found = defaultdict(set)
    for device_id, start, end in factory.project.sql(
        "select device_id, start_time, end_time"
        " from analytics.moisture_analysis_stats_hourly where excursion_count > 0"
    ):
        found[device_id].add(Span(start, end))
    excursions = _excursions(factory)
    assert [
        (device_id, *span)
        for device_id, spans in excursions.items()
        for span in spans
        if not any(hour.overlap(span) for hour in found[device_id])
    ] == []
    assert sum(map(len, excursions.values())) > 5
    [(total,)] = factory.project.sql(
        "select sum(excursion_count) from analytics.moisture_analysis_stats_daily"
    )
    assert total == sum(map(len, excursions.values()))


def test_moisture_alerts_in_the_hours_that_a_fifth_of_was_outside(factory: Factory):
    excursions, levels = _excursions(factory), Counter()
    for device_id, start, end, observed, level in factory.project.sql(
        "select device_id, start_time, end_time, observed_seconds, alert_level"
        " from analytics.moisture_analysis_stats_hourly where observed_seconds > 0"
    ):
        hour = Span(start, end)
        outside = sum(
            (hour.overlap(span) for span in excursions[device_id]), timedelta(0)
        ).total_seconds()
        border, slack = 0.2 * float(observed), 2 * PROBE_INTERVAL.total_seconds()
        if outside == 0:
            assert level in ("normal", "unknown"), (device_id, start)
        elif outside > border + slack:
            assert level in ("warning", "critical"), (device_id, start)
        levels[level] += 1
    assert levels["normal"] > 200
    assert levels["warning"] + levels["critical"] > 5


def test_no_column_of_a_mart_is_null_everywhere(factory: Factory):
    marts = [
        name
        for (name,) in factory.project.sql(
            "select table_name from information_schema.tables"
            " where table_schema = 'analytics'"
            " and table_name ~ '_(stats|stats_hourly|stats_daily|anomalies)$'"
        )
    ]
    assert len(marts) == 15
    offenders = set()
    for mart in sorted(marts):
        columns = [
            name
            for (name,) in factory.project.sql(
                "select column_name from information_schema.columns"
                " where table_schema = 'analytics' and table_name = %s",
                mart,
            )
        ]
        counts = ", ".join(f'count("{column}")' for column in columns)
        [row] = factory.project.sql(f"select {counts} from analytics.{mart}")
        offenders |= {
            f"{mart}.{column}"
            for column, count in zip(columns, row, strict=True)
            if count == 0
        }
    assert offenders == set(NULL_IN_THIS_FACTORY) & offenders, sorted(offenders)
    assert sorted(set(NULL_IN_THIS_FACTORY) - offenders) == []


def _covers(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _between(spans: list[Span]) -> list[Span]:
    merged = _merged(spans)
    return [Span(before.end, after.start) for before, after in pairwise(merged)]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and merged[-1].end >= span.start:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _states(factory: Factory, *states: str) -> dict[str, list[Span]]:
    found = defaultdict(list)
    for device_id, start, end in factory.project.sql(
        "select device_id, starts_at, ends_at"
        " from analytics_intermediate.int_machine_states where state = any(%s)",
        list(states),
    ):
        found[device_id].append(Span(start, end))
    return {device_id: _merged(spans) for device_id, spans in found.items()}


def _excursions(factory: Factory) -> dict[str, list[Span]]:
    found = defaultdict(list)
    for device_id, span in factory.faults("moisture_excursion"):
        found[device_id].append(span)
    return found


# --- Anomalies ----------------------------------------------------------------------


def test_an_alarm_is_told_in_every_period_it_lasts_into_and_in_no_other(
    factory: Factory,
):
    for domain, sensor_types in {
        "brick_production": "('brick_counter')",
        "moisture_analysis": "('moisture')",
        "machine_monitoring": "('machine_monitoring', 'temperature')",
    }.items():
        for grain in ("", "_hourly", "_daily"):
            mart = f"analytics.{domain}_stats{grain}"
            wrong = factory.project.sql(
                f"select device_id, start_time from {mart} as stats"
                " where is_anomaly <> exists ("
                "   select from analytics.anomaly_episodes as episodes"
                "   where episodes.device_id = stats.device_id"
                f"     and episodes.sensor_type in {sensor_types}"
                "     and suppressed_by is null and severity <> 'info'"
                "     and started_at < end_time and seen_until >= start_time)"
            )
            assert wrong == [], mart
            counts = factory.project.sql(
                f"select count(*) filter (where is_anomaly), count(*) from {mart}"
            )
            assert 0 < counts[0][0] < counts[0][1] or domain == "brick_production"


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LENGTH = re.compile(r"(?:(\d+) h)? ?(?:(\d+) min)?(?: ?(\d+) s)?")


def _says(words: str, value: float) -> bool:
    """Whether a number is in the words: itself, in percent, or as a length of time."""
    numbers = [float(number) for number in NUMBER.findall(words)]
    lengths = [
        3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0)
        for hours, minutes, seconds in LENGTH.findall(words)
    ]
    return any(
        number == pytest.approx(value * factor, rel=0.006, abs=0.06)
        for number in numbers
        for factor in (1, 100)
    ) or any(0 <= value - length < 60 for length in lengths if length)


def test_an_explanation_read_alone_says_what_its_row_says(factory: Factory):
    episodes = factory.project.sql(
        "select explanation, severity, device_id, rule, observed, upper, ended_at,"
        " to_char(started_at at time zone 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI')"
        " from analytics.anomaly_episodes"
    )
    assert len({rule for *_, rule, _, _, _, _ in episodes}) > 5
    for words, severity, device_id, rule, observed, _, ended_at, began in episodes:
        assert words.startswith(f"[{severity}] {device_id}, ")
        assert began in words
        assert ("since" in words) == (ended_at is None)
        assert _says(words.split(began)[1], observed), (rule, observed, words)
        assert not re.search(r"\b(inf|nan)\b", words, re.IGNORECASE)
