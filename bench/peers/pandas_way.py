"""Pandas: the whole table in memory, vectorised but for JSON and for rare readings."""

from __future__ import annotations

import json
import math
import tempfile
from typing import Any

import numpy as np
import pandas as pd
import psycopg2.extensions
from numpy.typing import NDArray

from bench.peers.common import (
    CAP_UNIT,
    DAY_MS,
    FIRST_YEAR_MS,
    HOUR_MS,
    RAW_COLUMNS,
    RAW_ROWS,
    Device,
    Rules,
    read_rules,
    run,
    write_results,
)

Ints = NDArray[np.int64]
NONE = np.nan


def compute(connection: psycopg2.extensions.connection) -> dict[str, int]:
    """Read everything, judge device by device, write the periods."""
    rules = read_rules(connection)
    with tempfile.TemporaryFile() as file:
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"copy (select {RAW_COLUMNS} {RAW_ROWS}) to stdout with csv header",
                file,
            )
        file.seek(0)
        messages = pd.read_csv(file)
    readings = judge(messages, rules)
    steps = pd.concat(
        [
            increments(rows, rules, rules.device(str(device_id)))
            for device_id, rows in readings.groupby("device_id", sort=False)
        ]
    )
    bricks = hourly(steps)
    events = steps.groupby(["device_id", "counter_event"])["pieces"]
    write_results(
        connection,
        "bench_pandas",
        events.agg(["size", "sum"]).reset_index().itertuples(index=False, name=None),
        periods(bricks, rules),
    )
    return {"rows": len(messages), "increments": len(steps)}


