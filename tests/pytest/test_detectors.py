"""The brick rules, without a database: flags, words, and what history may change."""

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from brickworks.detectors.brick_absolute import wilson
from brickworks.detectors.brick_steps import Steps, faded
from brickworks.detectors.bricks import RULES, bricks

START = pd.Timestamp("2025-11-17T06:00:00+07:00")
MINUTE, HOUR, DAY = 60, 3600, 86_400

SEED = Path(__file__).parents[2] / "seeds/thresholds.csv"
with SEED.open() as file:
    LIMITS = {
        row["metric"]: float(row["high"] or row["low"]) for row in csv.DictReader(file)
    }
SHORT = LIMITS | {
    "stoppage_counted": 1800,
    "error_window": 1800,
    "low_efficiency_running": 600,
    "low_efficiency_within": 1200,
    "sudden_change_before": 900,
    "statistical_baseline_steps": 3,
    "statistical_baseline_hours": 0.5,
    "brick_type_arrives": 900,
    "usual_rate_hours": 0.5,
    "usual_rate_steps": 3,
    "slow_down_reach": 1200,
    "error_burst_pieces": 3,
}
"""The thresholds of the seed with look-backs that short series can outlast."""
LOOK_BACK = 3600
"""Seconds that no rule outreaches with them."""

NAMES = [rule.__name__ for rule in RULES]


def steps(pieces, seconds=60.0, **columns):
    """Rows of one device: `seconds` apart, one number or one per step."""
    n = len(pieces)
    lengths = np.broadcast_to(np.asarray(seconds, dtype=float), n)
    at = START + pd.to_timedelta(np.cumsum(lengths).round(3), unit="s").as_unit("us")
    usual = {
        "errors": 0.0,
        "is_gap": False,
        "planned_seconds": 0.0,
        "ideal_rate_per_hour": np.nan,
        "brick_type": "300x600",
        "usual_pieces": 100_000.0,
        "usual_errors": 500.0,
    }
    values = {"at": at, "seconds": lengths, "pieces": np.asarray(pieces, dtype=float)}
    return pd.DataFrame(values | usual | columns)


def found(rows, limits=LIMITS):
    return {scores.detector: scores for scores in bricks(rows, limits)}


def judge(rule, rows, **limits):
    return found(rows, LIMITS | limits)[rule]


def flags(scores):
    return np.flatnonzero(scores.is_flagged).tolist()


def table(scores):
    """All that is told of the steps, to be compared bit for bit."""
    n = len(scores.at)
    numbers = ("observed", "expected", "lower", "upper", "strength")
    columns = {name: np.broadcast_to(getattr(scores, name), n) for name in numbers}
    words = [scores.tell(i) if scores.strength[i] >= 1 else "" for i in range(n)]
    told = pd.DataFrame(columns | {"words": words}, dtype=object)
    told["status"], told["at"] = scores.status(), scores.at
    # What is not scored is not told either.
    told.loc[told["status"] != "scored", [*columns, "words"]] = None
    return told


# --- what history may change ----------------------------------------------------

HISTORY = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 14, 15, 15, 16, 17, 30, 45, 90, np.nan]),
        st.sampled_from([5.0, 59.75, 60.0, 60.0, 61.125, 300.0, 1800.0]),
        st.sampled_from([False] * 15 + [True]),
        st.sampled_from([0.0] * 9 + [2.5]),
        st.sampled_from([0, 0, 0, 1, 9, np.nan]),
        st.sampled_from(["300x600"] * 15 + ["400x800", None]),
    ),
    min_size=2,
    max_size=150,
)


def of_history(history):
    pieces, seconds, is_gap, planned, errors, change = zip(*history, strict=True)
    numbers = np.cumsum([kind != "300x600" for kind in change]) % 3
    return steps(
        pieces,
        seconds,
        is_gap=list(is_gap),
        planned_seconds=list(planned),
        errors=list(errors),
        brick_type=np.array(["300x600", "400x800", None], dtype=object)[numbers],
    )


