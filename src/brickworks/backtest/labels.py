"""The file that says what is strange, `truth*.json.gz`: see docs/backtest.md.

One object, device id → labels. What they have in common is the list of the times of the
device's messages (ISO 8601, UTC, whole seconds); rows are places in it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brickworks.backtest import scoring
from brickworks.backtest.scoring import Event, Flags
from brickworks.settings import Problem
from brickworks.terminal import visible

Times = NDArray[np.datetime64]
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Labels:
    """What all kinds have.

    Attributes:
        times: n times of the device's messages, UTC, whole seconds.
    """

    times: Times

    @property
    def data_set(self) -> str:
        """What is scored together."""
        raise NotImplementedError

    def labelled(self) -> Flags:
        """Return the n rows at which a flag is right."""
        raise NotImplementedError

    def unjudged(self) -> Flags:
        """Return the n rows at which a flag is neither right nor wrong."""
        raise NotImplementedError


@dataclass(frozen=True)
class NabLabels(Labels):
    """A series of NAB.

    Attributes:
        windows: First and last row of each window.
    """

    windows: tuple[tuple[int, int], ...]

    @property
    def data_set(self) -> str:
        """What is scored together."""
        return "nab"

    def windowed(self) -> scoring.Windowed:
        """Return what NAB's score needs to know."""
        n = len(self.times)
        return scoring.Windowed(n, self.windows, scoring.probation(n))

    def labelled(self) -> Flags:
        """Return the n rows at which a flag is right."""
        return _rows(len(self.times), self.windows) & ~self.unjudged()

    def unjudged(self) -> Flags:
        """Return the n rows at which a flag is neither right nor wrong."""
        return np.arange(len(self.times)) < scoring.probation(len(self.times))


@dataclass(frozen=True)
class SkabLabels(Labels):
    """A run of SKAB's pump.

    Attributes:
        strange: n labels.
        changes: n marks of change points.
        warm_up: Rows at the start that do not count.
    """

    strange: Flags
    changes: Flags
    warm_up: int

    @property
    def data_set(self) -> str:
        """What is scored together."""
        return "skab"

    def change_points(self) -> scoring.Windowed:
        """Return the change points as windows for NAB's score."""
        windows = scoring.change_windows(self.times, self.changes, self.warm_up)
        return scoring.Windowed(len(self.times), windows, self.warm_up)

    def labelled(self) -> Flags:
        """Return the n rows at which a flag is right."""
        return self.strange & ~self.unjudged()

    def unjudged(self) -> Flags:
        """Return the n rows at which a flag is neither right nor wrong."""
        return np.arange(len(self.times)) < self.warm_up


@dataclass(frozen=True)
class EventLabels(Labels):
    """A device of a simulated plant.

    Attributes:
        domain: Its sensor type.
        warm_up: Rows at the start that do not count.
        events: What was done to it.
        ignored: Rows that are neither right nor wrong to flag.
    """

    domain: str
    warm_up: int
    events: tuple[Event, ...]
    ignored: tuple[int, ...]

    @property
    def data_set(self) -> str:
        """What is scored together."""
        return self.domain

    @property
    def judged_days(self) -> float:
        """Time from the first row after the warm-up to the last row, days."""
        if self.warm_up >= len(self.times):
            return 0.0
        judged = self.times[-1] - self.times[self.warm_up]
        return float(judged / np.timedelta64(1, "s")) / SECONDS_PER_DAY

    def labelled(self) -> Flags:
        """Return the n rows at which a flag is right."""
        return _rows(len(self.times), [(e.first, e.last) for e in self.events])

    def unjudged(self) -> Flags:
        """Return the n rows at which a flag is neither right nor wrong."""
        unjudged = np.arange(len(self.times)) < self.warm_up
        unjudged[list(self.ignored)] = True
        return unjudged & ~self.labelled()


