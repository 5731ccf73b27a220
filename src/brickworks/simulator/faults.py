"""Everything that can go wrong: the catalogue.

Four kinds. An *interval* fault has a start and an end. A *message* fault strikes single
messages, never inside an interval fault. A *line* fault strikes all counters of a line
at once. A *growth* goes on over days.
"""

from __future__ import annotations

from dataclasses import dataclass


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
