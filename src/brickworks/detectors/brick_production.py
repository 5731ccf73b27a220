"""Runs the brick detectors over minute steps, device-day by device-day."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from brickworks.detectors.points import NOT_RUNNING, SCORED, WARMING_UP
from brickworks.detectors.statistical import statistical
from brickworks.detectors.stoppage import stoppage

Limits = Mapping[str, float]
LIMIT_COLUMNS = ("device_id", "metric", "low", "high")
HOUR = 3600
DAY = 86_400
"""Seconds: what an hour and a day are, not thresholds."""


def detect(days: Any, thresholds: Any, window_days: int) -> Iterator[pd.DataFrame]:  # noqa: ANN401
    """Judge each device-day on its own trailing window.

    A day is judged from the steps of that day and of the `window_days` before it and
    from nothing else, so that it does not matter when it is judged, nor with which
    other days.

    Args:
        days: relation of minute steps with the columns device_id, judged_date,
            production_date, at (when the step ends), seconds, pieces and is_gap; a row
            for each day that has it in its window, and one without a time for a day
            whose window has none.
        thresholds: relation of device_thresholds.
        window_days: days of history a judged day comes with.

    Yields:
        One frame per device-day: its flagged points in the columns of
        `brickworks.detectors.points`, with production_date; a detector
        without a flag that day gives one row without a time.
    """
    limits: dict[str, Limits] = {}
    for window in days.groups(["device_id", "judged_date"], order_by="at"):
        limits = limits or limits_by_device(thresholds.df(list(LIMIT_COLUMNS)))
        yield _judge(window, limits[window["device_id"].iloc[0]], window_days)


def limits_by_device(thresholds: pd.DataFrame) -> dict[str, Limits]:
    """One limit per device and metric: the high one where there are two."""
    limit = thresholds["high"].fillna(thresholds["low"]).astype(float)
    return {
        device_id: dict(zip(rows["metric"], limit[rows.index], strict=True))
        for device_id, rows in thresholds.groupby("device_id")
    }


def _judge(window: pd.DataFrame, limits: Limits, window_days: int) -> pd.DataFrame:
    device_id = window["device_id"].iloc[0]
    judged_date = window["judged_date"].iloc[0]
    steps = window[window["at"].notna()]
    columns = [steps[name] for name in ("at", "seconds", "pieces", "is_gap")]
    found = {
        "stoppage": stoppage(
            *columns,
            device_id=device_id,
            limit_seconds=limits["stoppage"],
            look_back_seconds=window_days * DAY,
        ),
        "statistical": statistical(
            *columns,
            device_id=device_id,
            limit_z=limits["statistical_z_score"],
            window_seconds=limits["statistical_baseline_hours"] * HOUR,
            minimum_steps=int(limits["statistical_baseline_steps"]),
            smallest_sd=limits["statistical_smallest_sd"],
        ),
    }
    own_from = steps["at"][steps["production_date"] == judged_date].min()
    rows = [
        flags_of_the_day(device_id, detector, points, own_from)
        for detector, points in found.items()
    ]
    return pd.concat(rows, ignore_index=True).assign(production_date=judged_date)


def flags_of_the_day(
    device_id: str, detector: str, points: pd.DataFrame, own_from: pd.Timestamp
) -> pd.DataFrame:
    """The day's flagged points, or one row that says how far the detector came.

    Args:
        device_id: the device.
        detector: the detector.
        points: its points over the window, whose last day is the one judged.
        own_from: time of the judged day's first value, NaT where it has none.
    """
    own = points[points["at"] >= own_from]
    flagged = own[own["is_flagged"]]
    if len(flagged):
        return flagged
    reached = set(own["status"])
    status = next((s for s in (SCORED, WARMING_UP) if s in reached), NOT_RUNNING)
    row = {"device_id": device_id, "detector": detector, "status": status}
    return pd.DataFrame([row | {"is_flagged": False}]).reindex(columns=points.columns)
