"""METRICS sections 2 and 3 row by row, as slowly and as literally as they are written.

It shares no code with the simulator: what it reads from the messages is held against
the simulator's truth.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from datetime import timedelta

LOOK_AHEAD = timedelta(minutes=15)


def number(value):
    """A JSON number or numeric string, else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def unwrap(text):
    data = json.loads(text)
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return None
    return data if isinstance(data, dict) else None


def first_of(data, *names):
    levels = [data.get("metrics"), data.get("data"), data]
    for name in names:
        for level in levels:
            if isinstance(level, dict) and name in level:
                return level[name]
    return None


def read(messages):
    """Verdicts by device, and accepted brick readings by device.

    Returns:
        ({device: {verdict: n}}, {device: [(event_at, count, errors, uptime)]})
    """
    verdicts = defaultdict(lambda: defaultdict(int))
    found = defaultdict(list)
    for order, message in enumerate(messages):
        device = message.device_id.strip().upper()
        verdict, row = judge(device, message, order)
        if verdict == "reading":
            found[device, row[0]].append(row)
        else:
            verdicts[device][verdict] += 1
    readings = defaultdict(list)
    for (device, _), rows in sorted(found.items()):
        rows.sort(key=lambda row: (row[4], row[5]))
        winner = rows[-1]
        readings[device].append(winner[:4])
        verdicts[device]["reading"] += 1
        for row in rows[:-1]:
            same = row[1:3] == winner[1:3]
            verdicts[device]["duplicate" if same else "conflicting_duplicate"] += 1
    return verdicts, readings


def judge(device, message, order):
    at = message.timestamp
    if not device:
        return "missing_device_id", None
    if message.sensor_type != "brick_counter":
        return "unknown_sensor_type", None
    late = at > message.created_at + timedelta(minutes=5)
    if at.year < 2020 or late:
        return "bad_timestamp", None
    data = unwrap(message.data)
    if data is None:
        return "not_an_object", None
    raw = first_of(data, "count")
    if raw is None:
        return ("health" if "status" in data else "missing_count"), None
    count = number(raw)
    if count is None:
        return "count_not_a_number", None
    if count != int(count):
        return "count_not_integral", None
    if count < 0:
        return "count_negative", None
    if count > 10**15:
        return "count_too_large", None
    errors = first_of(data, "error_count", "err_count", "errCount", "error")
    uptime = first_of(data, "uptime")
    row = (at, int(count), errors, uptime, message.created_at, order)
    return "reading", row


def increments(rows, max_per_hour, modulus=None):
    """(event, at, increment, error increment, seconds since the level) per reading."""

    def cap(seconds):
        return math.ceil(round(max_per_hour / 3600 * seconds * 1.25, 9)) + 3

    out = []
    level = None
    for i, (at, c, e, uptime) in enumerate(rows):
        if level is None:
            out.append(("first", at, 0, 0, 0))
            level = (at, c, e, uptime)
            continue
        t_p, p, e_p, up_p = level
        dt = (at - t_p).total_seconds()
        d = c - p
        event, n, levels = None, 0, True
        usual = 0 <= d <= cap(dt)
        near = [] if usual else rows[i + 1 : i + 400]
        ahead = [r for r in near if r[0] - at <= LOOK_AHEAD]
        if usual:
            event, n = "normal", d
        elif -2 <= d < 0 and ahead and ahead[0][1] >= p:
            event, levels = "jitter", False
        elif modulus and p >= 0.9 * modulus and d + modulus <= cap(dt):
            event, n = "rollover", d + modulus
        elif d < 0 and restored(at, c, p, t_p, ahead, cap):
            event, levels = "dip", False
        elif 2 < -d <= 0.005 * p and not (uptime and up_p and uptime < up_p):
            event = "rollback"
        elif d < 0 and c <= cap(dt):
            event, n = "reset", c
        elif d < 0:
            event = "unexplained_reset"
        else:
            back = next(
                (r for r in ahead if r[1] - p <= cap((r[0] - t_p).total_seconds())),
                None,
            )
            if back and back[1] >= p:
                event, levels = "spike", False
            else:
                event = "jump"
        bad = 0
        if levels and e is not None and e_p is not None:
            bad = e if event == "reset" or e < e_p else e - e_p
        out.append((event, at, n, bad, dt))
        if levels:
            level = (at, c, e, uptime)
    return out


def restored(at, c, p, t_p, ahead, cap):
    before = (at, c)
    for r in ahead:
        jump = r[1] - before[1]
        since = (r[0] - before[0]).total_seconds()
        if (
            r[1] >= p
            and r[1] - p <= cap((r[0] - t_p).total_seconds())
            and jump > cap(since)
        ):
            return True
        before = r
    return False