def read(path: Path) -> dict[str, Labels]:
    """Read labels, device id → labels.

    Raises:
        Problem: If the file is missing, or is not what docs/backtest.md says.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        entries = json.loads(content)
    except FileNotFoundError:
        raise Problem(f"{path} does not exist: check the name.") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise Problem(f"{visible(path)} is no JSON of labels: {error}.") from None
    if not isinstance(entries, dict) or not entries:
        raise Problem(
            f"{visible(path)} holds no labels: one object is expected, device id → "
            "labels, see docs/backtest.md."
        )
    labels = {}
    for device_id, entry in entries.items():
        try:
            labels[device_id] = _parsed(entry)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            reason = (
                f"{error.args[0]!r} is missing"
                if isinstance(error, KeyError)
                else str(error)
            )
            raise Problem(
                f"{visible(path)}, device {visible(device_id)}: {visible(reason)}."
            ) from None
    return labels


def write(path: Path, labels: Mapping[str, Labels]) -> None:
    """Write labels as gzipped JSON; the same labels are the same bytes."""
    entries = {device_id: _entry(each) for device_id, each in labels.items()}
    text = json.dumps(entries, separators=(",", ":"))
    # No name and no time of writing: they would make every file another one.
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _parsed(entry: Mapping[str, Any]) -> Labels:
    times = _times(entry["timestamps"])
    kind = entry["kind"]
    if kind == "nab":
        return NabLabels(times, _windows(entry["windows"], times))
    if kind == "skab":
        marks = [np.asarray(entry[name]) == 1 for name in ("anomaly", "changepoint")]
        if any(mark.shape != times.shape for mark in marks):
            raise ValueError("anomaly and changepoint need one mark per timestamp")
        return SkabLabels(times, marks[0], marks[1], _warm_up(entry))
    if kind == "events":
        events = tuple(Event(str(k), int(i), int(j)) for k, i, j in entry["events"])
        ignored = tuple(int(row) for row in entry["ignore"])
        rows = [*ignored, *(row for e in events for row in (e.first, e.last))]
        if any(not 0 <= row < len(times) for row in rows):
            raise ValueError("events and ignore name rows that are not there")
        if any(event.first > event.last for event in events):
            raise ValueError("an event ends before it starts")
        return EventLabels(
            times, str(entry["domain"]), _warm_up(entry), events, ignored
        )
    raise ValueError(f"kind {kind!r} is none of nab, skab, events")


def _times(texts: list[str]) -> Times:
    if not texts:
        raise ValueError("timestamps are empty")
    if not all(isinstance(text, str) and text.endswith("Z") for text in texts):
        raise ValueError("timestamps must be UTC and end with Z")
    return np.array([text[:-1] for text in texts], dtype="M8[s]")


def _warm_up(entry: Mapping[str, Any]) -> int:
    rows = int(entry["warmup_rows"])
    if rows < 0:
        raise ValueError("warmup_rows is negative")
    return rows


def _windows(pairs: list[list[str]], times: Times) -> tuple[tuple[int, int], ...]:
    """Turn times into rows; of rows that share a time, the first."""
    place: dict[np.datetime64, int] = {}
    for row, time in enumerate(times):
        place.setdefault(time, row)
    windows = tuple(
        (place[first], place[last])
        for first, last in (_times(list(pair)) for pair in pairs)
    )
    if not scoring.is_in_order(windows):
        raise ValueError("windows overlap or are not in order")
    return windows


def _entry(labels: Labels) -> dict[str, Any]:
    texts = [f"{time}Z" for time in np.datetime_as_string(labels.times, unit="s")]
    entry: dict[str, Any] = {"timestamps": texts}
    if isinstance(labels, NabLabels):
        windows = [[texts[first], texts[last]] for first, last in labels.windows]
        return {"kind": "nab"} | entry | {"windows": windows}
    if isinstance(labels, SkabLabels):
        return (
            {"kind": "skab", "warmup_rows": labels.warm_up}
            | entry
            | {
                "anomaly": labels.strange.astype(int).tolist(),
                "changepoint": labels.changes.astype(int).tolist(),
            }
        )
    if isinstance(labels, EventLabels):
        return (
            {"kind": "events", "domain": labels.domain, "warmup_rows": labels.warm_up}
            | entry
            | {
                "events": [[e.kind, e.first, e.last] for e in labels.events],
                "ignore": list(labels.ignored),
            }
        )
    raise TypeError(f"{type(labels).__name__} has no format")


def _rows(n: int, spans: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> Flags:
    inside = np.zeros(n, dtype=bool)
    for first, last in spans:
        inside[first : last + 1] = True
    return inside