@settings(max_examples=60, deadline=None)
@given(history=HISTORY, data=st.data())
def test_the_future_changes_nothing(history, data):
    rows = of_history(history)
    last = data.draw(st.integers(1, len(history)))
    now, later = found(rows.head(last), SHORT), found(rows, SHORT)
    for name in NAMES:
        pd.testing.assert_frame_equal(
            table(now[name]), table(later[name]).head(last), check_exact=True
        )


@settings(max_examples=60, deadline=None)
@given(history=HISTORY, data=st.data())
def test_history_beyond_the_look_back_changes_no_bit(history, data):
    rows = of_history(history)
    first = data.draw(st.integers(0, len(history) - 1))
    full = found(rows, SHORT)
    recent = found(rows.iloc[first:].reset_index(drop=True), SHORT)
    # What is promised holds from a look-back after the first step's start.
    start = rows["at"][first] - pd.Timedelta(seconds=rows["seconds"][first])
    promised = (rows["at"] >= start + pd.Timedelta(seconds=LOOK_BACK)).to_numpy()
    for name in NAMES:
        expected = table(full[name])[promised].reset_index(drop=True)
        again = table(recent[name])[promised[first:]].reset_index(drop=True)
        pd.testing.assert_frame_equal(again, expected, check_exact=True)


def test_no_rule_outreaches_the_steps_of_two_production_days():
    """And not where the clock is put on: such a day has 23 hours."""
    reach = HOUR * max(LIMITS["usual_rate_hours"], LIMITS["statistical_baseline_hours"])
    reach += LIMITS["brick_type_arrives"] + LIMITS["statistical_hold"]
    others = ("error_window", "low_efficiency_within", "stoppage_counted")
    assert max(reach, *(LIMITS[name] for name in others)) <= 47 * HOUR


# --- words ----------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(history=HISTORY)
def test_words_have_numbers_and_units_and_no_nan(history):
    for scores in found(of_history(history), SHORT).values():
        for index in flags(scores):
            said = scores.tell(index)
            assert re.search(r"\d", said)
            assert re.search(r"pieces|piece for", said)
            assert not re.search(r"\b(nan|inf)\b", said, re.IGNORECASE)


# --- stoppage -------------------------------------------------------------------


def test_a_stop_is_flagged_when_it_reaches_the_limit():
    scores = judge("stoppage", steps([15, *[0] * 25, 15]))
    assert scores.observed.tolist() == [0, *range(60, 1501, 60), 0]
    assert flags(scores) == list(range(10, 26))
    assert scores.tell(25) == (
        "no piece for 25 min in planned time, 2.5 times the limit of 10 min"
    )


def test_a_gap_breaks_a_stop():
    is_gap = np.arange(18) == 9
    scores = judge("stoppage", steps([0] * 18, is_gap=is_gap))
    assert flags(scores) == []
    assert scores.observed.max() == 540


def test_a_reset_in_a_stop_neither_counts_nor_ends_it():
    scores = judge("stoppage", steps([0] * 5 + [np.nan] + [0] * 5))
    assert scores.observed[-1] == 600
    assert flags(scores) == [10]


def test_planned_time_does_not_count_and_ends_a_stop():
    planned = [0.0] * 8 + [45.0, 60.0, 60.0, 15.0] + [0.0] * 8
    scores = judge("stoppage", steps([0] * 20, planned_seconds=planned))
    assert scores.observed[7:13].tolist() == [480, 15, 0, 0, 45, 105]
    assert flags(scores) == []


def test_a_stop_is_counted_up_to_a_day():
    scores = judge("stoppage", steps([0] * 1500))
    assert scores.observed.max() == DAY


# --- errors ---------------------------------------------------------------------


