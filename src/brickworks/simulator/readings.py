"""The readings of one device in one day, before they become messages."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import HOUR, Day, chance
from brickworks.simulator.factory import Device, FactoryConfig
from brickworks.simulator.occurrences import Occurrence

COLUMNS = 6
"""Numbers a reading carries; its payload shape says which means what."""

_SILENT = ("dead_sensor", "gap_with_production", "gap_without_production")


@dataclass
class Readings:
    """Readings in order of time.

    Attributes:
        device: Who sent them.
        day: When.
        seconds: Moment of each, seconds since midnight, in whole milliseconds.
        values: One row of `COLUMNS` numbers each.
        faults: The interval faults of the day.
        health: Readings that carry no measurement, only the device's own condition.
        usable: Readings a reader can build on: neither health nor glitch.
    """

    device: Device
    day: Day
    seconds: NDArray[np.float64]
    values: NDArray[np.float64]
    faults: list[Occurrence]
    health: NDArray[np.bool_] = field(init=False)
    usable: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        """Until told otherwise, every reading is a good one."""
        self.health = np.zeros(len(self.seconds), dtype=bool)
        self.usable = np.ones(len(self.seconds), dtype=bool)

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """The moments as UTC milliseconds."""
        return self.day.start_ms + np.rint(self.seconds * 1000).astype(np.int64)


def moments(
    config: FactoryConfig, device: Device, day: Day, faults: list[Occurrence]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """When a device speaks, and whether it then says only how it feels.

    Args:
        config: The factory.
        device: The device.
        day: The day.
        faults: Its interval faults; it is silent in some of them.

    Returns:
        Seconds since midnight, ascending and distinct; and which are health messages.
    """
    random = chance(config.seed, device.device_id, day.date.toordinal(), "moments")
    if device.sensor:
        at = _every(device.sensor.interval_seconds, day.seconds, random)
        health = np.zeros(len(at), dtype=bool)
    else:
        slow = _every(config.interval_seconds, day.seconds, random)
        fast = _every(config.fast_interval_seconds, day.seconds, random)
        talks_fast = random.random(int(day.seconds // HOUR) + 2) < config.fast_share
        slow = slow[~talks_fast[(slow // HOUR).astype(int)]]
        fast = fast[talks_fast[(fast // HOUR).astype(int)]]
        every = config.health_interval_seconds
        own = _every(every, day.seconds, random) if every else np.empty(0)
        at, first = np.unique(np.concatenate([slow, fast, own]), return_index=True)
        health = first >= len(slow) + len(fast)
    speaks = ~inside(at, [fault for fault in faults if fault.fault in _SILENT])
    return at[speaks], health[speaks]


def _every(
    interval: float, until: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Moments about `interval` seconds apart, in whole milliseconds, ascending."""
    at = np.arange(interval * random.random(), until, interval)
    at += random.uniform(-0.05, 0.05, len(at)) * interval
    at = np.rint(at * 1000) / 1000
    return at[(at >= 0) & (at < until)]


def inside(
    at: NDArray[np.float64], faults: list[Occurrence], margin: float = 0.0
) -> NDArray[np.bool_]:
    """Whether moments lie in one of these faults, or within `margin` seconds of one."""
    hit = np.zeros(len(at), dtype=bool)
    for fault in faults:
        first, last = np.searchsorted(at, (fault.start - margin, fault.end + margin))
        hit[first:last] = True
    return hit
