"""Incremental is the full refresh, row for row, in whatever order messages arrive.

Random schedules alone prove little, so most tests here are cases made by hand: each
fails when one part of the protection is taken out.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

import pytest
from arrivals import (
    FIRST_DAY,
    MINUTE,
    Message,
    Schedule,
    at,
    health,
    reading,
    readings,
    schedules,
)
from dbt.cli.main import dbtRunner
from hypothesis import HealthCheck, Phase, given, note, settings
from psycopg2.extras import execute_values

from dbt_local_python.adapter import PostgresAdapter

LATE = timedelta(hours=30)
SOAK = int(os.environ.get("BRICKWORKS_SCHEDULES", "0"))
"""Random schedules of `make soak`; 0 for the handful of `make test`."""

settings.register_profile(
    "schedules",
    max_examples=SOAK or 3,
    derandomize=not SOAK,
    database=None,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    phases=[Phase.generate, Phase.shrink] if SOAK else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Difference:
    """A row that is there before or after, but not both times."""

    model: str
    device_id: str
    production_date: date | None
    is_new: bool
    row: dict = field(hash=False, compare=False)


class Plant:
    """The project on its own database: messages arrive, dbt runs, tables compare."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self.manifest = self._invoke(None, "parse").result
        # What is not run only takes time.
        for name, node in list(self.manifest.nodes.items()):
            if node.resource_type in ("test", "analysis"):
                del self.manifest.nodes[name]
        self.manifest.unit_tests.clear()
        self.manifest.docs.clear()
        # dbt 1.11 cannot copy a manifest with selectors.
        self.manifest.selectors.clear()
        self.manifest.build_parent_and_child_maps()
        models = [
            node
            for node in self.manifest.nodes.values()
            if node.resource_type == "model"
            and node.config.materialized == "incremental"
            and node.name != "processing_logs"
        ]
        self.nodes = {node.name: node for node in models}
        self.tables = {node.name: f'"{node.schema}"."{node.alias}"' for node in models}
        # Worked out whole by every run, from what the incremental tables hold.
        self.rebuilt = {
            node.name: f'"{node.schema}"."{node.alias}"'
            for node in self.manifest.nodes.values()
            if node.resource_type == "model"
            and node.fqn[1] == "factory"
            and node.access == "public"
            and "device_id" in node.columns
        }

    def run(self, *arguments: str, succeeds: bool | None = True) -> None:
        """One `dbt run`, or another command, on the manifest that was parsed once."""
        if not arguments or arguments[0].startswith("-"):
            arguments = ("run", *arguments)
        # dbt writes compiled code into the manifest, and reuses that of ephemerals.
        done = self._invoke(self.manifest.deepcopy(), *arguments)
        assert succeeds is None or done.success == succeeds, done.exception or [
            f"{result.node.name}: {result.message}" for result in done.result
        ]

    def _invoke(self, manifest: Any, *arguments: str) -> Any:
        folder = self.project.folder
        places = ["--project-dir", self.project.root, "--profiles-dir", folder]
        places += ["--target-path", folder / "target", "--log-path", folder]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.project.environment.items():
                patch.setenv(name, value)
            runner = dbtRunner(manifest=manifest)
            quietly = ["--quiet", "--no-write-json", "--log-level-file", "none"]
            return runner.invoke([*quietly, *arguments, *map(str, places)])

    def arrive(self, messages: list[Message]) -> None:
        [(newest,)] = self.sql("select coalesce(max(id), 0) from raw.measurements")
        rows = [message.row() for message in messages]
        rows = [(row[0] or newest + i, *row[1:]) for i, row in enumerate(rows, 1)]
        with self.project._connect() as connection, connection.cursor() as cursor:
            execute_values(
                cursor,
                'insert into raw.measurements (id, device_id, sensor_type, "timestamp",'
                " data, created_at) values %s",
                rows,
            )

    def sql(self, query: str, *values: object) -> list[tuple]:
        return self.project.sql(query, *values)

    def clear(self) -> None:
        """No message and no row, the tables stay."""
        tables = ["raw.measurements", *self._compared().values()]
        there = [t for t in tables if self.sql("select to_regclass(%s)", t)[0][0]]
        self.sql(f"truncate {', '.join(there)}")

    def keep(self, name: str) -> None:
        """Copy every table into a schema of that name."""
        self.sql(f"drop schema if exists {name} cascade")
        self.sql(f"create schema {name}")
        for model, table in self._compared().items():
            self.sql(f"create table {name}.{model} as select * from {table}")

    def _compared(self) -> dict[str, str]:
        return self.tables | self.rebuilt

    def differences(
        self, before: str, after: str | None = None, but: tuple[str, ...] = ()
    ) -> list[Difference]:
        """Compare what was kept with what was kept later, or with what is there now.

        Columns named in `but` do not count; a row that is there twice must be there
        twice on the other side.
        """
        drop = "".join(f" - '{column}'" for column in but)
        found = []
        for model, table in self._compared().items():
            tables = (f"{before}.{model}", f"{after}.{model}" if after else table)
            old, new = (f"select to_jsonb(t){drop} from {name} as t" for name in tables)
            rows = self.sql(
                f"select false, row from ({old} except all {new}) as gone (row)"
                f" union all"
                f" select true, row from ({new} except all {old}) as come (row)"
            )
            found += [
                Difference(
                    model,
                    row["device_id"],
                    row["production_date"]
                    and date.fromisoformat(row["production_date"]),
                    is_new,
                    row,
                )
                for is_new, row in rows
            ]
        return found

    def assert_equal_to_full_refresh(self) -> None:
        self.keep("incremental")
        self.run("--full-refresh")
        assert self.differences("incremental") == []

    def versions(self) -> dict[tuple[str, str], set]:
        """Where each device's rows are and which transaction wrote them."""
        found: dict[tuple[str, str], set] = defaultdict(set)
        columns = "device_id, production_date, xmin::text, ctid::text"
        for model, table in self.tables.items():
            for device_id, *row in self.sql(f"select {columns} from {table}"):
                found[model, device_id].add(tuple(row))
        return dict(found)

    def facts(self) -> set[str]:
        """The incremental models that know no threshold."""
        return {
            model
            for model in self.tables
            if "seed.brickworks.thresholds" not in self._ancestors(model)
        }

    def _ancestors(self, model: str) -> set[str]:
        found: set[str] = set()
        ahead = list(self.nodes[model].depends_on.nodes)
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                node = self.manifest.nodes.get(name)
                ahead += getattr(getattr(node, "depends_on", None), "nodes", [])
        return found

    def readers(self, model: str) -> set[str]:
        """The incremental models that read a table, be it through views."""
        found, seen, ahead = set(), set(), [self.nodes[model].unique_id]
        while ahead:
            for child in self.manifest.child_map.get(ahead.pop(), []):
                node = self.manifest.nodes.get(child)
                if node is None or child in seen:
                    continue
                seen.add(child)
                if node.name in self.tables:
                    found.add(node.name)
                elif node.config.materialized in ("view", "ephemeral"):
                    ahead.append(child)
        return found


