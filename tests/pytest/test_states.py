"""Stops and running time, against what really happened in the simulated factory."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import mean
from typing import NamedTuple

import pytest

from brickworks.simulator import FactoryConfig, Truth, simulate

STOPS = {"stopped", "starved", "blocked", "changeover"}
FOUND_STOPS = {"micro_stop", "downtime"}
DOWNTIME = timedelta(seconds=300)
STEP = timedelta(seconds=60)


class Span(NamedTuple):
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


class Event(NamedTuple):
    device_id: str
    kind: str
    is_downtime: bool
    seconds: float
    span: Span


class Factory(NamedTuple):
    project: object
    truth: Truth
    episodes: dict[str, list[tuple[Span, str]]]
    events: list[Event]

    def found(self, device_id: str, *states: str) -> list[Span]:
        return _merged(
            [span for span, state in self.episodes[device_id] if state in states]
        )

    def true_stops(self, device_id: str) -> list[Span]:
        """Stops of the machine that its device watched from beginning to end."""
        spans = _merged(
            [
                Span(state.start, state.end)
                for state in self.truth.states
                if state.device_id == device_id and state.state in STOPS
            ]
        )
        watched = [span for span, _ in self.episodes[device_id]]
        silent = self.found(device_id, "unobserved")
        return [
            span
            for span in spans
            if watched[0].start <= span.start - STEP
            and span.end + STEP <= watched[-1].end
            and not any(span.overlaps(Span(a - STEP, b + STEP)) for a, b in silent)
        ]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and merged[-1].end == span.start:
            merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(span)
    return merged


def _episodes(project) -> dict[str, list[tuple[Span, str]]]:
    episodes = defaultdict(list)
    for device_id, state, start, end in project.sql(
        "select device_id, state, starts_at, ends_at"
        " from analytics_intermediate.int_brick_episodes order by device_id, starts_at"
    ):
        episodes[device_id].append((Span(start, end), state))
    return dict(episodes)


def _events(project) -> list[Event]:
    """Stops and silences as the downtime events have them, whole."""
    return [
        Event(device_id, kind, is_downtime, float(seconds), Span(start, end))
        for device_id, kind, is_downtime, seconds, start, end in project.sql(
            "select device_id, kind, is_downtime, duration_seconds, started_at,"
            " seen_until from analytics.downtime_events order by device_id, started_at"
        )
    ]


@pytest.fixture(scope="module")
def factory(project) -> Factory:
    """Three days of the line; stops and silences are more frequent than in life."""
    config = FactoryConfig(
        seed=7,
        faults=frozenset(
            {
                "breakdown",
                "micro_stop",
                "slow_running",
                "gap_with_production",
                "gap_without_production",
                "dip",
                "late",
            }
        ),
        rates={"breakdown": 1.5, "micro_stop": 6.0, "gap_with_production": 1.5},
    )
    truth = Truth()
    project.insert(list(simulate(config, truth=truth.append)))
    project.dbt("build", "--exclude-resource-type", "unit_test")
    return Factory(project, truth, _episodes(project), _events(project))


def test_every_long_stop_is_found_as_downtime(factory: Factory):
    missed, found = [], 0
    for device_id in factory.truth.devices:
        downtime = factory.found(device_id, "downtime")
        for stop in factory.true_stops(device_id):
            if stop.length >= DOWNTIME + 2 * STEP:
                found += 1
                if not any(stop.overlaps(span) for span in downtime):
                    missed.append((device_id, *stop))
    assert missed == []
    assert found > 20


def test_every_stop_of_two_steps_is_found_as_a_stop(factory: Factory):
    missed, found = [], 0
    for device_id in factory.truth.devices:
        stops = factory.found(device_id, *FOUND_STOPS)
        for stop in factory.true_stops(device_id):
            if stop.length >= 2 * STEP:
                found += 1
                if not any(stop.overlaps(span) for span in stops):
                    missed.append((device_id, *stop))
    assert missed == []
    assert found > 50


def test_a_stop_is_as_long_as_it_was(factory: Factory):
    errors = []
    for device_id in factory.truth.devices:
        stops = factory.found(device_id, *FOUND_STOPS)
        for stop in factory.true_stops(device_id):
            overlapping = [span for span in stops if span.overlaps(stop)]
            if stop.length >= 2 * STEP:
                length = sum((span.length for span in overlapping), timedelta())
                errors.append((length - stop.length).total_seconds())
    assert max(map(abs, errors)) <= 2 * STEP.total_seconds()
    assert mean(map(abs, errors)) <= 10


def test_no_stop_is_found_where_none_was(factory: Factory):
    invented = []
    for device_id in factory.truth.devices:
        true = [
            Span(state.start - STEP, state.end + STEP)
            for state in factory.truth.states
            if state.device_id == device_id
            and (state.state in STOPS or state.state == "planned_stop")
        ]
        invented += [
            (device_id, *span)
            for span in factory.found(device_id, *FOUND_STOPS)
            if not any(span.overlaps(stop) for stop in true)
        ]
    assert invented == []


def test_silence_is_never_a_stop(factory: Factory):
    gaps = [
        fault
        for fault in factory.truth.faults
        if fault.fault.startswith("gap_")
        and fault.device_id in factory.episodes
        and fault.end - fault.start > 2 * DOWNTIME
    ]
    assert len(gaps) > 5
    for gap in gaps:
        inside = Span(gap.start + STEP, gap.end - STEP)
        for span, state in factory.episodes[gap.device_id]:
            if span.overlaps(inside):
                assert state in ("unobserved", "planned_stop"), (gap, span, state)


def test_planned_stops_are_those_of_the_calendar(factory: Factory):
    for device_id in factory.truth.devices:
        planned = _merged(
            [
                Span(state.start, state.end)
                for state in factory.truth.states
                if state.device_id == device_id and state.state == "planned_stop"
            ]
        )
        found = factory.found(device_id, "planned_stop")
        assert len(planned) == 7
        for stop, span in zip(planned, found, strict=True):
            assert stop.start <= span.start <= stop.start + STEP
            assert stop.end - STEP <= span.end <= stop.end


def test_episodes_follow_each_other_without_hole_or_overlap(factory: Factory):
    for episodes in factory.episodes.values():
        for (one, state), (other, next_state) in pairwise(episodes):
            assert one.end == other.start
            # Only the change of the production day cuts an episode.
            assert state != next_state or one.end.strftime("%H:%M:%S") == "23:00:00"


# --- why they stood, with the other counters of the line in view ------------------


def test_an_event_is_an_episode_whole(factory: Factory):
    """Nothing is lost where the production day cuts, and nothing cut is left."""
    for device_id in factory.truth.devices:
        events = [event for event in factory.events if event.device_id == device_id]
        for state, kinds in {
            "downtime": {"breakdown", "changeover", "starved", "blocked"},
            "micro_stop": {"micro_stop"},
            "planned_stop": {"planned"},
        }.items():
            spans = sorted(event.span for event in events if event.kind in kinds)
            assert spans == factory.found(device_id, state)


def test_starved_and_blocked_machines_are_told_from_broken_ones(factory: Factory):
    """Of stops that are one thing only, 17 in 20, and four in five of each kind."""
    kinds = {"starved": "starved", "blocked": "blocked", "stopped": "breakdown"}
    told: dict[str, list[bool]] = defaultdict(list)
    for event in factory.events:
        if not event.is_downtime:
            continue
        truly: dict[str, float] = defaultdict(float)
        for state in factory.truth.states:
            if state.device_id == event.device_id:
                start = max(state.start, event.span.start)
                end = min(state.end, event.span.end)
                truly[state.state] += max(0.0, (end - start).total_seconds())
        kind, seconds = max(truly.items(), key=lambda item: item[1])
        if seconds >= 0.9 * event.seconds:
            told[kind].append(event.kind == kinds.get(kind))
    assert set(told) == set(kinds)
    assert min(map(len, told.values())) >= 15
    assert min(mean(right) for right in told.values()) >= 0.8
    assert mean(right for rights in told.values() for right in rights) >= 0.85


def test_a_silent_sensor_is_told_from_a_stop_while_the_line_moves(factory: Factory):
    """And a silence is of one of the three kinds, whatever the machine did."""
    silences = {"sensor_silence", "comms_loss", "unknown_silence"}
    moving = []
    for fault in factory.truth.faults:
        if not fault.fault.startswith("gap_") or fault.device_id not in (
            factory.truth.devices
        ):
            continue
        inside = Span(fault.start + STEP, fault.end - STEP)
        for event in factory.events:
            if event.device_id == fault.device_id and event.span.overlaps(inside):
                assert event.kind in silences | {"planned"}
                if event.kind in silences and fault.fault == "gap_with_production":
                    moving.append(event.kind == "sensor_silence")
    assert len(moving) > 10
    assert mean(moving) >= 0.75


def test_a_shifts_losses_and_good_pieces_are_its_busy_seconds(factory: Factory):
    [(rows, wrong, downtime, breakdowns)] = factory.project.sql(
        "select count(*), count(*) filter (where breakdown_seconds + changeover_seconds"
        " + external_idle_seconds + minor_stop_seconds + reduced_speed_seconds"
        " + startup_reject_seconds + process_defect_seconds + effective_seconds"
        " <> observed_busy_seconds), sum(downtime_seconds), sum(breakdown_count)"
        " from analytics.brick_production_losses"
    )
    assert rows >= 48
    assert wrong == 0
    assert float(downtime) == pytest.approx(
        sum(event.seconds for event in factory.events if event.is_downtime)
    )
    assert breakdowns > 20
