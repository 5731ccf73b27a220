"""Rules for one measured value: threshold, spike, stuck and drift."""

import numpy as np
from numpy.typing import NDArray

from brickworks.detectors import explain
from brickworks.detectors.points import Scores
from brickworks.detectors.series import HOURS, Array, Series
from brickworks.detectors.windows import SECOND, lasts, window_count, window_sum

SCALE = 1.4826
"""Median absolute deviation to standard deviation, for normal values."""
SPIKE_READINGS = 9
HOUR = 3600
DRIFT_READINGS, DRIFT_DAYS = 3, 2
SLOPE_HOURS = 6
"""What the rules are made of, not thresholds."""


def threshold(
    series: Series,
    *,
    low: float,
    high: float,
    clears: float | None = None,
    hold_seconds: float = 0.0,
) -> Scores:
    """Flag a value outside [low, high] that follows another one outside.

    Args:
        series: the readings.
        low: lower limit, -inf where there is none.
        high: upper limit, inf where there is none.
        clears: what a value has to fall below to end what `high` began; `high` itself
            if None. Values that waver about their limit are one alarm.
        hold_seconds: how long it goes on without another two values outside.

    Returns:
        Scores; strength is the distance from the middle of the band in half bands, or,
        with one limit, 1 and how far beyond it the value is as a share of the limit. It
        is 0 for what is inside, and for a first value outside, and 1 for what is inside
        and does not clear.
    """
    x = series.values
    outside = (x < low) | (x > high)
    if np.isfinite(low) and np.isfinite(high):
        strength = np.abs(x - (low + high) / 2) / ((high - low) / 2)
    else:
        limit = high if np.isfinite(high) else low if np.isfinite(low) else 0.0
        strength = 1 + np.abs(x - limit) / max(abs(limit), 1e-9)
    is_linked = series.position > 0
    follows = np.append(False, outside[:-1])[: len(x)] & is_linked
    stays = (x >= (high if clears is None else clears)) & is_linked
    lasting = lasts(series.at, outside & follows, stays | outside, hold_seconds)
    strength = np.where(outside & lasting, np.maximum(strength, 1), 1.0 * lasting)
    return Scores(
        detector="threshold",
        metric=series.metric,
        at=series.at,
        observed=x,
        expected=np.clip(x, low, high),
        lower=low if np.isfinite(low) else np.nan,
        upper=high if np.isfinite(high) else np.nan,
        strength=strength,
        tell=lambda i: explain.threshold(
            series.metric, float(x[i]), low, high, series.unit
        ),
    )


def spike(
    series: Series,
    *,
    deviations: float,
    smallest_share: float,
    days: int,
    least: int,
    records: float,
) -> Scores:
    """Flag a value that leaves the median of the nine before it.

    Args:
        series: the readings.
        deviations: how many usual ones; the usual one is 1.4826 times the median of
            the days before.
        smallest_share: of the median, taken as the usual deviation at least.
        days: days before.
        least: readings they need.
        records: how many times the largest deviation of the days before it must be,
            too; 0 where spikes of the past shall hide none.

    Returns:
        Scores; of several values away in a row the first one alone is flagged.
    """
    x = series.values
    middle = _median_of_nine(x)
    middle[series.position < SPIKE_READINGS] = np.nan
    away = np.abs(x - middle)

    def measure(before: slice) -> Array:
        known = away[before]
        known = known[~np.isnan(known)]
        if len(known) < least:
            return np.full(2, np.nan)
        steps = series.change[before]
        steps = steps[steps > 0]
        # A coarse value leaves its median by whole steps.
        usual = max(SCALE * np.median(known), steps.min() if len(steps) else 0.0)
        return np.array([usual, known.max()])

    usual, largest = series.of_days_before(days, measure, 2)
    usual = np.maximum(usual, smallest_share * np.abs(middle))
    reach = np.maximum(deviations * usual, records * largest)
    strength = _ratio(away, reach)
    was_away = np.append(False, strength[:-1] >= 1)[: len(x)] & (series.position > 0)
    strength = np.where(was_away & (strength >= 1), 0.0, strength)
    return Scores(
        detector="spike",
        metric=series.metric,
        at=series.at,
        observed=x,
        expected=middle,
        lower=middle - reach,
        upper=middle + reach,
        strength=strength,
        tell=lambda i: explain.spike(
            series.metric,
            float(x[i]),
            float(middle[i]),
            float(away[i] / max(usual[i], 1e-12)),
            series.unit,
        ),
    )


def stuck(
    series: Series,
    *,
    readings: float,
    chance: float,
    days: int,
    least: int,
    records: float,
) -> Scores:
    """Flag the same value again and again where it usually moves.

    Args:
        series: the readings.
        readings: equal values in a row that are too many.
        chance: how unlikely the row must be, by how often the value stayed the same on
            the days before: a coarse value may rest for long.
        days: days before.
        least: readings they need.
        records: how many times the longest row of the days before it must be, too; 0
            where faults of the past shall hide none.

    Returns:
        Scores; observed is the number of equal values up to this one, counted from the
        beginning of the day before on.
    """
    x, index = series.values, np.arange(len(series))
    same = series.change == 0
    start = np.maximum.accumulate(np.where(same, 0, index))

    first = np.searchsorted(series.day, series.day - 1)
    length = (index - np.maximum(start, first) + 1).astype(float)

    def measure(before: slice) -> Array:
        known = series.change[before]
        known = known[~np.isnan(known)]
        if len(known) < least or np.median(known) == 0:
            return np.full(2, np.nan)
        repeats = np.count_nonzero(known == 0)
        return np.array([(repeats + 1) / (len(known) + 2), length[before].max()])

    share, longest = series.of_days_before(days, measure, 2)
    needed = np.maximum(readings, np.log(chance) / np.log(share))
    needed = np.maximum(needed, records * longest)
    return Scores(
        detector="stuck",
        metric=series.metric,
        at=series.at,
        observed=length,
        expected=1.0,
        lower=0.0,
        upper=needed,
        strength=length / needed,
        tell=lambda i: explain.stuck(
            series.metric, float(x[i]), int(length[i]), float(share[i]), series.unit
        ),
    )