@pytest.mark.parametrize(("errors", "pieces"), [(0, 10), (5, 60), (38, 310), (9, 9)])
def test_the_interval_is_that_of_wilson(errors, pieces):
    expected = stats.binomtest(errors, pieces).proportion_ci(method="wilson")
    lowest, highest = wilson(np.array([errors]), np.array([pieces]))
    assert lowest[0] == pytest.approx(expected.low, abs=1e-9)
    assert highest[0] == pytest.approx(expected.high, abs=1e-9)


def test_a_high_error_rate_is_sure_to_be_above_its_limit():
    errors = [0.0] * 60 + [2.0] * 10
    scores = judge("high_error_rate", steps([15] * 70, errors=errors))
    made = 60 * 15
    surely = [
        stats.binomtest(k, made).proportion_ci(0.95, "wilson").low
        for k in range(2, 21, 2)
    ]
    assert scores.strength[60:] == pytest.approx(
        [
            low / 0.05 if k >= 5 else 0
            for k, low in zip(range(2, 21, 2), surely, strict=True)
        ]
    )
    assert flags(scores) == []
    many = judge("high_error_rate", steps([15] * 70, errors=[0.0] * 60 + [9.0] * 10))
    assert flags(many)[0] == 66
    assert many.tell(66) == (
        "63 bad of 900 pieces in the last hour (7.0 %; not below 5.5 % with 95 % "
        "confidence, limit 5.0 %)"
    )


def test_four_bad_pieces_are_no_rate():
    scores = judge("high_error_rate", steps([1] * 4, errors=1.0))
    assert flags(scores) == []


def test_errors_that_are_no_scrap_are_not_judged():
    scores = found(steps([15] * 70, errors=np.nan))
    for rule in ("high_error_rate", "error_burst"):
        assert set(scores[rule].status()) == {"not_running"}


def test_a_burst_is_what_chance_makes_once_in_a_hundred_thousand():
    errors = [0.0] * 60 + [3.0] * 20
    rows = steps([15] * 80, errors=errors, usual_pieces=50_000.0, usual_errors=999.0)
    scores = judge("error_burst", rows)
    usual = 1000 / 50_050
    chance = [stats.binom.sf(3 * k - 1, 900, usual) for k in range(1, 21)]
    expected = [
        np.log(p) / np.log(1e-5) if 3 * k > 900 * usual else 0
        for k, p in enumerate(chance, 1)
    ]
    assert scores.strength[60:] == pytest.approx(expected)
    first = flags(scores)[0]
    assert scores.upper[first] * 900 == stats.binom.isf(1e-5, 900, usual)
    assert scores.tell(79) == (
        "60 bad of 900 pieces in the last hour (6.7 %, usually 2.0 %; "
        "with 95 % confidence 5.2 % to 8.5 %)"
    )


def test_a_burst_beyond_all_chance_has_a_strength():
    scores = judge("error_burst", steps([1500] * 70, errors=1500.0))
    assert np.isfinite(scores.strength).all()
    assert scores.strength.max() == pytest.approx(60)


def test_too_few_pieces_before_do_not_tell_what_errors_are_usual():
    scores = judge("error_burst", steps([15] * 70, errors=9.0, usual_pieces=np.nan))
    assert set(scores.status()) == {"warming_up"}


# --- rates ----------------------------------------------------------------------

WOBBLE = [14, 15, 16] * 40
"""Two hours at 900 pieces an hour."""


def test_a_usual_day_is_quiet():
    rng = np.random.default_rng(0)
    pace = np.where(rng.random(2000) < 0.02, 0, rng.binomial(30, 0.5, 2000))
    rows = steps(pace, ideal_rate_per_hour=1000.0, errors=rng.random(2000) < 0.05)
    rows["usual_errors"] = rows["usual_pieces"] * 0.05 / 15
    for scores in found(rows).values():
        assert flags(scores) == [], scores.detector


