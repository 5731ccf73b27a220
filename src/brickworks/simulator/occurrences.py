"""When the faults of the catalogue happen, and to whom.

A device-day is divided into half-hour slots and each slot holds one interval fault at
most, so that faults never blur one another and each stays recoverable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import MINUTE, Day, chance
from brickworks.simulator.factory import Device, FactoryConfig
from brickworks.simulator.faults import FAULTS

SLOT = 30 * MINUTE
MARGIN = 4 * MINUTE
"""An interval fault keeps this distance from the borders of its slots."""


@dataclass
class Occurrence:
    """A fault that happened.

    Attributes:
        fault: Its name in `FAULTS`.
        device_id: To whom.
        start: Seconds since the day's midnight.
        end: The same; equal to `start` for a single message.
        amount: Strength drawn from 0..1; its meaning is the fault's own.
        detail: What a reader of the truth should know.
        visible: Whether it left a trace in at least one message.
    """

    fault: str
    device_id: str
    start: float
    end: float
    amount: float = 0.0
    detail: dict[str, object] = field(default_factory=dict)
    visible: bool = True


@lru_cache(maxsize=4096)
def _plan(seed: int, device_id: str, of: str, day: Day, rates: tuple) -> tuple:
    """All interval faults of a device-day as (name, start, end, amount).

    Planned for the whole catalogue whatever is asked for: asking for fewer faults
    leaves the others where they are.
    """
    free = np.ones(int(day.seconds // SLOT), dtype=bool)
    # Operators reset the counters around 06:00 and 18:00: no glitch beside that.
    for hour in (6, 18):
        first = int(day.second_of(hour) // SLOT)
        free[first - 1 : first + 1] = False
    plan = []
    for (name, fault), rate in zip(FAULTS.items(), rates, strict=True):
        if fault.kind != "interval" or fault.of not in ("any", of):
            continue
        random = chance(seed, device_id, day.date.toordinal(), name)
        for _ in range(random.poisson(rate)):
            low, high = fault.minutes
            # Short ones are more frequent than long ones, as on a real floor.
            length = MINUTE * (low + (high - low) * random.random() ** 2)
            slots = int(np.ceil((length + 2 * MARGIN) / SLOT))
            first = int(random.integers(0, len(free) - slots + 1))
            slack = slots * SLOT - length - 2 * MARGIN
            start = first * SLOT + MARGIN + slack * random.random()
            amount = random.random()
            # A silent sensor or a stop may last over a change of shift, a glitch not.
            long = low >= 180 or fault.stops
            room = free[first : first + slots]
            if room.all() or (long and room.sum() >= slots - 2 and slots > 2):
                room[:] = False
                start = np.floor(start)
                plan.append((name, start, start + np.ceil(length), amount))
    return tuple(sorted(plan, key=lambda row: row[1]))


def interval_faults(
    config: FactoryConfig, device: Device, day: Day
) -> list[Occurrence]:
    """The interval faults of a device-day that were asked for, by start."""
    rates = tuple(config.rate(name) for name in FAULTS)
    plan = _plan(config.seed, device.device_id, device.sensor_type, day, rates)
    return [
        Occurrence(name, device.device_id, float(start), float(end), amount)
        for name, start, end, amount in plan
        if config.has(name)
    ]


def line_resets(config: FactoryConfig, line: str, day: Day) -> list[float]:
    """Seconds since midnight at which all counters of a line lose their count."""
    if not config.has("line_reset"):
        return []
    random = chance(config.seed, line, day.date.toordinal(), "line_reset")
    number = random.poisson(config.rate("line_reset"))
    hours = random.permutation([2, 3, 9, 10, 13, 14, 15, 16, 20, 21])[:number]
    return sorted(day.second_of(int(hour)) for hour in hours)


def growth(
    config: FactoryConfig, device_id: str, day: Day
) -> tuple[float, float] | None:
    """How far a growing vibration has come over this day, as (from, to) in 0..1."""
    if not config.has("vibration_growth"):
        return None
    days = int(FAULTS["vibration_growth"].minutes[0] // 1440)
    block, into = divmod(day.date.toordinal(), days)
    random = chance(config.seed, device_id, block, "vibration_growth")
    if random.random() >= config.rate("vibration_growth"):
        return None
    return into / days, (into + 1) / days


def strike(
    config: FactoryConfig,
    fault: str,
    device_id: str,
    day: Day,
    eligible: NDArray[np.bool_],
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Which messages of a device-day a message fault strikes, and how hard (0..1)."""
    if not config.has(fault):
        return np.empty(0, dtype=np.intp), np.empty(0)
    random = chance(config.seed, device_id, day.date.toordinal(), fault)
    hit = (random.random(len(eligible)) < config.rate(fault)) & eligible
    rows = np.flatnonzero(hit)
    return rows, random.random(len(eligible))[rows]
