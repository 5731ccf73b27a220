"""What the simulated factory is made of: lines, stages, devices, and its settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from brickworks.simulator.clock import to_ms
from brickworks.simulator.faults import FAULTS

BRICKS = "brick_counter"
MOISTURE = "moisture"
MACHINE = "machine_monitoring"


@dataclass(frozen=True)
class Stage:
    """A place of the line where bricks are counted.

    Attributes:
        name: Name of the stage, as in the `stages` seed.
        position: Device ids are position-number.
        devices: Parallel lanes, one counter each.
        ideal_per_hour: Ideal rate of one device, pieces per hour.
        max_per_hour: What one device can do physically, pieces per hour.
        lag_minutes: Way of a brick from the previous stage, minutes.
        loss: Share of the previous stage's pieces that never arrive, 0..1.
        buffer_pieces: Pieces that may wait before this stage.
        scrap_ratio: Share of its pieces the error counter counts, 0..1.
        counter_modulus: The counter wraps here if the fault `rollover` is asked for.
    """

    name: str
    position: str
    devices: int
    ideal_per_hour: float
    max_per_hour: float
    lag_minutes: float
    loss: float
    buffer_pieces: float
    scrap_ratio: float
    counter_modulus: int | None = None


STAGES = (
    Stage("after_press", "SAU-ME", 2, 1040, 1650, 0, 0, 0, 0.002),
    Stage("before_kiln", "TRUOC-LN", 2, 920, 1500, 12, 0.012, 400, 0.003),
    Stage("after_kiln", "SAU-LN", 1, 1820, 2800, 45, 0.018, 300, 0.006),
    Stage(
        "before_surface_grinding",
        "TRUOC-MM",
        1,
        2220,
        3400,
        10,
        0.006,
        500,
        0.002,
        9999,
    ),
    Stage("after_edge_grinding", "SAU-MC", 1, 2220, 3400, 4, 0.008, 200, 0.008),
    Stage("before_boxing", "TRUOC-DH", 1, 2400, 3900, 3, 0.004, 200, 0.01),
)
"""The stages of line DC-01, in the order of flow, with the rates measured on it."""


@dataclass(frozen=True)
class Sensor:
    """A moisture probe or a machine sensor that every line has.

    Attributes:
        position: Device ids are position-number.
        devices: How many of them each line has.
        sensor_type: `moisture` or `machine_monitoring`.
        stage: Stage whose movement decides whether the machine runs.
        machine_type: Kind of machine, or location of the probe.
        interval_seconds: Seconds between its messages.
        levels: Usual values: moisture (fraction), degrees C, humidity (%) of a probe;
            degrees C, mm/s RMS, bar, rpm of a machine.
    """

    position: str
    devices: int
    sensor_type: str
    stage: str
    machine_type: str
    interval_seconds: float
    levels: tuple[float, ...]


SENSORS = (
    Sensor("AM-SAY", 2, MOISTURE, "after_press", "dryer", 300, (0.15, 42, 55)),
    Sensor("MAY-EP", 1, MACHINE, "after_press", "press", 60, (58, 2.4, 320, 1450)),
    Sensor("LO-NUNG", 1, MACHINE, "after_kiln", "kiln", 60, (1150, 1.1, 1.8, 60)),
    Sensor("QUAT-LO", 1, MACHINE, "after_kiln", "fan", 60, (64, 3.1, 2.6, 2900)),
)


@dataclass(frozen=True)
class Device:
    """One device that sends messages.

    Attributes:
        device_id: Its id, position-number.
        sensor_type: What it measures.
        line: Its production line.
        lane: Its number among its stage's devices, from 0.
        stage: The counting stage, or the one a sensor belongs to.
        sensor: The sensor it is, None for a brick counter.
    """

    device_id: str
    sensor_type: str
    line: str
    lane: int
    stage: Stage
    sensor: Sensor | None = None


@dataclass(frozen=True)
class PlannedStop:
    """A stop in the calendar, the same for the whole line.

    Attributes:
        reason: What it is for.
        hour: Local hour of its start.
        minute: Local minute of its start.
        minutes: Its length; it ends before midnight.
        weekday: Monday is 0; None is every day.
    """

    reason: str
    hour: int
    minute: int
    minutes: float
    weekday: int | None = None


PLANNED_STOPS = (
    PlannedStop("meal", 11, 30, 30),
    PlannedStop("meal", 23, 15, 30),
    PlannedStop("maintenance", 8, 0, 120, weekday=2),
)

BRICK_TYPES: Mapping[str, float] = {
    "300x600mm": 1.0,
    "400x800mm": 0.7,
    "600x600mm": 0.6,
    "500x500mm": 0.75,
}
"""Brick type → speed of the line with it, as a share of the ideal rates."""

SHAPES = (
    "nested",
    "flat",
    "wrapped",
    "nested_err_count",
    "flat_error",
    "flat_err_count",
    "flat_error_count",
)
"""Payload shapes of brick counters; device number n speaks the n-th, cyclically."""


@dataclass(frozen=True)
class FactoryConfig:
    """A factory to simulate. The same settings give the same messages, always.

    The defaults are a small factory: one line, three production days of 2025, the
    faults a young project has to survive. `make run` has `demo_factory`.

    Attributes:
        seed: Chooses one of the possible histories.
        first_day: First production day; the first message is at `start_hour`.
        days: Production days.
        start_hour: Local hour at which a production day begins.
        timezone: The plant's clock, and the clock of naive times in payloads.
        lines: Production lines, named DC-01, DC-02 …
        stages: Counting stages of a line in the order of flow.
        sensors: The other sensors of a line.
        pace: Usual speed as a share of the ideal rate, 0..1.
        pace_noise: Standard deviation of a minute's speed as a share, before
            smoothing over a quarter of an hour.
        interval_seconds: Seconds between two messages of a counter.
        fast_interval_seconds: The same in the hours in which it talks fast.
        fast_share: Share of the hours in which a counter talks fast, 0..1.
        health_interval_seconds: Seconds between health messages; 0 sends none.
        shapes: Payload shapes in use, see `SHAPES`.
        night_reset_probability: Operators reset counters at 06:00 every day, and at
            18:00 with this probability.
        planned_stops: The calendar of planned stops.
        brick_types: Types a line makes, with their speed, see `BRICK_TYPES`.
        changeover_every_days: A line may change its type every so many days; 0 never.
        changeover_minutes: Length of a changeover.
        faults: Names of the faults that may happen, see `faults.FAULTS`; None is all.
        rates: Fault → its rate, in place of the catalogue's default, in its unit.
        devices: Only these device ids send messages (the factory around them goes on);
            None is all.
    """

    seed: int = 1
    first_day: date = date(2025, 11, 10)
    days: int = 3
    start_hour: int = 6
    timezone: str = "Asia/Ho_Chi_Minh"
    lines: int = 1
    stages: tuple[Stage, ...] = STAGES
    sensors: tuple[Sensor, ...] = SENSORS
    pace: float = 0.96
    pace_noise: float = 0.06
    interval_seconds: float = 60.0
    fast_interval_seconds: float = 5.5
    fast_share: float = 0.01
    health_interval_seconds: float = 1800.0
    shapes: tuple[str, ...] = SHAPES[:2]
    night_reset_probability: float = 0.5
    planned_stops: tuple[PlannedStop, ...] = PLANNED_STOPS
    brick_types: Mapping[str, float] = field(
        default_factory=lambda: {"300x600mm": 1.0}, hash=False
    )
    changeover_every_days: int = 0
    changeover_minutes: float = 60.0
    faults: frozenset[str] | set[str] | None = frozenset(
        {
            "dip",
            "gap_with_production",
            "gap_without_production",
            "micro_stop",
            "breakdown",
            "slow_running",
            "error_burst",
            "moisture_excursion",
            "overheating",
            "duplicate",
            "conflicting_duplicate",
            "late",
            "out_of_order",
            "double_encoded",
            "bad_optional",
            "bad_required",
        }
    )
    rates: Mapping[str, float] = field(default_factory=dict, hash=False)
    devices: frozenset[str] | set[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated, in one sentence."""
        names = set(self.rates) | (self.faults or set())
        if unknown := sorted(names - set(FAULTS)):
            raise ValueError(
                f"Unknown fault {', '.join(unknown)}; choose among {', '.join(FAULTS)}."
            )
        if self.days < 1 or self.lines < 1:
            raise ValueError("A factory has at least one line and one day.")
        if unknown := sorted(set(self.shapes) - set(SHAPES)):
            raise ValueError(
                f"Unknown shape {', '.join(unknown)}; choose among {', '.join(SHAPES)}."
            )
        known = {device.device_id for device in all_devices(self)}
        if unknown := sorted((self.devices or set()) - known):
            raise ValueError(f"This factory has no device {', '.join(unknown)}.")

    @cached_property
    def span_ms(self) -> tuple[int, int]:
        """First and last instant, as UTC milliseconds, end excluded."""
        zone = ZoneInfo(self.timezone)
        start = datetime.combine(self.first_day, datetime.min.time(), zone)
        start = start.replace(hour=self.start_hour)
        return to_ms(start), to_ms(start + timedelta(days=self.days))

    def has(self, fault: str) -> bool:
        """Whether this fault may happen."""
        return self.faults is None or fault in self.faults

    def rate(self, fault: str) -> float:
        """How often a fault happens, in the unit of its catalogue entry."""
        return self.rates.get(fault, FAULTS[fault].rate)