def test_low_efficiency_needs_half_an_hour_of_running():
    slow = [*WOBBLE, *[8] * 60]
    scores = judge("low_efficiency", steps(slow, ideal_rate_per_hour=1000.0))
    first = flags(scores)[0]
    assert 120 + 20 <= first <= 120 + 30, "most of the last half hour was slow"
    said = scores.tell(150)
    assert said == (
        "making 480 pieces/h in the last 30 min of running (48 % of the ideal 1000, "
        "53 % of the usual 900); expected at least 600"
    )


def test_a_stage_that_never_runs_faster_is_not_inefficient():
    rows = steps([8] * 300, ideal_rate_per_hour=1000.0)
    assert flags(judge("low_efficiency", rows)) == []


def test_without_an_ideal_the_limit_is_fifty_an_hour():
    """A piece in two minutes: the steps between have none, and are no stops."""
    scores = judge("low_efficiency", steps([2] * 120 + [1, 0] * 30))
    assert scores.observed[-2] == pytest.approx(30, rel=0.1)
    assert scores.is_flagged[-2]
    assert (
        "making 30 pieces/h in the last 30 min of running (25 % of the usual 120)"
        in scores.tell(178)
    )


def test_a_sudden_change_holds_for_five_minutes():
    scores = judge("sudden_change", steps([*WOBBLE, *[6] * 30]))
    # The median of five minutes has moved with the third.
    assert flags(scores)[0] == 122
    assert scores.tell(124) == (
        "making 360 pieces/h for 5 min, 900 in the 30 min before: -60 %"
    )
    assert flags(judge("sudden_change", steps([*WOBBLE, 6, 6, *WOBBLE]))) == []


def test_back_to_the_usual_is_no_sudden_change():
    scores = judge("sudden_change", steps([*WOBBLE, *[6] * 40, *WOBBLE]))
    assert max(flags(scores)) < 160


def test_the_point_is_not_in_its_own_baseline():
    rows = steps([14, 16] * 15 + [40])
    scores = judge("statistical", rows, running_grace=0, statistical_hold=30)
    usual = np.array([840.0, 960.0] * 15)
    assert scores.expected[-1] == 900
    sd = max(usual.std(ddof=1), 0.08 * 900)
    assert scores.strength[-1] == pytest.approx(1500 / sd / 3)
    assert scores.tell(30) == (
        "making 2400 pieces/h, usual 900 ± 72 over 30 running steps: at least 20.8 "
        "standard deviations above for 30 s"
    )


def test_single_steps_far_off_are_not_statistical():
    for odd in ([40], [40, 40, 15, 40, 40], [40, 1] * 10):
        assert flags(judge("statistical", steps([*WOBBLE, *odd, *WOBBLE]))) == []
    scores = judge("statistical", steps([*WOBBLE, *[40] * 8]))
    assert flags(scores) == [124, 125, 126, 127], "all of five minutes"


def test_a_slow_down_is_told_with_the_usual():
    scores = judge("slow_down", steps([*WOBBLE, *[7] * 60]))
    first = flags(scores)[0]
    assert 120 + 5 <= first <= 120 + 20
    assert scores.tell(159) == (
        "making 443 pieces/h for the last 20 min, 49 % of the usual 900"
    )


def test_a_surge_lasts_two_minutes():
    scores = judge("surge", steps([*WOBBLE, 40, *WOBBLE, 40, 40, 40, 15]))
    assert flags(scores) == [242, 243]
    assert scores.tell(243) == (
        "making at least 2400 pieces/h for 2 min, 267 % of the usual 900 and "
        "16.9 standard deviations above it"
    )


@pytest.mark.parametrize("rule", ["slow_down", "surge", "sudden_change", "statistical"])
@pytest.mark.parametrize("reason", ["stop", "gap", "planned", "brick_type"])
def test_after_a_break_comes_grace(rule, reason):
    pace = 40 if rule == "surge" else 5
    rows = steps([*WOBBLE, 0, *[pace] * 20])
    if reason == "gap":
        rows.loc[120, ["pieces", "is_gap"]] = [np.nan, True]
    elif reason == "planned":
        rows.loc[120, ["pieces", "planned_seconds"]] = [15, 30]
    elif reason == "brick_type":
        rows.loc[120:, "brick_type"] = "400x800"
    scores = judge(rule, rows)
    assert not scores.is_flagged[:130].any()
    assert set(scores.status()[120:130]) == {"not_running"}


