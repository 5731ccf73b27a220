"""One measured value over time, with what several rules need of it, worked out once.

A day is judged against the production days before it, and these begin where the
calendar says, not where reading began: so a day that is judged alone, or with others,
gets the same numbers to the last bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brickworks.detectors.windows import SECOND, positions, window_count

Array = NDArray[np.float64]

GAP_FLOOR_SECONDS = 300
GAP_CAP_SECONDS = 4500
"""What is never a gap, and what always is one: 128 readings that follow each other are
within a week."""
HOURS = 24
USUAL_DAYS = 3


@dataclass(frozen=True)
class Series:
    """The readings of one metric that are judged: those of a machine that runs.

    Attributes:
        metric: its name.
        unit: its unit, for the words; empty where unknown.
        at: n times in microseconds since 1970, UTC, strictly ascending.
        values: n values, in the unit.
        day: n production days, counted since 1970, ascending.
        hour_of_week: n hours of the plant's week, Monday 0 h is 0.
        is_due: n flags, true for readings of the days that are judged; the others are
            history.
    """

    metric: str
    unit: str
    at: NDArray[np.int64]
    values: Array
    day: NDArray[np.int64]
    hour_of_week: NDArray[np.int64]
    is_due: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at)

    def only(self, kept: NDArray[np.bool_]) -> "Series":
        """Return the readings that are kept."""
        if kept.all():
            return self
        return Series(
            self.metric,
            self.unit,
            *(
                values[kept]
                for values in (
                    self.at,
                    self.values,
                    self.day,
                    self.hour_of_week,
                    self.is_due,
                )
            ),
        )

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """How many readings without a gap come before each."""
        return positions(self.at, floor=GAP_FLOOR_SECONDS, cap=GAP_CAP_SECONDS)

    @cached_property
    def change(self) -> Array:
        """The distance to the reading before; NaN across a gap."""
        change = np.abs(np.diff(self.values, prepend=np.nan))[: len(self)]
        return np.where(self.position > 0, change, np.nan)

    @cached_property
    def due_days(self) -> NDArray[np.int64]:
        """The days that are judged."""
        return np.unique(self.day[self.is_due])

    def rows(self, first: int, last: int) -> slice:
        """Return where the readings of the days from `first` to `last` are."""
        begin, end = np.searchsorted(self.day, [first, last + 1])
        return slice(int(begin), int(end))

    def judgments(self, days: int) -> Iterator[tuple[slice, slice]]:
        """Give, day by day, the readings judged and those of the `days` before."""
        for day in self.due_days:
            own, before = self.rows(day, day), self.rows(day - days, day - 1)
            yield own, before

    def of_days_before(
        self, days: int, measure: Callable[[slice], float | Array], width: int = 1
    ) -> Array:
        """Measure the days before each judged day, and give it to all of its readings.

        Returns:
            n times `width` numbers; NaN for readings that are history.
        """
        result = np.full((width, len(self)), np.nan)
        for own, before in self.judgments(days):
            result[:, own] = np.reshape(measure(before), (width, 1))
        return result

    @cached_property
    def hours(self) -> "Hours":
        """Its hours."""
        return Hours.of(self)


@dataclass(frozen=True)
class Hours:
    """Medians and means of hours: k hours with a reading, in the order of time.

    Attributes:
        day: k production days.
        hour_of_day: k hours of the plant's day.
        median: k medians of the readings.
        mean: k means of them.
    """

    day: NDArray[np.int64]
    hour_of_day: NDArray[np.int64]
    median: Array
    mean: Array

    @classmethod
    def of(cls, series: Series) -> "Hours":
        """Work out the hours of a series."""
        hour = series.hour_of_week
        begins = np.append(True, (np.diff(series.day) != 0) | (np.diff(hour) != 0))[
            : len(series)
        ]
        start = np.flatnonzero(begins)
        number = np.cumsum(begins) - 1
        order = np.lexsort((series.values, number))
        sorted_values = series.values[order]
        count = np.diff(np.append(start, len(series)))
        low = sorted_values[start + (count - 1) // 2] if len(start) else series.values
        high = sorted_values[start + count // 2] if len(start) else series.values
        median = (low + high) / 2
        mean = np.add.reduceat(series.values, start) / count if len(start) else median
        return cls(series.day[start], hour[start] % HOURS, median, mean)

    def usual(self, first: int, last: int) -> Array:
        """Return the usual value of each of the 24 hours of the day.

        The median of the medians of this hour on the days from `first` to `last`; where
        fewer than three of them have it, one bad day would be half of what is usual,
        and the median of all hours of the last of them stands in.
        """
        begin, end = np.searchsorted(self.day, [first, last + 1])
        days, hours = self.day[begin:end], self.hour_of_day[begin:end]
        medians = np.full((last - first + 1, HOURS), np.nan)
        medians[days - first, hours] = self.median[begin:end]
        if not len(days):
            return np.full(HOURS, np.nan)
        known = (~np.isnan(medians)).sum(axis=0)
        ordered = np.sort(medians, axis=0)  # NaN go to the end
        column = np.arange(HOURS)
        low = ordered[np.maximum(known - 1, 0) // 2, column]
        usual = (low + ordered[np.minimum(known // 2, len(medians) - 1), column]) / 2
        fallback = np.median(self.median[begin:end][days == days[-1]])
        return np.where(known >= USUAL_DAYS, usual, fallback)


def settled(
    at: NDArray[np.int64], is_running: NDArray[np.bool_], grace_seconds: float
) -> NDArray[np.bool_]:
    """Tell which readings are of a machine that has run for a while."""
    if is_running.all():
        return is_running
    return is_running & (window_count(at, ~is_running, grace_seconds) == 0)


def seconds(at: NDArray[np.int64]) -> Array:
    """Return the seconds since the time before; NaN for the first."""
    result = np.diff(at, prepend=at[:1]) / SECOND
    result[:1] = np.nan
    return result