def judge(messages: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """One reading per device and moment: the latest arrival."""
    at = messages["measured_ms"]
    in_time = at.ge(FIRST_YEAR_MS) & at.le(messages["created_ms"] + rules.ahead_ms)
    messages = messages[in_time]
    parsed = [_parse(text, rules) for text in messages["data"]]
    found = pd.DataFrame(parsed, columns=["count", "uptime"], index=messages.index)
    readings = messages.drop(columns="data").join(found)
    # A comparison with NaN is false: what is no number is no reading.
    readings = readings[
        readings["count"].between(0, rules.max_count)
        & readings["count"].eq(np.floor(readings["count"]))
    ]
    return readings.sort_values(
        ["device_id", "measured_ms", "created_ms", "id"],
        ascending=[True, True, False, False],
    ).drop_duplicates(["device_id", "measured_ms"])


def _parse(text: str, rules: Rules) -> tuple[float, float]:
    try:
        data = json.loads(text)
        if isinstance(data, str):
            data = json.loads(data)
    except ValueError:
        return NONE, NONE
    if not isinstance(data, dict):
        return NONE, NONE
    levels = [data.get(place) for place in rules.places]
    levels = [level for level in levels if isinstance(level, dict)] + [data]
    uptime = _first(levels, "uptime")
    return _first(levels, "count"), uptime if uptime >= 0 else NONE


def _first(levels: list[dict[str, Any]], name: str) -> float:
    for level in levels:
        value = level.get(name)
        if value is not None:
            if isinstance(value, bool):
                return NONE
            try:
                number = float(value)
            except (TypeError, ValueError):
                return NONE
            return number if math.isfinite(number) else NONE
    return NONE


def increments(rows: pd.DataFrame, rules: Rules, device: Device) -> pd.DataFrame:
    """What one device's counter did at each reading."""
    at = rows["measured_ms"].to_numpy(np.int64)
    count = rows["count"].to_numpy(np.float64).astype(np.int64)
    uptime = rows["uptime"].to_numpy(np.float64)
    excursion = excursions(at, count, rules, device)
    levels = np.flatnonzero(excursion == "")
    now, before = levels[1:], levels[:-1]
    since, c, p = at[before], count[now], count[before]
    cap = _cap(at[now] - since, rules, device)
    rises = c - p
    with np.errstate(invalid="ignore"):
        ran_on = ~(uptime[now] < uptime[before])
    conditions = {
        "normal": (rises >= 0) & (rises <= cap),
        "rollover": _wraps(c, p, cap, rules, device),
        "rollback": (-rises > rules.jitter) & (-rises <= rules.rollback * p) & ran_on,
        "reset": (rises < 0) & (c <= cap),
        "unexplained_reset": rises < 0,
    }
    event = excursion
    event[levels[:1]] = "first"
    event[now] = np.select(list(conditions.values()), list(conditions), "jump")
    pieces = np.zeros(len(at), np.int64)
    pieces[now] = np.select(
        [event[now] == name for name in ("normal", "rollover", "reset")],
        [rises, rises + device.modulus, c],
        0,
    )
    level_at = at.copy()
    level_at[now] = since
    frame = pd.DataFrame(
        {"at": at, "since": level_at, "counter_event": event, "pieces": pieces}
    )
    return frame.assign(device_id=rows["device_id"].iloc[0])


def excursions(at: Ints, count: Ints, rules: Rules, device: Device) -> NDArray:
    """Readings the counter comes back from: `dip`, `spike`, `jitter`, else empty."""
    kind = np.full(len(at), "", dtype=object)
    is_jitter = np.zeros(len(at), bool)
    step = count[1:-1] - count[:-2]
    is_jitter[1:-1] = (
        (step >= -rules.jitter)
        & (step < 0)
        & (count[2:] >= count[:-2])
        & (at[2:] - at[1:-1] <= rules.look_ahead_ms)
    )
    kept = np.flatnonzero(~is_jitter)
    base, here = kept[:-1], kept[1:]
    cap = _cap(at[here] - at[base], rules, device)
    c, p = count[here], count[base]
    odd = ((c < p) | (c > p + cap)) & ~_wraps(c, p, cap, rules, device)
    claimed = -1
    for b, start in zip(base[odd].tolist(), here[odd].tolist(), strict=True):
        last = int(np.searchsorted(at, at[start] + rules.look_ahead_ms, "right"))
        later = slice(start + 1, last)
        possible = _cap(at[later] - at[b], rules, device) + count[b]
        if count[start] < count[b]:
            back = np.diff(count[start:last])
            jumps = back > _cap(np.diff(at[start:last]), rules, device)
            is_end = jumps & (count[later] >= count[b]) & (count[later] <= possible)
        else:
            is_end = count[later] <= possible
        ends = np.flatnonzero(is_end)
        end = start + 1 + int(ends[0]) if len(ends) else None
        if end is None or count[end] < count[b] or b < claimed:
            continue
        kind[start:end] = "dip" if count[start] < count[b] else "spike"
        claimed = end
    kind[is_jitter & (kind == "")] = "jitter"
    return kind


def _cap(ms: Ints, rules: Rules, device: Device) -> Ints:
    return -(-rules.cap_factor(device) * ms // CAP_UNIT) + rules.cap_pieces


def _wraps(c: Ints, p: Ints, cap: Ints, rules: Rules, device: Device) -> NDArray:
    if not device.modulus:
        return np.zeros(len(c), bool)
    near_the_top = p >= rules.rollover * device.modulus
    return (c < p) & near_the_top & (c + device.modulus - p <= cap)


def hourly(steps: pd.DataFrame) -> pd.DataFrame:
    """Bricks per device and hour; steps over hour borders are split as rows are."""
    first = steps["since"] // HOUR_MS * HOUR_MS
    crosses = steps["at"] > first + HOUR_MS
    within = steps.assign(hour=first)[~crosses][["device_id", "hour", "pieces"]]
    crossing = steps.assign(hour=first)[crosses].reset_index(drop=True)
    parts = -((crossing["hour"] - crossing["at"]) // HOUR_MS)
    cut = crossing.loc[crossing.index.repeat(parts)]
    cut["hour"] += cut.groupby(level=0).cumcount() * HOUR_MS
    ms = np.minimum(cut["hour"] + HOUR_MS, cut["at"]) - cut[["hour", "since"]].max(
        axis=1
    )
    length = cut["at"] - cut["since"]
    share = cut["pieces"] * ms
    cut = cut.assign(whole=share // length, rest=share % length, step=cut.index)
    left = cut["pieces"] - cut.groupby("step")["whole"].transform("sum")
    cut = cut.assign(left=left).sort_values(
        ["step", "rest", "hour"], ascending=[True, False, True]
    )
    rank = cut.groupby("step").cumcount()
    cut["pieces"] = cut["whole"] + (rank < cut["left"])
    both = pd.concat([within, cut[["device_id", "hour", "pieces"]]])
    return both.groupby(["device_id", "hour"], as_index=False)["pieces"].sum()


def periods(hours: pd.DataFrame, rules: Rules) -> dict[str, Any]:
    """Add hours up to shifts and production days."""
    offset = rules.offset_ms - rules.day_starts_ms
    result = {"hours": hours.itertuples(index=False, name=None)}
    for name, length in {"shifts": DAY_MS // 2, "days": DAY_MS}.items():
        start = (hours["hour"] + offset) // length * length - offset
        sums = hours.groupby(["device_id", start])["pieces"].sum().reset_index()
        result[name] = sums.itertuples(index=False, name=None)
    return result


if __name__ == "__main__":
    run(compute)
