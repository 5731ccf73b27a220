"""The whole factory, day by day, in the order in which the database sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import Day, iso_text, plant_day, to_datetime
from brickworks.simulator.counters import Register, close, counter_day
from brickworks.simulator.delivery import DISTURBING, Messages, deliver
from brickworks.simulator.factory import (
    BRICKS,
    Device,
    FactoryConfig,
    all_devices,
    line_names,
)
from brickworks.simulator.flow import (
    STATES,
    Curve,
    brick_type,
    changeover,
    line_day,
    planned,
    previous,
)
from brickworks.simulator.occurrences import Occurrence, line_resets
from brickworks.simulator.payloads import disturb, render, shapes_of
from brickworks.simulator.sensors import sensor_day
from brickworks.simulator.truth import (
    DayTruth,
    DeviceMinutes,
    FaultInterval,
    PlanEntry,
    State,
    Truth,
)

BLOCK = 8000
"""Messages rendered at once: enough for speed, little enough to let the
server work while the next are being written."""

TruthReader = Callable[[DayTruth], None]


class Message(NamedTuple):
    """One row of `raw.measurements`, but for its id."""

    device_id: str
    sensor_type: str
    timestamp: datetime
    data: str
    metadata: str
    created_at: datetime


@dataclass
class Block:
    """Some messages, one after the other, as text by column.

    Attributes:
        device_id: Senders.
        sensor_type: What they measure.
        stamp_ms: Times of measurement, UTC milliseconds.
        data: Payloads, JSON text.
        metadata: JSON text.
        created_ms: Times of writing, UTC milliseconds.
    """

    device_id: list[str]
    sensor_type: list[str]
    stamp_ms: NDArray[np.int64]
    data: list[str]
    metadata: list[str]
    created_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.data)

    def messages(self) -> Iterator[Message]:
        """The same, message by message."""
        yield from map(
            Message,
            self.device_id,
            self.sensor_type,
            map(to_datetime, self.stamp_ms.tolist()),
            self.data,
            self.metadata,
            map(to_datetime, self.created_ms.tolist()),
        )


def simulate(
    config: FactoryConfig | None = None, truth: TruthReader | None = None
) -> Iterator[Message]:
    """All messages of a factory in order of arrival.

    Args:
        config: The factory; the small one by default.
        truth: Called with the truth of each day once it is complete.

    Yields:
        The messages. Memory stays constant however many there are.
    """
    for block in blocks(config or FactoryConfig(), truth):
        yield from block.messages()


def tell(config: FactoryConfig | None = None) -> Truth:
    """The truth about a factory, without writing its messages."""
    truth = Truth()
    for _ in _days(config or FactoryConfig(), truth.append):
        pass
    return truth


def blocks(config: FactoryConfig, truth: TruthReader | None = None) -> Iterator[Block]:
    """The same messages in blocks of some thousands."""
    devices = all_devices(config)
    waiting: list[Messages] = []
    for day, messages in _days(config, truth):
        waiting += messages
        if not waiting:
            continue
        joined = Messages.join(waiting)
        # What arrives after this day may be overtaken by the next day's messages.
        due = np.flatnonzero(joined.arrival < day.end_ms)
        waiting = [joined.take(joined.arrival >= day.end_ms)]
        yield from _in_order(devices, joined, due)
    for rest in waiting:
        yield from _in_order(devices, rest, np.arange(len(rest)))


def _in_order(
    devices: list[Device], messages: Messages, rows: NDArray[np.intp]
) -> Iterator[Block]:
    """Render rows of messages by arrival; equals stay in order of measurement."""
    order = rows[np.lexsort((messages.stamp[rows], messages.arrival[rows]))]
    for first in range(0, len(order), BLOCK):
        yield _block(devices, messages.take(order[first : first + BLOCK]))


def _block(devices: list[Device], messages: Messages) -> Block:
    """Turn columns of numbers into columns of text."""
    size = len(messages)
    data = np.empty(size, dtype=object)
    ts = iso_text(messages.ts, naive=True)
    # One formatting loop per sender and shape: everything else in it is constant.
    group = messages.device * 64 + messages.shape
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    for rows in np.split(order, borders):
        number, code = divmod(int(group[rows[0]]), 64)
        columns = messages.values[rows].T.tolist()
        data[rows] = render(devices[number], code, columns, ts[rows].tolist())
    ids = [device.device_id for device in devices]
    types = [device.sensor_type for device in devices]
    topics = [f'{{"topic": "devices/{device_id}/telemetry"}}' for device_id in ids]
    numbers = messages.device.tolist()
    block = Block(
        [ids[n] for n in numbers],
        [types[n] for n in numbers],
        messages.stamp,
        data.tolist(),
        [topics[n] for n in numbers],
        messages.created,
    )
    for row in np.flatnonzero(messages.fault):
        fault, amount = DISTURBING[messages.fault[row]], float(messages.amount[row])
        sent = disturb(fault, amount, devices[numbers[row]], block.data[row])
        block.device_id[row], block.sensor_type[row], block.data[row] = sent
    return block


def _days(
    config: FactoryConfig, truth: TruthReader | None
) -> Iterator[tuple[Day, list[Messages]]]:
    """Each calendar day with the messages about it.

    The day before the first one is played as well, unseen: it leaves behind what the
    counters show at the first midnight.
    """
    start_ms, end_ms = config.span_ms
    registers: dict[str, Register] = {}
    open_truth: DayTruth | None = None
    first = plant_day(config.first_day, config.timezone)
    for offset in count(-1):
        date = config.first_day + timedelta(days=offset)
        day = plant_day(date, config.timezone) if offset else first
        if day.start_ms >= end_ms:
            break
        today = DayTruth(date)
        messages = _play(config, day, registers, today, open_truth)
        if day.end_ms <= start_ms:
            continue
        _note_plan(config, day, today)
        yield day, messages
        if open_truth and truth:
            truth(open_truth)
        open_truth = today
    if open_truth and truth:
        truth(open_truth)


def _play(
    config: FactoryConfig,
    day: Day,
    registers: dict[str, Register],
    today: DayTruth,
    yesterday: DayTruth | None,
) -> list[Messages]:
    """Play one day of the factory; fills in `registers` and the truth."""
    sent = []
    curves: dict[str, Curve] = {}
    for line in line_names(config):
        curves |= line_day(config, line, day)
    for number, device in enumerate(all_devices(config)):
        name = device.device_id
        if config.devices is not None and name not in config.devices:
            continue
        if device.sensor_type == BRICKS:
            register = registers.get(name, Register(booted=day.start_ms))
            counter = counter_day(config, device, day, curves[name], register)
            readings = counter.readings
        else:
            readings = sensor_day(
                config, device, day, _curve_of(config, device, curves)
            )
        messages = deliver(
            config, readings, number, shapes_of(device, number, config.shapes)
        )
        if device.sensor_type == BRICKS:
            before = yesterday.minutes.get(name) if yesterday else None
            minutes, registers[name] = close(config, counter, before)
            today.minutes[name] = _within(config, minutes)
            _note_states(config, day, name, curves[name], today)
            for at in line_resets(config, device.line, day):
                readings.faults.append(Occurrence("line_reset", name, at, at))
        _note_faults(config, day, readings.faults, today)
        today.messages[name] = len(messages)
        sent.append(messages)
    return sent


def _curve_of(config: FactoryConfig, device: Device, curves: dict[str, Curve]) -> Curve:
    """The curve of the (first) counter behind a sensor's machine."""
    return next(
        curves[other.device_id]
        for other in all_devices(config)
        if other.sensor is None
        and (other.line, other.stage) == (device.line, device.stage)
    )


