"""Row by row: what the microservices before this project did.

Fetch a batch, validate each message with pydantic, compare each reading with the last
one, insert each result by a statement of its own, commit per batch. Nothing is asked of
the database that it could do for many rows at once.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Any

import psycopg2.extensions
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
)

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

BATCH = 1000

Reading = tuple[int, int, float | None]
"""Measured at (ms), count, uptime."""


def _number(value: Any) -> Any:  # noqa: ANN401
    """Pydantic takes true for 1; a counter must not."""
    if isinstance(value, bool):
        raise ValueError("a boolean is no number")
    return value


def _or_none(value: Any) -> float | None:  # noqa: ANN401
    """A broken optional field costs the field, not the message."""
    try:
        number = float(_number(value))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def message_model(rules: Rules) -> type[BaseModel]:
    """The payload of a brick counter, in any of its shapes."""

    def anywhere(*names: str) -> AliasChoices:
        nested = [AliasPath(p, name) for p in rules.places for name in names]
        return AliasChoices(*nested, *names)

    count = Annotated[
        int,
        BeforeValidator(_number),
        Field(ge=0, le=rules.max_count, validation_alias=anywhere("count")),
    ]
    optional = Annotated[float | None, BeforeValidator(_or_none)]
    return create_model(
        "Payload",
        count=(count, ...),
        errors=(
            optional,
            Field(default=None, validation_alias=anywhere(*rules.error_names)),
        ),
        uptime=(optional, Field(default=None, validation_alias=anywhere("uptime"))),
    )


def compute(
    connection: psycopg2.extensions.connection, devices: list[str]
) -> dict[str, int]:
    """Read these devices' messages and write their increments and periods."""
    rules = read_rules(connection)
    payload = message_model(rules)
    with connection.cursor() as cursor:
        cursor.execute(
            "drop schema if exists bench_row_by_row_steps cascade;"
            " create schema bench_row_by_row_steps;"
            " create table bench_row_by_row_steps.increments (device_id text,"
            " event_at timestamptz, count bigint, counter_event text,"
            " count_increment bigint)"
        )
    connection.commit()
    hours: dict[tuple[str, int], int] = defaultdict(int)
    events: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    rows = written = 0
    reader = connection.cursor("messages", withhold=True)
    reader.itersize = BATCH
    reader.execute(
        f"select {RAW_COLUMNS} {RAW_ROWS} and upper(trim(device_id)) = any(%s)"
        ' order by 2, "timestamp", created_at desc nulls last, id desc',
        (devices,),
    )
    with connection.cursor() as writer:
        for device_id, messages in groupby(reader, key=lambda row: row[1]):
            readings: list[Reading] = []
            for message in messages:
                rows += 1
                reading = _validate(payload, rules, message)
                # The first of a moment is the one that arrived last.
                if reading and not (readings and readings[-1][0] == reading[0]):
                    readings.append(reading)
            settings = rules.device(device_id)
            for at, count, event, pieces, since in increments(
                readings, rules, settings
            ):
                writer.execute(
                    "insert into bench_row_by_row_steps.increments"
                    " values (%s, to_timestamp(%s), %s, %s, %s)",
                    (device_id, at / 1000, count, event, pieces),
                )
                written += 1
                totals = events[device_id, event]
                totals[0] += 1
                totals[1] += pieces
                if written % BATCH == 0:
                    connection.commit()
                for hour, part in hourly(since, at, pieces):
                    hours[device_id, hour] += part
    reader.close()
    connection.commit()
    write_results(
        connection,
        "bench_row_by_row",
        ((*key, *totals) for key, totals in events.items()),
        periods(hours, rules),
    )
    return {"rows": rows, "increments": written}


def _validate(payload: type[BaseModel], rules: Rules, message: tuple) -> Reading | None:
    _, _, text, measured_ms, created_ms = message
    if not FIRST_YEAR_MS <= measured_ms <= created_ms + rules.ahead_ms:
        return None
    try:
        data = json.loads(text)
        if isinstance(data, str):
            data = json.loads(data)
        found = payload.model_validate(data)
    except (ValidationError, ValueError):
        return None
    return measured_ms, found.count, found.uptime


