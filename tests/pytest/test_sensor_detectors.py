"""The rules for measured values: what they find, what they leave, and what they say."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickworks.detectors import windows
from brickworks.detectors.joint import TAPS, Machine, joint, level_shift
from brickworks.detectors.novelty import novelty, records
from brickworks.detectors.sensors import find_records, judge_moisture, machine_judge
from brickworks.detectors.series import Hours, Series, settled
from brickworks.detectors.values import drift, spike, stuck, threshold

MINUTE, DAY = 60, 86_400
FIRST_DAY = 20_514  # 2026-03-02, a Monday
START = FIRST_DAY * DAY * windows.SECOND

COMMON = {"days": 3, "least": 100, "records": 1.5}
NO_RECORDS = COMMON | {"records": 0.0}
SPIKE = COMMON | {"deviations": 12, "smallest_share": 0.001}
STUCK = COMMON | {"readings": 12, "chance": 1e-6}
NO_LIMITS = {"low": -math.inf, "high": math.inf}
DRIFT = COMMON | NO_LIMITS | {"deviations": 6.5, "smallest_share": 0.001}
JOINT = {"limit": 2.5, "clears": 0.8, "hold_seconds": 7200, "days": 3}
LIMITS = {
    "spike_deviations": 12,
    "smallest_deviation_share": 0.001,
    "stuck_readings": 12,
    "stuck_chance": 1e-6,
    "drift_standard_deviations": 6.5,
    "baseline_readings": 100,
    "machine_records": 1.5,
    "novelty_tolerance": 0.04,
    "joint": 2.5,
    "joint_clears": 0.8,
    "joint_holds": 7200,
    "threshold_holds": 7200,
    "level_shift": 2,
    "grace_after_start": 600,
}


def readings(values, seconds=600, due_from=0, metric="motor_current", unit="A"):
    """A series of one value every `seconds`; days are those of UTC."""
    values = np.asarray(values, dtype=float)
    lengths = np.broadcast_to(np.asarray(seconds, dtype=np.int64), len(values))
    at = START + (np.cumsum(lengths) - lengths) * windows.SECOND
    hours = at // (3600 * windows.SECOND)
    day = hours // 24
    is_due = day >= FIRST_DAY + due_from
    week = (day - FIRST_DAY) % 7 * 24 + hours % 24
    return Series(metric, unit, at, values, day, week, is_due)


def daily(days, seconds=600, seed=1, amplitude=3.0):
    """A value with a daily cycle and noise."""
    n = days * DAY // seconds
    hour = np.arange(n) * seconds / 3600
    noise = np.random.default_rng(seed).normal(0, 0.3, n)
    return 20 + amplitude * np.sin(hour * 2 * np.pi / 24) + noise


def flags(scores):
    return np.flatnonzero(scores.is_flagged)


# --- what history and the future may change -----------------------------------------

LOOK_BACK_DAYS = 4  # the three of COMMON, and the day that tells gaps


def machine(series):
    """Three metrics of one machine: the series, and two that go with it."""
    wave = np.cos((series.at - START) / windows.SECOND / 4000)
    return Machine(
        [
            series,
            replace(series, metric="rpm", values=series.values * 2 + wave),
            replace(series, metric="motor_temperature", values=wave * 5),
        ]
    )


def usual_of(series):
    """What is usual need only be the same; here it is a cycle."""
    return 20 + 3 * np.sin((series.hour_of_week % 24) * 2 * np.pi / 24)


RULES = {
    "threshold": lambda s: threshold(
        s, low=18.0, high=22.0, clears=21.0, hold_seconds=7200
    ),
    "spike": lambda s: spike(s, **SPIKE),
    "stuck": lambda s: stuck(s, **STUCK),
    "drift": lambda s: drift(s, **DRIFT),
    "novelty": lambda s: novelty(
        s, usual_of(s), RecordsOf("smallest", "largest", "count"), tolerance=0.03
    ),
    "joint": lambda s: joint(machine(s), **JOINT),
    "level_shift": lambda s: level_shift(machine(s), limit=1.2, days=3),
}


class RecordsOf(dict):
    """The same records for every day."""

    def __init__(self, *parts):
        self.parts = parts

    def get(self, key, default=None):
        numbers = dict(zip(self.parts, (-1.0, 1.0, 500), strict=True))
        return {"day_count": 2} | {
            f"{part}_{name}": number * (20 if name == "level" else 1)
            for part, number in numbers.items()
            for name in ("unusual", "level", "movement")
        }


@st.composite
def histories(draw):
    """Nine days of a machine with gaps, faults and coarse values."""
    seed = draw(st.integers(0, 2**16))
    seconds = draw(st.sampled_from([300, 600, 1200]))
    random = np.random.default_rng(seed)
    values = daily(9, seconds, seed, draw(st.sampled_from([0.0, 3.0])))
    n = len(values)
    if draw(st.booleans()):
        values = np.round(values)
    for _ in range(draw(st.integers(0, 4))):
        begin = int(random.integers(0, n))
        end = begin + int(random.integers(1, 60))
        kind = draw(st.sampled_from(["spike", "shift", "stuck"]))
        values[begin : begin + 1 if kind == "spike" else end] += 9
        if kind == "stuck":
            values[begin:end] = values[begin]
    lengths = np.full(n, seconds)
    for _ in range(draw(st.integers(0, 4))):
        lengths[int(random.integers(0, n))] = draw(
            st.sampled_from([301, 900, 3601, 4501, 20_000, 90_000])
        )
    return readings(values, lengths)


def part(series, kept):
    return Series(
        series.metric,
        series.unit,
        *(
            getattr(series, name)[kept].copy()
            for name in ("at", "values", "day", "hour_of_week", "is_due")
        ),
    )


def seen(scores, kept):
    """All that a rule says of some readings, as bits."""
    numbers = [
        np.broadcast_to(np.asarray(part, dtype=float), len(scores.at))[kept]
        for part in (
            scores.observed,
            scores.expected,
            scores.lower,
            scores.upper,
            scores.strength,
        )
    ]
    words = [scores.tell(int(i)) for i in np.flatnonzero(scores.is_flagged & kept)]
    # Minus zero and zero are the same number.
    return [(number + 0.0).tobytes() for number in numbers], words


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25, deadline=None)
@given(series=histories(), data=st.data())
def test_the_future_changes_nothing(rule, series, data):
    last = data.draw(st.integers(1, len(series) - 1))
    now = RULES[rule](part(series, slice(0, last)))
    later = RULES[rule](series)
    n = len(now.at)
    if n:  # a machine of which nothing was read says nothing
        everything = np.ones(n, dtype=bool)
        up_to_now = np.arange(len(later.at)) < n
        assert seen(now, everything) == seen(later, up_to_now)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25, deadline=None)
@given(series=histories(), data=st.data())
def test_history_beyond_the_look_back_changes_no_bit(rule, series, data):
    day = data.draw(st.sampled_from(sorted(set(series.day.tolist()))))
    whole = RULES[rule](series)
    # A run that judges this day alone reads the days before it, and knows no other.
    read = part(series, (series.day <= day) & (series.day >= day - LOOK_BACK_DAYS))
    alone = RULES[rule](replace(read, is_due=read.day == day))
    assert seen(alone, read.day == day) == seen(whole, series.day == day)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300),
    st.integers(0, 300),
)
def test_an_average_forgets(values, cut):
    values = np.array(values)
    position = np.arange(len(values))
    whole = windows.ewma(values, position, 5, 16)
    late = windows.ewma(
        values[cut:], position[: len(values) - min(cut, len(values))], 5, 16
    )
    np.testing.assert_array_equal(whole[cut + 15 :], late[15:])


def test_an_average_is_that_of_pandas():
    values = np.random.default_rng(0).normal(50, 5, 500)
    found = windows.ewma(values, np.arange(500), 10, 512)
    usual = pd.Series(values).ewm(halflife=10).mean().to_numpy()
    np.testing.assert_allclose(found, usual, rtol=1e-12)
    short = windows.ewma(values, np.arange(500), 10, TAPS)
    np.testing.assert_allclose(short, usual, rtol=1e-3)


def test_a_sum_of_rows_is_numpys():
    values = np.random.default_rng(0).normal(0, 5, 200)
    for rows in (1, 2, 15, 64, 120):
        found = windows.row_sum(values, np.arange(200), rows)
        assert np.isnan(found[: rows - 1]).all()
        whole = np.convolve(values, np.ones(rows))[rows - 1 : 200]
        np.testing.assert_allclose(found[rows - 1 :], whole, atol=1e-9)


# --- gaps, starts, hours ------------------------------------------------------------


def test_a_gap_is_three_usual_intervals():
    seconds = np.full(100, 200)
    seconds[[49, 79]] = [600, 601]
    position = readings(np.zeros(100), seconds).position
    assert position[50] == 50, "three times is no gap"
    assert position[80] == 0
    assert readings(np.zeros(100), [10] * 60 + [290] * 40).position[-1] == 99
    assert readings(np.zeros(100), 3600).position[-1] == 99, "a slow sensor has none"
    assert readings(np.zeros(9), 4501).position.tolist() == [0] * 9


def test_no_difference_crosses_a_gap():
    series = readings([1, 2, 9, 9], [60, 9999, 60, 60])
    np.testing.assert_array_equal(series.change, [np.nan, 1, np.nan, 0])


def test_a_machine_settles_after_it_starts():
    series = readings(np.zeros(8), 300)
    is_running = np.array([1, 1, 0, 1, 1, 1, 1, 0], dtype=bool)
    found = settled(series.at, is_running, 600)
    assert found.tolist() == [True, True, False, False, True, True, True, False]


def test_an_hour_is_usual_by_the_days_before():
    values = daily(4)
    values[: 6 * 24 : 6] += 100  # one reading an hour of the first day
    hours = Hours.of(readings(values))
    usual = hours.usual(FIRST_DAY, FIRST_DAY + 2)
    expected = 20 + 3 * np.sin((np.arange(24) + 0.5) * 2 * np.pi / 24)
    np.testing.assert_allclose(usual, expected, atol=0.6)
    only_two = hours.usual(FIRST_DAY, FIRST_DAY + 1)
    assert len(set(only_two)) == 1, "two days do not make an hour of the day"


# --- threshold ----------------------------------------------------------------------


def test_two_readings_outside_are_outside():
    found = threshold(readings([7, 12, 8, 13, 14, 5]), low=6.0, high=10.0)
    assert flags(found).tolist() == [4, 5]
    assert found.strength[4] == 3
    assert found.tell(5) == (
        "motor_current 5 A: below its limit of 6 A, for two readings or longer"
    )


def test_a_reading_after_a_gap_follows_none():
    found = threshold(readings([12, 12], 9999), low=6.0, high=10.0)
    assert not found.is_flagged.any()


def test_one_limit_is_enough_and_so_is_none():
    found = threshold(readings([12, 15]), low=-math.inf, high=10.0)
    assert found.strength.tolist() == [0, 1.5]
    found = threshold(readings([12, 15]), **NO_LIMITS)
    assert found.strength.tolist() == [0, 0]


def test_values_that_waver_about_their_limit_are_one_alarm():
    values = [12, 12, 9.5, 10.5, 9.2, 9, 8.9, 9.5, 12, 12]
    wavers = {"low": -math.inf, "high": 10.0, "clears": 9.0, "hold_seconds": 7200}
    found = threshold(readings(values), **wavers)
    assert flags(found).tolist() == [1, 2, 3, 4, 5, 9]
    assert found.tell(4) == (
        "motor_current 9.2 A: still too close to its limit of 10 A to end the alarm"
    )
    long = threshold(readings([12, 12, *[9.5] * 40], 300), **wavers)
    assert flags(long).max() == 2 + 7200 / 300 - 2


def test_moisture_is_said_in_percent():
    series = readings([0.2, 0.2], metric="moisture", unit="%")
    assert threshold(series, low=0.14, high=0.18).tell(1) == (
        "moisture 20 %: above its limit of 18 %, for two readings or longer"
    )


# --- spike --------------------------------------------------------------------------


def test_a_spike_is_flagged_once():
    values = daily(5)
    values[600:602] += 12
    found = spike(readings(values), **SPIKE)
    assert flags(found).tolist() == [600]
    assert found.tell(600).startswith("motor_current jumped to ")
    assert found.status()[100] == "warming_up"


def test_spikes_of_the_past_hide_none_where_records_do_not_count():
    values = daily(5)
    values[[300, 600]] += 12
    assert flags(spike(readings(values), **SPIKE)).tolist() == [300]
    found = spike(readings(values), **SPIKE | NO_RECORDS)
    assert flags(found).tolist() == [300, 600]


def test_a_coarse_value_one_step_off_is_no_spike():
    values = np.where(np.random.default_rng(3).random(600) < 0.06, 59.0, 60.0)
    values[500] = 60
    assert not spike(readings(values), **SPIKE).is_flagged.any()
    values[500] = 60 - 15
    assert flags(spike(readings(values), **SPIKE)).tolist() == [500]


# --- stuck --------------------------------------------------------------------------


def test_equal_values_are_stuck_where_they_usually_move():
    values = daily(5)
    values[600:620] = values[600]
    found = stuck(readings(values), **STUCK)
    assert flags(found).tolist() == list(range(611, 620))
    assert found.observed[619] == 20
    assert "for 12 readings in a row" in found.tell(611)


def test_a_value_that_rests_usually_is_not_stuck():
    values = np.round(daily(5) / 5)
    assert not stuck(readings(values), **STUCK).is_flagged.any()


def test_a_gap_ends_a_row_of_equal_values():
    values, seconds = daily(5), np.full(720, 600)
    values[600:620], seconds[609] = values[600], 9000
    assert not stuck(readings(values, seconds), **STUCK).is_flagged.any()


# --- drift --------------------------------------------------------------------------


def test_an_hour_that_leaves_its_time_of_the_day_drifts():
    values = daily(5)
    assert not drift(readings(values), **DRIFT).is_flagged.any()
    values[600:660] += np.linspace(0, 9, 60)
    found = drift(readings(values), **DRIFT | {"high": 40.0})
    assert 610 < flags(found)[0] < 640
    assert flags(found)[-1] < 667, "an hour later it is over"
    said = found.tell(650)
    assert "usual at this time of the day" in said
    assert "at this pace it meets its limit in " in said
    assert found.status()[10] == "warming_up"


def test_a_cycle_of_the_day_is_no_drift():
    assert not drift(readings(daily(5, amplitude=15.0)), **DRIFT).is_flagged.any()


# --- novelty ------------------------------------------------------------------------


def test_records_are_those_of_the_statistics():
    series = readings(daily(5), due_from=4)
    found = records(series, usual_of(series))
    assert list(found) == [FIRST_DAY + 4]
    day = found[FIRST_DAY + 4]
    assert day["count_unusual"] == 144
    assert day["smallest_unusual"] == np.min((series.values - usual_of(series))[-144:])
    assert 16 < day["smallest_level"] < day["largest_level"] < 24
    assert 0.2 < day["smallest_movement"] < day["largest_movement"] < 0.7


def test_what_was_never_seen_is_new_and_only_once():
    values = daily(9)
    rows = [-50, -20]
    values[rows] = usual_of(readings(values))[rows] + 6
    series = readings(values, due_from=8)
    past = {"day_count": 8}
    before = records(readings(values[:-144]), usual_of(readings(values[:-144])))
    for name in ("unusual", "level", "movement"):
        past[f"smallest_{name}"] = np.nanmin(
            [d[f"smallest_{name}"] for d in before.values()]
        )
        past[f"largest_{name}"] = np.nanmax(
            [d[f"largest_{name}"] for d in before.values()]
        )
        past[f"count_{name}"] = sum(d[f"count_{name}"] for d in before.values())
    found = novelty(series, usual_of(series), {FIRST_DAY + 8: past}, tolerance=0.04)
    assert len(series) - 50 in flags(found)
    assert len(series) - 20 not in flags(found), found.tell(len(series) - 20)
    said = found.tell(len(series) - 50)
    assert ": unusual for Tuesday 15 h (usual 17.88, 8-day range 16" in said
    assert "to 18." in said or "to 19." in said
    assert said.endswith("times the tolerance")


def test_a_machine_without_history_warms_up():
    series = readings(daily(1))
    found = novelty(series, usual_of(series), {}, tolerance=0.04)
    assert set(found.status()[:100]) == {"warming_up"}


# --- all metrics together -----------------------------------------------------------


def rig(n=3000, seed=5, seconds=60):
    random = np.random.default_rng(seed)
    common = random.normal(0, 1, n)
    return {
        "motor_current": 5 + 0.5 * common + random.normal(0, 0.1, n),
        "rpm": 1500 + 10 * common + random.normal(0, 1, n),
        "vibration": 2 + random.normal(0, 0.1, n),
    }


def machine_of(values, seconds=60):
    return Machine([readings(v, seconds, metric=name) for name, v in values.items()])


def test_metrics_that_part_are_flagged_together():
    values = rig()
    assert not joint(machine_of(values), **JOINT).is_flagged.any()
    values["rpm"][2500:2700] -= 15
    values["motor_current"][2500:2700] += 0.75
    found = joint(machine_of(values), **JOINT)
    assert 2500 <= flags(found)[0] < 2515
    assert found.is_flagged[2550:2690].all()
    assert not found.is_flagged[2760:].any()
    said = found.tell(2600)
    assert "motor_current" in said
    assert "rpm" in said
    assert found.status()[200] == "warming_up"


def test_a_flag_is_held_while_its_statistic_wavers_but_not_for_long():
    at = np.arange(12) * 60 * windows.SECOND
    strength = np.array([0.9, 1.1, 0.9, 0.7, 0.9, 1.2, 0.9, 0.9, 0.9, 0.9, np.nan, 0.9])
    found = windows.lasts(at, strength >= 1, strength >= 0.8, 180)
    assert np.flatnonzero(found).tolist() == [1, 2, 5, 6, 7]


def test_a_metric_that_never_moved_and_one_that_is_missing_do_not_count():
    values = rig() | {"setpoint": np.full(3000, 3.0)}
    values["setpoint"][2500:] = 4
    assert not joint(machine_of(values), **JOINT).is_flagged.any()
    two = dict(list(rig().items())[:2])
    found = joint(machine_of(two), **JOINT)
    assert set(found.status()) == {"warming_up"}


def test_metrics_need_not_come_in_the_same_message():
    values = rig()
    together = machine_of(values)
    late = together.metrics[2]
    moved = replace(late, at=late.at + 20 * windows.SECOND)
    apart = Machine([*together.metrics[:2], moved])
    assert len(apart.at) == 6000
    found = joint(apart, **JOINT)
    assert not found.is_flagged.any()
    assert (found.status() == "scored").sum() > 4000


def test_a_change_of_level_is_flagged_when_it_comes():
    values = rig()
    for name, change in (("rpm", 30), ("motor_current", 1.5), ("vibration", 0.3)):
        values[name][2500:] += change
    found = level_shift(machine_of(values), limit=2, days=3)
    assert 2500 < flags(found)[0] < 2515
    assert flags(found)[-1] < 2520, "what follows is no news"
    assert "changed their level" in found.tell(flags(found)[0])


# --- a device -----------------------------------------------------------------------


def frame(series_by_metric, **columns):
    parts = [
        pd.DataFrame(
            {
                "sensor_type": "machine_monitoring",
                "device_id": "FAN-1",
                "metric": name,
                "unit": series.unit,
                "event_at": pd.Series(series.at.view("datetime64[us]")).dt.tz_localize(
                    "UTC"
                ),
                "production_date": pd.to_datetime(series.day, unit="D").date,
                "is_due": series.is_due,
                "hour_of_week": series.hour_of_week,
                "value": series.values,
                "is_running": True,
                "high": None,
            }
        )
        for name, series in series_by_metric.items()
    ]
    return pd.concat(parts).sort_values("event_at", kind="stable").assign(**columns)


NO_RECORDS_YET = pd.DataFrame(
    columns=[
        *("sensor_type", "device_id", "production_date", "metric", "day_count"),
        *(
            f"{part}_{name}"
            for name in ("unusual", "level", "movement")
            for part in ("smallest", "largest", "count")
        ),
    ]
)


NOTHING_IS_USUAL = pd.DataFrame(
    columns=[
        *("sensor_type", "device_id", "production_date", "metric"),
        *("hour_of_week", "usual_value"),
    ]
)


class Relation:
    """What a lazy relation of dbt gives, of a frame."""

    def __init__(self, rows):
        self.rows = rows

    def groups(self, by, order_by):
        for _, group in self.rows.sort_values(order_by, kind="stable").groupby(by):
            yield group.reset_index(drop=True)


def test_a_machine_is_judged_by_all_rules():
    series = {name: readings(v, metric=name) for name, v in rig(1440).items()}
    found = list(machine_judge(NO_RECORDS_YET, NOTHING_IS_USUAL)(frame(series), LIMITS))
    rules = ["threshold", "spike", "stuck", "drift", "novelty"]
    assert [(s.metric, s.detector) for s in found] == [
        *((metric, rule) for metric in sorted(series) for rule in rules),
        ("joint", "joint"),
        ("joint", "level_shift"),
    ]
    two = {name: series[name] for name in list(series)[:2]}
    found = list(machine_judge(NO_RECORDS_YET, NOTHING_IS_USUAL)(frame(two), LIMITS))
    assert {s.detector for s in found} == set(rules)
    nothing = frame(two).head(0)
    assert list(machine_judge(NO_RECORDS_YET, NOTHING_IS_USUAL)(nothing, LIMITS)) == []


def test_a_machine_that_stands_is_not_judged():
    series = {"rpm": readings(rig(1440)["rpm"], metric="rpm")}
    rows = frame(series, high=10.0)
    stands = rows.assign(is_running=False)
    found = list(machine_judge(NO_RECORDS_YET, NOTHING_IS_USUAL)(stands, LIMITS))
    assert not any(len(scores.at) for scores in found)
    found = list(machine_judge(NO_RECORDS_YET, NOTHING_IS_USUAL)(rows, LIMITS))
    assert found[0].is_flagged.sum() == 1439


def test_records_are_found_for_each_day_and_metric():
    series = {
        name: readings(v, due_from=1, metric=name) for name, v in rig(432).items()
    }
    grace = {"device_id": "FAN-1", "metric": "grace_after_start", "high": 600}
    rows = frame(series)
    usual = rows.drop_duplicates(["production_date", "metric", "hour_of_week"])
    usual = usual.assign(usual_value=usual["value"] - 1)
    found = list(find_records(Relation(rows), usual, pd.DataFrame([grace])))
    assert len(found) == 1
    assert (found[0]["count_unusual"] > 0).all()
    assert len(found[0]) == 3 * 2
    assert str(found[0]["production_date"].iloc[0]) == "2026-03-03"
    assert found[0]["device_id"].unique().tolist() == ["FAN-1"]


def test_moisture_is_judged_by_four_rules():
    series = readings(daily(20) / 100, metric="moisture", unit="%")
    rows = frame({"moisture": series}).rename(columns={"value": "moisture"})
    rows = rows.assign(low=0.1, high=0.3)
    found = list(judge_moisture(rows, LIMITS))
    assert [s.detector for s in found] == ["threshold", "spike", "stuck", "drift"]
    assert sum(s.is_flagged.sum() for s in found) == 0
    assert list(judge_moisture(rows.head(0), LIMITS)) == []


def test_nothing_in_nothing_out():
    for rule in RULES.values():
        assert len(rule(readings([])).at) == 0
