"""How good are flags? Pure functions of flags and labels, one per published method.

All of them take boolean arrays, one value per row of a device in the order of time.
Where a number cannot be known (nothing to find, nothing found) it is None.

- NAB: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta
  Anomaly Benchmark", ICMLA 2015, and its scorer, github.com/numenta/NAB.
- SKAB: Katser and Kozitsin, "Skoltech Anomaly Benchmark", 2020, github.com/waico/SKAB.
- Events: this project's own, for faults that were injected into a simulated plant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]

ONSET_ROWS = 50
"""A flag begins something new if there was none in so many rows before it."""
EVENT_ONSET_ROWS = 12
"""The same for injected faults, whose rows are minutes."""
GRACE_ROWS = 12
"""So long, or half the event, flags after an event are its recovery, not false."""
CHANGE_POINT_SECONDS = 60
"""A change point is found by a flag within so long after it, as SKAB has it."""
PROBATION_SHARE, PROBATION_ROWS = 0.15, 750
"""NAB gives a detector this share of a series to learn, at most so many rows."""


def onsets(flags: Flags, rows: int = ONSET_ROWS) -> Flags:
    """Keep the flags that begin something: none in the `rows` rows before.

    Args:
        flags: n flags.
        rows: How many rows must have been quiet. Flags that are not kept count, too.

    Returns:
        n flags.
    """
    flagged = np.flatnonzero(flags)
    kept = np.zeros(len(flags), dtype=bool)
    kept[flagged[np.diff(flagged, prepend=-rows - 1) > rows]] = True
    return kept


@dataclass(frozen=True)
class Profile:
    """What NAB pays for a find, and takes for a false alarm and for a miss."""

    name: str
    found: float
    false: float
    missed: float


STANDARD = Profile("standard", 1.0, 0.11, 1.0)
LOW_FP = Profile("reward_low_FP", 1.0, 0.22, 1.0)
PROFILES = (STANDARD, LOW_FP)


@dataclass(frozen=True)
class Windowed:
    """A series with windows in which something is strange.

    Attributes:
        rows: Length of the series.
        windows: First and last row of each window, ascending, not overlapping.
        probation: Rows at the start in which nothing counts.
    """

    rows: int
    windows: Sequence[tuple[int, int]]
    probation: int


def probation(rows: int) -> int:
    """Return how many rows NAB lets a detector learn from before it counts flags."""
    return min(math.floor(PROBATION_SHARE * rows), PROBATION_ROWS)


def sigmoid(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return NAB's worth of a flag, 1 to -1, by its place relative to a window.

    Args:
        position: In window lengths: -1 is the window's first row, 0 its end.

    Returns:
        2 / (1 + exp(5 position)) - 1, and -1 beyond three lengths after the end.
    """
    near = np.minimum(position, 3.0)
    return np.where(position > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * near)) - 1.0)


BEST = float(sigmoid(np.array([-1.0]))[0])


