"""What came out of a build, in one screen.

The numbers are the marts' own; here they are only added up, and never over stages:
a brick passes every stage of its line and counts once, where the line ends.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2.extensions
from psycopg2 import sql
from rich.console import Console
from rich.table import Table

from brickworks.settings import Problem
from brickworks.terminal import as_text

SHIFTS_SHOWN = 12
SENSOR_SHIFTS_SHOWN = 4
ANOMALIES_SHOWN = 8
REASONS_SHOWN = 5

MESSAGES = """
    select
        sensor_type,
        sum(message_count),
        sum(reading_count),
        sum(health_count),
        sum(duplicate_count),
        sum(rejected_count)
    from {device_days}
    group by sensor_type
    order by sensor_type
"""

REJECTED = """
    select reason, count(*)
    from {rejected_measurements}
    group by reason
    order by count(*) desc, reason
"""

# The last stage that reported is judged per line and shift: where the sensor at the
# end of a line is silent for a night, the stage before it stands in, and is named.
BRICKS = """
    with

    reported as (
        select
            production_line,
            production_date,
            shift_name,
            stage,
            count_increment,
            dense_rank() over (
                partition by production_line, production_date, shift_name
                order by coalesce(array_position(%(stages)s::text[], stage::text), 0)
                    desc
            ) as stages_from_the_end,
            start_time
        from {brick_production_stats}
        where count_increment is not null
    )

    select
        production_line,
        production_date,
        shift_name,
        string_agg(distinct stage, ', '),
        sum(count_increment)
    from reported
    where stages_from_the_end = 1
    group by production_line, production_date, shift_name
    order by production_date desc, min(start_time) desc, production_line
"""

ANOMALIES = """
    select production_date, shift_name, device_id, anomaly_reason
    from {brick_production_stats}
    where is_anomaly
    order by production_date desc, start_time desc, device_id
"""


# Of moisture and machines the newest shifts are shown, and of these every device.
MOISTURE = """
    select
        device_id,
        production_date,
        shift_name,
        round(100 * avg_moisture, 1),
        round(100 * time_in_range_ratio, 1),
        alert_level
    from (
        select *, dense_rank() over (order by start_time desc) as shifts_ago
        from {moisture_analysis_stats}
        where sample_count > 0
    ) as stats
    where shifts_ago <= %(shifts)s
    order by start_time desc, device_id desc
"""

MACHINES = """
    select
        device_id,
        production_date,
        shift_name,
        round(uptime_percentage, 1),
        round(health_score, 1),
        status,
        maintenance_reason
    from (
        select *, dense_rank() over (order by start_time desc) as shifts_ago
        from {machine_monitoring_stats}
        where reading_count > 0
    ) as stats
    where shifts_ago <= %(shifts)s
    order by start_time desc, device_id desc
