"""The one shape that every detector returns."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SCORED, WARMING_UP, NOT_RUNNING = "scored", "warming_up", "not_running"

Numbers = NDArray[np.float64] | float


def as_microseconds(at: Sequence | pd.Series | pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return times as integer microseconds since 1970, UTC.

    Args:
        at: n times with a zone, strictly ascending.

    Raises:
        ValueError: the times are not strictly ascending.
    """
    times = pd.DatetimeIndex(at).tz_convert("UTC").as_unit("us").asi8
    if (np.diff(times) <= 0).any():
        raise ValueError("The times of one device must be strictly ascending.")
    return times


def as_milliseconds(seconds: Sequence | pd.Series) -> NDArray[np.int64]:
    """Return n durations in seconds, exact to the millisecond, as integers."""
    return np.rint(np.asarray(seconds, dtype=float) * 1000).astype("int64")


def points(
    *,
    device_id: str,
    metric: str,
    detector: str,
    at: NDArray[np.int64],
    observed: Numbers,
    expected: Numbers,
    lower: Numbers,
    upper: Numbers,
    strength: NDArray[np.float64],
    status: NDArray[np.object_] | str,
) -> pd.DataFrame:
    """Assemble points; flags and scores follow from the strength.

    Args:
        device_id: the device, equal for all points.
        metric: what was judged, e.g. `step_rate`.
        detector: the rule's name.
        at: n times in microseconds since 1970.
        observed: the value judged, in the metric's unit.
        expected: what was to be expected, same unit.
        lower: the lowest value not flagged, same unit.
        upper: the highest value not flagged, same unit.
        strength: statistic ÷ its limit; at 1 and above a point is flagged; NaN where
            the status is not `scored`.
        status: `scored`, `warming_up` or `not_running`.

    Returns:
        n rows; anomaly_score is 1 - 1/(1 + strength), in 0..1; explanation is NA,
        for the detector to fill in where is_flagged.
    """
    index = pd.RangeIndex(len(at))
    values = {
        "device_id": device_id,
        "metric": metric,
        "detector": detector,
        "at": pd.Series(at.view("datetime64[us]")).dt.tz_localize("UTC"),
        "observed": observed,
        "expected": expected,
        "lower": lower,
        "upper": upper,
        "strength": strength,
        "anomaly_score": 1 - 1 / (1 + strength),
        "status": pd.Series(status, index=index, dtype="str"),
        "is_flagged": strength >= 1,
        "explanation": pd.Series(None, index=index, dtype="str"),
    }
    return pd.DataFrame(values, index=index)
