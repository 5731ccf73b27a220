"""Rules for all metrics of a machine together: `joint` and `level_shift`.

What is usual is what the readings of up to seven production days before show; for a
young machine, its first 400 readings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brickworks.detectors import explain
from brickworks.detectors.points import Scores
from brickworks.detectors.series import Array, Series
from brickworks.detectors.windows import SECOND, ewma, lasts, row_sum

METRICS = 3
READINGS = 400
ENVELOPE_HALF_LIFE, MEAN_HALF_LIFE = 5, 10
TAPS = 128
SETTLES, RESTARTS = 60, 20
SLOW = "temperature"
SLOW_SECONDS, SLOW_INTERVALS = 60, 10
RIDGE = 1e-4
RECENT, EARLIER, REFRACTORY = 15, 120, 90
"""What the rules are made of, not thresholds: the metrics it takes, readings of a
reference, half lives in readings, length of the filters, readings after a gap until
they are a reference and until they are judged, thermal masses and how long they take,
the share of chance in each metric, readings compared, readings without another flag."""


@dataclass
class Machine:
    """The metrics of one machine at n moments at which any was read."""

    metrics: Sequence[Series]

    @cached_property
    def at(self) -> NDArray[np.int64]:
        """The n moments, in microseconds."""
        first = self.metrics[0].at
        if all(np.array_equal(first, metric.at) for metric in self.metrics[1:]):
            return first
        return np.unique(np.concatenate([metric.at for metric in self.metrics]))

    @cached_property
    def axis(self) -> Series:
        """The moments as a series without a value of its own."""
        every = [np.searchsorted(self.at, metric.at) for metric in self.metrics]
        day, due = np.zeros(len(self.at), dtype=np.int64), np.zeros(len(self.at), bool)
        for index, metric in zip(every, self.metrics, strict=True):
            day[index], due[index] = metric.day, metric.is_due
        return Series(
            "", "", self.at, np.zeros(len(self.at)), day, np.zeros_like(day), due
        )

    def aligned(self, metric: Series, values: Array) -> Array:
        """Give each moment the metric's last value; NaN where a gap lies between."""
        if len(metric) == len(self.at):
            return values
        last = np.searchsorted(metric.at, self.at, side="right") - 1
        moment = np.searchsorted(self.at, metric.at)[np.maximum(last, 0)]
        behind = np.arange(len(self.at)) - moment
        is_near = (last >= 0) & (behind <= self.axis.position)
        return np.where(is_near, values[np.maximum(last, 0)], np.nan)

    def slow_seconds(self, rows: slice) -> int:
        """Return how long thermal masses take, whole seconds, by the usual interval."""
        intervals = np.diff(self.at[rows])[self.axis.position[rows][1:] > 0]
        if not len(intervals):
            return SLOW_SECONDS
        usual = float(np.median(intervals)) / SECOND
        return int(max(SLOW_SECONDS, round(SLOW_INTERVALS * usual)))

    def quick(self, metric: Series, slow_seconds: int) -> Array:
        """Return the metric; of a temperature, its change over that time."""
        if SLOW not in metric.metric:
            return metric.values
        index = np.arange(len(metric))
        before = np.searchsorted(
            metric.at, metric.at - slow_seconds * SECOND, side="right"
        )
        before = np.maximum(before - 1, index - metric.position)
        return metric.values - metric.values[before]


def reference(machine: Machine, own: slice, before: slice, days: int) -> slice:
    """Return the moments that show what is usual on a day.

    Filters of the first moments may reach beyond the days that are read: they are left
    out where a day before them may have been read or not.
    """
    start = before.start
    if start < own.start and machine.axis.day[start] == (
        machine.axis.day[own.start] - days
    ):
        lag = machine.slow_seconds(before) * SECOND
        start = min(start + TAPS + RECENT + EARLIER, own.start)
        start = int(np.searchsorted(machine.at, machine.at[start] + lag))
    start = min(start, own.start)
    return slice(start, max(own.start, min(start + READINGS, own.stop)))