def test_stops_gaps_and_planned_time_enter_no_baseline():
    plain = steps([*WOBBLE, 15])
    mixed = steps([*WOBBLE, 0, 99, 99, np.nan, 15])
    mixed["is_gap"] = np.arange(len(mixed)) == 121
    mixed["planned_seconds"] = np.where(np.arange(len(mixed)) == 122, 1.0, 0.0)
    for rule in ("statistical", "slow_down", "surge"):
        last = judge(rule, mixed).expected[-1]
        assert last == judge(rule, plain).expected[-1]


def test_each_brick_type_has_its_own_usual():
    rows = steps([*[15] * 300, *[9] * 300])
    rows["brick_type"] = np.where(np.arange(600) < 300, "300x600", "400x800")
    scores = judge("slow_down", rows)
    assert flags(scores) == []
    assert set(scores.status()[310:505]) == {"warming_up"}, "it has not come yet"
    assert scores.status()[-1] == "scored"
    assert scores.expected[-1] == 540


def test_the_status_says_why_there_is_no_score():
    scores = judge("slow_down", steps([15] * 30 + [0, *[15] * 11]))
    statuses = ["not_running"] * 9 + ["warming_up"] * 21 + ["not_running"] * 10
    assert scores.status().tolist() == [*statuses, "scored", "scored"]


def test_the_usual_is_a_day_long():
    rows = steps([15] * 40 + [0] * 1440 + [15] * 20)
    assert judge("slow_down", rows).status()[-1] == "warming_up"


@given(st.lists(st.integers(1, 400), min_size=4, max_size=60))
def test_mean_median_and_spreads_are_those_of_numpy(pieces):
    rows = steps(pieces)
    limits = LIMITS | {
        "usual_rate_steps": 2,
        "usual_rate_smallest_sd": 1e-9,
        "statistical_baseline_steps": 2,
        "statistical_smallest_sd": 1e-9,
    }
    usual = Steps.of(rows, limits).usual
    before = np.array(pieces[:-1]) * 60.0
    assert usual.rate[-1] == np.median(before)
    low, high = np.quantile(before, [0.25, 0.75])
    assert usual.sd[-1] == pytest.approx((high - low) / 1.349, abs=1e-3)
    scores = found(rows, limits)["statistical"]
    assert scores.expected[-1] == pytest.approx(before.mean())
    sd = (scores.upper[-1] - scores.expected[-1]) / limits["statistical_z_score"]
    assert sd == pytest.approx(before.std(ddof=1), abs=1e-3)


def test_what_fades_halves_and_ends():
    at = np.arange(5) * 600_000_000
    assert faded(at, np.array([0.0, 0, 8, 0, 0]), 600, 1200).tolist() == [0, 0, 8, 4, 0]


# --- the whole ------------------------------------------------------------------


def test_nothing_in_nothing_out():
    for scores in found(steps([])).values():
        assert len(scores.strength) == 0
        assert scores.status().tolist() == []


def test_times_out_of_order_are_an_error():
    with pytest.raises(ValueError, match="ascending"):
        Steps.of(steps([1, 2]).iloc[::-1], LIMITS)


def test_thresholds_are_rows_of_the_seed():
    """What the rules ask for is there: a name is no default."""
    rows = of_history([(15, 60.0, False, 0.0, 0, "300x600")] * 200)
    asked = set()

    class Asked(dict):
        def __getitem__(self, name):
            asked.add(name)
            return super().__getitem__(name)

    list(bricks(rows, Asked(LIMITS)))
    assert asked <= set(LIMITS)
