"""Windows in time that end with each value: exact, and blind to all before them.

What a point says must not depend on where its series was begun to be read: a day that
is judged alone gets the very numbers, bit for bit, that it gets in a full build. A
running mean, whose rounding goes on from value to value, breaks that; so does a filter
without an end. Here every result is made of the values inside its window alone, in one
order.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
SECOND = 1_000_000
"""Microseconds."""


def window_sum(at: NDArray[np.int64], values: Array, seconds: float) -> Array:
    """Sum the values of the last `seconds` up to each, itself included.

    Time is cut into blocks as long as the window, from 1970 on. A window is the end of
    one block and the beginning of the next: sums from either side of the border, both
    within the window (van Herk's trick).

    Args:
        at: n times in microseconds, ascending.
        values: n values; NaN counts as 0.
        seconds: the length; a value exactly that old is out.
    """
    length = round(seconds * SECOND)
    x = np.nan_to_num(np.asarray(values, dtype=float), nan=0.0)
    if not len(at):
        return x
    begins = np.diff(at // length, prepend=-1) != 0
    start = np.flatnonzero(begins)
    up_to, from_on = np.empty_like(x), np.empty_like(x)
    for begin, end in zip(start, np.append(start[1:], len(x)), strict=True):
        up_to[begin:end] = np.cumsum(x[begin:end])
        from_on[begin:end] = np.cumsum(x[begin:end][::-1])[::-1]
    first = np.searchsorted(at, at - length, side="right")
    before_block = first < start[np.cumsum(begins) - 1]
    up_to[before_block] += from_on[first[before_block]]
    return up_to


def window_count(at: NDArray[np.int64], is_counted: NDArray, seconds: float) -> Array:
    """Count what is true in the last `seconds` up to each value, itself included."""
    first = np.searchsorted(at, at - round(seconds * SECOND), side="right")
    total = np.concatenate([[0], np.cumsum(np.asarray(is_counted, dtype=np.int64))])
    return (total[1:] - total[first]).astype(float)


def rolling(
    at: NDArray[np.int64],
    values: Array,
    seconds: float,
    least: int = 1,
    closed: str = "right",
) -> Any:  # noqa: ANN401
    """Return pandas' windows of the last `seconds` up to each value.

    NaN are left out, and with fewer than `least` values there is no result. Ask them
    for order statistics only: a median is a value, or the mean of two, and has no
    rounding that could go on. `closed="left"` leaves the value itself out.
    """
    series = pd.Series(np.asarray(values, dtype=float), index=at.view("datetime64[us]"))
    return series.rolling(
        pd.Timedelta(seconds=seconds), closed=closed, min_periods=least
    )


def positions(at: NDArray[np.int64], *, floor: float, cap: float) -> NDArray[np.int64]:
    """Count how many values without a gap come before each.

    A gap is longer than three times the median interval of the six hours before it;
    where none is known, longer than `cap`.

    Args:
        at: n times in microseconds, ascending.
        floor: seconds that are never a gap.
        cap: seconds that always are one.
    """
    index = np.arange(len(at))
    interval = np.diff(at, prepend=at[:1]) / SECOND
    is_gap = interval > floor
    if is_gap.any():
        known = np.where(index > 0, interval, np.nan)
        known[known > HOURS_OF_INTERVALS * 3600] = np.nan
        window = rolling(at, known, HOURS_OF_INTERVALS * 3600, closed="left")
        usual = window.median().to_numpy()
        longest = np.where(np.isnan(usual), cap, np.clip(3 * usual, floor, cap))
        is_gap &= interval > longest
    return index - np.maximum.accumulate(np.where(is_gap, index, 0))


HOURS_OF_INTERVALS = 6


def row_sum(values: Array, position: NDArray[np.int64], rows: int) -> Array:
    """Sum the last `rows` values up to each; NaN where a gap comes before.

    The sum is put together from sums of 1, 2, 4 ... values: in the same order always.
    """
    total, behind, block, size = np.zeros(len(values)), 0, values, 1
    while behind < rows:
        if rows & size:
            total = total + _behind(block, behind)
            behind += size
        block = block + _behind(block, size)
        size *= 2
    return np.where(position >= rows - 1, total, np.nan)


def ewma(
    values: Array, position: NDArray[np.int64], half_life: float, taps: int
) -> Array:
    """Average the last `taps` values up to each, weights halving with their age.

    A filter of finite length, made by doubling: the sum of 2m weighted values is that
    of m and, weighted once, that of the m before. No weight crosses a gap, and what
    there is counts in full.

    Args:
        values: n values.
        position: n counts of values before each without a gap.
        half_life: values after which a weight is half.
        taps: how many values at most, a power of two.
    """
    decay = 0.5 ** (1 / half_life)
    total, size = np.asarray(values, dtype=float), 1
    while size < taps:
        before = np.where(position >= size, _behind(total, size), 0.0)
        total = total + decay**size * before
        size *= 2
    n = np.minimum(position + 1, taps)
    return total * ((1 - decay) / (1 - decay**n))


def _behind(values: Array, rows: int) -> Array:
    """Each value's predecessor of `rows` before; 0 where there is none."""
    if not rows:
        return values
    moved = np.zeros(len(values))
    moved[rows:] = values[: max(len(values) - rows, 0)]
    return moved


def lasts(
    at: NDArray[np.int64],
    is_raised: NDArray[np.bool_],
    stays: NDArray[np.bool_],
    seconds: float,
) -> NDArray[np.bool_]:
    """Tell where a flag lasts: since it was raised, until it does not stay.

    Args:
        at: n times in microseconds, ascending.
        is_raised: n flags, where the limit is reached.
        stays: n flags, false where a lower limit is left: that ends it.
        seconds: how long it lasts at most after it was raised last. What lies further
            back does not matter.
    """
    index = np.arange(len(at))
    last_raised = np.maximum.accumulate(np.where(is_raised, index, -1))
    last_ended = np.maximum.accumulate(np.where(~stays & ~is_raised, index, -1))
    since = at - at[np.maximum(last_raised, 0)]
    return (
        (last_raised >= 0) & (last_raised > last_ended) & (since < seconds * SECOND)
    ) | is_raised
