"""Runs the rules for measured values over the readings of sensors, day by day."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from brickworks.detectors import series
from brickworks.detectors.brick_production import (
    LIMIT_COLUMNS,
    Limits,
    flags_of_the_day,
    limits_by_device,
)

ALL_METRICS = "readings"
"""The metric of a rule about the device's readings, whatever they measure."""


def detect(
    windows: Any,  # noqa: ANN401
    thresholds: Any,  # noqa: ANN401
    rules: Collection[str],
    keys: Sequence[str] = ("device_id",),
) -> Iterator[pd.DataFrame]:
    """Judge each device-day on its own trailing window.

    Args:
        windows: relation of readings with the columns device_id, judged_date,
            production_date, event_at, metric, value, low, high (its
            limits, NULL where there is none) and is_judged (false for values of a
            machine that stands); a row for each judged day that has it in its window.
        thresholds: relation of device_thresholds.
        rules: which of threshold, spike, stuck, drift and novelty to apply.
        keys: columns that tell one device from another, device_id among them.

    Yields:
        One frame per device-day: its flagged points in the columns of
        `brickworks.detectors.points`, with production_date; a rule
        without a flag of a metric that day gives one row without a time.
    """
    limits: dict[str, Limits] = {}
    for window in windows.groups([*keys, "judged_date"], order_by="event_at"):
        limits = limits or limits_by_device(thresholds.df(list(LIMIT_COLUMNS)))
        judged = _judge(window, limits[window["device_id"].iloc[0]], rules)
        yield judged.assign(**{key: window[key].iloc[0] for key in keys})


def _judge(
    window: pd.DataFrame, limits: Limits, rules: Collection[str]
) -> pd.DataFrame:
    device_id = window["device_id"].iloc[0]
    judged_date = window["judged_date"].iloc[0]
    is_own = window["production_date"] == judged_date
    own_from = window.loc[is_own, "event_at"].min()
    times = pd.DatetimeIndex(sorted(set(window["event_at"])))
    dead = series.sensor_dead(
        times,
        limit_seconds=limits["sensor_dead"],
        device_id=device_id,
        metric=ALL_METRICS,
    )
    found = [dead]
    for metric, rows in window.groupby("metric", sort=True):
        judged = rows[rows["is_judged"].astype(bool)]
        about = {"device_id": device_id, "metric": metric}
        found += [
            _apply(rule, judged["event_at"], judged, limits, about) for rule in rules
        ]
    rows = [
        flags_of_the_day(
            device_id,
            points["detector"].iloc[0] if len(points) else rule,
            points,
            own_from,
        ).assign(metric=metric)
        for (rule, metric), points in _named(found, window, rules)
    ]
    return pd.concat(rows, ignore_index=True).assign(production_date=judged_date)


def _named(
    found: list[pd.DataFrame], window: pd.DataFrame, rules: Collection[str]
) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Each frame with its rule and metric, also where it has no point."""
    names = [("sensor_dead", ALL_METRICS)]
    metrics = sorted(set(window["metric"]))
    names += [(rule, metric) for metric in metrics for rule in rules]
    return zip(names, found, strict=True)


def _apply(
    rule: str, at: pd.Series, rows: pd.DataFrame, limits: Limits, about: dict[str, str]
) -> pd.DataFrame:
    values = rows["value"].astype(float)
    is_own = rows["production_date"] == rows["judged_date"]
    low, high = (
        float(rows[side].iloc[0])
        if len(rows) and pd.notna(rows[side].iloc[0])
        else none
        for side, none in (("low", -np.inf), ("high", np.inf))
    )
    if rule == "threshold":
        return series.threshold(at, values, low=low, high=high, **about)
    if rule == "spike":
        return series.spike(
            at,
            values,
            limit=limits["spike_deviations"],
            smallest_share=limits["smallest_deviation_share"],
            **about,
        )
    if rule == "stuck":
        return series.stuck(
            at,
            values,
            limit_readings=limits["stuck_readings"],
            chance=limits["stuck_chance"],
            **about,
        )
    if rule == "drift":
        return series.drift(
            at,
            values,
            low=low,
            high=high,
            limit_sd=limits["drift_standard_deviations"],
            smallest_share=limits["smallest_deviation_share"],
            minimum_readings=limits["drift_baseline_readings"],
            judged_from=rows.loc[is_own, "event_at"].min(),
            **about,
        )
    return series.novelty(at, values, tolerance=limits["novelty_tolerance"], **about)
