"""A changed setting, seed, var or model restates what is made of it, no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest

import pytest
from arrivals import Message, at, health, reading, steady
from cases import LATE, REGISTERED, machine, moist
from plant import Plant

from dbt_local_python.adapter import PostgresAdapter


@pytest.fixture(scope="module")
def plant(plant: Plant) -> Plant:
    """Some devices of each kind, built; kept as `refreshed`."""
    plant.arrive(REGISTERED)
    plant.run()
    plant.keep("refreshed")
    return plant


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
    found = plant.differences("refreshed")
    return {(d.model, d.device_id) for d in found}


def _of_tables(plant: Plant) -> set[tuple[str, str]]:
    return {(model, device_id) for model, device_id in plant.versions()}


def test_settings_restate_their_device_only(plant: Plant):
    """One that changes facts, and one that takes messages away: ids and days stay."""
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
    plant: Plant,
):
    """No message is new, and still some are no longer used."""
    registry = "update analytics.device_registry set commissioned_on = '{}'"
    registry += " where device_id = 'SAU-ME-02'"
    now, before = registry.format("2026-03-04"), registry.format("2020-01-01")
    arrivals = ("--vars", "{reconcile: arrivals}")
    with changed(plant, now, before, *arrivals) as rewritten:
        assert {device_id for _, device_id in rewritten} == {"SAU-ME-02"}
        assert ("rejected_measurements", "SAU-ME-02") in rewritten


def test_the_shifts_restate_the_facts_of_their_days(plant: Plant):
    name = "update analytics.shifts set shift_name = '{}' where shift_index = 1"
    with changed(plant, name.format("early"), name.format("day")):
        restated_rows = _restated(plant)
        assert ("int_brick_production_periods", "SAU-ME-01") in restated_rows
        assert ("int_moisture_periods", "AM-SAY-01") in restated_rows


def test_planned_stops_and_assignments_restate_their_line_from_the_steps_on(
    plant: Plant,
):
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
        # The probe of the line has another row of settings, and no other number.
        assert {m for m, device_id in rewritten if device_id == "AM-SAY-01"} == {
            "device_days"
        }
        assert {device_id for _, device_id in rewritten} - {"AM-SAY-01"} == {
            "SAU-ME-01",
            "SAU-ME-02",
            "SAU-LN-01",
            # A machine of the line: its stops are planned as well.
            "QUAT-LO-01",
        }
        assert ("int_brick_increments", "SAU-ME-01") not in rewritten
        changed_rows = _restated(plant)
        assert ("int_brick_slices", "SAU-ME-01") in changed_rows
        assert ("brick_production_stats", "SAU-ME-01") in changed_rows


def test_a_threshold_restates_judgments_and_no_fact(plant: Plant):
    with changed(
        plant,
        "insert into analytics.thresholds (scope, metric, high, unit)"
        " values ('SAU-ME-01', 'stoppage', 120, 's')",
        "delete from analytics.thresholds where scope = 'SAU-ME-01'",
    ) as rewritten:
        judgments = set(plant.tables) - plant.facts()
        of_bricks = {model for model in judgments if _has(plant, model, "SAU-ME-01")}
        assert "brick_production_anomalies" in of_bricks
        assert "int_brick_production_judged" in of_bricks
        assert rewritten == {(model, "SAU-ME-01") for model in of_bricks}
        assert _restated(plant) & _of_tables(plant) == rewritten
        assert ("brick_production_stats", "SAU-ME-01") in _restated(plant)


def _has(plant: Plant, model: str, device_id: str) -> bool:
    query = f"select count(*) from {plant.tables[model]} where device_id = %s"
    return plant.sql(query, device_id) != [(0,)]


def test_another_band_restates_judgments_and_no_fact(plant: Plant):
    """A registered location is a setting of the device and part of its fingerprint."""
    band = "update analytics.moisture_bands set high = {} where location = 'dryer'"
    with changed(plant, band.format("0.215"), band.format("0.20")) as rewritten:
        judgments = {
            "int_moisture_ranges",
            "moisture_analysis_anomalies",
            "int_moisture_judged",
        }
        assert not judgments & plant.facts()
        assert rewritten == {(model, "AM-SAY-01") for model in judgments}
        assert {model for model, _ in _restated(plant)} >= judgments - {
            "moisture_analysis_anomalies"
        }


def test_a_machine_limit_restates_judgments_and_no_fact(plant: Plant):
    limit = (
        "update analytics.machine_limits set warning = {}"
        " where machine_type = 'fan' and metric = 'temperature'"
    )
    with changed(plant, limit.format("69"), limit.format("75")) as rewritten:
        judgments = {
            "int_machine_alerts",
            "int_machine_ranges",
            "int_machine_judged",
            "int_machine_metric_judged",
            "machine_monitoring_anomalies",
        }
        # The calendar counts alerts: it is written anew, if as it was.
        written = judgments | {"int_machine_calendar"}
        assert rewritten == {(model, "QUAT-LO-01") for model in written}
        assert {model for model, _ in _restated(plant)} >= judgments


def test_a_status_that_no_longer_means_running_restates_the_states(plant: Plant):
    status = (
        "update analytics.machine_statuses set is_running = {} where status = 'running'"
    )
    with changed(plant, status.format("false"), status.format("true")) as rewritten:
        assert not {model for model, _ in rewritten if model.startswith("stg_")}
        assert ("int_machine_states", "QUAT-LO-01") in _restated(plant)


def test_another_unit_restates_what_was_measured(plant: Plant):
    unit = (
        "update analytics.device_registry set unit = {} where device_id = 'AM-SAY-01'"
    )
    with changed(plant, unit.format("'percent'"), unit.format("'fraction'")):
        assert ("stg_moisture_readings", "AM-SAY-01") in _restated(plant)
        assert ("int_moisture_periods", "AM-SAY-01") in _restated(plant)


def test_a_var_in_the_code_restates_what_reads_it(plant: Plant):
    plant.run("--vars", "{jitter_pieces: 0}")
    assert ("int_brick_increments", "SAU-LN-01") in _restated(plant)
    plant.keep("incremental")
    plant.run("--full-refresh", "--vars", "{jitter_pieces: 0}")
    assert plant.differences("incremental") == []


def test_new_code_of_a_model_rebuilds_it_and_all_that_read_it(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
):
    """Each model gets new code for one device of its own, all in one run."""
    devices = defaultdict(set)
    for model, device_id in plant.versions():
        devices[model].add(device_id)
    # They are compared, not rebuilt.
    ledgers = {"int_message_days", "device_days"}
    for ledger in ledgers:
        del devices[ledger]
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

    def code_version(self: PostgresAdapter, model: dict, code: str) -> str:
        is_chosen = f"days.device_id = '{chosen.get(model['name'])}'"
        version = original(self, model, code)
        return f"{version}' || case when {is_chosen} then 'new' else '' end || '"

    before = plant.versions()
    with monkeypatch.context() as patch:
        patch.setattr(PostgresAdapter, "code_version", code_version)
        plant.run()
    after = plant.versions()
    for model, device_id in chosen.items():
        dates = {row[0] for row in before[model, device_id]}
        for reader in {model} | plant.readers(model) - ledgers:
            old = {
                row for row in before.get((reader, device_id), ()) if row[0] in dates
            }
            kept = old & after.get((reader, device_id), set())
            assert not kept, f"{reader} does not notice new code of {model}"


@pytest.mark.slow
def test_a_model_left_behind_is_noticed_by_all_that_read_it(plant: Plant):
    """What was built on too old rows is built again once these are new.

    For each model once, one of each domain at a time: messages come, all other models
    run, and then all.
    """
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