def _within(config: FactoryConfig, minutes: DeviceMinutes) -> DeviceMinutes:
    """Only the minutes within the simulated time."""
    start, end = (to_datetime(ms) for ms in config.span_ms)
    total = len(minutes.made)
    first, last = (
        int(np.clip((at - minutes.start).total_seconds() // 60, 0, total))
        for at in (start, end)
    )
    return DeviceMinutes(
        minutes.device_id,
        minutes.start + timedelta(minutes=first),
        *(
            getattr(minutes, what)[first:last]
            for what in ("made", "scrap", "recoverable", "recoverable_scrap")
        ),
        minutes.edges[first : last + 1],
        minutes.scrap_edges[first : last + 1],
    )


def _clip(
    config: FactoryConfig, day: Day, start: float, end: float
) -> tuple[datetime, datetime] | None:
    """An interval within the simulated time; None if it lies outside."""
    first, last = config.span_ms
    start_ms, end_ms = (day.start_ms + round(1000 * at) for at in (start, end))
    if start_ms >= last or end_ms < first or (end_ms == first > start_ms):
        return None
    return to_datetime(max(start_ms, first)), to_datetime(min(end_ms, last))


def _note_faults(
    config: FactoryConfig, day: Day, faults: list[Occurrence], today: DayTruth
) -> None:
    for fault in sorted(faults, key=lambda fault: (fault.start, fault.fault)):
        span = _clip(config, day, fault.start, fault.end)
        if span and fault.visible:
            today.add_fault(
                FaultInterval(fault.fault, fault.device_id, *span, fault.detail)
            )


def _note_states(
    config: FactoryConfig, day: Day, device_id: str, curve: Curve, today: DayTruth
) -> None:
    changes = np.flatnonzero(np.diff(curve.state)) + 1
    edges = [0, *changes.tolist(), len(curve.state)]
    for first, last in pairwise(edges):
        span = _clip(config, day, float(curve.at[first]), float(curve.at[last]))
        if span and span[0] < span[1]:
            today.states.append(State(device_id, *span, STATES[curve.state[first]]))


def _note_plan(config: FactoryConfig, day: Day, today: DayTruth) -> None:
    for line in line_names(config):
        old = brick_type(config, line, previous(config, day))
        new = brick_type(config, line, day)
        at = changeover(config, line, day)
        entries = [
            (s, e, "planned_stop", reason) for s, e, reason in planned(config, day)
        ]
        if at is None:
            entries.append((0.0, day.seconds, "brick_type", new))
        else:
            entries.append((0.0, at, "brick_type", old))
            entries.append((at, day.seconds, "brick_type", new))
            length = 60 * config.changeover_minutes
            entries.append((at, at + length, "changeover", f"{old} to {new}"))
        for start, end, entry, detail in sorted(entries):
            span = _clip(config, day, start, end)
            if span and span[0] < span[1]:
                today.plan.append(PlanEntry(line, *span, entry, detail))
