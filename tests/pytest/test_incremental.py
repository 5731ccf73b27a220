"""Incremental is the full refresh, row for row, whatever comes late.

Random schedules alone prove little, so most tests here are cases made by hand: each
fails when one part of the protection is taken out (`test_controls.py`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta

import pytest
from arrivals import at, reading, steady
from cases import CASES, REGISTERED, Case, production_date
from plant import Difference, Plant, elsewhere

FORGET = ("--vars", "forget_missing_days: true")


@dataclass
class Restated:
    """The plant after the late messages of all cases, and what became of it."""

    plant: Plant
    cases: dict[str, Case]
    changed: list[Difference]
    wrong: list[Difference]


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
    plant.run(*FORGET)
    plant.keep("restated")
    plant.run("--full-refresh")
    plant.keep("refreshed")
    return Restated(
        plant,
        cases,
        plant.differences("at_first", "restated"),
        plant.differences("restated", "refreshed")
        + plant.state_differences("restated", "refreshed"),
    )


@pytest.mark.parametrize("name", [make.__name__ for make in CASES])
def test_a_late_message_restates_what_it_must(restated: Restated, name: str):
    case = restated.cases[name]
    assert [d for d in restated.wrong if d.device_id == case.device_id] == []
    model, day = case.restates
    assert [
        change
        for change in restated.changed
        if (change.model, change.device_id, change.production_date)
        == (model, case.device_id, production_date(day))
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
    # Nothing is too late where all raw messages are kept.
    assert {model for model, _ in before} == set(plant.tables) - {"stg_late_messages"}


def test_a_run_of_nothing_changes_nothing(restated: Restated):
    plant = restated.plant
    before = plant.versions()
    plant.run("--empty")
    assert plant.versions() == before


def test_rows_deleted_by_hand_come_back(restated: Restated):
    plant = restated.plant
    row = "(select ctid from {0} limit 1)"
    one, all_of_them = (plant.tables[f"int_brick_{n}"] for n in ("increments", "steps"))
    plant.sql(f"delete from {one} where ctid in {row.format(one)}")
    plant.sql(f"truncate {all_of_them}")
    plant.run()
    assert plant.differences("refreshed") == []
    assert plant.state_differences("refreshed") == []


def test_what_was_built_on_deleted_rows_is_built_again(restated: Restated):
    """Nothing is staged when the increments are built: there are none, and their
    fingerprint is what it was."""
    plant = restated.plant
    increments = plant.tables["int_brick_increments"]
    plant.sql(f"truncate {plant.tables['stg_brick_counts']}, {increments}")
    plant.run("-s", "int_brick_increments")
    assert plant.sql(f"select count(*) from {increments}") == [(0,)]
    plant.run()
    assert plant.differences("refreshed") == []
    assert plant.state_differences("refreshed") == []


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
