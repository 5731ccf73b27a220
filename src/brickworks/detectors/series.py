"""Rules for one measured value over time.

Every rule takes n times (with a zone, strictly ascending) and n values in the metric's
unit and returns one point per value (`brickworks.detectors.points`). A point depends on
what came before it, never on what came after, and on no more than the series it is
given; medians, minima and maxima are selections, so that they are the same to the last
bit wherever the series begins, as long as it reaches back as far.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brickworks.detectors import explain
from brickworks.detectors.points import (
    SCORED,
    WARMING_UP,
    Numbers,
    as_microseconds,
    points,
)

Times = Sequence | pd.Series | pd.DatetimeIndex
Values = Sequence | pd.Series
Array = NDArray[np.float64]

SPIKE_READINGS = 9
SPIKE_BASELINE = 144
NOVELTY_READINGS = {"value": 60, "level": 12, "movement": 48}
NOVELTY_HISTORY = {"value": 300, "level": 100, "movement": 200}
"""Readings: what the rules are made of (docs/decisions/0008), not thresholds."""
SCALE = 1.4826
"""Median absolute deviation to standard deviation, for normal values."""


def threshold(
    at: Times, values: Values, *, low: float, high: float, device_id: str, metric: str
) -> pd.DataFrame:
    """Flag a value outside [low, high] that follows another one outside.

    Args:
        at: the times.
        values: the values.
        low: lower limit, -inf where there is none.
        high: upper limit, inf where there is none.
        device_id: the device.
        metric: what was measured.

    Returns:
        Points; strength is the distance from the middle of the band in half bands, or
        the value ÷ its one limit, and stays below 1 for a first value outside.
    """
    x = np.asarray(values, dtype=float)
    outside = (x < low) | (x > high)
    if np.isfinite(low) and np.isfinite(high):
        strength = np.abs(x - (low + high) / 2) / ((high - low) / 2)
    else:
        strength = x / high if np.isfinite(high) else low / x
    follows = np.append(False, outside[:-1])[: len(x)]
    strength = np.where(outside & follows, np.maximum(strength, 1), 0.0)
    return _points(
        at,
        device_id,
        metric,
        "threshold",
        x,
        np.clip(x, low, high),
        low if np.isfinite(low) else np.nan,
        high if np.isfinite(high) else np.nan,
        strength,
        lambda i: explain.threshold(metric, x[i], low, high),
    )


def spike(
    at: Times,
    values: Values,
    *,
    limit: float,
    smallest_share: float,
    device_id: str,
    metric: str,
) -> pd.DataFrame:
    """Flag a value that leaves the median of the nine before it.

    Args:
        at: the times.
        values: the values.
        limit: how many usual deviations; the usual one is the median of the 144 before.
        smallest_share: of the median, taken as the usual deviation at least.
        device_id: the device.
        metric: what was measured.

    Returns:
        Points; of several values away in a row the first one alone is flagged.
    """
    x = pd.Series(np.asarray(values, dtype=float))
    median = x.shift().rolling(SPIKE_READINGS).median()
    away = (x - median).abs()
    usual = away.shift().rolling(SPIKE_BASELINE, min_periods=SPIKE_READINGS).median()
    usual = np.maximum(usual, smallest_share * median.abs())
    # A coarse value leaves its median by whole steps.
    usual = np.maximum(usual, _resolution(x).shift().fillna(0))
    strength = (away / (limit * usual)).to_numpy()
    was_away = np.append(False, strength[:-1] >= 1)[: len(x)]
    strength = np.where(was_away & (strength >= 1), 0.0, strength)
    reach = limit * usual.to_numpy()
    middle = median.to_numpy()
    return _points(
        at,
        device_id,
        metric,
        "spike",
        x.to_numpy(),
        middle,
        middle - reach,
        middle + reach,
        strength,
        lambda i: explain.spike(metric, x[i], middle[i], reach[i] / limit),
    )


def stuck(
    at: Times,
    values: Values,
    *,
    limit_readings: float,
    chance: float,
    device_id: str,
    metric: str,
) -> pd.DataFrame:
    """Flag the same value again and again where it usually moves.

    Args:
        at: the times.
        values: the values.
        limit_readings: equal values in a row that are too many.
        chance: how unlikely the row must be, by how often the value stays the same
            before it: a coarse value may rest for long.
        device_id: the device.
        metric: what was measured.

    Returns:
        Points; observed is the number of equal values up to this one.
    """
    x = np.asarray(values, dtype=float)
    same = np.append(False, np.diff(x) == 0)[: len(x)]
    index = np.arange(len(x))
    start = np.maximum.accumulate(np.where(same, 0, index)) if len(x) else index
    length = (index - start + 1).astype(float)
    # How often the value stayed the same before the row began; never taken as never.
    stays = np.concatenate([[0], np.cumsum(same)])[start]
    share = (stays + 1) / (start + 2)
    needed = np.maximum(limit_readings, np.log(chance) / np.log(share))
    strength = np.where(start >= limit_readings, length / needed, np.nan)
    return _points(
        at,
        device_id,
        metric,
        "stuck",
        length,
        1.0,
        0.0,
        needed,
        strength,
        lambda i: explain.stuck(metric, x[i], int(length[i]), share[i]),
    )


def drift(
    at: Times,
    values: Values,
    *,
    low: float,
    high: float,
    limit_sd: float,
    smallest_share: float,
    minimum_readings: float,
    device_id: str,
    metric: str,
    judged_from: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Flag an hour whose mean has left the day before it.

    Args:
        at: the times.
        values: the values; those outside [low, high] are the threshold's and left out.
        low: lower limit, -inf where there is none.
        high: upper limit, inf where there is none.
        limit_sd: robust standard deviations of the day before.
        smallest_share: of the median, taken as the standard deviation at least.
        minimum_readings: what the day before needs.
        device_id: the device.
        metric: what was measured.
        judged_from: readings before it are history alone; None judges all.

    Returns:
        Points; observed is the mean of the trailing hour, expected the median of the 23
        hours before that.
    """
    x = np.asarray(values, dtype=float)
    is_usual = (x >= low) & (x <= high)
    kept = pd.DatetimeIndex(at)[is_usual]
    x = x[is_usual]
    times = as_microseconds(kept)
    hour, day = 3_600_000_000, 86_400_000_000
    first = np.searchsorted(times, times - day, side="left")
    recent = np.searchsorted(times, times - hour, side="right")
    first_judged = 0 if judged_from is None else kept.searchsorted(judged_from)
    level, middle, sd = (np.full(len(x), np.nan) for _ in range(3))
    for i, (begin, end) in enumerate(zip(first, recent, strict=True)):
        if end - begin < minimum_readings or i < first_judged:
            continue
        before = x[begin:end]
        middle[i] = _median(before)
        sd[i] = SCALE * _median(np.abs(before - middle[i]))
        level[i] = x[end : i + 1].mean()
    sd = np.maximum(sd, smallest_share * np.abs(middle))
    # A value rounded to steps has the rounding's own standard deviation at least.
    resolution = _resolution(pd.Series(x)).shift().fillna(0).to_numpy()
    sd = np.maximum(sd, resolution / np.sqrt(12))
    strength = np.abs(level - middle) / (limit_sd * sd)
    return _points(
        kept,
        device_id,
        metric,
        "drift",
        level,
        middle,
        middle - limit_sd * sd,
        middle + limit_sd * sd,
        strength,
        lambda i: explain.drift(metric, level[i], middle[i], sd[i]),
    )