@pytest.fixture(scope="module")
def plant(project) -> Plant:
    plant = Plant(project)
    plant.run("seed")
    # A raw table in partitions has no such key.
    plant.sql("alter table raw.measurements drop constraint measurements_pkey")
    return plant


# --- what a late message restates ------------------------------------------------


@dataclass
class Case:
    """What is there at a first run, what comes before a second, what that restates.

    Attributes:
        first: the messages of the first run.
        later: the messages that come after it.
        restates: a model, and the production day, from the first, whose rows of the
            case's device have to change. The case would prove nothing without that.
        gone: the production day whose raw rows are deleted after the first run.
        device_id: the device, if it is not the case's own.
    """

    first: list[Message]
    later: list[Message]
    restates: tuple[str, int]
    gone: int | None = None
    device_id: str | None = None


def steady(device_id: str, clock: str, day: int, count: int, n: int = 20) -> list:
    """Readings a minute apart, ten pieces each."""
    return readings(device_id, at(clock, day), range(count, count + 10 * n, 10))


def a_dip_over_the_change_of_day_whose_restoring_reading_is_late(name: str) -> Case:
    before = steady(name, "05:30", 1, 5000, 28)
    dip = readings(name, at("05:58", 1), [3, 4])
    after = steady(name, "07:30", 1, 5600)
    back = reading(name, at("06:01", 1), 5310, LATE)
    return Case([*before, *dip, *after], [back], ("int_brick_excursions", 0))


def a_late_reading_in_the_tail_of_the_previous_day(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 1, 5400)
    late = reading(name, at("05:55", 1), 5260, LATE)
    return Case(first, [late], ("int_brick_increments", 1))


