"""Minute steps: the atom of every brick detector."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from brickworks.detectors.points import as_microseconds, as_milliseconds

MINUTE = 60_000_000
"""A clock minute in microseconds: what a step is, not a threshold."""


def minute_steps(
    at: Sequence | pd.Series | pd.DatetimeIndex,
    dt_seconds: Sequence | pd.Series,
    pieces: Sequence | pd.Series,
    is_gap: Sequence | pd.Series,
) -> pd.DataFrame:
    """Build minute steps from the increments of one device.

    A step ends at the last level reading of each clock minute that has one and runs
    from the previous step's end (METRICS.md, section 4): on intervals of five seconds
    a machine at 900 pieces an hour would seem to stop every few readings.

    Args:
        at: n times of level readings, with a zone, strictly ascending.
        dt_seconds: n seconds since the level reading before; NaN for the first.
        pieces: n pieces since then; NaN where they cannot be known.
        is_gap: n flags, True where that time was not observed.

    Returns:
        One row per clock minute with a reading: at (its last reading), dt_seconds,
        pieces (NaN where one of its increments is) and is_gap (one of them is).

    Raises:
        ValueError: the times are not strictly ascending.
    """
    times = as_microseconds(at)
    starts = np.append(True, np.diff(times // MINUTE) != 0)[: len(times)]
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(times))[: len(first)] - 1
    unknown = np.isnan(np.asarray(dt_seconds, dtype=float))
    milliseconds = as_milliseconds(np.where(unknown, 0, dt_seconds))
    gaps = np.asarray(is_gap, dtype=bool)
    counts = np.asarray(pieces, dtype=float)
    milliseconds = np.add.reduceat(milliseconds, first)
    counts = np.add.reduceat(counts, first)
    gaps = np.logical_or.reduceat(gaps, first)
    unknown = np.logical_or.reduceat(unknown, first)
    return pd.DataFrame(
        {
            "at": pd.Series(times[last].view("datetime64[us]")).dt.tz_localize("UTC"),
            "dt_seconds": np.where(unknown, np.nan, milliseconds / 1000),
            "pieces": counts,
            "is_gap": gaps,
        }
    )