def drift(
    series: Series,
    *,
    low: float,
    high: float,
    deviations: float,
    smallest_share: float,
    days: int,
    least: int,
    records: float,
) -> Scores:
    """Flag an hour whose mean has left what is usual at this time of the day.

    The usual value is the median of the same hour of the days before.

    Args:
        series: the readings.
        low: lower limit, -inf where there is none; for the words.
        high: upper limit, inf where there is none.
        deviations: how many standard deviations (1.4826 times the median distance from
            the usual value on the days before) the trailing hour's mean must leave it.
        smallest_share: of the usual value, taken as the standard deviation at least.
        days: days before.
        least: readings they need, on two days at least.
        records: how many times the furthest hour's mean of the days before it must be
            away, too; 0 where faults of the past shall hide none.

    Returns:
        Scores; observed is the mean of the trailing hour, expected the usual one.
    """
    n = len(series)
    level, usual, sd, reach = (np.full(n, np.nan) for _ in range(4))
    hour_of_day = series.hour_of_week % HOURS
    hours = series.hours
    for own, before in series.judgments(days):
        seen = np.unique(series.day[before])
        if before.stop - before.start < least or len(seen) < DRIFT_DAYS:
            continue
        day = int(series.day[own.start])
        table = hours.usual(day - days, day - 1)
        residual = series.values[before] - table[hour_of_day[before]]
        begin, end = np.searchsorted(hours.day, [day - days, day])
        hourly = np.abs(hours.mean[begin:end] - table[hours.hour_of_day[begin:end]])
        steps = series.change[before]
        steps = steps[steps > 0]
        # A value rounded to steps has the rounding's own standard deviation at least.
        resolution = steps.min() / np.sqrt(12) if len(steps) else 0.0
        sd[own] = max(SCALE * np.median(np.abs(residual)), resolution)
        # The trailing hour of the day's first readings began the day before.
        first = int(np.searchsorted(series.at, series.at[own.start] - HOUR * SECOND))
        rows = slice(first, own.stop)
        at, base = series.at[rows], table[hour_of_day[rows]]
        count = window_count(at, np.ones(len(at), dtype=bool), HOUR)
        count[count < DRIFT_READINGS] = np.nan
        mean = window_sum(at, series.values[rows] - base, HOUR) / count
        level[own], usual[own] = mean[own.start - first :], base[own.start - first :]
        sd[own] = np.maximum(sd[own], smallest_share * np.abs(usual[own]))
        reach[own] = np.maximum(deviations * sd[own], records * hourly.max())
    observed = usual + level
    return Scores(
        detector="drift",
        metric=series.metric,
        at=series.at,
        observed=observed,
        expected=usual,
        lower=usual - reach,
        upper=usual + reach,
        strength=_ratio(np.abs(level), reach),
        tell=lambda i: explain.drift(
            series.metric,
            float(observed[i]),
            float(usual[i]),
            float(abs(level[i]) / max(sd[i], 1e-12)),
            _hours_to_limit(series, i, float(observed[i]), low, high),
            series.unit,
        ),
    )


def _hours_to_limit(
    series: Series, i: int, level: float, low: float, high: float
) -> float | None:
    """When the trailing hours' Theil-Sen line meets a limit; None where it does not."""
    begin = np.searchsorted(series.at, series.at[i] - SLOPE_HOURS * HOUR * SECOND)
    stride = max((i - begin) // 60, 1)
    at = series.at[begin : i + 1 : stride] / (HOUR * SECOND)
    x = series.values[begin : i + 1 : stride]
    first, second = np.triu_indices(len(x), 1)
    if not len(first):
        return None
    slope = float(np.median((x[second] - x[first]) / (at[second] - at[first])))
    limit = high if slope > 0 else low
    if slope == 0 or not np.isfinite(limit) or (limit - level) / slope <= 0:
        return None
    return (limit - level) / slope


def _median_of_nine(x: Array) -> Array:
    """The median of the nine values before each; NaN for the first nine."""
    result = np.full(len(x), np.nan)
    if len(x) > SPIKE_READINGS:
        windows = np.lib.stride_tricks.sliding_window_view(x[:-1], SPIKE_READINGS)
        half = SPIKE_READINGS // 2
        result[SPIKE_READINGS:] = np.partition(windows, half, axis=1)[:, half]
    return result


def _ratio(value: Array, limit: Array) -> NDArray[np.float64]:
    """Value ÷ limit; 0 where neither is more than nothing."""
    return value / np.maximum(limit, 1e-12)
