"""Judges series device by device: each is read once, whatever days are judged."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brickworks.detectors.points import Scores, as_microseconds, rows_of_days

Limits = Mapping[str, float]
Judge = Callable[[pd.DataFrame, Limits], Iterable[Scores]]


def judge_devices(
    due: pd.DataFrame,
    rows: Any,  # noqa: ANN401
    thresholds: pd.DataFrame,
    judge: Judge,
    *,
    at: str,
    keys: Sequence[str] = ("device_id",),
) -> Iterator[pd.DataFrame]:
    """Judge the days that are due of each device, in one pass over its series.

    Args:
        due: the device-days that are judged: keys and production_date.
        rows: relation of what these days may read, each row once, production_date
            among its columns.
        thresholds: device_thresholds: device_id, metric, low, high.
        judge: gives the scores of all rules on one device's series, ordered by time,
            from its rows and its limits (metric → limit). It is causal, and looks back
            no further than the rows of a day reach.
        at: the column with the time.
        keys: columns that tell one device from another.

    Yields:
        One frame per device, as `brickworks.detectors.points.rows_of_days` has it, with
        the keys.
    """
    limits = _limits_by_device(thresholds)
    days = {
        key: of_device["production_date"].to_numpy()
        for key, of_device in due.groupby(list(keys))
    }

    def judged(key: tuple, series: pd.DataFrame) -> pd.DataFrame:
        of_device = dict(zip(keys, key, strict=True))
        found = judge(series, limits.get(of_device["device_id"], {}))
        kept = rows_of_days(found, _dates(series, at), days.pop(key))
        return kept.assign(**of_device)

    for series in rows.groups(list(keys), order_by=at):
        yield judged(tuple(series[key].iloc[0] for key in keys), series)
    nothing = rows.df(where="false")
    for key in list(days):
        yield judged(key, nothing)


def _limits_by_device(thresholds: pd.DataFrame) -> dict[str, Limits]:
    """One limit per device and metric: the high one where there are two."""
    limit = thresholds["high"].fillna(thresholds["low"]).astype(float)
    return {
        device_id: dict(zip(rows["metric"], limit[rows.index], strict=True))
        for device_id, rows in thresholds.groupby("device_id")
    }


def _dates(
    series: pd.DataFrame, at: str
) -> Callable[[NDArray[np.int64]], NDArray[np.object_]]:
    """Give the production dates of times that the series has."""
    times, dates = as_microseconds(series[at]), series["production_date"].to_numpy()
    return lambda moments: dates[np.searchsorted(times, moments)]