def joint(
    machine: Machine, *, limit: float, clears: float, hold_seconds: float, days: int
) -> Scores:
    """Flag a machine whose metrics together are not what they were.

    Two statistics of exponentially weighted means: how far the strangest metric is from
    its usual mean, as a share of the furthest in the reference, and Hotelling's T² of
    all of them, as a share of its largest (MEWMA, Lowry et al. 1992).

    Args:
        machine: its metrics, at least three.
        limit: the root of the product of the first and of the second's root that is
            flagged.
        clears: share of the limit below which a flag ends.
        hold_seconds: how long a flag is held above that share at most.
        days: days of the reference before the day.

    Returns:
        Scores; observed is the statistic, 1 the largest of the reference.
    """
    at, position = machine.at, machine.axis.position
    n = len(at)
    strength = np.full(n, np.nan)
    share = np.full((len(machine.metrics), n), np.nan)
    seen: dict[tuple[str, int], tuple[Array, Array, Array]] = {}
    for own, before in machine.axis.judgments(days):
        rows = reference(machine, own, before, days)
        if rows.stop - rows.start < READINGS:
            continue
        slow = machine.slow_seconds(rows)
        settled = position[rows] >= SETTLES
        chosen, means = [], []
        for k, metric in enumerate(machine.metrics):
            key = metric.metric, slow if SLOW in metric.metric else 0
            if key not in seen:
                seen[key] = _filtered(machine, metric, slow)
            quick, envelope, mean = seen[key]
            known = envelope[rows]
            if np.count_nonzero(np.isnan(known)) > MISSING * len(known):
                continue
            known = known[~np.isnan(known)]
            middle = float(np.sum(known)) / len(known)
            usable = envelope[rows][settled]
            furthest = np.nanmax(np.abs(usable - middle)) if len(usable) else 0.0
            if not furthest > SMALLEST * max(abs(middle), 1):
                continue  # never moved: what is usual is not known
            share[k, own] = np.abs(envelope[own] - middle) / furthest
            values = quick[rows][~np.isnan(quick[rows])]
            centre = float(np.sum(values)) / len(values)
            spread = np.sqrt(float(np.sum((values - centre) ** 2)) / len(values))
            chosen.append(k)
            means.append((mean, centre, max(spread, SMALLEST)))
        if len(chosen) < METRICS:
            continue
        usual = [(mean[rows] - c) / s for mean, c, s in means]
        turn = _whitening(usual)
        distance = _hotelling(turn, usual)
        largest = np.nanmax(np.where(settled, distance, np.nan))
        own_distance = _hotelling(turn, [(mean[own] - c) / s for mean, c, s in means])
        both = np.nanmax(share[chosen, own], axis=0) * np.sqrt(own_distance / largest)
        value = np.sqrt(both) / limit
        value[position[own] < RESTARTS] = np.nan
        value[: max(rows.stop - own.start, 0)] = np.nan
        strength[own] = value
    held = lasts(at, strength >= 1, (strength >= clears) & (position > 0), hold_seconds)
    statistic = strength * limit
    return Scores(
        detector="joint",
        metric="joint",
        at=at,
        observed=statistic,
        expected=1.0,
        lower=0.0,
        upper=limit,
        strength=np.where(held, np.maximum(strength, 1), strength),
        tell=lambda i: explain.joint(
            _strangest(machine, share[:, i], i), float(statistic[i])
        ),
    )


