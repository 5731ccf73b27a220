"""Moisture probes and machine sensors: slow processes with something on top."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brickworks.simulator.clock import HOUR, Day, chance
from brickworks.simulator.factory import MOISTURE, Device, FactoryConfig
from brickworks.simulator.flow import Curve
from brickworks.simulator.occurrences import Occurrence, growth, interval_faults
from brickworks.simulator.readings import COLUMNS, Readings, moments

Array = NDArray[np.float64]


def sensor_day(
    config: FactoryConfig, device: Device, day: Day, curve: Curve
) -> Readings:
    """What one moisture probe or machine sensor measures in a day.

    Args:
        config: The factory.
        device: The sensor.
        day: The day.
        curve: What the machine it sits on made.

    Returns:
        Its readings; values are moisture, temperature, humidity of a probe;
        temperature, vibration, pressure, rpm and running (1 or 0) of a machine.
    """
    faults = interval_faults(config, device, day)
    at, _ = moments(config, device, day, faults)
    random = chance(config.seed, device.device_id, day.date.toordinal(), "values")
    measure = _moisture if device.sensor_type == MOISTURE else _machine
    values = np.zeros((len(at), COLUMNS))
    measure(config, device, day, curve, at, values, faults, random)
    return Readings(device, day, at, values, faults)


def _wander(random: np.random.Generator, size: int, width: int) -> Array:
    """Noise with a memory of `width` readings, standard deviation about 1."""
    white = random.standard_normal(size + width - 1)
    return np.convolve(white, np.full(width, width**-0.5), mode="valid")[:size]


def _moisture(
    config: FactoryConfig,
    device: Device,
    day: Day,
    curve: Curve,
    at: Array,
    values: Array,
    faults: list[Occurrence],
    random: np.random.Generator,
) -> None:
    """Clay is drier in the afternoon."""
    usual, warm, humid = device.sensor.levels
    hour = np.sin((at / HOUR - 15) * np.pi / 12)
    moisture = usual - 0.008 * hour + 0.004 * _wander(random, len(at), 12)
    moisture += 0.0015 * random.standard_normal(len(at))
    for fault in faults:
        first, last = np.searchsorted(at, (fault.start, fault.end))
        fault_at = at[first:last]
        side = 1 if fault.amount > 0.5 else -1
        if fault.fault == "moisture_excursion":
            moisture[first:last] = usual + side * (0.07 + 0.03 * fault.amount)
            moisture[first:last] += 0.003 * random.standard_normal(last - first)
        elif fault.fault == "moisture_spike":
            moisture[first : min(last, first + 1)] += side * 0.11
        elif fault.fault == "drift":
            moisture[first:last] += (
                side * 0.04 * (fault_at - fault.start) / (fault.end - fault.start)
            )
        elif fault.fault == "stuck":
            moisture[first:last] = moisture[first : first + 1]
    values[:, 0] = np.clip(np.round(moisture, 4), 0.005, 0.6)
    values[:, 1] = warm + 3 * hour + random.normal(0, 0.4, len(at))
    values[:, 2] = np.clip(humid - 6 * hour + random.normal(0, 1.5, len(at)), 5, 98)


def _machine(
    config: FactoryConfig,
    device: Device,
    day: Day,
    curve: Curve,
    at: Array,
    values: Array,
    faults: list[Occurrence],
    random: np.random.Generator,
) -> None:
    """A machine that stands vibrates less, turns not, and cools a little."""
    warm, shaking, pressure, rpm = device.sensor.levels
    runs = curve.moving(at)
    temperature = warm * (1 + 0.01 * _wander(random, len(at), 30))
    temperature -= np.where(runs, 0, 0.06 * warm)
    vibration = shaking * np.exp(0.12 * _wander(random, len(at), 5))
    for fault in faults:
        if fault.fault == "overheating":
            first, last = np.searchsorted(at, (fault.start, fault.end))
            into = (at[first:last] - fault.start) / (fault.end - fault.start)
            hump = np.sqrt(np.sin(np.pi * np.clip(into, 0, 1)))
            temperature[first:last] *= 1 + (0.25 + 0.35 * fault.amount) * hump
            vibration[first:last] *= 1 + 0.5 * hump
    grown = growth(config, device.device_id, day)
    if grown:
        come = grown[0] + (grown[1] - grown[0]) * at / day.seconds
        vibration *= 3.0**come
        faults.append(Occurrence("vibration_growth", device.device_id, 0, day.seconds))
    values[:, 0] = temperature
    values[:, 1] = np.where(runs, vibration, 0.08 * shaking)
    values[:, 2] = pressure * (1 + random.normal(0, 0.01, len(at))) * (0.3 + 0.7 * runs)
    values[:, 3] = np.where(runs, rpm * (1 + random.normal(0, 0.004, len(at))), 0)
    values[:, 4] = runs
