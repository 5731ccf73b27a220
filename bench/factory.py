"""The messages of the benchmark, and those of them that come later.

As a program (`python -m bench.factory`) it only loads: so that the simulator's CPU and
memory are measured apart from those of whoever measures.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import psycopg2
import psycopg2.extensions

from brickworks.settings import server
from brickworks.simulator import FactoryConfig, full_factory, load, registry
from brickworks.simulator.factory import expected_messages, line_names

COUNTERS_OF_A_LINE = 8
HOURS_LATER = 4
LATE_DAYS = 10
TABLE = ("raw", "measurements")


def factory(messages: int, devices: int) -> FactoryConfig:
    """A factory of brick counters alone that sends about so many messages.

    All faults, all shapes of payload. Other sensors are left out: their messages cost
    next to nothing until there is a domain for them, and would flatter every figure.

    Args:
        messages: About how many.
        devices: Counters, a multiple of 8.
    """
    lines = max(1, round(devices / COUNTERS_OF_A_LINE))
    one_day = full_factory(lines=lines, days=1, sensors=())
    days = max(3, math.ceil(messages / expected_messages(one_day)))
    return full_factory(lines=lines, days=days, sensors=())


def write_seeds(folder: Path, config: FactoryConfig) -> None:
    """Write a factory's devices and lines over the rows of the project's seeds.

    Args:
        folder: The seeds of a copy of the project.
        config: The factory.
    """
    columns, _ = _read(folder / "device_registry.csv")
    # A date in each row, as in the project's own seed.
    devices = [{"commissioned_on": "2020-01-01"} | row for row in registry(config)]
    _write(folder / "device_registry.csv", columns, devices)
    for name in ("planned_stops.csv", "line_assignments.csv"):
        if (folder / name).exists():
            columns, rows = _read(folder / name)
            first = rows[0]["production_line"]
            own = [row for row in rows if row["production_line"] == first]
            lines = line_names(config)
            every = [row | {"production_line": line} for line in lines for row in own]
            _write(folder / name, columns, every)


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        return list(reader.fieldnames or []), list(reader)


def _write(
    path: Path, columns: list[str], rows: Iterable[Mapping[str, object]]
) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def hold_back(
    connection: psycopg2.extensions.connection, config: FactoryConfig, sets: int
) -> dict[str, int]:
    """Take the messages away that come later, into tables of schema `held`.

    The last hours of the stream, by arrival: `hour_1`, `hour_2`, …; and from the days
    before, `sets` times ten whole device-days: `days_1`, …

    Args:
        connection: Connection as superuser; committed.
        config: The factory that was loaded.
        sets: How many sets of old days.

    Returns:
        Table → its messages.
    """
    end = config.span_ms[1] / 1000
    counts: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute("drop schema if exists held cascade; create schema held")
        # In order of arrival: `created_at` may be earlier (a replay), never later.
        for number in range(HOURS_LATER, 0, -1):
            cursor.execute(
                f"""
                create table held.hour_{number} as
                with gone as (
                    delete from raw.measurements where id >= (
                        select min(id) from raw.measurements
                        where created_at >= to_timestamp(%s)
                    ) returning *
                ) select * from gone
                """,
                (end - 3600 * (HOURS_LATER - number + 1),),
            )
            counts[f"hour_{number}"] = cursor.rowcount
        cursor.execute(
            """
            select upper(trim(device_id)), day from (
                select distinct upper(trim(device_id)) as device_id, day
                from raw.measurements, lateral (
                    select ("timestamp" at time zone %s - interval '6 hours')::date
                ) as days (day)
                where trim(device_id) <> ''
                    and day >= %s::date and day < %s::date + %s
            ) as device_days
            order by md5(device_id || day)
            """,
            (config.timezone, config.first_day, config.first_day, config.days - 1),
        )
        device_days = cursor.fetchall()
        size = min(LATE_DAYS, len(device_days) // (2 * sets))
        for number in range(1, sets + 1):
            chosen = device_days[(number - 1) * size : number * size]
            cursor.execute(
                f"""
                create table held.days_{number} as
                with gone as (
                    delete from raw.measurements
                    using unnest(%s::text[], %s::date[]) as chosen (device, day)
                    where upper(trim(device_id)) = device
                        and ("timestamp" at time zone %s - interval '6 hours')::date
                        = day
                    returning measurements.*
                ) select * from gone
                """,
                (
                    [device for device, _ in chosen],
                    [day for _, day in chosen],
                    config.timezone,
                ),
            )
            counts[f"days_{number}"] = cursor.rowcount
    connection.commit()
    return counts


def arrive(connection: psycopg2.extensions.connection, table: str) -> int:
    """Let messages that were held back arrive, with new ids, and return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            insert into raw.measurements
                (device_id, sensor_type, "timestamp", data, metadata, created_at)
            select device_id, sensor_type, "timestamp", data, metadata, created_at
            from held.{table} order by id
            """
        )
        rows = cursor.rowcount
    connection.commit()
    return rows


def _main() -> None:
    messages, devices = map(int, sys.argv[1:3])
    # Only the superuser of the throw-away server may write raw messages.
    dsn = server().dsn()
    with closing(psycopg2.connect(**dsn)) as connection:
        rows = load(connection, TABLE, config=factory(messages, devices))
        connection.commit()
    sys.stdout.write(json.dumps({"rows": rows}) + "\n")


if __name__ == "__main__":
    _main()