def level_shift(machine: Machine, *, limit: float, days: int) -> Scores:
    """Flag when the last 15 readings have left the 120 before them.

    Hotelling's T² of the differences of both means, all metrics together, as a share of
    its largest in the reference.

    Args:
        machine: its metrics, at least three.
        limit: the root of that share that is flagged.
        days: days of the reference before the day.

    Returns:
        Scores; of what follows within 90 readings only what is stronger is flagged.
        observed is the statistic, 1 the largest of the reference.
    """
    at, position = machine.at, machine.axis.position
    n = len(at)
    strength = np.full(n, np.nan)
    shifts = np.full((len(machine.metrics), n), np.nan)
    spreads = np.full((len(machine.metrics), n), np.nan)
    for k, metric in enumerate(machine.metrics):
        values = machine.aligned(metric, metric.values)
        recent = row_sum(values, position, RECENT) / RECENT
        earlier = row_sum(values, position, EARLIER) / EARLIER
        shifts[k, RECENT:] = recent[RECENT:] - earlier[:-RECENT]
        shifts[k, position < RECENT + EARLIER] = np.nan
    for own, before in machine.axis.judgments(days):
        rows = reference(machine, own, before, days)
        if rows.stop - rows.start < READINGS:
            continue
        usual, chosen = [], []
        for k in range(len(shifts)):
            known = shifts[k, rows]
            known = known[~np.isnan(known)]
            if len(known) < READINGS / 2:
                continue
            spread = np.sqrt(float(np.sum(known**2)) / len(known))
            if spread > SMALLEST:
                chosen.append(k)
                spreads[k, own] = spread
        if len(chosen) < METRICS:
            continue
        scale = [spreads[k, own.start] for k in chosen]
        usual = [shifts[k, rows] / s for k, s in zip(chosen, scale, strict=True)]
        turn = _whitening(usual)
        largest = np.nanmax(_hotelling(turn, usual))
        distance = _hotelling(
            turn, [shifts[k, own] / s for k, s in zip(chosen, scale, strict=True)]
        )
        value = np.sqrt(distance / largest) / limit
        value[: max(rows.stop - own.start, 0)] = np.nan
        strength[own] = value
    onset = np.where(_is_new(strength, position), strength, np.minimum(strength, 0.99))
    return Scores(
        detector="level_shift",
        metric="joint",
        at=at,
        observed=strength * limit,
        expected=1.0,
        lower=0.0,
        upper=limit,
        strength=onset,
        tell=lambda i: explain.level_shift(
            _strangest(machine, np.abs(shifts[:, i]) / spreads[:, i], i),
            float(strength[i] * limit),
        ),
    )


MISSING = 0.1
SMALLEST = 1e-9


def _filtered(
    machine: Machine, metric: Series, slow: int
) -> tuple[Array, Array, Array]:
    """The metric and its two weighted means, at the machine's moments."""
    quick = machine.quick(metric, slow)
    return (
        machine.aligned(metric, quick),
        *(
            machine.aligned(metric, ewma(quick, metric.position, half_life, TAPS))
            for half_life in (ENVELOPE_HALF_LIFE, MEAN_HALF_LIFE)
        ),
    )


def _whitening(columns: Sequence[Array]) -> Array:
    """Return L⁻¹ of the covariance L·Lᵀ of columns, rows with NaN left out."""
    known = ~np.isnan(np.sum(columns, axis=0))
    kept = [np.ascontiguousarray(column[known]) for column in columns]
    centred = [column - float(np.sum(column)) / len(column) for column in kept]
    covariance = np.array(
        [[float(np.sum(a * b)) / (len(a) - 1) for a in centred] for b in centred]
    )
    covariance += RIDGE * np.eye(len(columns))
    return np.linalg.inv(np.linalg.cholesky(covariance))


def _hotelling(turn: Array, columns: Sequence[Array]) -> Array:
    """Return T² of each row, summed column by column: the same whatever the rows."""
    total = np.zeros(len(columns[0]))
    for i, weights in enumerate(turn):
        part = weights[0] * columns[0]
        for weight, column in zip(weights[1 : i + 1], columns[1 : i + 1], strict=True):
            part = part + weight * column
        total = total + part * part
    return total


def _is_new(strength: Array, position: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell what is stronger than all of the 90 readings before, gaps left out."""
    before = np.append(np.nan, strength[:-1])[: len(strength)]
    before[position == 0] = np.nan
    largest = pd.Series(before).rolling(REFRACTORY, min_periods=1).max().to_numpy()
    return ~(strength <= largest)


def _strangest(
    machine: Machine, share: Array, i: int
) -> list[tuple[str, float, str, float]]:
    """The two strangest metrics: name, value, unit and times the usual furthest."""
    order = np.argsort(-np.nan_to_num(share, nan=-1.0), kind="stable")[:2]
    found = []
    for k in order:
        metric = machine.metrics[k]
        last = max(int(np.searchsorted(metric.at, machine.at[i], side="right")) - 1, 0)
        found.append(
            (metric.metric, float(metric.values[last]), metric.unit, float(share[k]))
        )
    return found
