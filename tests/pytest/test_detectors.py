"""The detectors, without a database: rules, words, and what history may change."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickworks.detectors.episodes import episode_id, episodes
from brickworks.detectors.statistical import statistical
from brickworks.detectors.stoppage import stoppage

START = pd.Timestamp("2025-11-17T06:00:00+07:00")
DAY = 86_400
STOP = {"device_id": "SAU-ME-01", "limit_seconds": 600, "look_back_seconds": DAY}
SHIFT = {
    "device_id": "SAU-ME-01",
    "limit_z": 3,
    "window_seconds": DAY,
    "minimum_steps": 30,
    "smallest_sd": 1,
}
LIMITS = {
    "merge_seconds": 720,
    "warning_strength": 4,
    "warning_seconds": 3600,
    "critical_strength": 10,
    "critical_seconds": 21_600,
}


def steps(pieces, seconds=60.0, gaps=()):
    """Steps of one device, `seconds` apart (one number, or one per step)."""
    lengths = np.broadcast_to(np.asarray(seconds, dtype=float), len(pieces))
    at = START + pd.to_timedelta(np.cumsum(lengths).round(3), unit="s").as_unit("us")
    is_gap = np.isin(np.arange(len(pieces)), list(gaps))
    return at, lengths, np.asarray(pieces, dtype=float), is_gap


def part(all_steps, first, last):
    return tuple(values[first:last] for values in all_steps)


HISTORY = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 14, 15, 16, 90, np.nan]),
        st.sampled_from([5.0, 59.75, 60.0, 61.125, 300.0, 1800.0]),
        st.sampled_from([False] * 9 + [True]),
    ),
    min_size=2,
    max_size=200,
)


def from_history(history):
    pieces, seconds, gaps = zip(*history, strict=True)
    return steps(pieces, seconds, np.flatnonzero(gaps))


DETECTORS = {
    "stoppage": (stoppage, STOP | {"look_back_seconds": 1800}, 1800),
    "statistical": (
        statistical,
        SHIFT | {"window_seconds": 1800, "minimum_steps": 3},
        1800,
    ),
}


@pytest.mark.parametrize("name", DETECTORS)
@settings(max_examples=150, deadline=None)
@given(history=HISTORY, data=st.data())
def test_the_future_changes_nothing(name, history, data):
    detect, arguments, _ = DETECTORS[name]
    everything = from_history(history)
    last = data.draw(st.integers(1, len(history)))
    now = detect(*part(everything, 0, last), **arguments)
    later = detect(*everything, **arguments)
    pd.testing.assert_frame_equal(now, later.head(len(now)), check_exact=True)


@pytest.mark.parametrize("name", DETECTORS)
@settings(max_examples=150, deadline=None)
@given(history=HISTORY, data=st.data())
def test_history_beyond_the_look_back_changes_no_bit(name, history, data):
    detect, arguments, look_back = DETECTORS[name]
    everything = from_history(history)
    first = data.draw(st.integers(0, len(history) - 1))
    full = detect(*everything, **arguments)
    recent = detect(*part(everything, first, None), **arguments)
    # What is promised holds from a look-back after the first step's start.
    start = everything[0][first] - pd.Timedelta(seconds=everything[1][first])
    since = start + pd.Timedelta(seconds=look_back)
    expected = full[full["at"] >= since].reset_index(drop=True)
    found = recent[recent["at"] >= since].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


# --- stoppage -------------------------------------------------------------------


def test_a_stop_is_flagged_when_it_reaches_the_limit():
    found = stoppage(*steps([15, *[0] * 10, 15]), **STOP)
    assert found["observed"].tolist() == [0, *range(60, 601, 60), 0]
    assert found["is_flagged"].tolist() == [False] * 10 + [True, False]
    assert found["anomaly_score"].iloc[10] == 0.5
    said = found["explanation"].iloc[10]
    assert said == "no piece for 10 min, 1.0 times the limit of 10 min"


@pytest.mark.parametrize("breaker", ["gap", "unknown"])
def test_a_gap_or_unknown_pieces_break_a_stop(breaker):
    pieces = [0.0] * 18
    if breaker == "unknown":
        pieces[9] = np.nan
    found = stoppage(*steps(pieces, gaps=[9] if breaker == "gap" else []), **STOP)
    assert len(found) == 17, "what is not observed is not judged"
    assert found["observed"].max() == 540
    assert not found["is_flagged"].any()


def test_a_stop_is_counted_up_to_the_look_back():
    found = stoppage(*steps([0] * 100), **STOP | {"look_back_seconds": 1200})
    assert found["observed"].max() == 1200


# --- statistical ----------------------------------------------------------------


def test_the_point_is_not_in_its_own_baseline():
    found = statistical(*steps([14, 16] * 15 + [100]), **SHIFT)
    point = found.iloc[-1]
    usual = np.array([840.0, 960.0] * 15)
    assert point["expected"] == 900
    z = (6000 - 900) / usual.std(ddof=1)
    assert point["strength"] == pytest.approx(z / 3)
    assert point["is_flagged"]
    assert point["explanation"] == (
        f"6000 pieces/h, usual 900 ± 61 over 30 running steps: "
        f"{z:.1f} standard deviations above"
    )


def test_the_status_says_why_there_is_no_score():
    found = statistical(*steps([15] * 30 + [0, 15, 14]), **SHIFT)
    statuses = ["warming_up"] * 30 + ["not_running", "scored", "scored"]
    assert found["status"].tolist() == statuses
    assert found["strength"].notna().tolist() == [s == "scored" for s in statuses]
    assert not found.loc[found["status"] != "scored", "is_flagged"].any()


def test_stops_and_gaps_do_not_enter_the_baseline():
    running = [14, 16] * 15
    plain = statistical(*steps([*running, 15]), **SHIFT).iloc[-1]
    mixed = statistical(*steps([0] * 9 + running + [999, 15], gaps=[39]), **SHIFT)
    assert mixed.iloc[-1]["expected"] == plain["expected"]
    assert mixed.iloc[-1]["upper"] == plain["upper"]


def test_the_baseline_is_a_day_long():
    found = statistical(*steps([15] * 1500), **SHIFT)
    assert found["status"].iloc[-1] == "scored"
    at, lengths, pieces, gaps = steps([15] * 40 + [0] * 1440 + [15])
    assert statistical(at, lengths, pieces, gaps, **SHIFT)["status"].iloc[-1] == (
        "warming_up"
    )


@given(st.lists(st.integers(1, 400), min_size=3, max_size=60))
def test_mean_and_deviation_are_those_of_numpy(pieces):
    arguments = SHIFT | {"minimum_steps": 2, "smallest_sd": 1e-9, "limit_z": 1}
    point = statistical(*steps(pieces), **arguments).iloc[-1]
    before = np.array(pieces[:-1]) * 60.0
    assert point["expected"] == pytest.approx(before.mean(), abs=1e-3)
    assert point["upper"] - point["expected"] == pytest.approx(
        max(before.std(ddof=1), 1e-9), abs=1e-3
    )


@pytest.mark.parametrize("detect", ["stoppage", "statistical"])
def test_nothing_in_nothing_out(detect):
    function, arguments, _ = DETECTORS[detect]
    assert function(*steps([]), **arguments).empty


@pytest.mark.parametrize("detect", ["stoppage", "statistical"])
def test_times_out_of_order_are_an_error(detect):
    function, arguments, _ = DETECTORS[detect]
    at, *others = steps([1, 2])
    with pytest.raises(ValueError, match="ascending"):
        function(at[::-1], *others, **arguments)


def test_a_year_of_minutes_takes_seconds():
    pieces = np.random.default_rng(0).poisson(15, 200_000)
    started = time.perf_counter()
    statistical(*steps(pieces), **SHIFT)
    stoppage(*steps(pieces), **STOP)
    assert time.perf_counter() - started < 200_000 / 50_000


# --- episodes -------------------------------------------------------------------


def flagged(minutes, strength=1.0, detector="stoppage", device="A"):
    at = START + pd.to_timedelta(minutes, unit="min")
    values = {"device_id": device, "detector": detector, "at": at.as_unit("us")}
    return pd.DataFrame(values | {"strength": strength, "is_flagged": True})


def test_flags_within_twelve_minutes_are_one_episode():
    points = flagged([0, 12, 25, 30])
    found = episodes(points, as_of=START + pd.Timedelta(minutes=42), **LIMITS)
    assert found["points"].tolist() == [2, 2]
    assert found["ended_at"].iloc[0] == START + pd.Timedelta(minutes=12)
    assert pd.isna(found["ended_at"].iloc[1]), "still open"
    assert found["episode_id"].iloc[0] == episode_id("A", "stoppage", START)
    utc = START.tz_convert("UTC")
    assert episode_id("A", "stoppage", utc) == episode_id("A", "stoppage", START)


def test_devices_and_types_have_their_own_episodes():
    points = pd.concat(
        [flagged([0]), flagged([1], device="B"), flagged([2], detector="statistical")]
    )
    found = episodes(points, as_of=START + pd.Timedelta(days=1), **LIMITS)
    assert len(found) == 3
    assert found["ended_at"].notna().all()
    assert found["episode_id"].is_unique


@pytest.mark.parametrize(
    ("minutes", "strength", "absolute", "expected"),
    [
        ([0], 3.9, (), "info"),
        ([0], 3.9, ("stoppage",), "warning"),
        ([0], 4.0, (), "warning"),
        (range(0, 61, 10), 1.0, (), "warning"),
        ([0], 10.0, (), "critical"),
        (range(0, 361, 10), 1.0, (), "critical"),
    ],
)
def test_severity_is_peak_or_length(minutes, strength, absolute, expected):
    points = flagged(list(minutes), strength)
    found = episodes(points, as_of=START, absolute_rules=absolute, **LIMITS)
    assert found["severity"].tolist() == [expected]


def test_points_that_are_not_flagged_make_no_episode():
    points = flagged([0]).assign(is_flagged=False)
    found = episodes(points, as_of=START, **LIMITS)
    assert found.empty
    assert found["started_at"].dtype == "datetime64[us, UTC]"
