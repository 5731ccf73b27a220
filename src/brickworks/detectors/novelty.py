"""`novelty`: what a machine has not shown in 28 days.

Three statistics of a reading are compared with the smallest and the largest of each
that the days before have left, their records, and with those of the day so far. Records
of a stable process become rare like 1/n, and so do false alarms; and they explain
themselves.
"""

from collections.abc import Mapping

import numpy as np

from brickworks.detectors import explain
from brickworks.detectors.points import Scores
from brickworks.detectors.series import Array, Series, seconds
from brickworks.detectors.windows import SECOND, rolling, window_count, window_sum

LEVEL_SECONDS = 3600
MOVEMENT_SECONDS = 4 * 3600
DAY = 86_400
COVERED = 0.5
"""A window says something if readings cover half of it."""
LEAST = {"unusual": 300, "level": 100, "movement": 200}
"""The statistics, and the readings that their records need."""
LEAST_SECONDS = 300
"""For each of them; readings that come faster do not tell of more."""
STATISTICS = tuple(LEAST)
SMALLEST, RELATIVE = 1e-9, 1e-3
"""Added to a range: without it, and as a share of its larger end."""


def statistics(series: Series, usual: Array) -> dict[str, Array]:
    """Work out the three statistics of each reading.

    Args:
        series: the readings.
        usual: n values that are usual at this hour of the week, NaN where unknown.

    Returns:
        unusual: the value less the usual one. level: the median of the trailing hour.
        movement: the mean distance between readings in a row over four hours. NaN where
        there are too few readings.
    """
    at, change = series.at, series.change
    length = np.where(series.position > 0, seconds(at), 0.0)
    level = rolling(at, series.values, LEVEL_SECONDS).median().to_numpy()
    covered = window_sum(at, length, LEVEL_SECONDS)
    level = np.where(covered < COVERED * LEVEL_SECONDS, np.nan, level)
    count = window_count(at, ~np.isnan(change), MOVEMENT_SECONDS)
    movement = window_sum(at, change, MOVEMENT_SECONDS) / np.maximum(count, 1)
    covered = window_sum(at, length, MOVEMENT_SECONDS)
    movement[covered < COVERED * MOVEMENT_SECONDS] = np.nan
    return {"unusual": series.values - usual, "level": level, "movement": movement}


def records(series: Series, usual: Array) -> dict[int, dict[str, float]]:
    """Find the records of each judged day.

    Returns:
        By production day: smallest_, largest_ and count_ of the three statistics; NaN
        where a statistic has no value.
    """
    found = statistics(series, usual)
    return {
        int(series.day[own.start]): {
            f"{what}_{name}": number
            for name in STATISTICS
            for what, number in _extremes(found[name][own]).items()
        }
        for own, _ in series.judgments(0)
    }


def _extremes(values: Array) -> dict[str, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return {"smallest": np.nan, "largest": np.nan, "count": 0}
    return {
        "smallest": float(known.min()),
        "largest": float(known.max()),
        "count": len(known),
    }


def novelty(
    series: Series,
    usual: Array,
    before: Mapping[int, Mapping[str, float]],
    *,
    tolerance: float,
) -> Scores:
    """Flag what neither the records nor the day so far have.

    Args:
        series: the readings.
        usual: n values that are usual at this hour of the week, NaN where unknown.
        before: by judged day, the records of the 28 days before it together, as
            `records` names them, and day_count, how many of these days have any; a day
            without is judged against itself.
        tolerance: how far beyond the records, as a share of their range, is strange.

    Returns:
        Scores; strength is that of the strangest statistic.
    """
    found = statistics(series, usual)
    n = len(series)
    beyond = np.full((len(STATISTICS), n), np.nan)
    ranges = np.full((len(STATISTICS), 2, n), np.nan)
    days = np.zeros(n)
    for own, _ in series.judgments(0):
        known = before.get(int(series.day[own.start]), {})
        days[own] = known.get("day_count", 0)
        elapsed = days[own] * DAY + (series.at[own] - series.at[own.start]) / SECOND
        for k, name in enumerate(STATISTICS):
            value = found[name][own]
            low, high, count = (
                known.get(f"{what}_{name}", none)
                for what, none in (
                    ("smallest", np.nan),
                    ("largest", np.nan),
                    ("count", 0),
                )
            )
            is_known = ~np.isnan(value)
            low = np.fmin.accumulate(np.append(low, value))[:-1]
            high = np.fmax.accumulate(np.append(high, value))[:-1]
            count = count + np.cumsum(is_known) - is_known
            width = high - low + SMALLEST
            width += RELATIVE * np.maximum(np.abs(high), np.abs(low))
            above, below = (value - high) / width, (low - value) / width
            # A machine may always rest more than ever.
            strange = above if name == "movement" else np.fmax(above, below)
            is_ready = count >= LEAST[name]
            is_ready &= elapsed >= LEAST[name] * LEAST_SECONDS
            beyond[k, own] = np.where(
                is_ready, np.maximum(strange, 0) / tolerance, np.nan
            )
            ranges[k, :, own] = np.stack([low, high])
    is_scored = ~np.isnan(beyond).all(axis=0)
    strangest = np.argmax(np.nan_to_num(beyond, nan=-1.0), axis=0)
    row = np.arange(n)
    strength = np.where(is_scored, beyond[strangest, row], np.nan)
    low, high = ranges[strangest, 0, row], ranges[strangest, 1, row]
    is_unusual = strangest == 0
    shift = np.where(is_unusual, usual, 0.0)
    observed = np.where(
        strangest == STATISTICS.index("movement"),
        found["movement"],
        np.where(is_unusual, series.values, found["level"]),
    )
    margin = tolerance * (
        high - low + SMALLEST + RELATIVE * np.maximum(np.abs(high), np.abs(low))
    )
    return Scores(
        detector="novelty",
        metric=series.metric,
        at=series.at,
        observed=observed,
        expected=np.where(is_unusual, usual, (low + high) / 2),
        lower=shift + low - margin,
        upper=shift + high + margin,
        strength=strength,
        tell=lambda i: explain.novelty(
            series.metric,
            STATISTICS[strangest[i]],
            float(observed[i]),
            float(usual[i]),
            float(shift[i] + low[i]),
            float(shift[i] + high[i]),
            float(strength[i]),
            int(series.hour_of_week[i]),
            int(days[i]),
            series.unit,
        ),
    )
