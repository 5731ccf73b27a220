"""`statistical`: a step rate unlike the trailing day's (METRICS.md section 12)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from brickworks.detectors import explain
from brickworks.detectors.points import (
    NOT_RUNNING,
    SCORED,
    WARMING_UP,
    as_microseconds,
    points,
)

RESOLUTION = 1000
"""Rates are kept as whole thousandths of a piece per hour, for exact sums."""


def statistical(
    at: Sequence | pd.Series | pd.DatetimeIndex,
    dt_seconds: Sequence | pd.Series,
    pieces: Sequence | pd.Series,
    is_gap: Sequence | pd.Series,
    *,
    device_id: str,
    limit_z: float,
    window_seconds: float,
    minimum_steps: int,
    smallest_sd: float,
) -> pd.DataFrame:
    """Score one device's step rates against its own running steps before.

    Shewhart's individuals chart with a trailing baseline that excludes the point: with
    the point inside a sample of n, |z| never exceeds (n - 1)/√n, so that three sigma
    cannot fire on ten values.

    Args:
        at: n ends of steps, with a zone, strictly ascending.
        dt_seconds: n lengths of the steps.
        pieces: n pieces made in the step; NaN where unknown.
        is_gap: n flags, True where the step was not observed.
        device_id: the device.
        limit_z: standard deviations at which a point is flagged.
        window_seconds: how far back the baseline reaches, at most two days.
        minimum_steps: running steps a baseline needs, at least 2.
        smallest_sd: pieces per hour taken as the standard deviation of a baseline that
            hardly varies; above 0.

    Returns:
        One point per observed step, see `brickworks.detectors.points`, in pieces per
        hour. `not_running` without a piece, `warming_up` without a baseline.

    Raises:
        ValueError: times are not ascending, or a threshold makes no sense.
    """
    if limit_z <= 0 or smallest_sd <= 0 or minimum_steps < 2 or window_seconds <= 0:
        raise ValueError("Thresholds must be positive, minimum_steps at least 2.")
    times = as_microseconds(at)
    counts = np.asarray(pieces, dtype=float)
    lengths = np.asarray(dt_seconds, dtype=float)
    is_known = ~np.asarray(is_gap, dtype=bool) & (counts >= 0) & (lengths > 0)
    times, counts, lengths = times[is_known], counts[is_known], lengths[is_known]

    rates = np.rint(counts * 3600 / lengths * RESOLUTION).astype("int64")
    is_running = rates > 0
    past, past_rates = times[is_running], rates[is_running]
    first = np.searchsorted(past, times - round(window_seconds * 1e6), side="left")
    end = np.searchsorted(past, times, side="left")
    # Differences of running totals are the window's own sums, exactly: integers, and
    # where a long history overflows them, it does so modulo 2^64 and cancels out.
    n = end - first
    sums = np.concatenate([[0], np.cumsum(past_rates)])
    squares = np.concatenate([[0], np.cumsum(past_rates**2)])
    total, total_squares = sums[end] - sums[first], squares[end] - squares[first]
    # n Σx² - (Σx)² outgrows 64 bits: Python's integers do not.
    big = n.astype(object), total.astype(object), total_squares.astype(object)
    spread = (big[0] * big[2] - big[1] * big[1]).astype(float)

    is_ready = n >= minimum_steps
    size = np.where(is_ready, n, minimum_steps)
    unready = np.where(is_ready, 0.0, np.nan)
    mean = total / size / RESOLUTION + unready
    sd = np.sqrt(spread / (size * (size - 1.0))) / RESOLUTION
    sd = np.maximum(sd, smallest_sd) + unready
    rate = rates / RESOLUTION
    z = np.where(is_running, (rate - mean) / sd, np.nan)
    found = points(
        device_id=device_id,
        metric="step_rate",
        detector="statistical",
        at=times,
        observed=rate,
        expected=mean,
        lower=np.maximum(mean - limit_z * sd, 0),
        upper=mean + limit_z * sd,
        strength=np.abs(z) / limit_z,
        status=np.where(
            is_running, np.where(is_ready, SCORED, WARMING_UP), NOT_RUNNING
        ).astype(object),
    )
    flagged = np.flatnonzero(found["is_flagged"])
    found.loc[flagged, "explanation"] = [
        explain.statistical(rate[i], mean[i], sd[i], z[i], int(n[i])) for i in flagged
    ]
    return found
