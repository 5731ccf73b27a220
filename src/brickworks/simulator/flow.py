"""Bricks through a line: who makes how much when, who waits for whom.

A line is a row of stages with buffers between them. Each stage's output is a curve,
pieces made since some start, linear between the knots of a common time grid. With C(t)
the pieces a stage could have made, and L(t) the pieces it was allowed to make (by what
arrived, and by the room behind it), its output is the largest curve that is never
steeper than C and never above L: C(t) + min over s <= t of (L(s) - C(s)), 0.
That is one running minimum: starvation and blocking at the price of an array operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import HOUR, MINUTE, Day, chance, plant_day
from brickworks.simulator.factory import (
    BRICKS,
    Device,
    FactoryConfig,
    Stage,
    all_devices,
)
from brickworks.simulator.occurrences import interval_faults

Array = NDArray[np.float64]

WARM_UP = 5 * HOUR
"""The line runs this long before midnight, so that a day begins with filled buffers."""

RUNNING, PLANNED_STOP, CHANGEOVER, STOPPED, STARVED, BLOCKED, SLOW = range(7)
STATES = (
    "running",
    "planned_stop",
    "changeover",
    "stopped",
    "starved",
    "blocked",
    "slow",
)


@dataclass(frozen=True)
class Curve:
    """What one counter's machine did in a day.

    Attributes:
        at: Knots, seconds since midnight.
        made: Pieces made since midnight, at the knots.
        state: State (index into `STATES`) from each knot to the next.
    """

    at: Array
    made: Array
    state: NDArray[np.int8]

    def pieces(self, seconds: Array) -> NDArray[np.int64]:
        """Whole pieces made since midnight at these moments."""
        made = np.interp(seconds, self.at, self.made)
        return np.floor(made + 1e-6).astype(np.int64)

    def moving(self, seconds: Array) -> NDArray[np.bool_]:
        """Whether the machine runs at these moments."""
        states = self.state[np.searchsorted(self.at, seconds, side="right") - 1]
        return (states == RUNNING) | (states == SLOW)


def brick_type(config: FactoryConfig, line: str, day: Day) -> str:
    """The type a line makes at the end of a day."""
    types = list(config.brick_types)
    every = config.changeover_every_days
    block = day.date.toordinal() // every if every else 0
    return types[chance(config.seed, line, block, "brick_type").integers(len(types))]


def changeover(config: FactoryConfig, line: str, day: Day) -> float | None:
    """When a line changes its brick type on this day, seconds since midnight."""
    if brick_type(config, line, day) == brick_type(config, line, previous(config, day)):
        return None
    random = chance(config.seed, line, day.date.toordinal(), "changeover")
    return day.second_of(int(random.integers(7, 16)))


def previous(config: FactoryConfig, day: Day) -> Day:
    """The day before."""
    return plant_day(
        type(day.date).fromordinal(day.date.toordinal() - 1), config.timezone
    )


def planned(config: FactoryConfig, day: Day) -> list[tuple[float, float, str]]:
    """Planned stops of a day: start and end in seconds since midnight, and reason."""
    stops = []
    for stop in config.planned_stops:
        if stop.weekday in (None, day.date.weekday()):
            start = day.second_of(stop.hour, stop.minute)
            stops.append(
                (start, min(start + stop.minutes * MINUTE, day.seconds), stop.reason)
            )
    return stops


def _closures(
    config: FactoryConfig, device: Device, day: Day
) -> list[tuple[float, float, float, int]]:
    """When a machine cannot run or runs slowly: start, end, speed left, state."""
    closures: list[tuple[float, float, float, int]] = []
    for fault in interval_faults(config, device, day):
        if fault.fault == "slow_running":
            speed = 0.4 + 0.2 * fault.amount
            closures.append((fault.start, fault.end, speed, SLOW))
        elif fault.fault in ("breakdown", "micro_stop", "gap_without_production"):
            closures.append((fault.start, fault.end, 0.0, STOPPED))
    changes_at = changeover(config, device.line, day)
    if changes_at is not None:
        # The new type walks down the line; its gap arrives stage by stage.
        ahead = config.stages[: config.stages.index(device.stage) + 1]
        start = changes_at + sum(stage.lag_minutes for stage in ahead) * MINUTE
        end = start + config.changeover_minutes * MINUTE
        closures.append((start, end, 0.0, CHANGEOVER))
    closures += [(s, e, 0.0, PLANNED_STOP) for s, e, _ in planned(config, day)]
    return closures


def _noise(config: FactoryConfig, name: str, day: Day) -> Array:
    """Slowly moving speed, one factor per minute of the day, mean 1."""
    random = chance(config.seed, name, day.date.toordinal(), "pace")
    white = random.standard_normal(int(day.seconds // MINUTE) + 14)
    smooth = np.convolve(white, np.full(15, 1 / 15), mode="valid")
    return np.clip(1 + config.pace_noise * smooth, 0.85, 1.05)


def line_day(config: FactoryConfig, line: str, day: Day) -> dict[str, Curve]:
    """What every counter of a line did in a day.

    Args:
        config: The factory.
        line: The line.
        day: The day.

    Returns:
        Device id → its curve.
    """
    before = previous(config, day)
    devices = [
        d for d in all_devices(config) if d.line == line and d.sensor_type == BRICKS
    ]
    closures = {
        device.device_id: [
            (max(s - before.seconds, -WARM_UP), e - before.seconds, speed, state)
            for s, e, speed, state in _closures(config, device, before)
            if e - before.seconds > -WARM_UP
        ]
        + _closures(config, device, day)
        for device in devices
    }
    edges = [edge for rows in closures.values() for row in rows for edge in row[:2]]
    minutes = np.arange(-WARM_UP, day.seconds + 1, MINUTE)
    at = np.unique(np.concatenate([minutes, edges]))
    at = at[at <= day.seconds]
    step = np.diff(at)
    middle = at[:-1] + step / 2

    # The type of brick sets the speed of the whole line.
    now = config.brick_types[brick_type(config, line, day)]
    then = config.brick_types[brick_type(config, line, before)]
    changes_at = changeover(config, line, day)
    speed = np.full(len(middle), now)
    if changes_at is not None:
        speed[middle < changes_at] = then

    minute = np.floor(middle / MINUTE).astype(int)
    capacity: dict[str, Array] = {}
    reason: dict[str, NDArray[np.int8]] = {}
    for device in devices:
        name = device.device_id
        # Yesterday's minutes are reached by negative indices.
        noise = np.concatenate(
            [_noise(config, name, day), _noise(config, name, before)]
        )
        rate = device.stage.ideal_per_hour / HOUR * config.pace * noise[minute] * speed
        why = np.zeros(len(middle), dtype=np.int8)
        # What stops a machine outranks what slows it; the calendar outranks all.
        for start, end, left, state in sorted(closures[name], key=lambda row: -row[2]):
            first, last = np.searchsorted(at, (start, end))
            rate[first:last] = rate[first:last] * left
            why[first:last] = state
        capacity[name], reason[name] = rate, why

    limits, outputs = _flow(config, devices, at, capacity, speed)
    first = int(np.searchsorted(at, 0.0))
    curves = {}
    for device in devices:
        stage = device.stage.name
        total = sum(capacity[d.device_id] for d in devices if d.stage.name == stage)
        own = capacity[device.device_id]
        share = np.divide(own, total, out=np.zeros_like(own), where=total > 0)
        pieces = np.diff(outputs[stage]) * share
        state = reason[device.device_id].copy()
        waits = (own > 0) & (pieces < 0.05 * own * step)
        arrivals, room = limits[stage]
        blocked = room[1:] < arrivals[1:]
        state[waits & blocked] = BLOCKED
        state[waits & ~blocked] = STARVED
        made = np.concatenate([[0.0], np.cumsum(pieces[first:])])
        curves[device.device_id] = Curve(at[first:], made, state[first:])
    return curves


def _flow(
    config: FactoryConfig,
    devices: list[Device],
    at: Array,
    capacity: dict[str, Array],
    speed: Array,
) -> tuple[dict[str, tuple[Array, Array]], dict[str, Array]]:
    """Output of every stage at the knots, and what limited it (arrivals, room)."""
    step = np.diff(at)
    stages = config.stages
    possible = {}
    for stage in stages:
        rate = sum(
            capacity[d.device_id] for d in devices if d.stage.name == stage.name
        ) + np.zeros(len(step))
        possible[stage.name] = np.concatenate([[0.0], np.cumsum(rate * step)])
    # The first stage is fed a little slower than the slowest one could work, so
    # that queues dissolve; while the first stage rests, nobody feeds it.
    slowest = min(s.ideal_per_hour * s.devices for s in stages) / HOUR
    fed = 0.985 * slowest * config.pace / np.prod([1 - s.loss for s in stages[:3]])
    resting = np.diff(possible[stages[0].name]) == 0
    feed = np.concatenate([[0.0], np.cumsum(fed * speed * step * ~resting)])

    room = {stage.name: np.full(len(at), np.inf) for stage in stages}
    limits: dict[str, tuple[Array, Array]] = {}
    outputs: dict[str, Array] = {}

    def forward() -> None:
        arrivals = feed
        for number, stage in enumerate(stages):
            if number:
                arrivals = _arrivals(at, outputs[stages[number - 1].name], stage, fed)
            limits[stage.name] = (arrivals, room[stage.name])
            spare = np.minimum(arrivals, room[stage.name]) - possible[stage.name]
            spare[0] = min(spare[0], 0.0)
            outputs[stage.name] = possible[stage.name] + np.minimum.accumulate(spare)

    forward()
    for upstream, stage in reversed(list(pairwise(stages))):
        free = stage.buffer_pieces / 2
        room[upstream.name] = (outputs[stage.name] + free) / (1 - stage.loss)
        arrivals = limits[upstream.name][0]
        spare = np.minimum(arrivals, room[upstream.name]) - possible[upstream.name]
        spare[0] = min(spare[0], 0.0)
        outputs[upstream.name] = possible[upstream.name] + np.minimum.accumulate(spare)
    forward()
    return limits, outputs


def _arrivals(at: Array, output: Array, stage: Stage, usual: float) -> Array:
    """Pieces that reached a stage: the previous one's, later and fewer."""
    lag = stage.lag_minutes * MINUTE
    earlier = np.interp(at - lag, at, output)
    # What was on its way when the simulation began came at the usual rate.
    early = at < at[0] + lag
    earlier[early] = output[0] + (at[early] - lag - at[0]) * usual
    under_way = lag * usual
    return (earlier + under_way) * (1 - stage.loss) + stage.buffer_pieces / 2
