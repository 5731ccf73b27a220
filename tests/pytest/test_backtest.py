"""The backtest: its scores by hand and by law, its files, and a run from end to end.

Where BRICKWORKS_LABELLED_DATA names a directory with a scorer (`score.py`) and labels
beside it, the scores are held against that scorer, too.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from brickworks import cli, simulator
from brickworks.backtest import labels, report, run, scoring, simulated
from brickworks.backtest.labels import EventLabels, NabLabels, SkabLabels
from brickworks.backtest.run import Detections
from brickworks.backtest.scoring import (
    LOW_FP,
    STANDARD,
    Event,
    EventScore,
    RowCounts,
    Windowed,
)
from brickworks.settings import Problem, project_root

ONE_WINDOW = Windowed(rows=1000, windows=[(500, 599)], probation=150)


def flagged(n: int, *rows: int) -> np.ndarray:
    flags = np.zeros(n, dtype=bool)
    flags[list(rows)] = True
    return flags


def times(n: int, step: int = 60) -> np.ndarray:
    return np.datetime64("2026-01-05T00:00:00", "s") + np.arange(n) * step


# Onsets


def test_an_onset_has_fifty_quiet_rows_before_it():
    flags = flagged(200, 0, 50, 51, 102, 110, 160, 199)
    assert np.flatnonzero(scoring.onsets(flags)).tolist() == [0, 102]
    assert np.flatnonzero(scoring.onsets(flags, 12)).tolist() == [0, 50, 102, 160, 199]


@given(st.lists(st.booleans(), max_size=120), st.integers(0, 60))
def test_onsets_are_what_looking_back_row_by_row_says(given_flags, rows):
    flags = np.array(given_flags, dtype=bool)
    expected = [
        bool(flag) and not flags[max(0, row - rows) : row].any()
        for row, flag in enumerate(flags)
    ]
    assert scoring.onsets(flags, rows).tolist() == expected


# NAB


def test_nab_gives_100_for_the_first_row_of_every_window_and_0_for_nothing():
    perfect, nothing = flagged(1000, 500), flagged(1000)
    for profile in scoring.PROFILES:
        assert scoring.nab_score([ONE_WINDOW], [perfect], profile) == pytest.approx(100)
        assert scoring.nab_score([ONE_WINDOW], [nothing], profile) == 0


def test_nab_punishes_whoever_flags_everything():
    every = np.ones(1000, dtype=bool)
    # Found at once, 350 false flags before the window, 400 after it.
    after = -np.tanh(2.5 * np.arange(1, 401) / 99)
    after[np.arange(1, 401) > 3 * 99] = -1
    raw = 1 + 0.11 * (-350 + after.sum())
    assert scoring.nab_score([ONE_WINDOW], [every]) == pytest.approx(
        100 * (raw + 1) / 2
    )
    assert scoring.nab_score([ONE_WINDOW], [every]) < -3000


def test_nab_by_hand():
    """A flag in the middle of the window, one false flag long before it."""
    flags = flagged(1000, 200, 550, 580)
    found = np.tanh(2.5 * 0.5) / np.tanh(2.5)  # 2 / (1 + e^-x) - 1 is tanh(x / 2)
    for profile, cost in ((STANDARD, 0.11), (LOW_FP, 0.22)):
        expected = 100 * (found - cost + 1) / 2
        assert scoring.nab_score([ONE_WINDOW], [flags], profile) == pytest.approx(
            expected
        )


def test_nab_does_not_count_what_is_flagged_while_it_learns():
    assert scoring.nab_score([ONE_WINDOW], [flagged(1000, 3, 149)]) == 0
    assert scoring.nab_score([ONE_WINDOW], [flagged(1000, 150)]) == pytest.approx(-5.5)
    assert (scoring.probation(1000), scoring.probation(100_000)) == (150, 750)


def test_nab_without_a_window_is_unknown():
    assert scoring.nab_score([Windowed(10, [], 1)], [flagged(10, 5)]) is None


@st.composite
def series_and_flags(draw):
    n = draw(st.integers(20, 120))
    edges = sorted(draw(st.sets(st.integers(0, n - 1), max_size=8)))
    windows = [
        (first, last) for first, last in zip(edges[::2], edges[1::2], strict=False)
    ]
    flags = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
    return Windowed(n, windows, draw(st.integers(0, n // 3))), flags


@given(series_and_flags(), st.data())
def test_a_further_false_flag_never_raises_the_nab_score(case, data):
    series, flags = case
    outside = set(range(series.rows)) - {
        row for first, last in series.windows for row in range(first, last + 1)
    }
    before = scoring.nab_score([series], [flags])
    if before is None or not outside:
        return
    more = flags.copy()
    more[data.draw(st.sampled_from(sorted(outside)))] = True
    assert scoring.nab_score([series], [more]) <= before + 1e-9
    assert before <= 100 + 1e-9


@given(series_and_flags(), st.data())
def test_a_further_flag_in_a_window_never_lowers_the_nab_score(case, data):
    series, flags = case
    if not series.windows:
        return
    first, last = data.draw(st.sampled_from(series.windows))
    more = flags.copy()
    more[data.draw(st.integers(first, last))] = True
    before, after = (scoring.nab_score([series], [each]) for each in (flags, more))
    if before is not None:
        assert after >= before - 1e-9


# SKAB


def test_flagging_everything_has_a_fine_f1_and_the_worst_false_alarm_rate():
    """The trap: 0.70 for nothing at all."""
    strange = np.arange(1000) >= 460
    counts = scoring.row_counts(strange, np.ones(1000, dtype=bool), warm_up=0)
    assert counts == RowCounts(tp=540, fp=460, fn=0, tn=0)
    assert counts.f1 == pytest.approx(0.701, abs=0.001)
    assert counts.f1 == counts.f1_of_flagging_all
    assert (counts.far, counts.mar, counts.balanced_accuracy) == (100, 0, 50)


def test_rows_by_hand():
    strange = np.array([1, 1, 1, 0, 0, 0, 1, 1], dtype=bool)
    flags = np.array([1, 1, 1, 1, 0, 0, 1, 0], dtype=bool)
    counts = scoring.row_counts(strange, flags, warm_up=2)
    assert counts == RowCounts(tp=2, fp=1, fn=1, tn=2)
    assert counts.f1 == pytest.approx(2 / 3)
    assert counts.far == pytest.approx(100 / 3)
    assert counts.mar == pytest.approx(100 / 3)
    assert counts.balanced_accuracy == pytest.approx(200 / 3)
    assert RowCounts().f1 is None
    assert counts + RowCounts(1, 1, 1, 1) == RowCounts(3, 2, 2, 3)


def test_a_change_point_is_a_minute_long_and_the_later_of_two_is_cut():
    marks = flagged(400, 50, 200, 230, 390)
    windows = scoring.change_windows(times(400, step=1), marks, warm_up=100)
    assert windows == [(200, 260), (261, 290), (390, 399)]


# Injected events


def test_events_by_hand():
    """One found after a third, one missed; two false episodes, others explained."""
    events = [Event("breakdown", 100, 129), Event("slow_down", 300, 399)]
    flags = flagged(
        1000,
        *(5, 110, 111),  # In the warm-up; found after 10 of 30 rows.
        *(140, 420),  # In the grace: half of 30 rows, half of 100.
        *(600, 606, 612),  # One false episode.
        *(700, 705),  # Ignored, and not ignored but no onset.
        900,
    )
    score = scoring.event_score(events, flags, 50, [700], days=2.0)
    assert score == EventScore(
        {"breakdown": 1}, {"breakdown": 1, "slow_down": 1}, (10 / 30,), 2, 2.0
    )
    assert (score.recall, score.precision) == (0.5, pytest.approx(1 / 3))
    assert score.f1 == pytest.approx(0.4)
    assert score.false_per_device_day == 1.0
    assert score.mean_delay == pytest.approx(1 / 3)


def test_events_of_several_devices_add_up():
    one = EventScore({"a": 1}, {"a": 2}, (0.5,), 1, 1.0)
    other = EventScore({"b": 1}, {"b": 1}, (0.1,), 0, 2.0)
    assert one + other == EventScore(
        {"a": 1, "b": 1}, {"a": 2, "b": 1}, (0.5, 0.1), 1, 3.0
    )


def test_where_nothing_was_done_there_is_no_f1_but_every_alarm_is_false():
    score = scoring.event_score([], flagged(100, 50), 0, [], days=1.0)
    assert (score.recall, score.f1, score.mean_delay) == (None, None, None)
    assert (score.precision, score.false_per_device_day) == (0, 1)


def test_finding_nothing_is_an_f1_of_zero():
    score = scoring.event_score([Event("a", 5, 9)], flagged(100), 0, [], days=1.0)
    assert (score.recall, score.precision, score.f1) == (0, None, 0)


@given(st.sets(st.integers(0, 299), max_size=20), st.integers(0, 299))
def test_a_false_episode_more_never_raises_the_f1(rows, row):
    """A flag far from all others, where nothing is to be found."""
    event = [Event("a", 100, 119)]
    near = {other for at in rows for other in range(at - 12, at + 13)}
    if row in near or 100 <= row <= 131:
        return
    before, after = (
        scoring.event_score(event, flagged(300, *each), 0, [], days=1.0)
        for each in (rows, {*rows, row})
    )
    assert after.false_episodes == before.false_episodes + 1
    assert after.f1 <= before.f1


# Labels


def some_labels() -> dict[str, labels.Labels]:
    return {
        "A": NabLabels(times(100), ((20, 29), (60, 69))),
        "B": SkabLabels(times(50, 1), flagged(50, 30, 31), flagged(50, 30), 10),
        "C": EventLabels(times(40), "moisture", 5, (Event("drift", 9, 19),), (30, 31)),
    }


def test_labels_are_read_as_they_were_written(tmp_path: Path):
    file = tmp_path / "truth.json.gz"
    labels.write(file, some_labels())
    first = file.read_bytes()
    found = labels.read(file)
    labels.write(file, found)
    assert file.read_bytes() == first
    assert list(found) == ["A", "B", "C"]
    assert found["A"].windows == ((20, 29), (60, 69))
    assert found["C"].events == (Event("drift", 9, 19),)
    assert found["C"].judged_days == pytest.approx(34 / 1440)
    assert {kind.data_set for kind in found.values()} == {"nab", "skab", "moisture"}


def test_of_rows_that_share_a_time_a_window_begins_with_the_first(tmp_path: Path):
    at = ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "2026-01-01T00:01:00Z"]
    entry = {"kind": "nab", "timestamps": at, "windows": [[at[1], at[2]]]}
    file = tmp_path / "truth.json"
    file.write_text(json.dumps({"A": entry}))
    assert labels.read(file)["A"].windows == ((1, 1),)


NAB = {"kind": "nab", "timestamps": ["2026-01-01T00:00:00Z"], "windows": []}
EVENTS = NAB | {"kind": "events", "warmup_rows": 0, "domain": "x", "ignore": []}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "holds no labels"),
        ("{", "no JSON of labels"),
        (json.dumps({"A": NAB | {"kind": "other"}}), "'other' is none of nab"),
        (json.dumps({"A": {"kind": "nab"}}), "'timestamps' is missing"),
        (json.dumps({"A": NAB | {"timestamps": ["2026-01-01 00:00"]}}), "must be UTC"),
        (json.dumps({"A": NAB | {"timestamps": []}}), "are empty"),
        (json.dumps({"A": EVENTS | {"events": [["a", 0, 1]]}}), "not there"),
        (json.dumps({"A": EVENTS | {"events": [["a", 0]]}}), "device A: "),
        (json.dumps({"A": {**NAB, "kind": "skab", "anomaly": [1], "changepoint": []}}),
         "one mark per timestamp"),
    ],
)  # fmt: skip
def test_labels_that_are_none_are_refused_in_a_sentence(
    tmp_path: Path, content: str, words: str
):
    file = tmp_path / "truth.json"
    file.write_text(content)
    with pytest.raises(Problem, match=words) as refused:
        labels.read(file)
    assert str(file) in str(refused.value)


# Points on rows


def test_a_point_is_on_its_message_or_on_the_first_one_after_it():
    at = times(5)
    start = int(at[0].astype(int))
    seconds = np.array([start, start + 61, start + 119, start + 9999])
    strengths = np.array([1.0, 2.0, 3.0, 1.5])
    assert run.on_rows(at, seconds, strengths).tolist() == [1, 0, 3, 0, 1.5]


def test_a_point_is_on_all_messages_of_its_second():
    at = times(3)[[0, 1, 1, 2]]
    assert run.on_rows(at, np.array([int(at[1].astype(int))])).tolist() == [0, 1, 1, 0]


def points(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["device_id", "rule", "second", "strength"])


def test_what_each_rule_flagged_adds_up():
    given_labels = some_labels()
    start = int(times(1)[0].astype(int))
    rules = run.by_rule(
        given_labels,
        points(
            ("A", "spike", start + 22 * 60, 1.5),
            ("A", "spike", start + 90 * 60, 1.1),
            ("A", "drift", start + 22 * 60, 4.0),
            ("C", "drift", start + 30 * 60, 1.0),
            ("unlabelled", "drift", start, 1.0),
        ),
    )
    detections = Detections(given_labels, rules)
    assert detections.strengths("A")[22] == 4.0
    assert np.flatnonzero(detections.flags("A")).tolist() == [22, 90]
    found = {(each.data_set, each.rule): each for each in report.make(detections).rules}
    assert found["nab", "spike"] == report.RuleCounts("nab", "spike", 2, 2, 1, 1, 0)
    assert found["nab", "drift"].on_labels == 1
    assert found["moisture", "drift"].unjudged == 1
    assert len(found) == 3


def test_episodes_are_scored_for_events_only():
    at = int(times(1)[0].astype(int))
    single = points(("A", "spike", at, 1.0), ("C", "drift", at + 600, 1.0))
    episodes = points(("A", "drift", at + 60, 9.0), ("C", "stuck", at + 2100, 2.0))
    given_labels = some_labels()
    told = run.told(given_labels, single, episodes)
    detections = Detections(given_labels, run.by_rule(given_labels, told))
    assert np.flatnonzero(detections.flags("C")).tolist() == [35]
    assert np.flatnonzero(detections.flags("A")).tolist() == [0]


def test_directories_are_pooled_and_their_devices_are_not():
    one = Detections(some_labels(), {"spike": {"A": flagged(100, 22) * 2.0}})
    assert run.together({"x": one}) is one
    both = run.together({"x": one, "y": Detections(some_labels(), {})})
    assert len(both.labels) == 2 * len(one.labels)
    assert both.flags("x: A").sum() == 1
    assert both.flags("y: A").sum() == 0


def test_the_report_holds_every_score_against_its_target():
    made = report.make(Detections(some_labels(), {}))
    by_name = {metric.name: metric for metric in made.metrics}
    assert set(report.TARGETS) - set(by_name) == {
        "bricks F1",
        "bricks false episodes per device-day",
    }
    assert by_name["NAB standard, onset flags"].value == 0
    assert by_name["NAB standard, onset flags"].meets_floor is False
    assert by_name["SKAB false alarm rate, %"].meets_floor is True
    assert not made.meets_floors
    kept = json.loads(json.dumps(made.as_json()))
    assert kept["skab_rows"]["fn"] == 2
    assert kept["events"]["moisture"]["per_kind"] == {"drift": {"found": 0, "total": 1}}

    shift = {"joint": {"B": flagged(50, *range(12, 50)) * 1.0},
             "level_shift": {"B": flagged(50, 30) * 1.0}}  # fmt: skip
    both = report.make(Detections(some_labels(), shift)).metrics
    by_name = {metric.name: metric.value for metric in both}
    assert by_name["SKAB change points, level_shift alone"] == pytest.approx(100)
    assert by_name["SKAB change points, joint alone"] < 0
    # Together the false onset costs a little, and hides nothing.
    assert by_name["SKAB change points, NAB score"] == pytest.approx(94.5)

    spike = {"spike": {"A": flagged(100, 22) * 2.0, "C": flagged(40, 25) * 2.0}}
    made = report.make(Detections(some_labels(), spike))
    json.dumps(made.as_json())
    assert made.events["moisture"].false_episodes == 0  # In the grace of the drift.


# Files


def test_a_directory_that_lacks_something_is_refused_with_what_is_expected(
    tmp_path: Path,
):
    missing = tmp_path / "nowhere"
    for directory, words in ((missing, "no directory"), (tmp_path, "no measurements")):
        result = CliRunner().invoke(cli.main, ["backtest", str(directory)])
        assert result.exit_code == 1
        assert words in result.stderr
        assert "truth*.json" in result.stderr
        assert "Traceback" not in result.output
    (tmp_path / "measurements_a.csv").touch()
    with pytest.raises(Problem, match="holds no truth"):
        run.find_input(tmp_path)
    (tmp_path / "truth.json.gz").touch()
    (tmp_path / "measurements_b.csv.gz").touch()
    with pytest.raises(Problem, match="more than one measurements"):
        run.find_input(tmp_path)


def test_the_commands_have_a_whole_sentence_of_help():
    overview = CliRunner().invoke(cli.main, ["--help"]).output
    for command in ("backtest", "simulate-labels"):
        assert CliRunner().invoke(cli.main, [command, "--help"]).exit_code == 0
        [line] = [
            row for row in overview.splitlines() if row.startswith(f"  {command}")
        ]
        assert line.endswith(".")
        assert not line.endswith("...")


def test_the_copied_project_knows_no_device_but_those_it_is_told_of(tmp_path: Path):
    own = tmp_path / "planned_stops.csv"
    own.write_text("production_line\nX\n")
    project = run.copy_project(project_root(), tmp_path / "a", {own.name: own})
    seeds = project / "seeds"
    assert (seeds / "device_registry.csv").read_text().count("\n") == 1
    assert (seeds / "planned_stops.csv").read_text() == own.read_text()
    original = project_root() / "seeds" / "thresholds.csv"
    assert (seeds / "thresholds.csv").read_bytes() == original.read_bytes()
    with pytest.raises(Problem, match=r"no seed odd\.csv"):
        run.copy_project(project_root(), tmp_path / "b", {"odd.csv": own})


# The simulator's labels


@pytest.fixture(scope="module")
def week() -> tuple[simulator.Truth, dict[str, EventLabels]]:
    """Six days of a line with everything."""
    config = simulated.config_of(6, seed=3, lines=1)
    truth = simulator.Truth()
    heard: dict[str, list[datetime]] = {}
    for message in simulator.simulate(config, truth.append):
        heard.setdefault(message.device_id, []).append(message.timestamp)
    return truth, simulated.of_truth(config, truth, heard)


def test_every_labelled_fault_is_an_event_or_ignored(week):
    truth, found = week
    for fault in truth.faults:
        each = found[fault.device_id]
        if (fault.device_id, fault.start, fault.end) not in {
            (label.device_id, label.start, label.end) for label in truth.labels
        }:
            continue
        first = int(np.searchsorted(each.times, simulated._second(fault.start)))
        if first >= len(each.times):
            continue
        spans = [(e.first, e.last) for e in each.events if e.kind == fault.fault]
        assert (
            any(start <= first <= end for start, end in spans)
            or first in each.ignored
            or first < each.warm_up
        ), fault


def test_events_come_after_the_warm_up_and_micro_stops_are_none(week):
    _, found = week
    kinds = {event.kind for each in found.values() for event in each.events}
    assert {"breakdown", "gap_with_production", "moisture_excursion"} <= kinds
    assert not {"micro_stop", "replay", "jitter", "late"} & kinds
    for each in found.values():
        assert all(event.first >= each.warm_up for event in each.events)
        assert (np.diff(each.times) > np.timedelta64(0, "s")).all()
        days = {"brick_counter": 5, "moisture": 3, "machine_monitoring": 3}
        assert each.judged_days == pytest.approx(days[each.domain], abs=0.1)


def test_a_planned_stop_is_ignored(week):
    truth, found = week
    press = found["SAU-ME-01"]
    ignored = set(press.ignored)
    stops = [
        state
        for state in truth.states
        if state.device_id == "SAU-ME-01" and state.state == "planned_stop"
    ]
    assert len(stops) > 6
    for stop in stops:
        first, last = simulated._rows(press.times, simulated.Span(stop.start, stop.end))
        assert set(range(first, last + 1)) <= ignored


def test_a_rejected_message_is_no_row(week):
    truth, found = week
    [*bad] = [fault for fault in truth.faults if fault.fault == "clock_1970"]
    assert bad
    epoch = np.datetime64("1990-01-01", "s")
    assert all((each.times > epoch).all() for each in found.values())


def test_what_goes_on_over_midnight_is_one_event():
    config = simulator.full_factory(
        1, 9, seed=1, faults={"vibration_growth"}, rates={"vibration_growth": 1.0}
    )
    truth = simulator.tell(config)
    [device] = [
        each for each in simulated.all_devices(config) if each.device_id == "LO-NUNG-01"
    ]
    spans = [span for _, span, _ in simulated._faults(truth, device)]
    assert len(spans) == 1
    assert spans[0].end - spans[0].start > timedelta(days=8)


def test_the_same_seed_writes_the_same_files(tmp_path: Path):
    config = simulator.FactoryConfig(days=4, seed=5, devices={"AM-SAY-01", "SAU-ME-01"})
    seeds = project_root() / "seeds"
    written = []
    for name in ("a", "b"):
        messages, _ = simulated.write(tmp_path / name, config, seeds)
        written.append(
            {
                file.relative_to(tmp_path / name): file.read_bytes()
                for file in (tmp_path / name).rglob("*")
                if file.is_file()
            }
        )
        assert messages > 5000
    assert written[0] == written[1]
    assert len(written[0]) == 5
    with gzip.open(tmp_path / "a" / "measurements.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == messages
    assert set(rows[0]) == set(simulated.COLUMNS)
    found = run.find_input(tmp_path / "a")
    assert set(found.seeds) == {
        "device_registry.csv",
        "planned_stops.csv",
        "line_assignments.csv",
    }
    assert set(labels.read(found.truth)) == {"AM-SAY-01", "SAU-ME-01"}


def test_without_faults_there_is_no_event(tmp_path: Path):
    config = simulated.config_of(2, seed=1, lines=1, faults=[])
    messages, events = simulated.write(tmp_path, config, project_root() / "seeds")
    assert messages > 20_000
    assert events == 0


def test_only_what_is_asked_for_goes_wrong(tmp_path: Path):
    target = str(tmp_path / "x")
    options = ["--days", "4", "--fault", "moisture_spike", "--fault", "stuck"]
    done = CliRunner().invoke(cli.main, ["simulate-labels", target, *options])
    assert done.exit_code == 0, done.output
    found = labels.read(tmp_path / "x" / "truth.json.gz")
    kinds = {event.kind for each in found.values() for event in each.events}
    assert kinds <= {"moisture_spike", "stuck"}
    refused = CliRunner().invoke(
        cli.main, ["simulate-labels", target, "--fault", "bad luck"]
    )
    assert refused.exit_code == 1
    assert "Unknown fault bad luck" in refused.stderr


# End to end


def test_a_backtest_from_the_messages_to_the_table(tmp_path: Path):
    """A machine whose only metric jumps; nothing is asked of how it is judged."""
    start = datetime(2026, 11, 3, tzinfo=UTC)
    n = 600
    with gzip.open(tmp_path / "measurements_x.csv.gz", "wt", newline="") as file:
        out = csv.writer(file)
        out.writerow(simulated.COLUMNS)
        for row in range(n):
            at = start + timedelta(minutes=5 * row)
            value = 20 + row % 7 / 10 + (500 if row in range(400, 403) else 0)
            data = json.dumps({"value": value})
            created = at + timedelta(seconds=2)
            cells = (row + 1, "M-1", "machine_monitoring", at, data, "{}", created)
            out.writerow(cells)
    labels.write(
        tmp_path / "truth_x.json.gz",
        {
            "M-1": NabLabels(
                np.array(
                    [int(start.timestamp()) + 300 * row for row in range(n)]
                ).astype("M8[s]"),
                ((390, 420),),
            )
        },
    )
    flags, result = tmp_path / "flags.csv", tmp_path / "result.json"
    options = ["--json", str(result), "--flags", str(flags)]
    done = CliRunner().invoke(cli.main, ["backtest", str(tmp_path), *options])
    assert done.exit_code == 0, done.output
    assert "NAB standard, onset flags" in done.stdout
    content = json.loads(result.read_text())
    assert {metric["name"] for metric in content["metrics"]} == {
        f"NAB {profile}, {what}"
        for profile in ("standard", "reward_low_FP")
        for what in ("onset flags", "every flagged row")
    }
    told = list(csv.DictReader(flags.open()))
    assert sum(rule["flagged"] for rule in content["rules"]) >= len(told) > 0


# Against another scorer


@pytest.mark.skipif(
    "BRICKWORKS_LABELLED_DATA" not in os.environ,
    reason="BRICKWORKS_LABELLED_DATA names no directory with score.py and labels",
)
@pytest.mark.parametrize("share", [0.001, 0.2])
def test_the_scores_are_those_of_another_scorer(tmp_path: Path, share: float):
    directory = Path(os.environ["BRICKWORKS_LABELLED_DATA"])
    truth = run.find_input(directory).truth
    found = dict(labels.read(truth))
    simulated_labels = tmp_path / "more.json.gz"
    config = simulated.config_of(5, seed=2, lines=1)
    simulated.write(tmp_path / "more", config, project_root() / "seeds")
    shutil.copy(tmp_path / "more" / simulated.TRUTH, simulated_labels)
    found |= labels.read(simulated_labels)
    random = np.random.default_rng(1)
    rules: dict = {"random": {}}
    for device_id, each in found.items():
        distinct, place = np.unique(each.times, return_inverse=True)
        strengths = random.random(len(distinct)) + 1
        strengths[random.random(len(distinct)) >= share] = 0
        rules["random"][device_id] = strengths[place]
    detections = Detections(found, rules)
    run.write_flags(tmp_path / "flags.csv", detections)
    for name, file in (("a", truth), ("b", simulated_labels)):
        content = file.read_bytes()
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        (tmp_path / f"{name}.json").write_bytes(plain)
    subprocess.run(
        [
            *(sys.executable, str(directory / "score.py")),
            *("--truth", str(tmp_path / "a.json"), str(tmp_path / "b.json")),
            *("--pred", str(tmp_path / "flags.csv")),
            *("--json", str(tmp_path / "o.json")),
        ],
        check=True,
        capture_output=True,
    )
    theirs = json.loads((tmp_path / "o.json").read_text())
    made = report.make(detections)
    ours = {metric.name: metric.value for metric in made.metrics}
    for what, key in (
        ("onset flags", "nab flag, episode onsets only (gap 50)"),
        ("every flagged row", "nab flag, every row (NAB rule)"),
    ):
        for profile in scoring.PROFILES:
            value = ours[f"NAB {profile.name}, {what}"]
            assert value == pytest.approx(theirs[key][profile.name], abs=0.006)
    if "skab" in theirs:
        for name, key in (
            ("SKAB F1", "F1"),
            ("SKAB false alarm rate, %", "FAR%"),
            ("SKAB missed alarm rate, %", "MAR%"),
            ("SKAB balanced accuracy, %", "balanced_acc%"),
        ):
            assert ours[name] == pytest.approx(theirs["skab"][key], abs=0.006)
    for domain, score in made.events.items():
        other = theirs[f"events {domain}"]
        assert score.recall == pytest.approx(other["recall"], abs=6e-4)
        assert (score.precision or 0) == pytest.approx(other["precision"], abs=6e-4)
        assert score.f1 == pytest.approx(other["F1"], abs=6e-4)
        assert score.false_per_device_day == pytest.approx(
            other["false_episodes_per_device_day"], abs=6e-4
        )
        if score.mean_delay is not None:
            assert score.mean_delay == pytest.approx(
                other["mean_relative_delay"], abs=6e-4
            )
        assert {
            kind: f"{score.found.get(kind, 0)}/{n}" for kind, n in score.total.items()
        } == other["per_kind"]