def novelty(
    at: Times, values: Values, *, tolerance: float, device_id: str, metric: str
) -> pd.DataFrame:
    """Flag what the trailing day has never seen.

    Three views of the series, each against its own smallest and largest of the day
    before: the value less the median of the last 60, the median of the last 12, and
    how much the last 48 move.

    Args:
        at: the times.
        values: the values.
        tolerance: how far beyond what was seen, as a share of its range.
        device_id: the device.
        metric: what was measured.

    Returns:
        Points; observed is the value, and strength that of the strangest view.
    """
    index = pd.DatetimeIndex(at)
    x = pd.Series(np.asarray(values, dtype=float), index=index)
    n = NOVELTY_READINGS
    views = {
        "value": x - x.rolling(n["value"]).median(),
        "level": x.rolling(n["level"]).median(),
        # A sum of windows of their own: a running one would depend on where it began.
        "movement": _window_mean(x.diff().abs(), n["movement"]),
    }
    strength = np.full(len(x), np.nan)
    strangest = np.full(len(x), "", dtype=object)
    for name, view in views.items():
        seen = view.rolling("24h", closed="left", min_periods=NOVELTY_HISTORY[name])
        low, high = seen.min(), seen.max()
        beyond = np.maximum(view - high, low - view) / (high - low)
        beyond = np.maximum(beyond.where(high > low), 0).to_numpy() / tolerance
        is_stranger = beyond > np.where(np.isnan(strength), -1, strength)
        strangest[is_stranger] = name
        strength = np.where(is_stranger, beyond, strength)
    value = x.to_numpy()
    usual = x.shift().rolling(n["value"]).median().to_numpy()
    return _points(
        index,
        device_id,
        metric,
        "novelty",
        value,
        usual,
        np.nan,
        np.nan,
        strength,
        lambda i: explain.novelty(metric, value[i], usual[i], strangest[i]),
    )