def a_late_reading_in_the_tail_before_a_day_of_a_few_minutes(name: str) -> Case:
    """The short day's only reading is in a dip: the level before is two days back."""
    first = steady(name, "20:00", 0, 5000, 41)
    first += readings(name, at("05:57", 2), [3]) + steady(name, "06:02", 2, 5410)
    late = reading(name, at("20:41", 0), 5404, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_late_reading_says_which_side_of_a_wave_is_misread(name: str) -> Case:
    """Outside of the tail: ten minutes low, ten high, for longer than an hour."""
    wave = (5000 + i + 9000 * (i // 10 % 2) for i in range(100))
    first = readings(name, at("04:40", 1), wave)
    late = reading(name, at("04:39", 1), 13999, LATE)
    return Case(first, [late], ("int_brick_increments", 1))


def a_late_reading_before_a_day_of_health_messages(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 2, 5400)
    first += [health(name, at("12:00", 1)), health(name, at("20:00", 1))]
    late = reading(name, at("05:55", 1), 5260, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_late_reading_before_a_last_day_of_health_messages(name: str) -> Case:
    first = [*steady(name, "05:30", 1, 5000), health(name, at("12:00", 1))]
    late = reading(name, at("05:55", 1), 5260, LATE)
    return Case(first, [late], ("int_brick_production_periods", 1))


def a_first_reading_on_a_day_of_health_messages(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 2, 5400)
    first.append(health(name, at("12:00", 1)))
    late = reading(name, at("13:00", 1), 5300, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_first_reading_on_a_day_of_rejected_messages(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 2, 5400)
    first += [Message(name, at("12:00", 1), {"count": "?"}, at("12:00", 1))] * 2
    late = reading(name, at("13:00", 1), 5300, LATE)
    return Case(first, [late], ("int_brick_increments", 2))


def a_first_message_on_a_day_that_a_gap_bridged(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 4, 9400)
    late = reading(name, at("12:00", 3), 7000, LATE)
    return Case(first, [late], ("int_brick_slices", 2))


def a_late_reading_before_the_days_that_a_gap_bridged(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 4, 9400)
    late = reading(name, at("05:55", 1), 6000, LATE)
    return Case(first, [late], ("int_brick_slices", 2))


def a_reading_on_the_stroke_of_the_change_of_day(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000) + steady(name, "06:10", 1, 5400)
    late = reading(name, at("06:00", 1), 5290, LATE)
    return Case(first, [late], ("int_brick_slices", 0))


def a_stop_over_the_change_of_day_that_late_readings_make_longer(name: str) -> Case:
    """Three minutes that turn out to be twenty: on the day before as well."""
    first = steady(name, "05:30", 1, 5000, 29)
    first += readings(name, at("05:59", 1), [5280] * 3)
    first += steady(name, "06:20", 1, 5290)
    late = readings(name, at("06:02", 1), [5280] * 18)
    return Case(first, late, ("int_brick_slices", 0))


def a_late_reading_joins_what_stood_before_and_after_the_change_of_day(
    name: str,
) -> Case:
    """Two stops of eight minutes with a piece between them, which was none."""
    first = steady(name, "05:30", 1, 5000, 20)
    first += readings(name, at("05:50", 1), [5191] * 9)
    first += readings(name, at("06:00", 1), [5192] * 9)
    first += steady(name, "06:10", 1, 5200)
    late = readings(name, at("06:00", 1), [5191] * 8)
    return Case(first, late, ("downtime_events", 0))


def a_stop_over_the_change_of_day_that_turns_out_to_be_older(name: str) -> Case:
    first = steady(name, "05:30", 1, 5000, 20)
    first += readings(name, at("05:59", 1), [5190] * 3)
    first += steady(name, "06:02", 1, 5200)
    late = readings(name, at("05:50", 1), [5190] * 9)
    return Case(first, late, ("int_brick_slices", 1))


def a_late_reading_tells_the_pace_after_a_stop_at_the_change_of_day(name: str) -> Case:
    """What a step of yesterday lends to a stop, by how fast it went on after it."""
    first = steady(name, "05:30", 1, 5000, 26)
    first += readings(name, at("05:56", 1), [5250] * 3)
    first += readings(name, at("05:59.5", 1), [5251, 5300, 5310], MINUTE * 3)
    late = reading(name, at("06:03.5", 1), 5301, LATE)
    return Case(first, [late], ("int_brick_slices", 1))


def a_late_health_message_tells_that_the_device_began_anew(name: str) -> Case:
    first = [*steady(name, "05:30", 1, 5000), *steady(name, "06:10", 1, 5400)]
    first.append(Message(name, at("06:05", 1), {"status": "online", "uptime": 100}))
    late = Message(name, at("05:52", 1), {"status": "online", "uptime": 5000})
    return Case(first, [late], ("int_brick_sensor_health", 1))


def a_day_emptied_between_others(name: str) -> Case:
    first = [
        m for day in range(3) for m in steady(name, "12:00", day, 5000 + day * 900)
    ]
    return Case(first, [], ("int_brick_increments", 1), gone=1)


def a_last_day_emptied(name: str) -> Case:
    first = [
        m for day in range(3) for m in steady(name, "12:00", day, 5000 + day * 900)
    ]
    return Case(first, [], ("int_brick_production_periods", 2), gone=2)


def a_day_replaced_by_as_many_rows_with_the_same_sum_of_ids(name: str) -> Case:
    """Nobody does this; but count and sum alone would not see it."""
    first = readings(name, at("12:00", 0), [10, 20, 30, 40])
    later = readings(name, at("12:00", 0), [10, 21, 32, 43])
    first = [
        replace(m, id=9_000_000 + i) for m, i in zip(first, (1, 4, 11, 14), strict=True)
    ]
    later = [
        replace(m, id=9_000_000 + i) for m, i in zip(later, (2, 3, 12, 13), strict=True)
    ]
    return Case(first, later, ("stg_brick_counts", 0), gone=0)


def a_doubled_row_replaced_by_another_doubled_row(name: str) -> Case:
    """In a raw table without a key; what is there twice, an xor does not see."""
    first, later = (
        2 * [replace(m, id=number) for m in readings(name, at("12:00", 0), [count])]
        for number, count in ((9_000_021, 10), (9_000_022, 20))
    )
    return Case(first, later, ("stg_brick_counts", 0), gone=0)


def a_conflicting_reading_that_arrives_later(name: str) -> Case:
    late = reading(name, at("12:05", 0), 5049, LATE)
    return Case(steady(name, "12:00", 0, 5000), [late], ("stg_brick_counts", 0))


def a_replay_that_says_it_was_written_earlier(name: str) -> Case:
    late = reading(name, at("12:05", 0), 5049, timedelta(0))
    return Case(steady(name, "12:00", 0, 5000), [late], ("rejected_measurements", 0))


def a_duplicate(name: str) -> Case:
    late = reading(name, at("12:05", 0), 5050, LATE)
    return Case(steady(name, "12:00", 0, 5000), [late], ("device_days", 0))


def another_spelling_of_the_device(name: str) -> Case:
    late = reading(f" {name.lower()} ", at("12:30", 0), 5400, LATE)
    return Case(steady(name, "12:00", 0, 5000), [late], ("int_brick_increments", 0))


def a_device_that_appears(name: str) -> Case:
    return Case([], steady(name, "12:00", 0, 5000), ("brick_production_stats", 0))


def a_message_without_a_device(_: str) -> Case:
    lost = Message(None, at("12:00", 0), {"count": 1}, at("12:00", 0))
    changed = ("rejected_measurements", 0)
    return Case([lost], [lost], changed, device_id="(missing)")


def a_message_of_an_unknown_sensor_type(name: str) -> Case:
    odd = Message(name, at("12:00", 0), {"loud": 61}, at("12:00", 0), "noise_level")
    return Case([odd], [odd], ("stg_unclaimed_messages", 0))


def moist(name: str, clock: str, day: int, *values: float) -> list[Message]:
    """Readings of a moisture probe two minutes apart, each written at once."""
    moments = [at(clock, day) + timedelta(minutes=2 * i) for i in range(len(values))]
    return [
        Message(name, moment, {"moisture": value}, moment, "moisture")
        for moment, value in zip(moments, values, strict=True)
    ]


def a_late_moisture_whose_time_reaches_into_the_next_day(name: str) -> Case:
    first = moist(name, "05:30", 1, *[0.15] * 4) + moist(name, "06:10", 1, *[0.16] * 4)
    late = [
        replace(m, created_at=LATE + m.timestamp) for m in moist(name, "05:58", 1, 0.12)
    ]
    return Case(first, late, ("int_moisture_periods", 1))


def a_moisture_excursion_over_the_change_of_day_whose_end_is_late(name: str) -> Case:
    first = moist(name, "05:52", 1, 0.15, 0.15, 0.15, 0.28)
    first += moist(name, "06:10", 1, 0.15, 0.15)
    return Case(first, moist(name, "06:00", 1, 0.28), ("int_moisture_ranges", 0))


def a_late_moisture_two_readings_before_the_day(name: str) -> Case:
    """What holds over the change of day is an excursion since the one before it."""
    first = moist(name, "05:45", 1, 0.15, 0.15) + moist(name, "05:59", 1, 0.28)
    first += moist(name, "06:01", 1, 0.15, 0.15)
    return Case(first, moist(name, "05:57", 1, 0.28), ("int_moisture_ranges", 1))


def a_late_value_tells_that_the_day_before_was_in_percent(name: str) -> Case:
    """The unit is guessed by day; its last value holds over the change of day."""
    first = moist(name, "12:00", 0, 0.9) + moist(name, "05:56", 1, 0.8, 0.9)
    first += moist(name, "06:01", 1, 0.15, 0.15)
    return Case(first, moist(name, "12:30", 0, 14.5), ("int_moisture_periods", 1))


def a_late_moisture_changes_the_baseline_of_the_next_day(name: str) -> Case:
    first = moist(name, "10:00", 0, *[0.15, 0.151, 0.149] * 12)
    first += moist(name, "10:00", 1, *[0.15, 0.151, 0.149] * 8, 0.19)
    later = moist(name, "14:00", 0, *[0.11, 0.19] * 40)
    return Case(first, later, ("moisture_analysis_anomalies", 1))


def machine(
    name: str,
    clock: str,
    day: int,
    *values: float,
    status: str | None = "running",
    metric: str = "vibration",
) -> list[Message]:
    """Readings of a machine a minute apart, each written at once."""
    said = {} if status is None else {"status": status}
    return [
        Message(name, moment, {metric: value} | said, moment, "machine_monitoring")
        for moment, value in (
            (at(clock, day) + i * MINUTE, value) for i, value in enumerate(values)
        )
    ]


def a_late_machine_value_whose_time_reaches_into_the_next_day(name: str) -> Case:
    first = machine(name, "05:30", 1, 2, 2.1) + machine(name, "06:10", 1, 2.2, 2.3)
    late = machine(name, "05:58.5", 1, 3)
    return Case(first, late, ("int_machine_metric_periods", 1))


def a_late_status_whose_time_reaches_into_the_next_day(name: str) -> Case:
    first = machine(name, "05:30", 1, 2, 2.1) + machine(name, "06:10", 1, 2.2, 2.3)
    late = machine(name, "05:58.5", 1, 0, status="stopped")
    return Case(first, late, ("int_machine_states", 1))


def a_late_speed_tells_that_a_silent_machine_ran(name: str) -> Case:
    """A value of before the change of day, that a later state makes running time."""
    first = machine(name, "05:55", 1, *[2.5] * 5, status=None)
    first += machine(name, "06:10", 1, 2.5, 2.5)
    late = machine(name, "05:58.5", 1, 900, status=None, metric="rpm")
    return Case(first, late, ("int_machine_ranges", 1))


def a_stop_of_a_machine_over_the_change_of_day_that_grows(name: str) -> Case:
    """Four minutes that turn out to be eight: a failure of the day before."""
    first = machine(name, "05:50", 1, *[2] * 8)
    first += machine(name, "05:58", 1, 0, 0, status="stopped")
    first += machine(name, "06:10", 1, *[2] * 5)
    late = machine(name, "06:01", 1, 0, 0, 0, status="stopped")
    return Case(first, late, ("int_machine_periods", 0))


def a_stop_of_a_machine_that_turns_out_to_be_older(name: str) -> Case:
    first = machine(name, "05:30", 1, *[2] * 5)
    first += machine(name, "05:55", 1, *[0] * 12, status="stopped")
    first += machine(name, "06:07", 1, *[2] * 5)
    late = machine(name, "05:40", 1, *[0] * 15, status="stopped")
    return Case(first, late, ("int_machine_periods", 1))


def a_late_reading_raises_an_alert_on_the_next_day(name: str) -> Case:
    first = machine(name, "05:50", 1, *[2] * 8)
    first += machine(name, "06:00", 1, 8, 2, 2)
    return Case(first, machine(name, "05:59", 1, 8), ("int_machine_alerts", 1))


def an_alert_over_the_change_of_day_that_began_earlier(name: str) -> Case:
    """Values that neither raise nor clear since an alert in the evening."""
    first = machine(name, "20:00", 0, 2, 2) + machine(name, "05:00", 1, 6.8, 6.9)
    first += machine(name, "06:30", 1, 6.8, 6.9)
    late = machine(name, "21:00", 0, 8, 8)
    return Case(first, late, ("int_machine_alerts", 1))


def a_late_day_of_vibration_changes_the_trend_of_later_ones(name: str) -> Case:
    first = [
        message
        for day in range(6)
        for message in machine(name, "12:00", day, *[2 + day / 2] * 10)
    ]
    late = machine(name, "15:00", 1, *[9] * 10)
    return Case(first, late, ("machine_monitoring_stats_daily", 5))


def a_late_machine_value_changes_the_baseline_of_the_next_day(name: str) -> Case:
    first = machine(name, "10:00", 0, *[2, 2.1, 1.9] * 12)
    first += machine(name, "10:00", 1, *[2, 2.1, 1.9] * 8, 5)
    later = machine(name, "14:00", 0, *[1, 4] * 40)
    return Case(first, later, ("machine_monitoring_anomalies", 1))


def a_machine_that_sends_temperatures_besides(name: str) -> Case:
    """One device of two sensor types: each its own rows."""
    first = machine(name, "12:00", 0, 2, 2.1, 2.2)
    later = [
        replace(message, sensor_type="temperature")
        for message in machine(name, "12:00", 0, 60, 61, metric="temperature")
    ]
    return Case(first, later, ("machine_metric_stats_hourly", 0))


def a_probe_that_counts_bricks_besides(name: str) -> Case:
    """Messages have a fingerprint per sensor type: bricks must not read the other."""
    first, later = moist(name, "12:00", 0, 0.15, 0.16), steady(name, "12:00", 0, 5000)
    return Case(first, later, ("brick_production_stats", 0))


def a_clock_of_1970_is_filed_under_its_arrival(name: str) -> Case:
    odd = Message(name, "1970-01-01 00:00:07+00", {"count": 7}, at("12:00", 0))
    return Case(steady(name, "12:00", 0, 10), [odd], ("rejected_measurements", 0))


def a_machines_clock_of_1970_is_filed_under_its_arrival(name: str) -> Case:
    odd = replace(machine(name, "12:00", 0, 2)[0], timestamp="1970-01-01 00:00:07+00")
    return Case(machine(name, "12:00", 0, 2), [odd], ("rejected_measurements", 0))


def a_probes_clock_of_1970_is_filed_under_its_arrival(name: str) -> Case:
    odd = replace(moist(name, "12:00", 0, 0.15)[0], timestamp="1970-01-01 00:00:07+00")
    return Case(moist(name, "12:00", 0, 0.15), [odd], ("rejected_measurements", 0))


def a_period_is_over_when_another_device_says_so(name: str) -> Case:
    other = reading(f"{name}-OTHER", at("15:00", 6), 1, timedelta(0))
    first = steady(name, "08:30", 6, 5000)
    return Case(first, [other], ("brick_production_stats_hourly", 6))


def a_machine_says_hello_before_anything_was_due(name: str) -> Case:
    """On the stroke of the plant's present: how good its messages are, none can say."""
    hello = replace(health(name, at("15:00", 6)), sensor_type="machine_monitoring")
    first = machine(name, "08:30", 6, 2)
    return Case(first, [hello], ("machine_monitoring_stats_hourly", 6))


def a_probe_says_hello_before_anything_was_due(name: str) -> Case:
    hello = replace(health(name, at("15:00", 6)), sensor_type="moisture")
    first = moist(name, "08:30", 6, 0.15)
    return Case(first, [hello], ("moisture_analysis_stats_hourly", 6))


def a_day_is_final_when_another_device_says_so(name: str) -> Case:
    """It had ended before, not long ago; the reading above came since."""
    first = steady(name, "04:00", 6, 5000)
    return Case(first, [], ("brick_production_stats_daily", 5))


def a_late_reading_changes_the_baseline_of_the_next_day(name: str) -> Case:
    """Far from the day's tail: only who reads a trailing window notices."""
    first = readings(name, at("10:00", 0), _counts(1000, [10, 11] * 20))
    first += steady(name, "05:20", 1, 3000, 30)
    first += readings(name, at("06:10", 1), _counts(4000, [10, 11, 40, 10, 10, 11]))
    later = readings(name, at("12:00", 0), _counts(1700, [2, 30] * 20))
    return Case(first, later, ("brick_production_anomalies", 1))


def _counts(start: int, steps: list[int]) -> list[int]:
    return [start + sum(steps[:i]) for i in range(len(steps) + 1)]


CASES: list[Callable[[str], Case]] = [
    a_dip_over_the_change_of_day_whose_restoring_reading_is_late,
    a_late_reading_in_the_tail_of_the_previous_day,
    a_late_reading_in_the_tail_before_a_day_of_a_few_minutes,
    a_late_reading_says_which_side_of_a_wave_is_misread,
    a_late_reading_before_a_day_of_health_messages,
    a_late_reading_before_a_last_day_of_health_messages,
    a_first_reading_on_a_day_of_health_messages,
    a_first_reading_on_a_day_of_rejected_messages,
    a_first_message_on_a_day_that_a_gap_bridged,
    a_late_reading_before_the_days_that_a_gap_bridged,
    a_reading_on_the_stroke_of_the_change_of_day,
    a_stop_over_the_change_of_day_that_late_readings_make_longer,
    a_late_reading_joins_what_stood_before_and_after_the_change_of_day,
    a_stop_over_the_change_of_day_that_turns_out_to_be_older,
    a_late_reading_tells_the_pace_after_a_stop_at_the_change_of_day,
    a_late_health_message_tells_that_the_device_began_anew,
    a_day_emptied_between_others,
    a_last_day_emptied,
    a_day_replaced_by_as_many_rows_with_the_same_sum_of_ids,
    a_doubled_row_replaced_by_another_doubled_row,
    a_conflicting_reading_that_arrives_later,
    a_replay_that_says_it_was_written_earlier,
    a_duplicate,
    another_spelling_of_the_device,
    a_device_that_appears,
    a_message_without_a_device,
    a_message_of_an_unknown_sensor_type,
    a_clock_of_1970_is_filed_under_its_arrival,
    a_machines_clock_of_1970_is_filed_under_its_arrival,
    a_probes_clock_of_1970_is_filed_under_its_arrival,
    a_period_is_over_when_another_device_says_so,
    a_machine_says_hello_before_anything_was_due,
    a_probe_says_hello_before_anything_was_due,
    a_day_is_final_when_another_device_says_so,
    a_late_reading_changes_the_baseline_of_the_next_day,
    a_late_moisture_whose_time_reaches_into_the_next_day,
    a_moisture_excursion_over_the_change_of_day_whose_end_is_late,
    a_late_moisture_two_readings_before_the_day,
    a_late_value_tells_that_the_day_before_was_in_percent,
    a_late_moisture_changes_the_baseline_of_the_next_day,
    a_late_machine_value_whose_time_reaches_into_the_next_day,
    a_late_status_whose_time_reaches_into_the_next_day,
    a_late_speed_tells_that_a_silent_machine_ran,
    a_stop_of_a_machine_over_the_change_of_day_that_grows,
    a_stop_of_a_machine_that_turns_out_to_be_older,
    a_late_reading_raises_an_alert_on_the_next_day,
    an_alert_over_the_change_of_day_that_began_earlier,
    a_late_day_of_vibration_changes_the_trend_of_later_ones,
    a_late_machine_value_changes_the_baseline_of_the_next_day,
    a_machine_that_sends_temperatures_besides,
    a_probe_that_counts_bricks_besides,
]


def _production_date(day: int) -> date:
    return FIRST_DAY.date() + timedelta(days=day)


@dataclass
class Restated:
    """The plant after the late messages of all cases, and what became of it."""

    plant: Plant
    cases: dict[str, Case]
    changed: list[Difference]
    wrong: list[Difference]
    wrong_but_fingerprints: list[Difference]


REGISTERED = [
    # Thirty pieces a minute, and a stop of five minutes.
    *readings("SAU-ME-01", at("12:00", 0), range(1000, 1600, 30)),
    *readings("SAU-ME-01", at("12:20", 0), [1570] * 5 + [1580, 1590]),
    *readings("SAU-ME-01", at("12:00", 1), range(2000, 2600, 30)),
    *readings("SAU-ME-02", at("12:00", 0), range(1000, 1200, 10)),
    *readings("SAU-ME-02", at("12:00", 4), range(2000, 2200, 10)),
    *readings("SAU-LN-01", at("12:00", 0), [100, 110, 120, 118, 130, 140]),
    *moist("AM-SAY-01", "12:00", 0, 0.15, 0.16, 0.21, 0.22, 0.15, 0.15),
    *machine("QUAT-LO-01", "12:00", 0, 60, 70, 71, 72, 60, metric="temperature"),
    # As many as a domain has models: each gets new code for a device of its own.
    *(m for i in range(10) for m in moist(f"PROBE-{i:02}", "12:00", 0, 0.15, 0.16)),
    *(m for i in range(18) for m in machine(f"TURNS-{i:02}", "12:00", 0, 2.5, 2.6)),
]


@pytest.fixture(scope="module")
def restated(plant: Plant) -> Restated:
    """All cases at once, each on a device of its own: two runs and a full refresh."""
    cases = {}
    for number, make in enumerate(CASES):
        name = f"CASE-{number:02}"
        cases[make.__name__] = case = make(name)
        case.device_id = case.device_id or name
    plant.arrive(REGISTERED + [m for case in cases.values() for m in case.first])
    plant.run()
    plant.keep("at_first")
    for case in cases.values():
        if case.gone is not None:
            plant.sql(
                "delete from raw.measurements where device_id = %s"
                ' and "timestamp" >= %s and "timestamp" < %s',
                case.device_id,
                at("06:00", case.gone),
                at("06:00", case.gone + 1),
            )
    plant.arrive([m for case in cases.values() for m in case.later])
    plant.run()
    plant.keep("restated")
    plant.run("--full-refresh")
    plant.keep("refreshed")
    return Restated(
        plant,
        cases,
        plant.differences("at_first", "restated", but=("fingerprint",)),
        plant.differences("restated", "refreshed"),
        plant.differences("restated", "refreshed", but=("fingerprint",)),
    )


@pytest.mark.parametrize("name", [make.__name__ for make in CASES])
def test_a_late_message_restates_what_it_must(restated: Restated, name: str):
    case = restated.cases[name]
    # The ledgers remember a day that was emptied; a full refresh cannot know of it.
    wrong = restated.wrong if case.gone is None else restated.wrong_but_fingerprints
    assert [
        difference
        for difference in wrong
        if difference.device_id == case.device_id
        and not (case.gone is not None and difference.row.get("message_count") == 0)
    ] == []
    model, day = case.restates
    assert [
        change
        for change in restated.changed
        if (change.model, change.device_id, change.production_date)
        == (model, case.device_id, _production_date(day))
    ], "the case changes nothing"


def test_devices_without_a_late_message_are_as_after_a_full_refresh(restated: Restated):
    of_cases = {case.device_id for case in restated.cases.values()}
    assert [d for d in restated.wrong if d.device_id not in of_cases] == []


# --- what writes, and what does not ----------------------------------------------


def test_a_run_without_news_writes_no_row_whatever_the_sessions_clock(
    restated: Restated,
):
    plant = restated.plant
    before = plant.versions()
    with elsewhere(plant):
        plant.run()
    assert plant.versions() == before
    assert {model for model, _ in before} == set(plant.tables)


def test_a_run_of_nothing_changes_nothing(restated: Restated):
    plant = restated.plant
    before = plant.versions()
    plant.run("--empty")
    assert plant.versions() == before


def test_a_model_waits_for_another_build_of_it(restated: Restated):
    plant = restated.plant
    waiting = "select from pg_locks where locktype = 'advisory' and not granted"
    name = f'"{plant.project.database}".{plant.tables["int_brick_excursions"]}'
    run = threading.Thread(target=plant.run, args=("-s", "int_brick_excursions"))
    has_waited = False
    with plant.project._connect() as connection, connection.cursor() as cursor:
        lock = "select pg_advisory_lock(hashtextextended(%s, 0))"
        cursor.execute(lock, (name.replace('"', "'").replace("'", '"'),))
        run.start()
        deadline = time.monotonic() + 60
        while run.is_alive() and not has_waited and time.monotonic() < deadline:
            cursor.execute(waiting)
            has_waited = cursor.rowcount > 0
            time.sleep(0.02)
    run.join(60)
    assert has_waited
    assert not run.is_alive()


# --- settings, thresholds, code --------------------------------------------------


@contextmanager
def elsewhere(plant: Plant) -> Iterator[None]:
    """Sessions whose clock is half an hour off the plant's hours."""
    role = plant.project.cluster.server.user
    where = f'role {role} in database "{plant.project.database}"'
    plant.sql(f"alter {where} set timezone = 'America/St_Johns'")
    plant.sql(f"alter {where} set datestyle = 'SQL, DMY'")
    try:
        yield
    finally:
        plant.sql(f"alter {where} reset all")


@contextmanager
def changed(
    plant: Plant, change: str, back: str, *options: str
) -> Iterator[set[tuple[str, str]]]:
    """A change of the seeds, and what a run rewrites for it; everything comes back."""
    before = plant.versions()
    plant.sql(change)
    try:
        plant.run(*options)
        after = plant.versions()
        yield {key for key in before | after if before.get(key) != after.get(key)}
        plant.assert_equal_to_full_refresh()
    finally:
        plant.sql(back)
        plant.run()
    assert plant.differences("refreshed") == []


def _restated(plant: Plant) -> set[tuple[str, str]]:
    found = plant.differences("refreshed", but=("fingerprint",))
    return {(d.model, d.device_id) for d in found}


def test_settings_restate_their_device_only(restated: Restated):
    """One that changes facts, and one that takes messages away: ids and days stay."""
    plant = restated.plant
    registry = "update analytics.device_registry set {} where device_id = '{}';"
    now = registry.format("max_rate_per_hour = 600", "SAU-ME-01")
    now += registry.format("commissioned_on = '2026-03-04'", "SAU-ME-02")
    now += registry.format("expected_interval_seconds = 20", "AM-SAY-01")
    before = registry.format("max_rate_per_hour = 1650", "SAU-ME-01")
    before += registry.format("commissioned_on = '2020-01-01'", "SAU-ME-02")
    before += registry.format("expected_interval_seconds = 300", "AM-SAY-01")
    with changed(plant, now, before) as rewritten:
        assert {device_id for _, device_id in rewritten} == {
            "SAU-ME-01",
            "SAU-ME-02",
            "AM-SAY-01",
        }
        assert ("stg_brick_counts", "SAU-ME-01") not in rewritten
        restated_rows = _restated(plant)
        assert ("int_brick_increments", "SAU-ME-01") in restated_rows
        assert ("rejected_measurements", "SAU-ME-02") in restated_rows
        assert ("int_moisture_readings", "AM-SAY-01") in restated_rows
        assert ("int_message_periods", "AM-SAY-01") in restated_rows


def test_another_first_day_of_a_device_counts_when_only_arrivals_are_looked_at(
    restated: Restated,
):
    """No message is new, and still some are no longer used."""
    registry = "update analytics.device_registry set commissioned_on = '{}'"
    registry += " where device_id = 'SAU-ME-02'"
    now, before = registry.format("2026-03-04"), registry.format("2020-01-01")
    arrivals = ("--vars", "{reconcile: arrivals}")
    with changed(restated.plant, now, before, *arrivals) as rewritten:
        assert {device_id for _, device_id in rewritten} == {"SAU-ME-02"}
        assert ("rejected_measurements", "SAU-ME-02") in rewritten


def test_the_shifts_restate_the_facts_of_their_days(restated: Restated):
    plant = restated.plant
    name = "update analytics.shifts set shift_name = '{}' where shift_index = 1"
    with changed(plant, name.format("early"), name.format("day")):
        restated_rows = _restated(plant)
        assert ("int_brick_production_periods", "SAU-ME-01") in restated_rows
        assert ("int_moisture_periods", "AM-SAY-01") in restated_rows


def test_planned_stops_and_assignments_restate_their_line_from_the_slices_on(
    restated: Restated,
):
    plant = restated.plant
    with changed(
        plant,
        "insert into analytics.planned_stops (production_line, reason, starts_at,"
        " ends_at, valid_from, valid_to) values"
        " ('DC-01', 'drill', '12:20', '12:24', '2026-03-02', '2026-03-02');"
        "insert into analytics.line_assignments (production_line, brick_type,"
        " started_at) values ('DC-01', '600x600', '2026-03-02 12:10+07')",
        "delete from analytics.planned_stops where reason = 'drill';"
        "delete from analytics.line_assignments where brick_type = '600x600'",
    ) as rewritten:
        assert {device_id for _, device_id in rewritten} == {
            "SAU-ME-01",
            "SAU-ME-02",
            "SAU-LN-01",
            # A machine of the line: its stops are planned as well.
            "QUAT-LO-01",
        }
        assert ("int_brick_steps", "SAU-ME-01") not in rewritten
        changed_rows = _restated(plant)
        assert ("int_brick_slices", "SAU-ME-01") in changed_rows
        assert ("brick_production_stats", "SAU-ME-01") in changed_rows


def test_a_threshold_restates_judgments_and_no_fact(restated: Restated):
    plant = restated.plant
    with changed(
        plant,
        "insert into analytics.thresholds (scope, metric, high, unit)"
        " values ('SAU-ME-01', 'stoppage', 120, 's')",
        "delete from analytics.thresholds where scope = 'SAU-ME-01'",
    ) as rewritten:
        judgments = set(plant.tables) - plant.facts()
        of_bricks = {model for model in judgments if _has(plant, model, "SAU-ME-01")}
        assert {"brick_production_anomalies", "brick_production_stats"} <= of_bricks
        assert rewritten == {(model, "SAU-ME-01") for model in of_bricks}
        assert {model for model, _ in _restated(plant)} == of_bricks


def _has(plant: Plant, model: str, device_id: str) -> bool:
    query = f"select count(*) from {plant.tables[model]} where device_id = %s"
    return plant.sql(query, device_id) != [(0,)]


def test_another_band_restates_judgments_and_no_fact(restated: Restated):
    """A registered location is a setting of the device and part of its fingerprint."""
    plant = restated.plant
    band = "update analytics.moisture_bands set high = {} where location = 'dryer'"
    with changed(plant, band.format("0.215"), band.format("0.20")) as rewritten:
        judgments = {
            "int_moisture_ranges",
            "moisture_analysis_anomalies",
            "moisture_analysis_stats",
            "moisture_analysis_stats_hourly",
            "moisture_analysis_stats_daily",
        }
        assert not judgments & plant.facts()
        assert rewritten == {(model, "AM-SAY-01") for model in judgments}
        assert {model for model, _ in _restated(plant)} >= judgments - {
            "moisture_analysis_anomalies"
        }


def test_a_machine_limit_restates_judgments_and_no_fact(restated: Restated):
    plant = restated.plant
    limit = (
        "update analytics.machine_limits set warning = {}"
        " where machine_type = 'fan' and metric = 'temperature'"
    )
    with changed(plant, limit.format("69"), limit.format("75")) as rewritten:
        marts = {
            f"machine_{kind}_stats{grain}"
            for kind in ("monitoring", "metric")
            for grain in ("", "_hourly", "_daily")
        }
        judgments = marts | {
            "int_machine_alerts",
            "int_machine_ranges",
            "int_machine_anomaly_episodes",
            "machine_monitoring_anomalies",
        }
        assert rewritten == {(model, "QUAT-LO-01") for model in judgments}
        assert {model for model, _ in _restated(plant)} >= judgments


def test_a_status_that_no_longer_means_running_restates_the_states(restated: Restated):
    plant = restated.plant
    status = (
        "update analytics.machine_statuses set is_running = {} where status = 'running'"
    )
    with changed(plant, status.format("false"), status.format("true")) as rewritten:
        assert not {model for model, _ in rewritten if model.startswith("stg_")}
        assert ("int_machine_states", "QUAT-LO-01") in _restated(plant)


def test_another_unit_restates_what_was_measured(restated: Restated):
    plant = restated.plant
    unit = (
        "update analytics.device_registry set unit = {} where device_id = 'AM-SAY-01'"
    )
    with changed(plant, unit.format("'percent'"), unit.format("'fraction'")):
        assert ("stg_moisture_readings", "AM-SAY-01") in _restated(plant)
        assert ("int_moisture_periods", "AM-SAY-01") in _restated(plant)


def test_a_var_in_the_code_restates_what_reads_it(restated: Restated):
    plant = restated.plant
    plant.run("--vars", "{jitter_pieces: 0}")
    assert ("int_brick_increments", "SAU-LN-01") in _restated(plant)
    plant.keep("incremental")
    plant.run("--full-refresh", "--vars", "{jitter_pieces: 0}")
    assert plant.differences("incremental") == []


def test_new_code_of_a_model_rebuilds_it_and_all_that_read_it(
    restated: Restated, monkeypatch: pytest.MonkeyPatch
):
    """Each model gets new code for one device of its own, all in one run."""
    plant = restated.plant
    devices = defaultdict(set)
    for model, device_id in plant.versions():
        devices[model].add(device_id)
    del devices["int_message_days"]  # The ledger is compared, not rebuilt.
    # Versions are kept by device: of two sensor types only one may read the model.
    of_two_types = plant.sql(
        f"select device_id from {plant.tables['int_message_days']}"
        " group by device_id having count(distinct sensor_type) > 1"
    )
    for of_model in devices.values():
        of_model -= {device_id for (device_id,) in of_two_types}
    chosen: dict[str, str] = {}
    for model in sorted(devices, key=lambda model: len(devices[model])):
        chosen[model] = min(devices[model] - set(chosen.values()))
    original = PostgresAdapter.code_version

    def code_version(self: PostgresAdapter, model: dict) -> str:
        is_chosen = f"days.device_id = '{chosen.get(model['name'])}'"
        version = original(self, model)
        return f"{version}' || case when {is_chosen} then 'new' else '' end || '"

    before = plant.versions()
    with monkeypatch.context() as patch:
        patch.setattr(PostgresAdapter, "code_version", code_version)
        plant.run()
    after = plant.versions()
    for model, device_id in chosen.items():
        dates = {row[0] for row in before[model, device_id]}
        for reader in {model} | plant.readers(model):
            old = {
                row for row in before.get((reader, device_id), ()) if row[0] in dates
            }
            kept = old & after.get((reader, device_id), set())
            assert not kept, f"{reader} does not notice new code of {model}"


def test_a_model_left_behind_is_noticed_by_all_that_read_it(restated: Restated):
    """What was built on too old rows is built again once these are new.

    For each model once, one of each domain at a time: messages come, all other models
    run, and then all.
    """
    plant = restated.plant
    domains: dict[str, list[str]] = defaultdict(list)
    for model, node in plant.nodes.items():
        if plant.readers(model):
            domains[node.fqn[1]].append(model)
    rounds = [(model,) for model in domains.pop("measurements")]
    rounds += zip_longest(*domains.values())
    plant.arrive([m for i in range(len(rounds)) for m in early_days(f"BEHIND-{i}")])
    plant.run()
    for i, models in enumerate(rounds):
        plant.arrive(late_messages(f"BEHIND-{i}"))
        plant.run("--exclude", *filter(None, models))
    plant.run()
    plant.assert_equal_to_full_refresh()


def early_days(name: str) -> list[Message]:
    """Days of each kind of sensor; some lie between two without a reading of theirs."""
    return [
        *steady(f"{name}-LAST", "05:30", 1, 5000),
        health(f"{name}-LAST", at("12:00", 1)),
        *steady(f"{name}-BRIDGED", "05:30", 1, 5000),
        *steady(f"{name}-BRIDGED", "06:10", 4, 9400),
        *moist(f"{name}-MOIST", "05:40", 1, *[0.15] * 5, 0.3),
        *moist(f"{name}-MOIST", "06:01", 1, *[0.15] * 5),
        *machine(f"{name}-MACHINE", "05:45", 1, *[2.5] * 5, 9.9),
        *machine(f"{name}-MACHINE", "06:00", 1, *[2.5] * 5),
    ]


def late_messages(name: str) -> list[Message]:
    """What changes the last minutes of the first day."""
    return [
        reading(f"{name}-LAST", at("05:55", 1), 5260, LATE),
        reading(f"{name}-BRIDGED", at("05:55", 1), 5260, LATE),
        *moist(f"{name}-MOIST", "05:58", 1, 0.4),
        *machine(f"{name}-MACHINE", "05:58", 1, 8.8),
        Message(
            f"{name}-KETTLE", at("05:58", 1), {"heat": 99}, at("12:00", 2), "tea_kettle"
        ),
    ]


def test_a_period_ends_on_the_plants_hour_whatever_the_sessions_clock(
    restated: Restated,
):
    plant = restated.plant
    name = "CASE-HOUR"
    with elsewhere(plant):
        plant.arrive(steady(name, "16:35", 6, 100))
        plant.run()
        for clock in ("17:05", "17:20"):
            # The calendar of who is silent goes on with the plant's present.
            plant.arrive([reading(f"{name}-OTHER", at(clock, 6), 1, timedelta(0))])
            plant.run()
        plant.assert_equal_to_full_refresh()


# --- history whose raw messages are gone ------------------------------------------


def test_history_stays_when_the_oldest_raw_messages_go(plant: Plant):
    plant.clear()
    name = "SAU-ME-01"
    for day in range(4):
        plant.arrive(steady(name, "12:00", day, 1000 + 900 * day))
    plant.run()
    plant.keep("complete")
    cut = at("06:00", 2)
    plant.sql('delete from raw.measurements where "timestamp" < %s', cut)
    plant.arrive(steady(name, "12:00", 4, 5000))
    for _ in range(2):
        plant.run()
        kept = {
            (d.model, d.production_date)
            for d in plant.differences("complete", but=("fingerprint",))
            # What is about now has no date.
            if d.production_date and d.production_date < _production_date(2)
        }
        assert kept == {("int_message_days", _production_date(day)) for day in (0, 1)}
        ledger = plant.tables["int_message_days"]
        assert plant.sql(
            f"select production_date, message_count, raw_message_count"
            f" from {ledger} where is_expired order by production_date"
        ) == [(_production_date(0), 20, 0), (_production_date(1), 20, 0)]
    days = plant.tables["device_days"]
    assert plant.sql(f"select sum(reading_count) from {days}") == [(100,)]
    before = plant.versions()
    refused = plant._invoke(plant.manifest.deepcopy(), "run", "--full-refresh")
    assert "a full refresh would forget their numbers" in str(refused.exception or [
        result.message for result in refused.result
    ])  # fmt: skip
    assert plant.versions() == before
    plant.run("--full-refresh", "--vars", "forget_expired_history: true")
    assert plant.sql(f"select sum(reading_count) from {days}") == [(60,)]


# --- any order ------------------------------------------------------------------


@pytest.fixture(scope="module")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Writes a line for whoever waits for `make soak`, past what pytest captures."""
    plugins = request.config.pluginmanager
    reporter = plugins.get_plugin("terminalreporter")
    captured = plugins.get_plugin("capturemanager")

    def line(text: str) -> None:
        with captured.global_and_fixture_disabled():
            reporter.write_line(text)

    return line if SOAK else lambda line: None


@pytest.fixture(scope="module")
def tried(say: Callable[[str], None]) -> Iterator[Counter]:
    """What the random schedules consisted of."""
    tried: Counter = Counter()
    yield tried
    say("\nTried, in random schedules:")
    for feature, times in sorted(tried.items()):
        say(f"{times:9,}  {feature}")


@settings(settings.get_profile("schedules"))
@given(schedule=schedules())
def test_any_order_of_arrival_gives_the_full_refresh(
    plant: Plant, tried: Counter, say: Callable[[str], None], schedule: Schedule
):
    for line in schedule.lines():
        note(line)
    plant.clear()
    models = sorted(plant.tables)
    for messages, run in schedule.runs:
        plant.arrive(messages)
        options = ["--vars", f"{{reconcile: {run.reconcile},"]
        options[-1] += f" arrival_margin: {run.arrival_margin}}}"
        if run.only:
            # A model may fail whose tables of settings were left out: no matter.
            only = {models[number % len(models)] for number in run.only}
            plant.run("-s", *sorted(only), *options, succeeds=None)
        else:
            plant.run(*options)
    plant.assert_equal_to_full_refresh()
    tried.update(schedule.features)
    tried["schedules"] += 1
    if tried["schedules"] % 10 == 0:
        say(f"{tried['schedules']} schedules equal the full refresh")
