"""`stoppage`: no progress for too long (absolute rule, METRICS.md section 12)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from brickworks.detectors import explain
from brickworks.detectors.points import (
    SCORED,
    as_microseconds,
    as_milliseconds,
    points,
)


def stoppage(
    at: Sequence | pd.Series | pd.DatetimeIndex,
    dt_seconds: Sequence | pd.Series,
    pieces: Sequence | pd.Series,
    is_gap: Sequence | pd.Series,
    *,
    device_id: str,
    limit_seconds: float,
    look_back_seconds: float,
) -> pd.DataFrame:
    """Score how long one device has been without progress.

    The stopped time is the sum of consecutive steps without a piece. A gap, or a step
    whose pieces are unknown, breaks the run: silence is never a stop.

    Args:
        at: n ends of steps, with a zone, strictly ascending.
        dt_seconds: n lengths of the steps.
        pieces: n pieces made in the step; NaN where unknown.
        is_gap: n flags, True where the step was not observed.
        device_id: the device.
        limit_seconds: stopped time at which a point is flagged.
        look_back_seconds: stopped time beyond which it is no longer counted up; makes
            a point depend on that much history only.

    Returns:
        One point per observed step, see `brickworks.detectors.points`: observed is the
        stopped time up to that point in seconds, strength = observed ÷ limit_seconds.

    Raises:
        ValueError: times are not ascending, or the look-back is below the limit.
    """
    if not 0 < limit_seconds <= look_back_seconds:
        raise ValueError("Needs 0 < limit_seconds <= look_back_seconds.")
    times = as_microseconds(at)
    counts = np.asarray(pieces, dtype=float)
    lengths = np.asarray(dt_seconds, dtype=float)
    is_known = ~np.asarray(is_gap, dtype=bool) & ~np.isnan(counts) & ~np.isnan(lengths)
    is_stopped = is_known & (counts == 0)
    # Whole milliseconds: the difference of two running totals is exact.
    total = np.cumsum(as_milliseconds(np.where(is_stopped, lengths, 0)))
    before = np.maximum.accumulate(np.where(is_stopped, 0, total))
    stopped = np.minimum((total - before) / 1000, look_back_seconds)[is_known]
    found = points(
        device_id=device_id,
        metric="stopped_seconds",
        detector="stoppage",
        at=times[is_known],
        observed=stopped,
        expected=0.0,
        lower=0.0,
        upper=float(limit_seconds),
        strength=stopped / limit_seconds,
        status=SCORED,
    )
    flagged = found["is_flagged"]
    found.loc[flagged, "explanation"] = [
        explain.stoppage(seconds, limit_seconds)
        for seconds in found.loc[flagged, "observed"]
    ]
    return found
