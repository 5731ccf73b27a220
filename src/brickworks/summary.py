"""What came out of a build, in one screen.

The numbers are the marts' own; here they are only added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

import psycopg2.extensions
from psycopg2 import sql
from rich.console import Console
from rich.table import Table

from brickworks.terminal import as_text

SHIFTS_SHOWN = 12
SENSOR_SHIFTS_SHOWN = 4
ALARMS_SHOWN = 8
REASONS_SHOWN = 5


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
class Summary:
    """What came out of a build; all but the messages newest first."""

    messages: list[Messages]
    rejected: list[tuple[str, int]]
    bricks: list[Bricks]
    moisture: list[Moisture]
    machines: list[Machine]
    alarms: list[str]
    explained: int
    places: list[tuple[str, str]] = field(default_factory=list)


def read(connection: psycopg2.extensions.connection, schema: str) -> Summary:
    """Read the summary from the marts.

    Args:
        connection: Connection that may read the marts.
        schema: Schema of the marts.
    """
    marts = _Marts(connection, schema)
    try:
        alarms = _alarms(marts)
        return Summary(
            messages=_messages(marts),
            rejected=_rejected(marts),
            bricks=[
                Bricks(*map(_text, names), bricks=int(bricks))
                for *names, bricks in marts.newest_first(
                    "line_production",
                    "production_line production_date shift_name stage count_increment",
                )
            ],
            moisture=[
                Moisture(*(_text(cell, times=100) for cell in row))
                for row in marts.newest_shifts(
                    "moisture_analysis_stats",
                    "device_id production_date shift_name"
                    " avg_moisture time_in_range_ratio alert_level",
                    "sample_count",
                )
            ],
            machines=[
                Machine(*map(_text, row))
                for row in marts.newest_shifts(
                    "machine_monitoring_stats",
                    "device_id production_date shift_name"
                    " uptime_percentage health_score status maintenance_reason",
                    "reading_count",
                )
            ],
            alarms=[words for words, is_explained in alarms if not is_explained],
            explained=sum(is_explained for _, is_explained in alarms),
        )
    finally:
        connection.rollback()


class _Marts:
    """The marts, read as they stand."""

    def __init__(self, connection: psycopg2.extensions.connection, schema: str) -> None:
        self.connection, self.schema = connection, schema

    def rows(self, mart: str, columns: str, order: str = "") -> Iterator[tuple]:
        """Select columns of a mart, named with blanks between them."""
        query = sql.SQL("select {} from {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns.split())),
            sql.Identifier(self.schema, mart),
        )
        # Row by row: who has seen enough need not fetch the rest.
        with self.connection.cursor(f"summary_of_{mart}") as cursor:
            cursor.execute(query + sql.SQL(order))
            yield from cursor

    def newest_first(self, mart: str, columns: str) -> Iterator[tuple]:
        """Of a mart per shift, by its first column within one shift."""
        return self.rows(
            mart, columns, f" order by start_time desc, {columns.split()[0]} desc"
        )

    def newest_shifts(self, mart: str, columns: str, count: str) -> Iterator[tuple]:
        """Of every device, the newest shifts in which anything was counted."""
        shifts = set()
        for *row, start, counted in self.newest_first(
            mart, f"{columns} start_time {count}"
        ):
            if counted:
                shifts.add(start)
                if len(shifts) > SENSOR_SHIFTS_SHOWN:
                    return
                yield tuple(row)


def _messages(marts: _Marts) -> list[Messages]:
    counts = "message_count reading_count health_count duplicate_count rejected_count"
    totals: dict[str, list[int]] = {}
    for name, *of_the_day in marts.rows("device_days", f"sensor_type {counts}"):
        before = totals.setdefault(name, [0] * len(of_the_day))
        totals[name] = [a + (b or 0) for a, b in zip(before, of_the_day, strict=True)]
    return [
        Messages(name, *map(int, counts)) for name, counts in sorted(totals.items())
    ]


def _rejected(marts: _Marts) -> list[tuple[str, int]]:
    reasons = Counter(
        reason for (reason,) in marts.rows("rejected_measurements", "reason")
    )
    return sorted(reasons.items(), key=lambda one: (-one[1], one[0]))


def _alarms(marts: _Marts) -> list[tuple[str, bool]]:
    """Episodes that are more than information, and whether something explains them."""
    episodes = marts.rows(
        "anomaly_episodes",
        "explanation suppressed_by severity",
        " order by started_at desc, device_id, rule, metric",
    )
    return [
        (words, explained_by is not None)
        for words, explained_by, severity in episodes
        if severity != "info"
    ]


def _text(value: object, times: int = 1) -> str:
    """Return what a cell shows; of a number times so much, one decimal."""
    if value is None:
        return "-"
    if isinstance(value, Decimal | int):
        return str((times * Decimal(value)).quantize(Decimal("0.1"), ROUND_HALF_UP))
    return str(value)


def show(summary: Summary, console: Console) -> None:
    """Print a summary; plain lines where the console is not a terminal."""
    _show_messages(summary, console)
    _show_bricks(summary.bricks, console)
    _show_moisture(summary.moisture, console)
    _show_machines(summary.machines, console)
    _show_alarms(summary.alarms, summary.explained, console)
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


def _show_alarms(alarms: list[str], explained: int, console: Console) -> None:
    console.print()
    if alarms:
        table = _table("Alarms, the newest first", ("", False))
        for words in alarms[:ALARMS_SHOWN]:
            _add_row(table, words)
        console.print(table)
    else:
        console.print("No alarms.")
    told = []
    if (more := len(alarms) - ALARMS_SHOWN) > 0:
        told.append(f"{more:,} are earlier.")
    if explained:
        told.append(
            f"{explained:,} more are explained by the calendar, the line or the"
            " messages: anomaly_episodes.suppressed_by."
        )
    if told:
        console.print(" ".join(told))