def sensor_dead(
    at: Times, *, limit_seconds: float, device_id: str, metric: str
) -> pd.DataFrame:
    """Flag the reading that ends a long silence.

    Args:
        at: the times of all readings of the device.
        limit_seconds: the silence that is too long.
        device_id: the device.
        metric: what was measured.

    Returns:
        Points; observed is the time since the reading before, in seconds.
    """
    silence = np.append(np.nan, np.diff(as_microseconds(at)) / 1e6)[: len(at)]
    return _points(
        at,
        device_id,
        metric,
        "sensor_dead",
        silence,
        0.0,
        0.0,
        float(limit_seconds),
        silence / limit_seconds,
        lambda i: explain.sensor_dead(silence[i], limit_seconds),
    )


def _median(values: Array) -> float:
    """As numpy's, at a third of the time for the short arrays of a day."""
    half = len(values) // 2
    if len(values) % 2:
        return np.partition(values, half)[half]
    low, high = np.partition(values, (half - 1, half))[half - 1 : half + 1]
    return (low + high) / 2


def _resolution(values: pd.Series) -> pd.Series:
    """The smallest step between readings in a row up to each; NaN before the first."""
    steps = values.diff().abs()
    return steps.where(steps > 0).cummin().ffill()


def _window_mean(values: pd.Series, n: int) -> pd.Series:
    """The mean of the last n values, summed afresh for each."""
    result = np.full(len(values), np.nan)
    if len(values) >= n:
        windows = np.lib.stride_tricks.sliding_window_view(values.to_numpy(), n)
        result[n - 1 :] = windows.mean(axis=1)
    return pd.Series(result, index=values.index)


def _points(
    at: Times,
    device_id: str,
    metric: str,
    detector: str,
    observed: Numbers,
    expected: Numbers,
    lower: Numbers,
    upper: Numbers,
    strength: Array,
    tell: object,
) -> pd.DataFrame:
    found = points(
        device_id=device_id,
        metric=metric,
        detector=detector,
        at=as_microseconds(at),
        observed=observed,
        expected=expected,
        lower=lower,
        upper=upper,
        strength=strength,
        status=np.where(np.isnan(strength), WARMING_UP, SCORED).astype(object),
    )
    flagged = np.flatnonzero(found["is_flagged"])
    found.loc[flagged, "explanation"] = [tell(i) for i in flagged]
    return found
