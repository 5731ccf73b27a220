"""The one shape that every rule returns, and the rows that are kept of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SCORED, WARMING_UP, NOT_RUNNING = "scored", "warming_up", "not_running"

Numbers = NDArray[np.float64] | float
Times = Sequence | pd.Series | pd.DatetimeIndex


@dataclass(frozen=True)
class Scores:
    """What one rule found on the n values of one series, value by value.

    Attributes:
        detector: The rule's name.
        metric: What was judged, e.g. `step_rate`.
        at: n times in microseconds since 1970, UTC, strictly ascending.
        observed: n values judged, in the metric's unit; or one for all.
        expected: What was to be expected, same unit.
        lower: The lowest value not flagged, same unit; NaN where there is none.
        upper: The highest value not flagged, same unit; NaN where there is none.
        strength: n times statistic ÷ its limit: at 1 and above a value is flagged; NaN
            without enough history. Where it is not judged it says nothing.
        tell: Explains the flagged value of an index, with numbers and units.
        is_judged: n flags, false where the machine does not run; None judges all.
    """

    detector: str
    metric: str
    at: NDArray[np.int64]
    observed: Numbers
    expected: Numbers
    lower: Numbers
    upper: Numbers
    strength: NDArray[np.float64]
    tell: Callable[[int], str]
    is_judged: NDArray[np.bool_] | None = None

    @property
    def is_flagged(self) -> NDArray[np.bool_]:
        """Where a value that is judged has a statistic that reaches its limit."""
        reaches = self.strength >= 1
        return reaches if self.is_judged is None else reaches & self.is_judged

    def status(self) -> NDArray[np.object_]:
        """Return `scored`, `warming_up` or `not_running` for each value."""
        known = np.where(np.isnan(self.strength), WARMING_UP, SCORED).astype(object)
        if self.is_judged is not None:
            known[~self.is_judged] = NOT_RUNNING
        return known


COLUMNS = (
    *("metric", "detector", "explanation", "observed", "expected", "lower", "upper"),
    *("strength", "anomaly_score", "status", "is_flagged", "production_date", "at"),
)
"""Columns of the rows that are kept."""


def as_microseconds(at: Times) -> NDArray[np.int64]:
    """Return n times with a zone as integer microseconds since 1970, UTC."""
    return pd.DatetimeIndex(at).tz_convert("UTC").as_unit("us").asi8


def rows_of_days(
    found: Iterable[Scores],
    dates: Callable[[NDArray[np.int64]], NDArray[np.object_]],
    judged: Sequence,
) -> pd.DataFrame:
    """Keep what the days that are judged need.

    Args:
        found: What the rules found on one device's series.
        dates: Gives the production dates of times.
        judged: The production dates that are judged.

    Returns:
        One row per flagged value of these days; and of each rule, metric and day
        without one a row without a time, whose status says how far the rule came:
        `scored` if any value was, else `warming_up`, else `not_running`. anomaly_score
        is 1 - 1/(1 + strength), in 0..1.
    """
    days = pd.Index(sorted(judged), dtype=object)
    parts = [
        _rows(scores, days.get_indexer(dates(scores.at)), days) for scores in found
    ]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.DataFrame(
        {
            name: np.concatenate([part[name] for part in parts])
            for name in COLUMNS
            if name != "at"
        }
    ).assign(at=_moments(np.concatenate([part["at"] for part in parts])))


def _rows(scores: Scores, day: NDArray[np.intp], days: pd.Index) -> dict:
    """Flagged rows of the days, and one for each day without; day is -1 elsewhere."""
    flagged = np.flatnonzero(scores.is_flagged & (day >= 0))
    quiet = np.setdiff1d(np.arange(len(days)), day[flagged])
    n, m = len(flagged), len(quiet)
    strength = np.append(scores.strength[flagged], np.full(m, np.nan))
    return {
        "metric": np.full(n + m, scores.metric, dtype=object),
        "detector": np.full(n + m, scores.detector, dtype=object),
        "explanation": np.array(
            [*map(scores.tell, flagged.tolist()), *[None] * m], dtype=object
        ),
        **{
            name: np.append(
                np.broadcast_to(getattr(scores, name), len(day))[flagged],
                np.full(m, np.nan),
            )
            for name in ("observed", "expected", "lower", "upper")
        },
        "strength": strength,
        "anomaly_score": 1 - 1 / (1 + strength),
        "status": np.append(
            np.full(n, SCORED, dtype=object), _statuses(scores, day, len(days))[quiet]
        ),
        "is_flagged": np.arange(n + m) < n,
        "production_date": days.to_numpy()[np.append(day[flagged], quiet)],
        "at": np.append(scores.at[flagged], np.full(m, NO_TIME)),
    }


NO_TIME = np.iinfo(np.int64).min
"""What pandas keeps for a time that there is none."""


def _statuses(scores: Scores, day: NDArray[np.intp], n: int) -> NDArray[np.object_]:
    """How far the rule came on each day."""
    found = np.full(n, NOT_RUNNING, dtype=object)
    status = scores.status()
    for reached in (WARMING_UP, SCORED):
        found[np.unique(day[(status == reached) & (day >= 0)])] = reached
    return found


def _moments(at: NDArray[np.int64]) -> pd.Series:
    return pd.Series(at.view("datetime64[us]")).dt.tz_localize("UTC")
