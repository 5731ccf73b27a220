"""The tables, and the targets beside what was measured."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.scenarios import Result, Size

PEERS = {"row_by_row": "row by row", "pandas": "pandas", "duckdb": "DuckDB"}
COLUMNS = (
    "scenario", "messages", "wall s", "CPU s client", "CPU s server", "messages/s",
    "messages/CPU s", "MiB client", "MiB server", "rows written", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A promise and what was measured.

    Attributes:
        what: What is promised.
        limit: The promise.
        measured: What came out, as text.
        is_met: Whether it holds; None for a figure without a promise.
    """

    what: str
    limit: str
    measured: str
    is_met: bool | None


def targets(sizes: Sequence[Size]) -> list[Target]:
    """Hold the measurements against what is promised."""
    found = [target for size in sizes for target in _of_one_size(size)]
    small, large = sizes[0], sizes[-1]
    for key, name in {"hour_facts": "facts", "hour_arrivals": "all models"}.items():
        if small is large or key not in large.results:
            continue
        first, last = small.results[key].cost, large.results[key].cost
        for which, ratio in {
            "CPU of dbt and server": last.cpu_seconds / first.cpu_seconds,
            "CPU of the server": last.server_seconds / first.server_seconds,
        }.items():
            what = (
                f"one more hour (arrivals, {name}), {which}, {large.messages:,} over"
                f" {small.messages:,}"
            )
            if key == "hour_facts":
                found.append(_target(what, "<=", 1.25, ratio, " x"))
            else:
                found.append(Target(what, "", f"{ratio:.2f} x", None))
    return found


def _of_one_size(size: Size) -> Iterator[Target]:
    at = f"at {size.messages:,}"
    results = size.results
    build = results["build"]
    yield _target(
        f"full build, models, {at}", ">=", 20_000, build.rows_per_second, " messages/s"
    )
    if "test" in results:
        whole = size.messages / size.cost("build", "test").wall_seconds
        what = f"… data tests included, {at}"
        yield Target(what, "", f"{whole:,.0f} messages/s", None)
    # The peers compute bricks and nothing else; the promise is of all there is.
    bricks, row_by_row = results["bricks"], results["row_by_row"]
    times = build.rows_per_cpu_second / row_by_row.rows_per_cpu_second
    yield _target(f"full build against row by row, CPU, {at}", ">=", 5, times, " x")
    for what, measured in {
        "CPU": bricks.rows_per_cpu_second / row_by_row.rows_per_cpu_second,
        "wall clock": bricks.rows_per_second / row_by_row.rows_per_second,
    }.items():
        what = f"bricks alone against row by row, {what}, {at}"
        yield Target(what, "", f"{measured:.2f} x", None)
    for peer in ("pandas", "duckdb"):
        times = bricks.cost.cpu_seconds / results[peer].cost.cpu_seconds
        what = f"CPU of bricks alone over that of {PEERS[peer]}, {at}"
        yield Target(what, "", f"{times:.1f} x", None)
    for key, way, name, limit in (
        ("noop_full", "full", "models", 3),
        ("noop_arrivals", "arrivals", "models", 1.5),
        ("noop_full_test", "full", "models and all data tests", None),
        ("noop_hourly", "arrivals", "models and hourly tests", None),
    ):
        if key not in results:
            continue
        yardstick = results[f"parse_{way}"].cost
        times = results[key].cost.cpu_seconds / yardstick.cpu_seconds
        what = f"nothing new ({way}, {name}) over dbt parse, CPU, {at}"
        yield (
            _target(what, "<=", limit, times, " x")
            if limit
            else Target(what, "", f"{times:.1f} x", None)
        )
    for key, way in {"noop_full": "full", "noop_arrivals": "arrivals"}.items():
        if key in results:
            what = f"rows written with nothing new ({way}), {at}"
            yield _target(what, "<=", 0, results[key].cost.rows_written, "")
    peak = max(
        result.cost.client_mib
        for key, result in results.items()
        if key not in (*PEERS, "simulate")
    )
    yield _target(f"peak memory of dbt, {at}", "<=", 400, peak, " MiB")
    agree = all(
        peer["events"].differing == 0
        and all(each.bricks == each.of_the_peer for each in peer.values())
        for peer in size.agreement.values()
    )
    what = f"all peers find the same counter events and bricks, {at}"
    yield Target(what, "yes", _yes(agree), agree)