def _worth(series: Windowed) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which window each row is in (-1: none), and what a flag there is worth.

    A row before the first window is as far from one as can be: -1.
    """
    window = np.full(series.rows, -1)
    worth = np.full(series.rows, -1.0)
    starts = [first for first, _ in series.windows] + [series.rows]
    for number, (first, last) in enumerate(series.windows):
        length = last - first + 1
        inside = np.arange(first, last + 1)
        window[inside] = number
        worth[inside] = sigmoid(-(last - inside + 1) / length)
        after = np.arange(last + 1, starts[number + 1])
        # One row has no length to measure by: NAB has no such window.
        worth[after] = sigmoid((after - last) / max(length - 1, 1))
    return window, worth


def nab_score(
    series: Sequence[Windowed], flags: Sequence[Flags], profile: Profile = STANDARD
) -> float | None:
    """Score flags as NAB does: 0 is finding nothing, 100 all at once and nothing else.

    In each window the flag that is worth most counts, which is its first; every flag
    outside is false, and worse the longer ago the last window was. No lower bound.

    Args:
        series: The labelled series; they are scored together.
        flags: The flags of each.
        profile: The weights.

    Returns:
        The score in percent, None if there is no window.
    """
    raw = nothing = perfect = 0.0
    for one, flagged in zip(series, flags, strict=True):
        window, worth = _worth(one)
        counts = np.arange(one.rows) >= one.probation
        flagged = flagged & counts
        raw += profile.false * float(worth[flagged & (window < 0)].sum())
        perfect += profile.found * len(one.windows)
        # A window inside the probation can be neither found nor missed.
        for number in np.unique(window[counts & (window >= 0)]):
            nothing -= profile.missed
            hits = worth[flagged & (window == number)]
            raw += (
                profile.found * float(hits.max()) / BEST
                if len(hits)
                else -profile.missed
            )
    if perfect == nothing:
        return None
    return 100 * (raw - nothing) / (perfect - nothing)


def change_windows(
    times: NDArray[np.datetime64], marks: Flags, warm_up: int
) -> list[tuple[int, int]]:
    """Turn change points into windows: the minute after each, as SKAB's notebooks do.

    SKAB scores with `window_width="60s"`, to the right of the mark, and where two
    overlap it cuts the later one ("cut right window").

    Args:
        times: n times, ascending.
        marks: n marks, true where a change begins or ends.
        warm_up: Rows that do not count; a mark in them makes no window.

    Returns:
        First and last row of each window.
    """
    windows: list[tuple[int, int]] = []
    for row in np.flatnonzero(marks):
        until = times[row] + np.timedelta64(CHANGE_POINT_SECONDS, "s")
        last = int(np.searchsorted(times, until, side="right")) - 1
        first = max(int(row), windows[-1][1] + 1 if windows else 0)
        if row >= warm_up and first <= last:
            windows.append((first, last))
    return windows


@dataclass(frozen=True)
class RowCounts:
    """Rows by what they are and what was said of them; they add up.

    Attributes:
        tp: Strange and flagged.
        fp: Normal and flagged.
        fn: Strange and not flagged.
        tn: Normal and not flagged.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.tp + other.tp,
            self.fp + other.fp,
            self.fn + other.fn,
            self.tn + other.tn,
        )

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 0..1."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def f1_of_flagging_all(self) -> float | None:
        """The F1 of whoever flags everything: what F1 alone hides."""
        strange = self.tp + self.fn
        return _ratio(2 * strange, 2 * strange + self.fp + self.tn)

    @property
    def far(self) -> float | None:
        """False alarm rate: flagged among the normal rows, percent."""
        return _percent(self.fp, self.fp + self.tn)

    @property
    def mar(self) -> float | None:
        """Missed alarm rate: not flagged among the strange rows, percent."""
        return _percent(self.fn, self.fn + self.tp)

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean of the shares of strange and of normal rows judged right, percent."""
        if self.far is None or self.mar is None:
            return None
        return 100 - (self.far + self.mar) / 2


def row_counts(strange: Flags, flags: Flags, warm_up: int) -> RowCounts:
    """Count the rows after the warm-up.

    Args:
        strange: n labels.
        flags: n flags.
        warm_up: Rows at the start that do not count.
    """
    y, f = strange[warm_up:], flags[warm_up:]
    return RowCounts(
        int((y & f).sum()),
        int((~y & f).sum()),
        int((y & ~f).sum()),
        int((~y & ~f).sum()),
    )


@dataclass(frozen=True)
class Event:
    """Something that was done to a device, to be found.

    Attributes:
        kind: What.
        first: The first row that shows it.
        last: The last one.
    """

    kind: str
    first: int
    last: int


@dataclass(frozen=True)
class EventScore:
    """What was found of injected events, and what was found besides; they add up.

    Attributes:
        found: Kind → events with a flag.
        total: Kind → events.
        delays: Of each found event, the share of it that passed before its first flag.
        false_episodes: Onsets of flags that no event and nothing ignored explains.
        device_days: Days after the warm-up, over all devices.
    """

    found: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    delays: tuple[float, ...] = ()
    false_episodes: int = 0
    device_days: float = 0.0

    def __add__(self, other: EventScore) -> EventScore:
        return EventScore(
            _sum(self.found, other.found),
            _sum(self.total, other.total),
            self.delays + other.delays,
            self.false_episodes + other.false_episodes,
            self.device_days + other.device_days,
        )

    @property
    def recall(self) -> float | None:
        """Found among all events, 0..1."""
        return _ratio(sum(self.found.values()), sum(self.total.values()))

    @property
    def precision(self) -> float | None:
        """Found events among found events and false episodes, 0..1."""
        found = sum(self.found.values())
        return _ratio(found, found + self.false_episodes)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 0..1; None if there is no event."""
        if self.recall is None:
            return None
        precision = self.precision or 0.0
        return _ratio(2 * precision * self.recall, precision + self.recall) or 0.0

    @property
    def false_per_device_day(self) -> float | None:
        """False episodes per device and day."""
        return _ratio(self.false_episodes, self.device_days)

    @property
    def mean_delay(self) -> float | None:
        """Mean share of a found event that passed before its first flag, 0..1."""
        return float(np.mean(self.delays)) if self.delays else None


def event_score(
    events: Iterable[Event],
    flags: Flags,
    warm_up: int,
    ignored: Sequence[int],
    days: float,
) -> EventScore:
    """Score the flags of one device against what was done to it.

    An event is found by any flag in it. A false episode is an onset (12 quiet rows
    before it) outside the warm-up, the ignored rows, the events and a grace after each:
    12 rows or half of it, for a recovery is a change, too.

    Args:
        events: What was done.
        flags: n flags.
        warm_up: Rows at the start that do not count.
        ignored: Rows that are neither right nor wrong to flag.
        days: Time after the warm-up, days.
    """
    explained = np.zeros(len(flags), dtype=bool)
    explained[:warm_up] = True
    explained[list(ignored)] = True
    found: dict[str, int] = {}
    total: dict[str, int] = {}
    delays = []
    for event in events:
        length = event.last - event.first + 1
        grace = max(GRACE_ROWS, length // 2)
        explained[event.first : event.last + 1 + grace] = True
        total[event.kind] = total.get(event.kind, 0) + 1
        hits = np.flatnonzero(flags[event.first : event.last + 1])
        if len(hits):
            found[event.kind] = found.get(event.kind, 0) + 1
            delays.append(float(hits[0]) / length)
    false = onsets(flags, EVENT_ONSET_ROWS) & ~explained
    return EventScore(found, total, tuple(delays), int(false.sum()), days)


def is_in_order(windows: Sequence[tuple[int, int]]) -> bool:
    """Whether windows are ascending and do not overlap."""
    return all(first <= last for first, last in windows) and all(
        before[1] < after[0] for before, after in pairwise(windows)
    )


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None
