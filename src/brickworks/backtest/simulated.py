"""A directory to backtest on, from the simulator, which knows what it did to whom.

Written are the messages, the labels, and the seeds that make the plant known: registry,
planned stops and what the lines made.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from brickworks import simulator
from brickworks.backtest import labels
from brickworks.backtest.labels import EventLabels, Times
from brickworks.backtest.scoring import Event
from brickworks.settings import Problem
from brickworks.simulator.factory import (
    BRICKS,
    Device,
    all_devices,
    expected_messages,
    line_names,
)
from brickworks.simulator.faults import FAULTS
from brickworks.simulator.stream import Message
from brickworks.simulator.truth import Truth

MEASUREMENTS, TRUTH, SEEDS = "measurements.csv.gz", "truth.json.gz", "seeds"
COLUMNS = (
    "id",
    "device_id",
    "sensor_type",
    "timestamp",
    "data",
    "metadata",
    "created_at",
)

WARM_UP_DAYS = {"brick_counter": 1, "moisture": 3, "machine_monitoring": 3}
SHOWN_WITHIN = timedelta(minutes=2)
"""A message tells of the time before it, and bricks are judged by whole minutes: so
long after its end an event may still be seen."""
GRACE = timedelta(minutes=10)
"""So long after a stop that explains itself the machine may run unlike itself."""
ONE_EVENT_WITHIN = timedelta(minutes=2)
"""What goes on over midnight is noted day by day, and is one event all the same."""
EXPLAINED = ("planned_stop", "changeover", "starved", "blocked")
"""States of a machine whose reason is elsewhere, see docs/simulator_truth.md."""
GAP_FLOOR_SECONDS, GAP_INTERVALS = 300, 3
"""As vars `gap_floor_seconds` and `hold_intervals`."""
CLOCK_AHEAD = timedelta(minutes=5)
"""As var `clock_ahead_tolerance`: a message from later than that is rejected."""


class Span(NamedTuple):
    """A stretch of time."""

    start: datetime
    end: datetime

    def overlap(self, other: Span) -> timedelta:
        """How long both last."""
        shared = min(self.end, other.end) - max(self.start, other.start)
        return max(shared, timedelta(0))


def config_of(
    days: int, seed: int, lines: int, faults: Collection[str] | None = None
) -> simulator.FactoryConfig:
    """Return a factory with all shapes, brick types and planned stops.

    Args:
        days: Production days.
        seed: Chooses one of the possible histories.
        lines: Production lines.
        faults: Names of what may go wrong, all if absent.

    Raises:
        Problem: If a fault is none.
    """
    wanted = None if faults is None else frozenset(faults)
    try:
        return simulator.full_factory(lines, days, seed=seed, faults=wanted)
    except ValueError as error:
        raise Problem(str(error)) from None


def write(
    directory: Path,
    config: simulator.FactoryConfig,
    seeds: Path,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Write measurements, labels and seeds; the same factory gives the same bytes.

    Args:
        directory: Where they go; made when absent, its old files are replaced.
        config: The factory.
        seeds: The project's seeds, whose columns are taken.
        progress: Called with (messages so far, messages expected).

    Returns:
        The messages and the events.

    Raises:
        Problem: If the directory is a file.
    """
    try:
        (directory / SEEDS).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Problem(f"{directory} is no directory: name another one.") from None
    truth = Truth()
    heard: dict[str, list[datetime]] = defaultdict(list)
    devices = {device.device_id: device for device in all_devices(config)}
    expected = expected_messages(config)
    number = 0
    with _gzipped(directory / MEASUREMENTS) as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for message in simulator.simulate(config, truth.append):
            number += 1
            out.writerow((number, *_row(message)))
            if device := _sender(message, devices):
                heard[device.device_id].append(message.timestamp)
            if progress and number % 1000 == 0:
                progress(number, max(number, expected))
    found = of_truth(config, truth, heard)
    labels.write(directory / TRUTH, found)
    _write_seeds(directory / SEEDS, config, truth, seeds)
    return number, sum(len(each.events) for each in found.values())