def _target(what: str, sign: str, limit: float, value: float, unit: str) -> Target:
    is_met = value >= limit if sign == ">=" else value <= limit
    measured = f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
    return Target(what, f"{sign} {limit:,}{unit}", measured + unit, is_met)


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]


def _row(result: Result) -> tuple[str, ...]:
    cost = result.cost
    # A rate of what was not done to each message would say nothing.
    is_rate = result.rows > 0 and "Nothing new" not in result.name
    return (
        result.name,
        f"{result.rows:,}" if result.rows else "",
        f"{cost.wall_seconds:,.1f}",
        f"{cost.client_seconds:,.1f}",
        f"{cost.server_seconds:,.1f}",
        f"{result.rows_per_second:,.0f}" if is_rate else "",
        f"{result.rows_per_cpu_second:,.0f}" if is_rate else "",
        f"{cost.client_mib:,.0f}",
        "" if cost.server_mib is None else f"{cost.server_mib:,.0f}",
        f"{cost.rows_written:,}",
        result.notes,
    )


def _agreement(size: Size) -> list[tuple[str, ...]]:
    return [
        (PEERS[peer], what, *(f"{number:,}" for number in found))
        for peer, each in size.agreement.items()
        for what, found in each.items()
    ]


AGREEMENT = (
    "peer", "what", "compared", "differing", "largest difference", "bricks",
    "bricks of the peer",
)  # fmt: skip
TARGETS = ("target", "promised", "measured", "met")


def _target_rows(sizes: Sequence[Size]) -> list[tuple[str, ...]]:
    return [(t.what, t.limit, t.measured, _yes(t.is_met)) for t in targets(sizes)]


def show(sizes: Sequence[Size], console: Console) -> None:
    """Print everything but the plans."""

    def table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        shown = Table(title=title, title_justify="left", title_style="bold", box=None)
        for number, name in enumerate(names):
            is_text = number == 0 or name in ("notes", "what")
            shown.add_column(name, justify="left" if is_text else "right")
        for row in rows:
            shown.add_row(*row)
        console.print(shown)
        console.print()

    for size in sizes:
        title = f"{size.messages:,} messages of {size.devices} devices"
        table(title, COLUMNS, [_row(result) for result in size.results.values()])
        table("The same bricks?", AGREEMENT, _agreement(size))
    table("Targets", TARGETS, _target_rows(sizes))


def markdown(sizes: Sequence[Size]) -> str:
    """Everything, plans included."""

    def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        lines = [names, ["---"] * len(names), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

    parts = ["# Benchmark\n", machine() + "\n"]
    for size in sizes:
        parts.append(f"## {size.messages:,} messages of {size.devices} devices\n")
        rows = [_row(result) for result in size.results.values()]
        parts += [table(COLUMNS, rows), table(AGREEMENT, _agreement(size))]
        for key, models in size.models.items():
            slowest = sorted(models.items(), key=lambda item: -item[1])[:8]
            told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in slowest)
            parts.append(f"{size.results[key].name}, seconds: {told}.\n")
    parts += ["## Targets\n", table(TARGETS, _target_rows(sizes))]
    for size in sizes:
        for name, text in size.explained.items():
            parts.append(f"## {name}: statements at {size.messages:,} messages\n")
            parts.append(text)
    return "\n".join(parts)


def as_json(sizes: Sequence[Size]) -> str:
    """The measurements for whoever compares two runs."""
    content = {
        "machine": machine(),
        "sizes": [
            {
                "messages": size.messages,
                "devices": size.devices,
                "results": {
                    key: {"name": result.name, "rows": result.rows}
                    | result.cost.rounded()
                    for key, result in size.results.items()
                },
                "agreement": size.agreement,
                "models": size.models,
            }
            for size in sizes
        ],
        "targets": [target.__dict__ for target in targets(sizes)],
    }
    return json.dumps(content, indent=1) + "\n"


def machine() -> str:
    """What it ran on; figures of two machines are not to be compared."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()},"
        f" Python {platform.python_version()}; load at the end {load:.1f}."
    )