def increments(
    rows: list[Reading], rules: Rules, device: Device
) -> Iterator[tuple[int, int, str, int, int]]:
    """Judge readings one after the other.

    Yields:
        (measured at, count, event, pieces, measured at of the level before).
    """
    factor = rules.cap_factor(device)

    def cap(ms: int) -> int:
        return -(-factor * ms // CAP_UNIT) + rules.cap_pieces

    level: Reading | None = None
    for i, (at, c, uptime) in enumerate(rows):
        if level is None:
            yield at, c, "first", 0, at
            level = rows[i]
            continue
        since, p, up_p = level
        d, most = c - p, cap(at - since)
        event, pieces, is_level = "normal", d, True
        if not 0 <= d <= most:
            ahead = _ahead(rows, i, rules.look_ahead_ms)
            wraps = device.modulus and p >= rules.rollover * device.modulus
            fell_back = rules.jitter < -d <= rules.rollback * p
            rebooted = uptime is not None and up_p is not None and uptime < up_p
            pieces = 0
            if -rules.jitter <= d < 0 and ahead and ahead[0][1] >= p:
                event, is_level = "jitter", False
            elif d < 0 and wraps and d + device.modulus <= most:
                event, pieces = "rollover", d + device.modulus
            elif d < 0 and _comes_back(rows[i], p, since, ahead, cap):
                event, is_level = "dip", False
            elif d > most and _settles(p, since, ahead, cap):
                event, is_level = "spike", False
            elif fell_back and not rebooted:
                event = "rollback"
            elif d < 0 and c <= most:
                event, pieces = "reset", c
            else:
                event = "unexplained_reset" if d < 0 else "jump"
        yield at, c, event, pieces, since
        if is_level:
            level = rows[i]


def _ahead(rows: list[Reading], i: int, look_ahead_ms: int) -> list[Reading]:
    last = rows[i][0] + look_ahead_ms
    found = []
    for row in rows[i + 1 :][: look_ahead_ms // 1000]:
        if row[0] > last:
            break
        found.append(row)
    return found


def _comes_back(start: Reading, p: int, since: int, ahead: list[Reading], cap) -> bool:  # noqa: ANN001
    before = start
    for row in ahead:
        jumps = row[1] - before[1] > cap(row[0] - before[0])
        if jumps and p <= row[1] <= p + cap(row[0] - since):
            return True
        before = row
    return False


def _settles(p: int, since: int, ahead: list[Reading], cap) -> bool:  # noqa: ANN001
    for row in ahead:
        if row[1] - p <= cap(row[0] - since):
            return row[1] >= p
    return False


def hourly(since: int, at: int, pieces: int) -> Iterator[tuple[int, int]]:
    """Share a step's pieces out to the hours it crosses, by largest remainder."""
    first = since // HOUR_MS * HOUR_MS
    if at <= first + HOUR_MS:
        yield first, pieces
        return
    parts = []
    for hour in range(first, at, HOUR_MS):
        ms = min(hour + HOUR_MS, at) - max(hour, since)
        whole, rest = divmod(pieces * ms, at - since)
        parts.append([hour, whole, rest])
    left = pieces - sum(whole for _, whole, _ in parts)
    for part in sorted(parts, key=lambda part: (-part[2], part[0]))[:left]:
        part[1] += 1
    yield from ((hour, whole) for hour, whole, _ in parts)


def periods(
    hours: dict[tuple[str, int], int], rules: Rules
) -> dict[str, list[tuple[str, int, int]]]:
    """Add hours up to shifts and production days."""
    offset = rules.offset_ms - rules.day_starts_ms
    result = {"hours": hours}
    for name, length in {"shifts": DAY_MS // 2, "days": DAY_MS}.items():
        sums: dict[tuple[str, int], int] = defaultdict(int)
        for (device, hour), bricks in hours.items():
            start = (hour + offset) // length * length - offset
            sums[device, start] += bricks
        result[name] = sums
    return {
        name: [(device, start, bricks) for (device, start), bricks in sums.items()]
        for name, sums in result.items()
    }


if __name__ == "__main__":
    run(compute)