DEMO_FAULTS = {
    *("spike", "jitter", "rollback", "reset", "line_reset", "dead_sensor"),
    *("moisture_spike", "drift", "stuck", "messy_id", "vibration_growth"),
}
"""What the small factory is spared."""


def demo_factory() -> FactoryConfig:
    """The factory of `make run`: a week, in which every rule has something to say."""
    usual = FactoryConfig()
    return replace(
        usual,
        days=7,
        faults=frozenset(usual.faults or ()) | DEMO_FAULTS,
        rates={"vibration_growth": 0.6},
    )


def full_factory(lines: int = 2, days: int = 30, **settings: Any) -> FactoryConfig:  # noqa: ANN401
    """The factory with everything: all faults, all shapes, changeovers.

    Args:
        lines: Production lines.
        days: Production days.
        **settings: Any other field of `FactoryConfig`.
    """
    everything: dict[str, Any] = {
        "faults": None,
        "shapes": SHAPES,
        "brick_types": BRICK_TYPES,
        "changeover_every_days": 3,
        "fast_share": 0.05,
    }
    return FactoryConfig(lines=lines, days=days, **(everything | settings))


def line_names(config: FactoryConfig) -> list[str]:
    """Names of the lines: DC-01, DC-02 and so on."""
    return [f"DC-{number + 1:02d}" for number in range(config.lines)]