"""


@dataclass(frozen=True)
class Messages:
    """The messages of one sensor type, by what became of them."""

    sensor_type: str
    messages: int
    readings: int
    health: int
    duplicates: int
    rejected: int

    @property
    def lost(self) -> int:
        """Messages nobody accounts for: 0, or there is a bug."""
        known = self.readings + self.health + self.duplicates + self.rejected
        return self.messages - known


@dataclass(frozen=True)
class Bricks:
    """The bricks at the end of one line in one shift."""

    line: str
    date: str
    shift: str
    stage: str
    bricks: int


@dataclass(frozen=True)
class Moisture:
    """The tiles at one probe in one shift; percentages as text, "-" if not known."""

    device: str
    date: str
    shift: str
    average: str
    in_range: str
    alert_level: str


@dataclass(frozen=True)
class Machine:
    """One machine in one shift; numbers as text, "-" if not known."""

    device: str
    date: str
    shift: str
    uptime: str
    health: str
    status: str
    reason: str


@dataclass(frozen=True)
class Anomaly:
    """One device and shift that deserve a look."""

    date: str
    shift: str
    device: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """What came out of a build; all but the messages newest first."""

    messages: list[Messages]
    rejected: list[tuple[str, int]]
    bricks: list[Bricks]
    moisture: list[Moisture]
    machines: list[Machine]
    anomalies: list[Anomaly]
    places: list[tuple[str, str]] = field(default_factory=list)


def stage_order(root: Path) -> list[str]:
    """Return the stages as bricks pass them, by `seeds/stages.csv`.

    Args:
        root: Project directory.

    Returns:
        Stage names, first to last.

    Raises:
        Problem: If the seed is missing or lacks its columns.
    """
    path = root / "seeds" / "stages.csv"
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = sorted(
                csv.DictReader(handle), key=lambda row: int(row["stage_index"])
            )
            return [row["stage"] for row in rows]
    except (FileNotFoundError, KeyError, ValueError):
        raise Problem(
            f"{path} is missing or lacks stage and stage_index: restore it from the "
            "repository."
        ) from None


def read(
    connection: psycopg2.extensions.connection, schema: str, stages: Sequence[str]
) -> Summary:
    """Read the summary from the marts.

    Args:
        connection: Connection that may read the marts.
        schema: Schema of the marts.
        stages: Stage names in the order bricks pass them.
    """
    tables = {
        name: sql.Identifier(schema, name)
        for name in (
            "brick_production_stats",
            "moisture_analysis_stats",
            "machine_monitoring_stats",
            "rejected_measurements",
            "device_days",
        )
    }
    values = {"stages": list(stages), "shifts": SENSOR_SHIFTS_SHOWN}

    def rows(query: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(query).format(**tables), values)
            return cursor.fetchall()

    try:
        return Summary(
            messages=[
                Messages(str(name), *(int(count or 0) for count in counts))
                for name, *counts in rows(MESSAGES)
            ],
            rejected=[(str(reason), int(count)) for reason, count in rows(REJECTED)],
            bricks=[
                Bricks(
                    line=_text(line),
                    date=_text(date),
                    shift=_text(shift),
                    stage=_text(stage),
                    bricks=int(bricks),
                )
                for line, date, shift, stage, bricks in rows(BRICKS)
            ],
            moisture=[Moisture(*map(_text, row)) for row in rows(MOISTURE)],
            machines=[Machine(*map(_text, row)) for row in rows(MACHINES)],
            anomalies=[Anomaly(*map(_text, row)) for row in rows(ANOMALIES)],
        )
    finally:
        connection.rollback()


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def show(summary: Summary, console: Console) -> None:
    """Print a summary; plain lines where the console is not a terminal."""
    _show_messages(summary, console)
    _show_bricks(summary.bricks, console)
    _show_moisture(summary.moisture, console)
    _show_machines(summary.machines, console)
    _show_anomalies(summary.anomalies, console)
    if summary.places:
        console.print("\nWhere to look next", style="bold")
        for what, where in summary.places:
            # One line each, however narrow the terminal: they are to be copied.
            console.print(as_text(f"  {what:<10} {where}"), soft_wrap=True)


def _table(title: str, *columns: tuple[str, bool]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for name, is_number in columns:
        table.add_column(
            name, justify="right" if is_number else "left", no_wrap=is_number
        )
    return table


def _add_row(table: Table, *cells: str, style: str | None = None) -> None:
    table.add_row(*map(as_text, cells), style=style)


def _show_messages(summary: Summary, console: Console) -> None:
    names = ("rows in", "readings", "health", "duplicates", "rejected")
    table = _table("Messages", ("sensor type", False), *((n, True) for n in names))
    totals = [0] * len(names)
    for row in summary.messages:
        counts = (row.messages, row.readings, row.health, row.duplicates, row.rejected)
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        _add_row(table, row.sensor_type, *(f"{count:,}" for count in counts))
    _add_row(table, "all", *(f"{count:,}" for count in totals), style="bold")
    console.print(table)
    if lost := sum(row.lost for row in summary.messages):
        console.print(
            f"{lost:,} rows are not accounted for: this is a bug.", style="red"
        )
    if summary.rejected:
        shown = summary.rejected[:REASONS_SHOWN]
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in shown)
        more = len(summary.rejected) - len(shown)
        console.print(
            as_text(
                f"Rejected for: {reasons}"
                f"{f', and {more} more reasons' if more else ''}."
            )
        )


def _show_bricks(bricks: list[Bricks], console: Console) -> None:
    console.print()
    if not bricks:
        console.print("No bricks were counted.")
        return
    columns = ("line", "production date", "shift", "counted at")
    table = _table(
        "Bricks per line and shift", *((c, False) for c in columns), ("bricks", True)
    )
    for row in reversed(bricks[:SHIFTS_SHOWN]):
        _add_row(table, row.line, row.date, row.shift, row.stage, f"{row.bricks:,}")
    lines: dict[str, int] = {}
    for row in bricks:
        lines[row.line] = lines.get(row.line, 0) + row.bricks
    for line, total in sorted(lines.items()):
        _add_row(table, line, "all", "", "", f"{total:,}", style="bold")
    console.print(table)
    if (earlier := len(bricks) - SHIFTS_SHOWN) > 0:
        console.print(f"The newest {SHIFTS_SHOWN} are shown; {earlier:,} are earlier.")


def _show_moisture(moisture: list[Moisture], console: Console) -> None:
    console.print()
    if not moisture:
        console.print("No moisture was measured.")
        return
    table = _table(
        "Moisture of the newest shifts",
        *((c, False) for c in ("production date", "shift", "device")),
        ("average %", True),
        ("in range %", True),
        ("alert", False),
    )
    for row in reversed(moisture):
        _add_row(
            table,
            row.date,
            row.shift,
            row.device,
            row.average,
            row.in_range,
            row.alert_level,
        )
    console.print(table)


def _show_machines(machines: list[Machine], console: Console) -> None:
    console.print()
    if not machines:
        console.print("No machine was heard of.")
        return
    table = _table(
        "Machines in the newest shifts",
        *((c, False) for c in ("production date", "shift", "device")),
        ("uptime %", True),
        ("health", True),
        ("status", False),
        ("why", False),
    )
    for row in reversed(machines):
        numbers = (row.uptime, row.health)
        _add_row(
            table, row.date, row.shift, row.device, *numbers, row.status, row.reason
        )
    console.print(table)


def _show_anomalies(anomalies: list[Anomaly], console: Console) -> None:
    console.print()
    if not anomalies:
        console.print("No anomalies.")
        return
    table = _table(
        "Anomalies",
        *((c, False) for c in ("production date", "shift", "device", "why")),
    )
    for row in anomalies[:ANOMALIES_SHOWN]:
        _add_row(table, row.date, row.shift, row.device, row.reason)
    console.print(table)
    if (more := len(anomalies) - ANOMALIES_SHOWN) > 0:
        console.print(f"The newest {ANOMALIES_SHOWN} are shown; {more:,} are earlier.")
