"""Everything that can go wrong: the catalogue, and when it happens to whom.

Three kinds. An *interval* fault has a start and an end; a device-day is divided into
half-hour slots and each slot holds one such fault at most, so that faults never blur
one another and each stays recoverable. A *message* fault strikes single messages,
never inside an interval fault. A *line* fault strikes all counters of a line at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import MINUTE, Day, chance

if TYPE_CHECKING:
    from brickworks.simulator.factory import Device, FactoryConfig

SLOT = 30 * MINUTE
MARGIN = 4 * MINUTE
"""An interval fault keeps this distance from the borders of its slots."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        rate: Default frequency: faults per device-day (interval), per line-day (line),
            share of messages (message), share of blocks of days (`growth`), or 1.
        of: `brick_counter`, `moisture`, `machine_monitoring` or `any`.
        kind: `interval`, `line`, `message`, or `growth`: over days.
        minutes: Shortest and longest duration, minutes.
        anomaly: What a detector should report, None if nothing.
        stops: The machine stands still, not only its sensor.
        about: What happens.
    """

    rate: float
    of: str
    kind: str
    minutes: tuple[float, float]
    anomaly: str | None
    about: str
    stops: bool = False


_COUNTS, _MOIST, _MACHINE = "brick_counter", "moisture", "machine_monitoring"

FAULTS: dict[str, Fault] = {
    # Long ones first: they need the most room.
    "dead_sensor": Fault(
        0.02, "any", "interval", (180, 480), "sensor_dead", "silent while the line runs"
    ),
    "gap_with_production": Fault(
        0.5, "any", "interval", (7, 80), "comms_loss", "no messages, the machine runs"
    ),
    "gap_without_production": Fault(
        0.3, _COUNTS, "interval", (7, 50), "comms_loss", "no messages, it stands", True
    ),
    "replay": Fault(
        0.1,
        "any",
        "interval",
        (20, 50),
        None,
        "arrives hours later, created_at as of then",
    ),
    "breakdown": Fault(
        0.4,
        _COUNTS,
        "interval",
        (6, 150),
        "stoppage",
        "stop of 5 minutes or more",
        True,
    ),
    "micro_stop": Fault(
        4.0, _COUNTS, "interval", (0.3, 4.8), None, "stop of less than 5 minutes", True
    ),
    "slow_running": Fault(
        0.15,
        _COUNTS,
        "interval",
        (40, 110),
        "slow_down",
        "0.4 to 0.6 of the usual speed",
    ),
    "error_burst": Fault(
        0.2,
        _COUNTS,
        "interval",
        (20, 80),
        "error_burst",
        "8 to 20 % of the pieces are bad",
    ),
    "reset": Fault(
        0.05, _COUNTS, "interval", (1, 1), None, "one counter starts again from 0"
    ),
    "dip": Fault(
        0.15, _COUNTS, "interval", (1, 6), "counter_glitch", "falls, restored in 15 min"
    ),
    "spike": Fault(
        0.15, _COUNTS, "interval", (1, 2), "counter_glitch", "jumps up, then as before"
    ),
    "jitter": Fault(
        0.3, _COUNTS, "interval", (1, 2), None, "one reading 1 or 2 below the last"
    ),
    "rollback": Fault(
        0.1, _COUNTS, "interval", (1, 2), "counter_glitch", "back a little, counts on"
    ),
    "clock_ahead": Fault(
        0.05, "any", "interval", (3, 10), None, "timestamp hours in the future"
    ),
    "clock_1970": Fault(
        0.05, "any", "interval", (2, 5), None, "timestamp of 1970, as after a power cut"
    ),
    "clock_offset": Fault(
        0.1,
        _COUNTS,
        "interval",
        (10, 50),
        None,
        "only the payload's ts is 6 to 40 min off",
    ),
    "moisture_excursion": Fault(
        0.4, _MOIST, "interval", (20, 80), "threshold", "outside 0.10 to 0.20"
    ),
    "moisture_spike": Fault(
        0.4, _MOIST, "interval", (6, 6), "spike", "a single wild reading"
    ),
    "drift": Fault(
        0.2, _MOIST, "interval", (180, 360), "drift", "walks away by 0.04 in hours"
    ),
    "stuck": Fault(
        0.2, _MOIST, "interval", (90, 240), "stuck", "the same value again and again"
    ),
    "overheating": Fault(
        0.2,
        _MACHINE,
        "interval",
        (30, 110),
        "novelty",
        "25 to 60 % hotter, vibrating more",
    ),
    "line_reset": Fault(
        0.05, _COUNTS, "line", (2, 2), "reset_storm", "all counters of a line from 0"
    ),
    "vibration_growth": Fault(
        0.15,
        _MACHINE,
        "growth",
        (7 * 1440, 7 * 1440),
        "drift",
        "grows threefold in a week",
    ),
    "rollover": Fault(1.0, _COUNTS, "always", (0, 0), None, "wraps at its modulus"),
    "duplicate": Fault(0.004, "any", "message", (0, 0), None, "sent twice"),
    "conflicting_duplicate": Fault(
        0.0005, _COUNTS, "message", (0, 0), None, "first with a wrong count, then right"
    ),
    "late": Fault(0.003, "any", "message", (5.5, 360), None, "5 min to 6 h late"),
    "out_of_order": Fault(
        0.004, "any", "message", (1, 4), None, "overtaken by later messages"
    ),
    "double_encoded": Fault(
        0.005, "any", "message", (0, 0), None, "the object inside a JSON string"
    ),
    "bad_optional": Fault(
        0.003, _COUNTS, "message", (0, 0), None, "an optional field out of range"
    ),
    "bad_required": Fault(0.002, "any", "message", (0, 0), None, "cannot be used"),
    "coerced": Fault(
        0.002, _COUNTS, "message", (0, 0), None, 'the count as "1234" or 1234.0'
    ),
    "messy_id": Fault(
        0.002, "any", "message", (0, 0), None, "device id in lower case, with blanks"
    ),
}
"""Name → fault."""


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
