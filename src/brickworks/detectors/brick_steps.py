"""One device's minute steps as the brick rules see them: what ran, and what is usual.

Everything is causal and reaches back a finite time. What a step says is the same, bit
for bit, wherever its series begins to be read: order statistics, sums of whole numbers,
and weighted sums in one order; see `brickworks.detectors.windows`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brickworks.detectors.points import as_microseconds
from brickworks.detectors.windows import SECOND, Array, rolling

Limits = Mapping[str, float]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOUR = 3600
"""Seconds."""
QUARTILES_OF_A_SIGMA = 1.349
"""How many standard deviations the middle half of a normal distribution spans."""


class Usual(NamedTuple):
    """What n steps are held against; NaN without enough history.

    Attributes:
        rate: Median rate before each step, pieces per hour.
        sd: How far rates usually are from it, pieces per hour.
    """

    rate: Array
    sd: Array


@dataclass(frozen=True)
class Steps:
    """n minute steps of one device, ordered by time, none at the same time.

    Attributes:
        at: Their ends in microseconds since 1970, UTC.
        seconds: Their lengths.
        pieces: Whole pieces made; NaN in a gap, and where the counter hides them.
        errors: Scrap; NaN where unknown, or where the device's errors are no scrap.
        is_gap: Whether nothing was observed.
        planned_seconds: How much of each lies in planned stops.
        ideal: Registered ideal rate, pieces per hour; NaN without one.
        brick_type: A number for each type, by which equals are told.
        usual_pieces: Pieces of seven days, up to an hour before.
        usual_errors: Errors of the same hours.
        limits: Metric → threshold, as the `thresholds` seed names them.
    """

    at: Whole
    seconds: Array
    pieces: Array
    errors: Array
    is_gap: Flags
    planned_seconds: Array
    ideal: Array
    brick_type: NDArray[np.intp]
    usual_pieces: Array
    usual_errors: Array
    limits: Limits

    @classmethod
    def of(cls, rows: pd.DataFrame, limits: Limits) -> "Steps":
        """Take the steps of a frame, one row each.

        Args:
            rows: at (with a zone), seconds, pieces, errors, is_gap, planned_seconds,
                ideal_rate_per_hour, brick_type, usual_pieces, usual_errors.
            limits: Metric → threshold.

        Raises:
            ValueError: times are not strictly ascending.
        """
        at = as_microseconds(rows["at"])
        if (np.diff(at) <= 0).any():
            raise ValueError("Times of steps must be ascending.")

        def numbers(name: str) -> Array:
            return rows[name].to_numpy(dtype=float, na_value=np.nan)

        return cls(
            at=at,
            seconds=numbers("seconds"),
            pieces=numbers("pieces"),
            errors=numbers("errors"),
            is_gap=rows["is_gap"].to_numpy(dtype=bool),
            planned_seconds=numbers("planned_seconds"),
            ideal=numbers("ideal_rate_per_hour"),
            brick_type=pd.factorize(rows["brick_type"])[0],
            usual_pieces=numbers("usual_pieces"),
            usual_errors=numbers("usual_errors"),
            limits=limits,
        )

    def nothing(self) -> Array:
        """Return n times NaN."""
        return np.full(len(self.at), np.nan)

    @cached_property
    def is_running(self) -> Flags:
        """Where pieces were made in observed time outside of planned stops."""
        is_free = (self.planned_seconds == 0) & ~self.is_gap & (self.seconds > 0)
        return is_free & (self.pieces > 0)

    @cached_property
    def is_idle(self) -> Flags:
        """Where no piece was made in observed time, be it planned or not."""
        return ~self.is_gap & (self.pieces == 0)

    @cached_property
    def rate(self) -> Array:
        """Pieces per hour while running, else NaN."""
        rate = self.nothing()
        run = self.is_running
        rate[run] = self.pieces[run] * HOUR / self.seconds[run]
        return rate

    @cached_property
    def stopped(self) -> Array:
        """Seconds without a piece up to the end of each step; 0 where one was made.

        A gap and a planned stop begin it anew: silence is never a stop, and planned
        seconds do not count. A step whose pieces the counter hides neither counts nor
        ends a stop. Of a long stop the last `stoppage_counted` seconds count.
        """
        is_ended = self.is_gap | (self.pieces > 0) | (self.planned_seconds > 0)
        counted = np.where(self.is_idle, self.seconds - self.planned_seconds, 0.0)
        total = np.concatenate([[0], np.cumsum(_milliseconds(counted))])
        index = np.arange(len(self.at))
        since = np.maximum.accumulate(np.where(is_ended, index, 0))
        since = np.maximum(since, self.first_within(self.limits["stoppage_counted"]))
        return (total[1:] - total[since]) / 1000

    @cached_property
    def starts_at(self) -> Whole:
        """Starts of the steps in microseconds since 1970, UTC."""
        return self.at - np.rint(self.seconds * SECOND).astype(np.int64)

    @cached_property
    def is_new_type(self) -> Flags:
        """Where another brick type is made than in the step before."""
        return np.diff(self.brick_type, prepend=self.brick_type[:1]) != 0

    @cached_property
    def is_usual(self) -> Flags:
        """Where it runs, and its brick type has long enough been the line's.

        A line is assigned to another type hours before the first piece of it comes to
        the last of its machines.
        """
        changed_at = np.where(self.is_new_type, self.starts_at, np.iinfo(np.int64).min)
        arrived_at = np.maximum.accumulate(changed_at) + round(
            self.limits["brick_type_arrives"] * SECOND
        )
        return self.is_running & (self.at > arrived_at)

    @cached_property
    def running_for(self) -> Array:
        """Seconds since the machine last stood, was unobserved or changed its type."""
        if not len(self.at):
            return self.nothing()
        is_break = self.is_gap | self.is_idle | (self.planned_seconds > 0)
        since = np.where(self.is_new_type, self.starts_at, self.starts_at[0])
        since = np.maximum.accumulate(np.where(is_break, self.at, since))
        return (self.at - since) / SECOND

    def is_settled(self, seconds: float = 0) -> Flags:
        """Where it runs, and has for the last `seconds` and the grace before them."""
        least = self.limits["running_grace"] + seconds
        return self.is_running & (self.running_for >= least)

    def first_within(self, seconds: float) -> NDArray[np.intp]:
        """Index of the first step that ends in the last `seconds` of each."""
        return np.searchsorted(self.at, self.at - round(seconds * SECOND), side="right")

    def by_type(self, is_wanted: Flags) -> Iterator[NDArray[np.intp]]:
        """Yield the indices of the wanted steps of each brick type."""
        for number in np.unique(self.brick_type[is_wanted]):
            yield np.flatnonzero(is_wanted & (self.brick_type == number))

    @cached_property
    def usual(self) -> Usual:
        """Median and spread of the running steps of the same type, itself left out.

        The spread is that of the middle half, as a standard deviation: a median of
        deviations would have to be sorted anew for each step, or reach back as far
        again. It is at least a share of the median: rates that hardly vary are no
        reason to cry.
        """
        rate, sd = self.nothing(), self.nothing()
        for of_type in self.by_type(self.is_usual):
            before = rolling(
                self.at[of_type],
                self.rate[of_type],
                self.limits["usual_rate_hours"] * HOUR,
                int(self.limits["usual_rate_steps"]),
                closed="left",
            )
            rate[of_type] = before.median().to_numpy()
            middle = (before.quantile(0.75) - before.quantile(0.25)).to_numpy()
            sd[of_type] = middle / QUARTILES_OF_A_SIGMA
        return Usual(rate, np.maximum(sd, self.limits["usual_rate_smallest_sd"] * rate))

    def held(self, values: Array, seconds: float) -> tuple[Array, Array]:
        """Smallest and largest of the running steps that end in the last `seconds`."""
        smallest, largest = self.nothing(), self.nothing()
        for of_type in self.by_type(self.is_running):
            window = rolling(self.at[of_type], values[of_type], seconds)
            smallest[of_type] = window.min().to_numpy()
            largest[of_type] = window.max().to_numpy()
        return smallest, largest


def faded(
    at: Whole, values: Array, half_life: float, reach: float
) -> NDArray[np.float64]:
    """Sum values of the last `reach` seconds, each halved every `half_life` seconds.

    A filter with an end, added up from the newest value to the oldest. Ages count in
    whole seconds.

    Args:
        at: n times in microseconds, ascending.
        values: n values, or several rows of n.
        half_life: seconds in which a weight halves.
        reach: age in seconds from which a value is forgotten.
    """
    weights = np.append(0.5 ** (np.arange(int(reach)) / half_life), 0.0)
    total = np.array(values, dtype=float)
    for lag in range(1, len(at)):
        age = (at[lag:] - at[:-lag]) // SECOND
        weight = weights[np.minimum(age, len(weights) - 1)]
        if not weight.any():
            break
        total[..., lag:] += weight * values[..., :-lag]
    return total


def _milliseconds(seconds: Array) -> Whole:
    return np.rint(np.nan_to_num(seconds) * 1000).astype(np.int64)
