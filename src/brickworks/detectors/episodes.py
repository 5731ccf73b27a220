"""Flagged points merged into episodes: what an operator is told once."""

import hashlib
from collections.abc import Collection
from datetime import datetime

import pandas as pd


def episode_id(device_id: str, detector: str, onset: pd.Timestamp) -> str:
    """Return the md5 of device, type and onset (UTC): re-runs agree on it."""
    text = f"{device_id}|{detector}|{onset.tz_convert('UTC').isoformat()}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def severity(
    peak_strength: float,
    seconds: float,
    *,
    warning_strength: float,
    warning_seconds: float,
    critical_strength: float,
    critical_seconds: float,
    at_least_warning: bool = False,
) -> str:
    """Judge an episode by its peak or its length, whichever is worse."""
    if peak_strength >= critical_strength or seconds >= critical_seconds:
        return "critical"
    is_warning = peak_strength >= warning_strength or seconds >= warning_seconds
    return "warning" if is_warning or at_least_warning else "info"


def episodes(
    points: pd.DataFrame,
    *,
    merge_seconds: float,
    as_of: datetime,
    absolute_rules: Collection[str] = (),
    **severity_limits: float,
) -> pd.DataFrame:
    """Merge the flagged points of one device and type.

    Args:
        points: points of any devices and detectors, in any order.
        merge_seconds: flagged points at most this far apart are one episode.
        as_of: the newest event known, with a zone; an episode whose last flagged point
            is no older than merge_seconds then is still open.
        absolute_rules: detectors whose episodes are at least warnings.
        severity_limits: the limits of `severity`.

    Returns:
        One row per episode: episode_id, device_id, type, started_at (first flagged
        point), ended_at (last one, NaT = open), points, peak_strength, severity.
    """
    merge = pd.Timedelta(seconds=merge_seconds)
    flagged = points[points["is_flagged"]].sort_values(["device_id", "detector", "at"])
    series = flagged.groupby(["device_id", "detector"], sort=False)
    is_onset = ~(series["at"].diff() <= merge)
    rows = []
    for _, group in flagged.groupby(is_onset.cumsum(), sort=False):
        device_id, detector = group["device_id"].iloc[0], group["detector"].iloc[0]
        started_at, last_at = group["at"].iloc[0], group["at"].iloc[-1]
        peak = float(group["strength"].max())
        rows.append(
            {
                "episode_id": episode_id(device_id, detector, started_at),
                "device_id": device_id,
                "type": detector,
                "started_at": started_at,
                "ended_at": pd.NaT if as_of - last_at <= merge else last_at,
                "points": len(group),
                "peak_strength": peak,
                "severity": severity(
                    peak,
                    (last_at - started_at).total_seconds(),
                    at_least_warning=detector in absolute_rules,
                    **severity_limits,
                ),
            }
        )
    columns = "episode_id device_id type started_at ended_at points peak_strength"
    found = pd.DataFrame(rows, columns=[*columns.split(), "severity"])
    for column in ("started_at", "ended_at"):
        found[column] = pd.to_datetime(found[column], utc=True).dt.as_unit("us")
    return found.astype({"points": "int64", "peak_strength": "float64"})
