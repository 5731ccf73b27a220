"""Between the raw messages and the facts nothing falsifies a number, and nothing hides.

The calendar, silences, messages that break a statement, and what makes a day stale.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import yaml
from arrivals import PLANT, Message, at, readings, steady
from click.testing import CliRunner
from plant import BUILDS, Plant

from brickworks import cli

MARTS = '"analytics"'
BERLIN = "{plant_timezone: Europe/Berlin, device_timezone: Europe/Berlin}"


@pytest.fixture(scope="module")
def plant(project) -> Plant:
    plant = Plant(project)
    plant.run("seed")
    return plant


@pytest.fixture(autouse=True)
def empty(plant: Plant) -> None:
    plant.clear()


def bricks(plant: Plant) -> int | None:
    return plant.sql(
        f"select sum(count_increment) from {MARTS}.brick_production_stats"
    )[0][0]


def about_six(name: str) -> list[Message]:
    """Readings on both sides of 06:00 on three days."""
    return [
        message
        for day in range(3)
        for message in steady(name, "04:30", day, 1000 + 3000 * day, 150)
    ]


# --- the calendar -----------------------------------------------------------------


SHIFTS = (
    "update analytics.shifts set starts_at = starts_at {0} interval '1 hour',"
    " ends_at = ends_at {0} interval '1 hour'"
)


@pytest.fixture
def earlier_shifts(plant: Plant) -> Iterator[None]:
    plant.sql(SHIFTS.format("-"))
    yield
    plant.sql(SHIFTS.format("+"))


def test_another_zone_files_every_message_anew(plant: Plant):
    _another_calendar_files_every_message_anew(plant, BERLIN)


def test_another_start_of_the_day_files_every_message_anew(
    plant: Plant, earlier_shifts: None
):
    start = '{production_day_starts_at: "05:00"}'
    _another_calendar_files_every_message_anew(plant, start)


def _another_calendar_files_every_message_anew(plant: Plant, changed: str) -> None:
    plant.arrive(about_six("SAU-ME-01") + about_six("NEW-01"))
    plant.run()
    made = "select sum(count_increment) from " + plant.tables["int_brick_increments"]
    before = plant.sql(made)
    plant.run("--vars", changed)
    assert plant.sql(made) == before
    assert bricks(plant) == before[0][0]
    staged = plant.tables["stg_brick_counts"]
    assert plant.sql(
        f"select count(*), count(distinct measurement_id) from {staged}"
    ) == [(900, 900)]
    ledger = plant.tables["int_message_days"]
    assert plant.sql(f"select count(*) from {ledger} where is_expired") == [(0,)]
    plant.keep("incremental")
    plant.run("--full-refresh", "--vars", changed)
    assert plant.differences("incremental") == []


def test_another_first_day_of_a_device_files_its_messages_anew(plant: Plant):
    registry = (
        "update analytics.device_registry set commissioned_on = '{}'"
        " where device_id = 'SAU-ME-01'"
    )
    plant.arrive(about_six("SAU-ME-01"))
    plant.run()
    plant.sql(registry.format("2026-03-04"))
    try:
        plant.run()
        rejected = (
            f"select reason, count(*) from {MARTS}.rejected_measurements group by 1"
        )
        assert plant.sql(rejected) == [("bad_timestamp", 390)]
        plant.assert_equal_to_full_refresh()
    finally:
        plant.sql(registry.format("2020-01-01"))


def test_another_calendar_is_refused_where_days_could_not_follow(plant: Plant):
    plant.arrive(about_six("SAU-ME-01"))
    kept = "raw_kept_from: 2026-03-03"
    for _ in range(2):
        plant.run("--vars", f"{{{kept}}}")
    before = bricks(plant)
    changed = plant.failure("--vars", f"{BERLIN[:-1]}, {kept}}}")
    assert "cannot be filed anew" in changed
    assert "forget_missing_days" in changed
    assert bricks(plant) == before


# --- silence ----------------------------------------------------------------------


def test_messages_years_apart_make_no_days_between(plant: Plant):
    years = [datetime(2020 + i, 2, 3, 12, tzinfo=PLANT) for i in range(6)]
    plant.arrive(
        [
            Message(f"RARE-{n}", moment, {"count": 100 * i}, moment, sensor_type)
            for n, sensor_type in enumerate(["brick_counter", "moisture"])
            for i, moment in enumerate(years)
        ]
    )
    plant.run()
    days = plant.tables["device_days"]
    assert plant.sql(f"select count(*) from {days}") == [(12,)]
    increments = plant.tables["int_brick_increments"]
    assert plant.sql(
        f"select counter_event, count_increment, suspect_increment, previous_level_at"
        f" from {increments} order by event_at"
    ) == [("first", None, 0, None)] + 5 * [("long_gap", 0, 100, None)]


def test_a_gap_of_a_month_is_bridged_and_a_longer_one_is_not(plant: Plant):
    start = at("12:00")
    for name, gap in (
        ("BRIDGED", timedelta(days=31)),
        ("BROKEN", timedelta(days=31, seconds=1)),
    ):
        plant.arrive(readings(name, start, [100, 400], gap))
    plant.run()
    days = plant.tables["device_days"]
    assert dict(plant.sql(f"select device_id, count(*) from {days} group by 1")) == {
        "BRIDGED": 32,
        "BROKEN": 2,
    }
    marts = plant.sql(
        "select device_id, sum(estimated_increment), sum(suspect_increment)"
        f" from {MARTS}.brick_production_stats_daily group by 1 order by 1"
    )
    assert marts == [("BRIDGED", 300, 0), ("BROKEN", None, 300)]


def test_a_rejected_message_extends_no_silence(plant: Plant):
    odd = [
        Message("SAU-ME-01", None, {"count": 1}, None),
        Message("SAU-ME-01", at("12:00", 9), {"count": "?"}, at("12:00", 9)),
        Message("SAU-ME-02", "infinity", {"count": 1}, None),
    ]
    plant.arrive([*steady("SAU-ME-01", "12:00", 0, 100), *odd])
    plant.run()
    days = plant.tables["device_days"]
    found = plant.sql(f"select device_id, reading_count from {days} order by 1, 2")
    assert found == [
        ("SAU-ME-01", 0),
        ("SAU-ME-01", 0),
        ("SAU-ME-01", 20),
        ("SAU-ME-02", 0),
    ]


def test_a_message_of_unknown_arrival_does_not_move_the_plants_present(plant: Plant):
    plant.arrive(steady("SAU-ME-01", "12:00", 0, 100))
    plant.arrive([Message("SAU-ME-02", "2099-01-01 12:00+07", {"count": 1}, None)])
    plant.run()
    as_of = plant.sql(f"select distinct as_of from {MARTS}.line_status_now")
    assert as_of == [(at("12:19"),)]


# --- a message that breaks a statement ----------------------------------------------


@pytest.fixture
def breaking(plant: Plant) -> Iterator[None]:
    """One count among all makes staging divide by nothing."""
    divides = (
        "errors::bigint as error_count",
        "(errors / (count_number - 1130))::bigint as error_count",
    )
    with plant.patched({"model.brickworks.stg_brick_counts": divides}):
        yield


def test_a_message_that_breaks_a_statement_is_named(plant: Plant, breaking: None):
    plant.arrive([m for day in range(5) for m in steady("SAU-ME-02", "12:00", day, 5)])
    plant.arrive(steady("SAU-ME-01", "12:00", 3, 1000))
    [(guilty,)] = plant.sql(
        'update raw.measurements set data = \'{"count": 1130, "error": 4}\''
        " where data = '{\"count\": 1130}' returning id"
    )
    said = plant.failure()
    assert "division by zero" in said
    assert "device 'SAU-ME-01', brick_counter, production day 2026-03-05" in said
    assert f"measurement ids {guilty}." in said
    logged = plant.sql(
        f"select error_message from {MARTS}.processing_logs"
        " where model = 'stg_brick_counts' and status = 'failed'"
        " order by started_at desc limit 1"
    )
    assert f"measurement ids {guilty}." in logged[0][0]


def test_without_that_message_the_next_run_is_whole(plant: Plant, breaking: None):
    """Also where it is the only one of the oldest day."""
    plant.arrive(steady("SAU-ME-01", "12:00", 3, 5000))
    plant.run()
    odd = Message(
        "SAU-ME-02", at("12:00", 0), {"count": 1130, "error": 1}, at("12:00", 0)
    )
    plant.arrive([odd])
    assert "measurement ids" in plant.failure()
    plant.sql("delete from raw.measurements where device_id = 'SAU-ME-02'")
    plant.run()
    assert bricks(plant) == 190
    plant.assert_equal_to_full_refresh()


# --- what makes a day stale -----------------------------------------------------------


def test_a_default_restates_the_devices_that_have_it(plant: Plant):
    plant.arrive(
        steady("NEW-01", "12:00", 0, 100) + steady("SAU-ME-01", "12:00", 0, 100)
    )
    plant.run()
    rates = "default_ideal_rate_per_hour: 900"
    before = plant.versions()
    plant.run("--vars", f"{{{rates}}}")
    after = plant.versions()
    assert {
        device for _, device in before if before[_, device] != after[_, device]
    } == {"NEW-01"}
    plant.keep("incremental")
    plant.run("--full-refresh", "--vars", f"{{{rates}}}")
    assert plant.differences("incremental") == []


def test_a_further_sensor_domain_or_another_comment_rebuilds_nothing(plant: Plant):
    plant.arrive(steady("SAU-ME-01", "12:00", 0, 100))
    plant.run()
    before = plant.versions()
    project = yaml.safe_load((plant.project.root / "dbt_project.yml").read_text())
    domains = project["vars"]["sensor_domains"] | {"kettle": "stg_machine_messages"}
    nodes = [n for n in plant.nodes.values() if n.language == "sql"]
    codes = {node.unique_id: node.raw_code for node in nodes}
    for node in nodes:
        node.raw_code += "\n-- another comment\n"
    try:
        plant.run("--vars", f"{{sensor_domains: {domains}}}")
    finally:
        for node in nodes:
            node.raw_code = codes[node.unique_id]
    assert plant.versions() == before


def test_after_a_build_nothing_is_stale(plant: Plant, monkeypatch: pytest.MonkeyPatch):
    """A machine without limits, and days on which nothing came of any message."""
    plant.arrive(
        [
            Message("FM-10", at("12:00"), {"humid": 3, "rpm": 9}, at("12:00"), kind)
            for kind in ("machine_monitoring", "noise_level")
        ]
        + [
            Message("ODD", at("12:00", day), {"count": "?"}, at("12:00", day))
            for day in range(3)
        ]
    )
    plant.run()
    for name, value in plant.project.environment.items():
        monkeypatch.setenv(name, value)
    status = CliRunner().invoke(cli.main, ["status"])
    assert status.output == "Everything is built: 5 device-days of 5 messages.\n"


def test_a_model_with_many_days_keeps_no_other_waiting(plant: Plant):
    """Who analyzes the shared table holds its lock until all its own days are built."""
    many = [steady(f"NEW-{number:03}", "12:00", 0, 100, 2) for number in range(101)]
    plant.arrive([message for messages in many for message in messages])
    plant.run("-s", "+int_message_days")
    with plant.project._connect() as other, other.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(f"lock table {BUILDS} in share update exclusive mode")
        in_the_end = threading.Timer(30, cursor.execute, ["rollback"])
        in_the_end.start()
        plant.run("-s", "stg_brick_counts")
        assert in_the_end.is_alive()
        in_the_end.cancel()
    assert plant.sql(f"select count(*) from {plant.tables['stg_brick_counts']}") == [
        (202,)
    ]


def test_a_mistake_in_a_model_says_what_to_do(plant: Plant):
    """Rows without the keys of their day could not be deleted again."""
    another_day = (
        "device_days.production_date\nfrom",
        "date '2000-01-01' as production_date\nfrom",
    )
    plant.arrive(steady("SAU-ME-01", "12:00", 0, 100))
    with plant.patched({"model.brickworks.int_brick_episodes": another_day}):
        assert "each row needs device_id and production_date" in plant.failure()