def all_devices(config: FactoryConfig) -> list[Device]:
    """Every device of the factory, line by line in the order of flow."""
    by_name = {stage.name: stage for stage in config.stages}
    devices = []
    for number, line in enumerate(line_names(config)):
        for stage in config.stages:
            for lane in range(stage.devices):
                device_id = f"{stage.position}-{number * stage.devices + lane + 1:02d}"
                devices.append(Device(device_id, BRICKS, line, lane, stage))
        for sensor in config.sensors:
            for lane in range(sensor.devices):
                device_id = (
                    f"{sensor.position}-{number * sensor.devices + lane + 1:02d}"
                )
                stage = by_name[sensor.stage]
                devices.append(
                    Device(device_id, sensor.sensor_type, line, lane, stage, sensor)
                )
    return devices


def modulus(config: FactoryConfig, device: Device) -> int | None:
    """Where the device's counter wraps, None if it does not."""
    return device.stage.counter_modulus if config.has("rollover") else None


def registry(config: FactoryConfig) -> list[dict[str, object]]:
    """Rows for a `device_registry` seed that knows this factory."""
    rows: list[dict[str, object]] = []
    for device in all_devices(config):
        counts = device.sensor is None
        rows.append(
            {
                "device_id": device.device_id,
                "sensor_type": device.sensor_type,
                "production_line": device.line,
                "stage": device.stage.name,
                "machine_type": None if counts else device.sensor.machine_type,
                "unit": "fraction" if device.sensor_type == MOISTURE else None,
                "ideal_rate_per_hour": device.stage.ideal_per_hour if counts else None,
                "max_rate_per_hour": device.stage.max_per_hour if counts else None,
                "counter_modulus": modulus(config, device) if counts else None,
                "error_counter_means": "scrap" if counts else None,
                "expected_interval_seconds": config.interval_seconds
                if counts
                else device.sensor.interval_seconds,
            }
        )
    return rows


def expected_messages(config: FactoryConfig) -> int:
    """About how many messages the factory sends: what a progress bar needs."""
    hours = config.days * 24
    fast, slow = config.fast_interval_seconds, config.interval_seconds
    per_counter = 3600 * (config.fast_share / fast + (1 - config.fast_share) / slow)
    if config.health_interval_seconds:
        per_counter += 3600 / config.health_interval_seconds
    total = 0.0
    for device in all_devices(config):
        if config.devices is None or device.device_id in config.devices:
            sensor = device.sensor
            per_hour = 3600 / sensor.interval_seconds if sensor else per_counter
            total += per_hour * hours
    return math.ceil(total)