def of_truth(
    config: simulator.FactoryConfig,
    truth: Truth,
    heard: Mapping[str, list[datetime]],
) -> dict[str, EventLabels]:
    """Turn what happened into labels.

    Args:
        config: The factory.
        truth: What happened in it.
        heard: Device id → times of its messages, in any order.

    Returns:
        Device id → labels, for every device with a message after its warm-up.
    """
    start, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in config.span_ms)
    unusable = {
        (fault.device_id, fault.start)
        for fault in truth.faults
        if fault.fault == "bad_required"
    }
    found = {}
    for device in all_devices(config):
        name = device.device_id
        times = np.unique(
            _seconds(
                at
                for at in heard.get(name, ())
                if start <= at < end and (name, at) not in unusable
            )
        )
        if len(times) == 0:
            continue
        learned = start + timedelta(days=WARM_UP_DAYS[device.sensor_type])
        warm_up = int(np.searchsorted(times, _second(learned)))
        if warm_up < len(times):
            found[name] = _labels(config, truth, device, times, warm_up)
    return found


def _labels(
    config: simulator.FactoryConfig,
    truth: Truth,
    device: Device,
    times: Times,
    warm_up: int,
) -> EventLabels:
    """Sort what happened to a device into events and what is neither right nor wrong.

    No event is what began in the warm-up, nor what nobody can see: a silence too short
    for the device, or what lies for more than half its time in stops with another
    reason. All of these are ignored, and so are those stops, and the faults that no
    detector has to report.
    """
    stops = _explained_stops(config, truth, device)
    ignored = [Span(stop.start, stop.end + GRACE) for stop in stops]
    events = []
    for kind, span, is_labelled in _faults(truth, device):
        hidden = sum((span.overlap(stop) for stop in stops), timedelta(0))
        first, last = _rows(times, Span(span.start, span.end + SHOWN_WITHIN))
        is_event = (
            is_labelled
            and 2 * hidden <= span.end - span.start
            and not (
                FAULTS[kind].anomaly == "comms_loss"
                and span.end - span.start < _gap(config, device)
            )
        )
        if is_event and warm_up <= first < len(times):
            # A silence may be told of as of the message before it, or the one after it.
            if times[first] >= _second(span.end):
                first, last = max(first - 1, warm_up), max(first, last)
            events.append(Event(kind, first, last))
        else:
            ignored.append(Span(span.start, span.end + GRACE))
    rows = np.zeros(len(times), dtype=bool)
    for span in ignored:
        first, last = _rows(times, span)
        rows[first : max(first, last) + 1] = True
    return EventLabels(
        times,
        device.sensor_type,
        warm_up,
        tuple(sorted(events, key=lambda event: (event.first, event.kind))),
        tuple(np.flatnonzero(rows).tolist()),
    )


def _faults(truth: Truth, device: Device) -> list[tuple[str, Span, bool]]:
    """Return a device's faults but those of single messages: name, time, is labelled.

    What happens to single messages (late, twice, broken) is no excuse for an alarm:
    these stay what they are, traps.
    """
    labelled = {
        (label.start, label.end, label.anomaly)
        for label in truth.labels
        if label.device_id == device.device_id
    }
    found: list[tuple[str, Span, bool]] = []
    open_rows: dict[str, int] = {}
    for fault in truth.faults:
        about = FAULTS[fault.fault]
        if fault.device_id != device.device_id or about.kind in ("message", "always"):
            continue
        is_labelled = (fault.start, fault.end, about.anomaly) in labelled
        row = open_rows.get(fault.fault)
        if row is not None and fault.start - found[row][1].end <= ONE_EVENT_WITHIN:
            name, span, _ = found[row]
            found[row] = (name, Span(span.start, fault.end), is_labelled)
            continue
        open_rows[fault.fault] = len(found)
        found.append((fault.fault, Span(fault.start, fault.end), is_labelled))
    return found


def _gap(config: simulator.FactoryConfig, device: Device) -> timedelta:
    """Return how long a device may be silent before it is a gap: METRICS, section 4."""
    interval = (
        device.sensor.interval_seconds if device.sensor else config.interval_seconds
    )
    return timedelta(seconds=max(GAP_FLOOR_SECONDS, GAP_INTERVALS * interval))


