"""What really happened, to hold against what a reader makes of the messages.

The format is described in `docs/simulator_truth.md`.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import MINUTE, to_datetime
from brickworks.simulator.faults import FAULTS


class State(NamedTuple):
    """A machine's state from start to end."""

    device_id: str
    start: datetime
    end: datetime
    state: str


class FaultInterval(NamedTuple):
    """A fault that happened; end = start if it struck a single message."""

    fault: str
    device_id: str
    start: datetime
    end: datetime
    detail: dict[str, object]


class Label(NamedTuple):
    """What a detector should report."""

    device_id: str
    start: datetime
    end: datetime
    anomaly: str


class PlanEntry(NamedTuple):
    """A line of the calendar: a planned stop, a changeover or a brick type."""

    line: str
    start: datetime
    end: datetime
    entry: str
    detail: str


@dataclass
class DeviceMinutes:
    """One device's day, minute by minute from `start`.

    Attributes:
        device_id: The device.
        start: The first minute.
        made: Pieces really made in each minute.
        scrap: Of them bad, as the error counter counts them.
        recoverable: Pieces a perfect reader of all messages can know of.
        recoverable_scrap: The same for the bad ones.
        edges: Pieces made since midnight at every edge between two minutes.
        scrap_edges: The same for the bad ones.
    """

    device_id: str
    start: datetime
    made: NDArray[np.int64]
    scrap: NDArray[np.int64]
    recoverable: NDArray[np.int64]
    recoverable_scrap: NDArray[np.int64]
    edges: NDArray[np.int64] = field(repr=False)
    scrap_edges: NDArray[np.int64] = field(repr=False)


@dataclass
class DayTruth:
    """The truth of one calendar day of the plant.

    Attributes:
        date: The local date.
        minutes: Brick counters by device id.
        states: States of the counters' machines.
        faults: What went wrong, by device and start.
        labels: What detectors should report.
        plan: Planned stops, changeovers and brick types.
        messages: Number of messages sent about this day, by device id.
    """

    date: date
    minutes: dict[str, DeviceMinutes] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    faults: list[FaultInterval] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    plan: list[PlanEntry] = field(default_factory=list)
    messages: dict[str, int] = field(default_factory=dict)

    def add_fault(self, fault: FaultInterval) -> None:
        """Note a fault, and its label if a detector should find it."""
        self.faults.append(fault)
        anomaly = FAULTS[fault.fault].anomaly
        if fault.fault == "breakdown" and fault.end - fault.start < timedelta(
            minutes=10
        ):
            anomaly = None  # too short to be called a stoppage
        if anomaly:
            self.labels.append(Label(fault.device_id, fault.start, fault.end, anomaly))


class Truth(list[DayTruth]):
    """The truth of a whole simulation, day by day."""

    @property
    def faults(self) -> list[FaultInterval]:
        """All faults."""
        return [fault for day in self for fault in day.faults]

    @property
    def labels(self) -> list[Label]:
        """All labels."""
        return [label for day in self for label in day.labels]

    @property
    def states(self) -> list[State]:
        """All states."""
        return [state for day in self for state in day.states]

    @property
    def devices(self) -> list[str]:
        """All brick counters."""
        return sorted({device for day in self for device in day.minutes})

    def total(self, device_id: str, what: str = "recoverable") -> int:
        """Sum over all minutes of a device.

        Args:
            device_id: The brick counter.
            what: `made`, `scrap`, `recoverable` or `recoverable_scrap`.
        """
        days = (day.minutes[device_id] for day in self if device_id in day.minutes)
        return int(sum(getattr(minutes, what).sum() for minutes in days))

    def hourly(self, device_id: str, what: str = "recoverable") -> dict[datetime, int]:
        """The same by the hour (UTC) each minute lies in."""
        hours: dict[datetime, int] = {}
        for day in self:
            if minutes := day.minutes.get(device_id):
                for number, pieces in enumerate(getattr(minutes, what).tolist()):
                    at = minutes.start + timedelta(minutes=number)
                    hour = at.replace(minute=0)
                    hours[hour] = hours.get(hour, 0) + pieces
        return hours


def spread(
    minutes: NDArray[np.int64], edges: NDArray[np.int64], upto: NDArray, n: NDArray
) -> None:
    """Add to each minute the pieces that readings reveal.

    A reading that reveals `n` pieces reveals the last `n` made before it.

    Args:
        minutes: Pieces per minute, changed in place.
        edges: Pieces made so far at every edge between two minutes.
        upto: Pieces made so far at each reading.
        n: Pieces each reading reveals; the stretches must not overlap.
    """
    some = n > 0
    bounds = np.column_stack([upto[some] - n[some], upto[some]]).ravel()
    if len(bounds) == 0:
        return
    known = np.zeros(len(bounds))
    known[1::2] = n[some]
    # Revealed pieces among the first x made: grows inside a stretch, else stands.
    revealed = np.interp(edges, bounds, np.cumsum(known))
    minutes += np.diff(np.rint(revealed).astype(np.int64))


TABLES = {
    "minutes": (
        "device_id",
        "minute",
        "made",
        "scrap",
        "recoverable",
        "recoverable_scrap",
    ),
    "states": State._fields,
    "faults": FaultInterval._fields,
    "labels": Label._fields,
    "plan": PlanEntry._fields,
}
"""Table → its columns; a file each."""


class TruthWriter:
    """Writes truth to gzipped CSV files, one table each, as the days come in.

    Used as a context manager and passed as `truth` to `simulate` or `load`:

        with TruthWriter(Path("truth")) as truth:
            load(connection, ("raw", "measurements"), truth=truth)
    """

    def __init__(self, directory: Path) -> None:
        """Args: directory: Where `minutes.csv.gz` and its siblings go."""
        self._directory = directory
        self._stack = ExitStack()
        self._tables: dict[str, Any] = {}

    def __enter__(self) -> TruthWriter:
        self._directory.mkdir(parents=True, exist_ok=True)
        for name, header in TABLES.items():
            path = self._directory / f"{name}.csv.gz"
            file = self._stack.enter_context(gzip.open(path, "wt", 1, newline=""))
            self._tables[name] = csv.writer(file)
            self._tables[name].writerow(header)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def __call__(self, day: DayTruth) -> None:
        """Write one day."""
        for minutes in day.minutes.values():
            self._tables["minutes"].writerows(_minute_rows(minutes))
        for name in ("states", "labels", "plan"):
            self._tables[name].writerows(getattr(day, name))
        self._tables["faults"].writerows(
            (*fault[:4], json.dumps(fault.detail)) for fault in day.faults
        )


def _minute_rows(minutes: DeviceMinutes) -> Iterator[tuple]:
    columns = zip(
        minutes.made.tolist(),
        minutes.scrap.tolist(),
        minutes.recoverable.tolist(),
        minutes.recoverable_scrap.tolist(),
        strict=True,
    )
    start_ms = int(minutes.start.timestamp() * 1000)
    for number, values in enumerate(columns):
        at = to_datetime(start_ms + int(number * MINUTE * 1000))
        yield (minutes.device_id, at, *values)
