"""What the peers share: the rules' constants, the devices, and where results go."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import psycopg2.extensions
import yaml
from psycopg2 import sql

from brickworks.settings import server

ROOT = Path(__file__).parents[2]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FIRST_YEAR_MS = 1_577_836_800_000
"""2020-01-01: nobody measured anything before."""


@dataclass(frozen=True)
class Device:
    """What the registry says about a counter.

    Attributes:
        max_rate: Pieces per hour the machine can make.
        gap_ms: A silence longer than this is a gap.
        modulus: Where the counter wraps, 0 if it does not.
    """

    max_rate: float
    gap_ms: int
    modulus: int


@dataclass(frozen=True)
class Rules:
    """The vars of dbt_project.yml that the counters' rules name, and the devices.

    Attributes:
        places: Where a payload may nest its fields, before its top level.
        error_names: Names the error counter goes by.
        max_count: The largest count believed.
        ahead_ms: How far a device's clock may run ahead.
        look_ahead_ms: How far an excursion may take to return.
        headroom: What a counter may gain above the physical rate, as a factor.
        cap_pieces: … and pieces for rounding.
        jitter: Pieces a counter may step back and be back at once.
        rollback: Share of the level a counter may lose without a reset.
        rollover: Share of the modulus above which a counter may wrap.
        offset_ms: The plant's clock against UTC; the plant has no summer time.
        day_starts_ms: When a production day begins, after local midnight.
        devices: Device id → its settings.
        unregistered: The settings of the others.
    """

    places: tuple[str, ...]
    error_names: tuple[str, ...]
    max_count: int
    ahead_ms: int
    look_ahead_ms: int
    headroom: float
    cap_pieces: int
    jitter: int
    rollback: float
    rollover: float
    offset_ms: int
    day_starts_ms: int
    devices: dict[str, Device]
    unregistered: Device

    def device(self, device_id: str) -> Device:
        """The settings of a device."""
        return self.devices.get(device_id, self.unregistered)

    def cap_factor(self, device: Device) -> int:
        """Pieces per 3.6e9 milliseconds: keeps the cap in whole numbers, exactly."""
        return round(device.max_rate * self.headroom * 1000)


CAP_UNIT = 3_600_000_000


def read_rules(connection: psycopg2.extensions.connection) -> Rules:
    """Read the rules' constants from the project, the devices from the seed."""
    variables = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    from datetime import datetime

    zone = ZoneInfo(variables["plant_timezone"])
    offset = datetime(2025, 11, 10, tzinfo=zone).utcoffset()
    assert offset is not None
    floor = int(variables["gap_floor_seconds"])
    hour, minute = map(int, variables["production_day_starts_at"].split(":"))

    def settings(rate: Any, interval: Any, modulus: Any) -> Device:  # noqa: ANN401
        rate = rate or variables["default_max_rate_per_hour"]
        interval = interval or variables["default_expected_interval_seconds"]
        gap_ms = round(1000 * max(3 * float(interval), floor))
        return Device(float(rate), gap_ms, int(modulus or 0))

    with connection.cursor() as cursor:
        cursor.execute(
            "select upper(trim(device_id)), max_rate_per_hour,"
            " expected_interval_seconds, counter_modulus"
            " from analytics.device_registry where sensor_type = 'brick_counter'"
        )
        devices = {name: settings(*rest) for name, *rest in cursor.fetchall()}
    return Rules(
        places=tuple(variables["payload_places"]),
        error_names=tuple(variables["error_names"]),
        max_count=int(variables["max_count"]),
        ahead_ms=_minutes(variables["clock_ahead_tolerance"]),
        look_ahead_ms=_minutes(variables["look_ahead"]),
        headroom=float(variables["cap_headroom"]),
        cap_pieces=int(variables["cap_pieces"]),
        jitter=int(variables["jitter_pieces"]),
        rollback=float(variables["rollback_share"]),
        rollover=float(variables["rollover_share"]),
        offset_ms=round(offset.total_seconds() * 1000),
        day_starts_ms=(hour * 60 + minute) * 60_000,
        devices=devices,
        unregistered=settings(None, None, None),
    )


def _minutes(text: str) -> int:
    number, unit = text.split()
    assert unit.startswith("minute"), text
    return int(number) * 60_000


RAW_COLUMNS = """
    id,
    upper(trim(device_id)) as device_id,
    data::text as data,
    (extract(epoch from "timestamp") * 1000)::bigint as measured_ms,
    (extract(epoch from created_at) * 1000)::bigint as created_ms
"""
"""What every peer reads of a message; the simulator's times are whole milliseconds."""

RAW_ROWS = """
    from raw.measurements
    where lower(trim(sensor_type)) = 'brick_counter'
        and trim(device_id) <> '' and isfinite("timestamp")
"""


def connect() -> psycopg2.extensions.connection:
    """Connect to the database that BRICKWORKS_DB_* names."""
    return psycopg2.connect(**server().dsn())


def write_results(
    connection: psycopg2.extensions.connection,
    schema: str,
    events: Iterable[Sequence[object]],
    periods: dict[str, Iterable[Sequence[object]]],
) -> None:
    """Replace a peer's results.

    Args:
        connection: Where to; committed.
        schema: Schema of the peer.
        events: (device id, counter event, readings, bricks).
        periods: Table → rows (device id, start as UTC ms, bricks).
    """
    columns = {"events": "counter_event text, readings bigint, bricks bigint"}
    columns |= dict.fromkeys(periods, "start_ms bigint, bricks bigint")
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("drop schema if exists {0} cascade; create schema {0}").format(
                sql.Identifier(schema)
            )
        )
        for name, rows in {"events": events, **periods}.items():
            table = sql.Identifier(schema, name)
            cursor.execute(
                sql.SQL("create table {} (device_id text, {})").format(
                    table, sql.SQL(columns[name])
                )
            )
            lines = ("\t".join(map(str, row)) + "\n" for row in rows)
            cursor.copy_expert(
                sql.SQL("copy {} from stdin").format(table), io.StringIO("".join(lines))
            )
    connection.commit()


def run(compute: Any) -> None:  # noqa: ANN401
    """Run a peer: its arguments are JSON, its answer is one line of JSON.

    Args:
        compute: Takes an open connection and the arguments, returns what to tell.
    """
    arguments = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    with closing(connect()) as connection:
        told = compute(connection, **arguments)
    sys.stdout.write(json.dumps(told) + os.linesep)
