"""From numbers to JSON text: the payload shapes of METRICS section 1, and broken ones.

A shape is a %-template over some columns of a reading. Python's own formatting of whole
columns makes about a million messages in two seconds; building dicts and dumping them
takes four times as long.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from brickworks.simulator.factory import BRICKS, MACHINE, MOISTURE, Device

_FLAT = '"count":%d,"{error}":%d,"rssi":%d,"battery":%d,"temperature":%.1f,"uptime":%d'
_NESTED = (
    '{{"ts":"%s","deviceId":"{id}","schemaVer":1,'
    '"metrics":{{"count":%d,"{error}":%d}},"quality":{{"rssi":%d}}}}'
)
_MACHINE = '"temperature":%.1f,"vibration":%.3f,"pressure":%.2f,"rpm":%d'
_MOISTURE = '"moisture":%.4f,"temperature":%.1f,"humidity":%.1f'


@dataclass(frozen=True)
class Shape:
    """One way to write a reading.

    Attributes:
        template: %-template; `{id}`, `{type}` are the device's, filled in beforehand.
        columns: Columns of the reading the template takes, in order.
        has_ts: Whether a naive local time comes before them.
        optional: Columns whose value may be broken without losing the reading.
    """

    template: str
    columns: tuple[int, ...]
    has_ts: bool = False
    optional: tuple[int, ...] = ()


def _flat(error: str) -> Shape:
    return Shape(
        "{{" + _FLAT.replace("{error}", error) + "}}", tuple(range(6)), False, _O
    )


def _nested(error: str) -> Shape:
    return Shape(_NESTED.replace("{error}", error), (0, 1, 2), True, (2,))


_O = (2, 3, 4, 5)
_WRAPPED = (
    '{{"device_id":"{id}","type_code":"{type}","timestamp":"%s","data":{{'
    + _FLAT.replace("{error}", "errCount")
    + "}}}}"
)

SHAPES: dict[str, Shape] = {
    "flat": _flat("errCount"),
    "flat_error": _flat("error"),
    "flat_err_count": _flat("err_count"),
    "flat_error_count": _flat("error_count"),
    "nested": _nested("error_count"),
    "nested_err_count": _nested("err_count"),
    "wrapped": Shape(_WRAPPED, tuple(range(6)), True, _O),
    "health": Shape(
        '{{"status":"online","battery":%d,"temperature":%.1f,"uptime":%d}}', (3, 4, 5)
    ),
    "health_details": Shape(
        '{{"status":"online","details":{{"uptime":%d,"memory_free":%d}}}}', (5, 3)
    ),
    "moisture": Shape("{{" + _MOISTURE + "}}", (0, 1, 2)),
    "moisture_metrics": Shape('{{"metrics":{{' + _MOISTURE + "}}}}", (0, 1, 2)),
    "machine": Shape("{{" + _MACHINE + ',"status":"%s"}}', (0, 1, 2, 3, 4)),
    "machine_metrics": Shape(
        '{{"metrics":{{' + _MACHINE + '}},"status":"%s"}}', (0, 1, 2, 3, 4)
    ),
    "machine_data": Shape(
        '{{"data":{{' + _MACHINE + ',"status":"%s"}}}}', (0, 1, 2, 3, 4)
    ),
}
"""Name → shape; the first seven are of brick counters."""

CODES = tuple(SHAPES)
"""Shape number → name."""

_STATUS = {0.0: "stopped", 1.0: "running"}

NONSENSE = {2: (7, -300), 3: (101, -1), 4: (999.0, -80.0), 5: (-1, -4000)}
"""Column → values out of the range METRICS section 2 allows."""


def shapes_of(device: Device, number: int, spoken: tuple[str, ...]) -> tuple[int, int]:
    """Codes of the shapes a device writes its readings and its health in.

    Args:
        device: The device.
        number: Its place among all devices.
        spoken: The shapes brick counters may use.
    """
    if device.sensor_type == MOISTURE:
        name = ("moisture", "moisture_metrics")[number % 2]
    elif device.sensor_type == MACHINE:
        name = ("machine", "machine_metrics", "machine_data")[number % 3]
    else:
        name = spoken[number % len(spoken)]
    health = ("health", "health_details")[number % 2]
    return CODES.index(name), CODES.index(health)


def render(
    device: Device, code: int, columns: list[list[float]], ts: list[str]
) -> list:
    """JSON texts of readings of one device in one shape.

    Args:
        device: The device.
        code: The shape's number.
        columns: The readings' numbers, column by column.
        ts: Their naive local times.
    """
    shape = SHAPES[CODES[code]]
    template = shape.template.format(id=device.device_id, type=device.sensor_type)
    chosen: list[list] = [columns[column] for column in shape.columns]
    if device.sensor_type == MACHINE:
        chosen[4] = [_STATUS[value] for value in chosen[4]]
    if shape.has_ts:
        chosen.insert(0, ts)
    return [template % row for row in zip(*chosen, strict=True)]


BROKEN: dict[str, tuple[tuple[str, str], ...]] = {
    BRICKS: (
        ("not_an_object", "[1, 2, 3]"),
        ("not_an_object", '"garbage"'),
        ("not_an_object", "42"),
        ("missing_count", '{"metrics": {"error_count": 3}, "schemaVer": 1}'),
        ("count_not_a_number", '{"count": "abc", "errCount": 0}'),
        ("count_not_a_number", '{"count": true, "errCount": 0}'),
        ("count_not_a_number", '{"count": "NaN", "errCount": 0}'),
        ("count_not_integral", '{"count": 12.5, "errCount": 0}'),
        ("count_negative", '{"count": -7, "errCount": 0}'),
        ("count_too_large", '{"count": 99999999999999999999999, "errCount": 0}'),
        ("unknown_sensor_type", '{"count": 5, "errCount": 0}'),
        ("missing_device_id", '{"count": 5, "errCount": 0}'),
    ),
    MOISTURE: (
        ("not_an_object", "[]"),
        ("missing_moisture", '{"humid": 55.0}'),
        ("moisture_out_of_range", '{"moisture": -0.2, "temperature": 41.0}'),
        ("moisture_out_of_range", '{"moisture": 250, "temperature": 41.0}'),
        ("unknown_sensor_type", '{"moisture": 0.15}'),
    ),
    MACHINE: (
        ("not_an_object", '"garbage"'),
        ("no_machine_metric", '{"note": "manual check"}'),
        ("unknown_sensor_type", '{"temperature": 55.0}'),
        ("missing_device_id", '{"temperature": 55.0}'),
    ),
}
"""Sensor type → messages that cannot be used, each with the verdict it deserves."""


def broken(sensor_type: str, amount: float) -> tuple[str, str]:
    """One of the messages that cannot be used: verdict and text; amount is 0..1."""
    choice = BROKEN[sensor_type]
    return choice[int(amount * len(choice))]


def disturb(
    fault: str, amount: float, device: Device, data: str
) -> tuple[str, str, str]:
    """A message as a fault leaves it.

    Args:
        fault: Name of the message fault.
        amount: Its strength, 0..1.
        device: The sender.
        data: The payload before.

    Returns:
        Device id, sensor type and payload as sent.
    """
    device_id, sensor_type = device.device_id, device.sensor_type
    if fault == "double_encoded":
        data = json.dumps(data)
    elif fault == "coerced":
        as_text = r'"count":"\1"' if amount < 0.5 else r'"count":\1.0'
        data = re.sub(r'"count":(\d+)', as_text, data)
    elif fault == "messy_id":
        device_id = f" {device_id.lower()}" if amount < 0.5 else f"{device_id} "
    elif fault == "bad_required":
        verdict, data = broken(sensor_type, amount)
        if verdict == "unknown_sensor_type":
            sensor_type = "noise_level"
        elif verdict == "missing_device_id":
            device_id = " "
    return device_id, sensor_type, data
