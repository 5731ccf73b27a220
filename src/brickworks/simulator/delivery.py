"""On the way to the database: copies, delays, wrong clocks, broken payloads.

Three times belong to a message. `stamp` is the time it says of itself, `created` the
time the database says it was written, `arrival` the moment its row appears. A late
message has a late `created`; a replayed one keeps the old `created` and only arrives
late, which is why neither `created_at` nor the newest time seen tells what is new.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import HOUR, MINUTE, chance
from brickworks.simulator.factory import FactoryConfig
from brickworks.simulator.faults import FAULTS
from brickworks.simulator.occurrences import MARGIN, Occurrence, strike
from brickworks.simulator.payloads import CODES, NONSENSE, SHAPES, broken
from brickworks.simulator.readings import Readings, inside

Ints = NDArray[np.int64]

_STRIKES = tuple(name for name, fault in FAULTS.items() if fault.kind == "message")
DISTURBING = ("", "double_encoded", "coerced", "messy_id", "bad_required")
"""Faults that change the text of a message; the first is none."""


@dataclass
class Messages:
    """Messages as columns of equal length.

    Attributes:
        device: Number of the sender among all devices.
        stamp: Time of the measurement as sent, UTC milliseconds.
        created: When written, UTC milliseconds.
        arrival: When the row appears, UTC milliseconds.
        ts: What the payload's naive local clock shows, milliseconds.
        shape: Number of the payload shape.
        values: The reading's numbers.
        fault: What disturbs the text, index into `DISTURBING`.
        amount: How much, 0..1.
    """

    device: NDArray[np.int32]
    stamp: Ints
    created: Ints
    arrival: Ints
    ts: Ints
    shape: NDArray[np.int8]
    values: NDArray[np.float64]
    fault: NDArray[np.int8]
    amount: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.stamp)

    def take(self, rows: NDArray | slice) -> Messages:
        """Some of them, in the order asked for."""
        return Messages(*(getattr(self, column.name)[rows] for column in fields(self)))

    @staticmethod
    def join(parts: list[Messages]) -> Messages:
        """All of several."""
        return Messages(
            *(
                np.concatenate([getattr(part, column.name) for part in parts])
                for column in fields(Messages)
            )
        )


def deliver(
    config: FactoryConfig, readings: Readings, number: int, shapes: tuple[int, int]
) -> Messages:
    """The messages of one device and day, in no particular order.

    Marks readings that become unusable in `readings.usable` and appends what happened
    to `readings.faults`.

    Args:
        config: The factory.
        readings: What was measured.
        number: The device's number.
        shapes: Codes of its payload shape and of its health messages.
    """
    device, day = readings.device, readings.day
    at = readings.at_ms
    random = chance(config.seed, device.device_id, day.date.toordinal(), "delivery")
    seconds_under_way = np.minimum(np.exp(random.normal(-3.0, 0.8, len(at))), 20.0)
    created = at + np.rint(1000 * seconds_under_way).astype(np.int64)
    messages = Messages(
        np.full(len(at), number, dtype=np.int32),
        at.copy(),
        created,
        created.copy(),
        day.local_ms(at),
        np.where(readings.health, shapes[1], shapes[0]).astype(np.int8),
        readings.values.copy(),
        np.zeros(len(at), dtype=np.int8),
        np.zeros(len(at)),
    )
    # Cut here, not before: chance must not know where the simulation begins and ends.
    start_ms, end_ms = config.span_ms
    within = (at >= start_ms) & (at < end_ms)
    readings.usable &= within
    # Stops and speeds are the machine's affair; there messages may fail as ever.
    blurred = [
        fault
        for fault in readings.faults
        if fault.fault not in ("breakdown", "micro_stop", "slow_running", "error_burst")
        and FAULTS[fault.fault].kind == "interval"
    ]
    eligible = readings.usable & ~inside(readings.seconds, blurred, 0.75 * MARGIN)
    for fault in readings.faults:
        _disorder(fault, readings, messages)
    copies = [
        copy
        for name in _STRIKES
        for copy in _strike(config, name, readings, messages, eligible)
    ]
    return Messages.join([messages.take(within), *copies])


def _disorder(fault: Occurrence, readings: Readings, messages: Messages) -> None:
    """Apply an interval fault of clocks or of delivery, in place."""
    if fault.fault not in ("replay", "clock_ahead", "clock_1970", "clock_offset"):
        return
    first, last = np.searchsorted(readings.seconds, (fault.start, fault.end))
    rows = slice(int(first), int(last))
    fault.visible = bool(last > first)
    if fault.fault == "replay":
        hours = 1 + 19 * fault.amount
        sent_again = readings.day.start_ms + int(1000 * (fault.end + hours * HOUR))
        messages.arrival[rows] = sent_again + 20 * np.arange(last - first)
        fault.detail = {"hours": round(hours, 2)}
    elif fault.fault == "clock_ahead":
        messages.stamp[rows] += int(1000 * HOUR * (1 + 22 * fault.amount))
        readings.usable[rows] = False
    elif fault.fault == "clock_1970":
        messages.stamp[rows] -= readings.day.start_ms + int(1000 * fault.start)
        readings.usable[rows] = False
    else:
        minutes = (6 + 34 * fault.amount) * (1 if fault.amount < 0.7 else -1)
        messages.ts[rows] += int(1000 * MINUTE * minutes)
        knows_time = [SHAPES[CODES[code]].has_ts for code in messages.shape[rows]]
        fault.visible = any(knows_time)
        fault.detail = {"minutes": round(minutes, 2)}


def _strike(
    config: FactoryConfig,
    name: str,
    readings: Readings,
    messages: Messages,
    eligible: NDArray[np.bool_],
) -> list[Messages]:
    """Apply a message fault, in place; returns copies that are sent as well."""
    device = readings.device
    if FAULTS[name].of not in ("any", device.sensor_type) or not config.has(name):
        return []
    rows, amount = strike(config, name, device.device_id, readings.day, eligible)
    if len(rows) == 0:
        return []
    eligible[rows] = False
    details: list[dict[str, object]] = [{} for _ in rows]
    copies = []
    if name in DISTURBING:
        messages.fault[rows] = DISTURBING.index(name)
        messages.amount[rows] = amount
        if name == "bad_required":
            readings.usable[rows] = False
            details = [{"verdict": broken(device.sensor_type, a)[0]} for a in amount]
    elif name == "bad_optional":
        for row, a, detail in zip(rows, amount, details, strict=True):
            columns = SHAPES[CODES[messages.shape[row]]].optional
            column = columns[int(a * len(columns))]
            wrong = NONSENSE[column][int(a * 7919) % 2]
            messages.values[row, column] = wrong
            field = {2: "rssi", 3: "battery", 4: "temperature", 5: "uptime"}[column]
            detail.update(field=field, value=wrong)
    elif name in ("late", "out_of_order"):
        low, high = FAULTS[name].minutes
        lag = np.rint(1000 * MINUTE * (low + (high - low) * amount**2)).astype(np.int64)
        messages.created[rows] += lag
        messages.arrival[rows] += lag
        details = [{"seconds": int(ms) // 1000} for ms in lag]
    else:
        again = messages.take(rows)
        again.created = again.created + 1 + np.rint(5000 * amount).astype(np.int64)
        again.arrival = again.created.copy()
        copies.append(again)
        if name == "conflicting_duplicate":
            wrong = np.maximum(messages.values[rows, 0] - 1 - np.floor(40 * amount), 0)
            same = wrong == messages.values[rows, 0]
            messages.values[rows, 0] = wrong + same
    readings.faults.extend(
        Occurrence(name, device.device_id, at, at, a, detail)
        for at, a, detail in zip(
            readings.seconds[rows].tolist(), amount.tolist(), details, strict=True
        )
    )
    return copies
