"""Brick counters: what they show, what they show wrongly, what can be read from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import HOUR, MINUTE, Day, chance, to_datetime
from brickworks.simulator.factory import Device, FactoryConfig, modulus
from brickworks.simulator.flow import Curve
from brickworks.simulator.occurrences import Occurrence, interval_faults, line_resets
from brickworks.simulator.readings import COLUMNS, Readings, moments
from brickworks.simulator.truth import DeviceMinutes, spread

Ints = NDArray[np.int64]

HEALTHY_LEVEL = 2000
"""Glitches strike counters above this only: below, a dip looks like a reset."""


@dataclass
class Register:
    """What a counter carries from one day to the next.

    Attributes:
        count: Pieces since it was last set to 0.
        errors: Bad pieces since then.
        booted: Moment of that, UTC milliseconds.
        seen: Last reading a reader could build on: (UTC ms, count as shown, errors),
            None before the first.
    """

    count: int = 0
    errors: int = 0
    booted: int = 0
    seen: tuple[int, int, int] | None = None


@dataclass
class CounterDay:
    """One counter's day.

    Attributes:
        readings: What it sends; values are count, errors, rssi, battery, temperature,
            uptime.
        made: Pieces its machine made.
        scrap: Bad pieces among them.
        register: What it carried into the day.
        count: Pieces on the register at the day's end.
        errors: Bad pieces on it.
        booted: When it was last set to 0.
    """

    readings: Readings
    made: Curve
    scrap: Curve
    register: Register
    count: int
    errors: int
    booted: int


def counter_day(
    config: FactoryConfig, device: Device, day: Day, made: Curve, register: Register
) -> CounterDay:
    """What one counter shows in a day, glitches included.

    Args:
        config: The factory.
        device: The counter.
        day: The day.
        made: What its machine made.
        register: What it showed at midnight.
    """
    faults = interval_faults(config, device, day)
    at, health = moments(config, device, day, faults)
    scrap = _scrap(config, device, day, made, faults)
    resets = _resets(config, device, day, faults)

    # Setting to 0 and rolling back are the same to arithmetic: less is shown than was
    # made. `less` is by how much, after each of these events.
    wraps = modulus(config, device)
    pieces, bad = made.pieces(at), scrap.pieces(at)
    reset_made = np.concatenate([[-register.count], made.pieces(resets)])
    reset_bad = np.concatenate([[-register.errors], scrap.pieces(resets)])
    booted = np.concatenate([[register.booted], day.start_ms + resets * 1000])
    since = np.searchsorted(resets, at, side="right")
    count, errors = pieces - reset_made[since], bad - reset_bad[since]
    end_count = int(made.pieces(np.array([day.seconds]))[0] - reset_made[-1])
    end_errors = int(scrap.pieces(np.array([day.seconds]))[0] - reset_bad[-1])

    usable = ~health
    for fault in faults:
        if fault.fault == "rollback":
            back = _roll_back(fault, at, count, usable, wraps)
            until = resets[np.searchsorted(resets, fault.start) :][:1]
            stays = (at >= fault.start) & (at < (until[0] if len(until) else np.inf))
            count[stays] -= back
            end_count -= back if not len(until) else 0
    for fault in faults:
        if fault.fault in ("dip", "spike", "jitter"):
            random = chance(config.seed, device.device_id, day.start_ms, fault.fault)
            _glitch(fault, random, at, count, errors, usable, wraps)
    for fault in faults:
        if fault.fault == "reset":
            fault.end = fault.start
    if wraps:
        if (count >= wraps).any():
            for row in np.flatnonzero(np.diff(count // wraps) > 0):
                when = float(at[row + 1])
                faults.append(Occurrence("rollover", device.device_id, when, when))
        count = count % wraps

    random = chance(config.seed, device.device_id, day.date.toordinal(), "health")
    values = np.empty((len(at), COLUMNS))
    values[:, 0], values[:, 1] = count, errors
    values[:, 2] = np.clip(random.normal(-55, 6, len(at)), -100, -20)
    values[:, 3] = 100 - 0.6 * ((day.date.toordinal() + device.lane * 31) % 97)
    warm = 31 + 4 * np.sin((at / HOUR - 9) * np.pi / 12)
    values[:, 4] = warm + random.normal(0, 0.3, len(at))
    values[:, 5] = (day.start_ms + at * 1000 - booted[since]) / 1000

    readings = Readings(device, day, at, values, faults)
    readings.health, readings.usable = health, usable
    return CounterDay(
        readings, made, scrap, register, end_count, end_errors, int(booted[-1])
    )


def _scrap(
    config: FactoryConfig,
    device: Device,
    day: Day,
    made: Curve,
    faults: list[Occurrence],
) -> Curve:
    """The curve of bad pieces that belongs to a curve of pieces."""
    random = chance(config.seed, device.device_id, day.date.toordinal(), "scrap")
    ratio = device.stage.scrap_ratio * random.gamma(8.0, 1 / 8, len(made.at) - 1)
    for fault in faults:
        if fault.fault == "error_burst":
            first, last = np.searchsorted(made.at, (fault.start, fault.end))
            ratio[first:last] += 0.08 + 0.12 * fault.amount
    bad = np.concatenate([[0.0], np.cumsum(np.diff(made.made) * np.minimum(ratio, 1))])
    return Curve(made.at, bad, made.state)


def _resets(
    config: FactoryConfig, device: Device, day: Day, faults: list[Occurrence]
) -> NDArray[np.float64]:
    """When the counter is set back to 0, seconds since midnight, ascending.

    Operators do it at shift start, walking down the line; they take longer than the
    two minutes within which METRICS section 3 sees one reset of the whole line.
    """
    random = chance(config.seed, device.line, day.date.toordinal(), "operators")
    at_night = random.random() < config.night_reset_probability
    walk = MINUTE * (1 + 2.2 * (2 * config.stages.index(device.stage) + device.lane))
    shifts = [day.second_of(hour) + walk for hour in ([6, 18] if at_night else [6])]
    single = [fault.start for fault in faults if fault.fault == "reset"]
    together = [at + 3.0 * device.lane for at in line_resets(config, device.line, day)]
    return np.array(sorted(shifts + single + together))


def _roll_back(
    fault: Occurrence,
    at: NDArray[np.float64],
    count: Ints,
    usable: NDArray[np.bool_],
    wraps: int | None,
) -> int:
    """By how many pieces a counter falls back, 0 if nobody could tell."""
    first = int(np.searchsorted(at, fault.start))
    good = np.flatnonzero(usable)
    place = int(np.searchsorted(good, first))
    fault.visible = False
    if wraps or not 0 < place < len(good):
        return 0
    before, after = count[good[place - 1]], count[good[place]]
    # Still below the last reading by 3 pieces or more, but by 0.4 % of it at most.
    most = int(0.004 * before)
    if before < HEALTHY_LEVEL or after < before:
        return 0
    fault.visible = True
    back = int(after - before + 3 + fault.amount * (most - 3))
    fault.end = float(at[good[place]])
    fault.detail = {"pieces": back}
    return back


def _glitch(
    fault: Occurrence,
    random: np.random.Generator,
    at: NDArray[np.float64],
    count: Ints,
    errors: Ints,
    usable: NDArray[np.bool_],
    wraps: int | None,
) -> None:
    """Make some readings wrong, in place; mark them as not usable."""
    first, last = np.searchsorted(at, (fault.start, fault.end))
    rows = first + np.flatnonzero(usable[first:last])
    if fault.fault != "dip":
        rows = rows[: 1 + (fault.fault == "spike" and fault.amount > 0.6)]
    before = np.flatnonzero(usable[:first])
    after = np.flatnonzero(usable[last:])
    fault.visible = bool(
        len(rows)
        and len(before)
        and len(after)
        and not wraps
        and count[before[-1]] >= HEALTHY_LEVEL
        and (np.diff(count[[before[-1], *rows, last + after[0]]]) >= 0).all()
    )
    if not fault.visible:
        return
    level = count[before[-1]]
    if fault.fault == "dip":
        low = int(level * 0.3 * max(0.0, fault.amount - 0.5))
        count[rows] = low + count[rows] - count[rows[0]]
        errors[rows] = 0
        fault.detail = {"low": low, "level": int(level)}
    elif fault.fault == "spike":
        up = int(random.integers(3000, 60000))
        count[rows] += up
        fault.detail = {"pieces": up}
    else:
        count[rows] = level - (1 + (fault.amount > 0.5))
    usable[rows] = False
    fault.start, fault.end = float(at[rows[0]]), float(at[last + after[0]])


def cap(device: Device, seconds: NDArray[np.float64]) -> Ints:
    """Most pieces a counter may advance in so many seconds (METRICS section 3)."""
    per_second = device.stage.max_per_hour / HOUR
    return np.ceil(np.round(per_second * seconds * 1.25, 9)).astype(np.int64) + 3


def close(
    config: FactoryConfig, counter: CounterDay, yesterday: DeviceMinutes | None
) -> tuple[DeviceMinutes, Register]:
    """Truth by minute of a day, once it is known which readings can be used.

    Args:
        config: The factory.
        counter: The day.
        yesterday: The day before; the first reading of a day also reveals pieces made
            before midnight, which are added there.

    Returns:
        The day's truth and what the counter carries into the next one.
    """
    readings, register = counter.readings, counter.register
    device, day = readings.device, readings.day
    edges = np.arange(0.0, day.seconds + 1, MINUTE)
    made, scrap = counter.made.pieces(edges), counter.scrap.pieces(edges)
    minutes = DeviceMinutes(
        device.device_id,
        to_datetime(day.start_ms),
        np.diff(made),
        np.diff(scrap),
        np.zeros(len(edges) - 1, dtype=np.int64),
        np.zeros(len(edges) - 1, dtype=np.int64),
        made,
        scrap,
    )
    after = Register(counter.count, counter.errors, counter.booted, register.seen)
    good = readings.usable
    if not good.any():
        return minutes, after
    at, ms = readings.seconds[good], readings.at_ms[good]
    count = readings.values[good, 0].astype(np.int64)
    errors = readings.values[good, 1].astype(np.int64)
    after.seen = (int(ms[-1]), int(count[-1]), int(errors[-1]))
    first = register.seen or (int(ms[0]), int(count[0]), int(errors[0]))
    new, bad = _increments(
        device,
        modulus(config, device),
        np.concatenate([[first[0]], ms]),
        np.concatenate([[first[1]], count]),
        np.concatenate([[first[2]], errors]),
    )
    for what, upto, n, past in (
        ("recoverable", counter.made.pieces(at), new, "edges"),
        ("recoverable_scrap", counter.scrap.pieces(at), bad, "scrap_edges"),
    ):
        spread(getattr(minutes, what), getattr(minutes, past), upto, n)
        if yesterday is not None:
            # The same stretch seen from the day before: its pieces end at midnight.
            before = getattr(yesterday, past)
            spread(getattr(yesterday, what), before, upto[:1] + before[-1], n[:1])
    return minutes, after


def _increments(
    device: Device, wraps: int | None, ms: Ints, count: Ints, errors: Ints
) -> tuple[Ints, Ints]:
    """New pieces and new bad pieces of each reading but the first.

    The rules of METRICS section 3 for series without dips, spikes and jitter.
    """
    before, now = count[:-1], count[1:]
    gained = now - before
    most = cap(device, np.diff(ms) / 1000)
    reset = (gained < 0) & (now <= most)
    new = np.select(
        [
            gained >= 0,
            np.full(len(now), bool(wraps))
            & (before >= 0.9 * (wraps or 0))
            & (gained + (wraps or 0) <= most),
            (gained < -2) & (-gained <= 0.005 * before),
            reset,
        ],
        [np.where(gained <= most, gained, 0), gained + (wraps or 0), 0, now],
        0,
    )
    is_reset = reset & (new == now) & (gained < 0)
    bad = errors[1:] - errors[:-1]
    return new, np.where(is_reset | (bad < 0), errors[1:], bad)