def _explained_stops(
    config: simulator.FactoryConfig, truth: Truth, device: Device
) -> list[Span]:
    """Return when the device's machine stood for a reason that lies elsewhere.

    A sensor's machine is that of its stage's first counter, which the simulator stops
    it with; whatever stopped that one is no fault of the sensor's.
    """
    counter, states = device.device_id, EXPLAINED
    if device.sensor_type != BRICKS:
        counter = next(
            other.device_id
            for other in all_devices(config)
            if other.sensor_type == BRICKS
            and (other.line, other.stage) == (device.line, device.stage)
        )
        states = (*EXPLAINED, "stopped")
    return [
        Span(state.start, state.end)
        for state in truth.states
        if state.device_id == counter and state.state in states
    ]


def _rows(times: Times, span: Span) -> tuple[int, int]:
    """Return the first row at or after a start, and the last one at or before an end.

    The last one lies before the first one if nothing was heard in between.
    """
    first = int(np.searchsorted(times, _second(span.start)))
    return first, int(np.searchsorted(times, _second(span.end), side="right")) - 1


def _sender(message: Message, devices: Mapping[str, Device]) -> Device | None:
    """Return who sent a reading that is not rejected for who, what or when."""
    device = devices.get(message.device_id.strip().upper())
    if device is None or message.sensor_type != device.sensor_type:
        return None
    if device.sensor_type == BRICKS and '"count' not in message.data:
        return None  # A counter's health is no reading.
    is_early = message.timestamp > message.created_at + CLOCK_AHEAD
    return None if is_early else device


def _row(message: Message) -> tuple[str, ...]:
    return (
        message.device_id,
        message.sensor_type,
        message.timestamp.isoformat(),
        message.data,
        message.metadata,
        message.created_at.isoformat(),
    )


def _write_seeds(
    directory: Path, config: simulator.FactoryConfig, truth: Truth, seeds: Path
) -> None:
    """Write what the plant's own people would know: no more than that."""
    stops = [
        {
            "production_line": line,
            "reason": stop.reason,
            "weekday": None if stop.weekday is None else stop.weekday + 1,
            "starts_at": _clock(stop.hour, stop.minute),
            "ends_at": _clock(stop.hour, stop.minute + round(stop.minutes)),
            "valid_from": "2000-01-01",
        }
        for line in line_names(config)
        for stop in config.planned_stops
    ]
    made: list[dict[str, Any]] = []
    for entry in sorted(entry for day in truth for entry in day.plan):
        if entry.entry != "brick_type":
            continue
        # The simulator calls it 300x600mm, the seed of brick types 300x600.
        row = {
            "production_line": entry.line,
            "brick_type": entry.detail.removesuffix("mm"),
            "started_at": entry.start.isoformat(),
            "stopped_at": entry.end.isoformat(),
        }
        # What is made over midnight is noted day by day.
        same = {"production_line", "brick_type"}
        if made and all(made[-1][name] == row[name] for name in same):
            made[-1]["stopped_at"] = row["stopped_at"]
        else:
            made.append(row)
    tables = {
        "device_registry": simulator.registry(config),
        "planned_stops": stops,
        "line_assignments": made,
    }
    for name, rows in tables.items():
        with (seeds / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file))
        with (directory / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _clock(hour: int, minute: int) -> str:
    return f"{hour + minute // 60:02d}:{minute % 60:02d}"


@contextmanager
def _gzipped(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a gzip file for text that holds no name and no time of writing."""
    with (
        path.open("wb") as stored,
        gzip.GzipFile("", "wb", 6, stored, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as file,
    ):
        yield file


def _seconds(moments: Iterable[datetime]) -> Times:
    """Return instants in whole seconds, what is beyond them cut off."""
    return np.array([int(at.timestamp()) for at in moments], dtype="M8[s]")


def _second(at: datetime) -> np.datetime64:
    return np.datetime64(int(at.timestamp()), "s")
