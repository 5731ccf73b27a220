"""A model is left alone if its code and all it reads stand as before, and only then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from arrivals import steady
from plant import Plant
from scratch import Scratch

from dbt_local_python.model_builds import ModelBuilds

ARRIVALS = "{reconcile: arrivals}"
STAGED, FACTS = "stg_brick_counts", "int_brick_increments"
FACTS_TABLE = f"analytics_intermediate.{FACTS}"
RATES = "analytics_intermediate.int_brick_step_rates"


@pytest.fixture(scope="module")
def plant(plant: Plant) -> Plant:
    for name in ("SAU-ME-01", "SAU-LN-01"):
        plant.arrive(steady(name, "07:00", 0, 1000, 90))
    plant.run()
    return plant


@pytest.fixture(autouse=True)
def nothing_new(plant: Plant) -> None:
    """Whatever the test before has left, is settled."""
    if worked(plant):
        assert worked(plant) == set()


def worked(plant: Plant, told: str = ARRIVALS, *arguments: str) -> set[str]:
    """The models that a run did not leave alone."""
    results = plant.run("--vars", told, *arguments)
    nodes = [r.node for r in results if r.message != "IDLE"]
    return {node.name for node in nodes if node.resource_type == "model"}


def assert_full_finds_nothing(plant: Plant) -> None:
    """What was left alone is what a run makes that trusts nothing."""
    plant.keep("idled")
    plant.run()
    assert plant.differences("idled") == []
    assert plant.state_differences("idled") == []


def test_a_run_that_trusts_nothing_leaves_no_model_alone(plant: Plant):
    asked = worked(plant, "{reconcile: full}")
    assert asked > set(plant.tables) | set(plant.marts)
    assert asked == worked(plant, ARRIVALS, "--empty")
    # The audit log is never refreshed.
    refreshed = worked(plant, ARRIVALS, "--full-refresh")
    assert refreshed == asked - {"processing_logs"}


def test_a_run_without_news_looks_at_the_raw_table_once(plant: Plant):
    """To count it. Where that tells of news, the newest messages are looked at."""
    looks = (
        "select seq_scan + idx_scan from pg_stat_user_tables"
        " where relid = 'raw.measurements'::regclass"
    )
    [(before,)] = plant.sql(looks)
    assert worked(plant) == set()
    [(after,)] = plant.sql(looks)
    assert after == before + 1


def test_a_message_wakes_what_reads_it_and_nothing_else(plant: Plant):
    plant.arrive(steady("SAU-ME-01", "09:00", 0, 2000))
    woken = worked(plant)
    assert {"int_message_days", STAGED, FACTS, "brick_production_losses"} <= woken
    assert not {"int_moisture_units", "brick_production_stats"} & woken
    assert_full_finds_nothing(plant)


def test_a_message_that_is_gone_or_visible_late_wakes_the_ledger(plant: Plant):
    [message] = steady("SAU-ME-01", "09:20", 0, 2300, 1)
    plant.arrive([message])
    worked(plant)
    [(newest,)] = plant.sql("select max(id) from raw.measurements")
    plant.sql("delete from raw.measurements where id = %s - 1", newest)
    assert "int_message_days" in worked(plant)
    plant.arrive([replace(message, id=newest - 1)])
    assert "int_message_days" in worked(plant)
    assert_full_finds_nothing(plant)


def test_what_somebody_does_by_hand_wakes_the_model(plant: Plant):
    for statement, model in [
        ("update analytics.device_registry set max_rate_per_hour = 1650", FACTS),
        (f"delete from {FACTS_TABLE}", FACTS),
        (f"truncate {FACTS_TABLE}", FACTS),
        ("truncate analytics.devices", "devices"),
        ("drop table analytics.downtime_events cascade", "downtime_events"),
        (f"drop view {RATES} cascade", "int_brick_step_rates"),
        (
            "do $$ begin execute format('create or replace view %1$s as select *"
            f" from (%2$s) as before where false', '{RATES}',"
            f" rtrim(pg_get_viewdef('{RATES}'), ';')); end $$",
            "int_brick_step_rates",
        ),
    ]:
        plant.sql(statement)
        assert model in worked(plant), statement
    assert_full_finds_nothing(plant)


def test_other_code_wakes_the_model_and_what_reads_it(plant: Plant):
    other = {f"model.brickworks.{FACTS}": ("-- One row", "-- One row or none")}
    with plant.patched(other):
        woken = worked(plant)
        assert {FACTS, "int_brick_steps"} <= woken
        assert not {STAGED, "int_moisture_readings"} & woken
        assert worked(plant) == set()


def test_an_ephemeral_model_is_code_of_what_reads_it(plant: Plant):
    with plant.patched({"model.brickworks.int_days": ("-- ", "-- Other: ")}):
        assert "device_days" in worked(plant)


def test_another_var_or_macro_wakes_what_names_it(plant: Plant):
    woken = worked(plant, "{reconcile: arrivals, slow_share: 0.7}")
    assert {"int_brick_slices", "int_brick_episodes"} <= woken
    assert not {FACTS, "moisture_analysis_stats"} & woken
    # Named by a config, and by a macro that the materialization calls.
    woken = worked(plant, "{reconcile: arrivals, window_days: 2}")
    assert "int_machine_alerts" in woken
    other = {"macro.brickworks.wanted_days": ("{% macro", "{#- Other. -#}{% macro")}
    with plant.patched(other):
        assert worked(plant) >= {FACTS, "int_moisture_judged"}


def test_what_concerns_tests_alone_wakes_no_model(plant: Plant):
    assert worked(plant, "{reconcile: arrivals, test_days: 2}") == set()


def test_a_model_that_failed_is_not_left_alone(plant: Plant):
    plant.arrive(steady("SAU-ME-01", "09:30", 0, 2500))
    with plant.failing(FACTS):
        plant.run("--vars", ARRIVALS, succeeds=False)
    assert {FACTS, "int_brick_steps"} <= worked(plant)
    assert_full_finds_nothing(plant)


def test_a_model_left_out_is_not_left_alone_later(plant: Plant):
    plant.arrive(steady("SAU-ME-01", "10:00", 0, 3000))
    worked(plant, ARRIVALS, "--exclude", FACTS)
    assert FACTS in worked(plant)
    assert_full_finds_nothing(plant)


def test_what_is_noted_is_older_than_what_was_read_never_newer(plant: Plant):
    """A seed that changes while its reader runs is news for the next run."""
    table = "analytics_intermediate.int_moisture_units"
    change = "update analytics.device_registry set unit = unit || ' '"
    plant.sql(
        "create function public.change() returns trigger language plpgsql as"
        f" $$ begin {change}; return null; end $$;"
        f"create trigger changes after insert on {table}"
        " for each statement execute function public.change();"
        "update analytics.device_registry set unit = unit || ' '"
    )
    worked(plant)
    plant.sql("drop function public.change() cascade")
    assert "int_moisture_units" in worked(plant)
    assert_full_finds_nothing(plant)


def test_without_the_session_of_the_turn_nothing_is_idle(plant: Plant, monkeypatch):
    def lost(builds: ModelBuilds, query: str) -> list[tuple]:
        builds._look.close()
        return look(builds, query)

    look = ModelBuilds._query
    monkeypatch.setattr(ModelBuilds, "_query", lost)
    assert worked(plant) > set(plant.tables)


def test_a_view_is_made_anew_after_something_stood_in_for_it(
    tmp_path: Path, hostile: dict
):
    scratch = Scratch(tmp_path, hostile, "stood_in")
    hook = "{{ adapter.wait_for_turn(log) }}"
    hook += "{{ adapter.look_at_model_builds('stood_in.of_models') }}"
    scratch.write(
        "dbt_project.yml",
        {"name": "scratch", "version": "1.0", "profile": "scratch"}
        | {"on-run-start": [hook]},
    )
    scratch.query(
        "create schema stood_in; create table stood_in.of_models (model text"
        " primary key, relation text, code text, built_from text, version text,"
        " stands_as text)"
    )
    scratch.write("seeds/s.csv", "n\n1\n")
    scratch.write(
        "models/t.sql",
        "{{ config(materialized='table') }} select n from {{ ref('s') }}",
    )
    scratch.write("models/v.sql", "select n from {{ ref('t') }}")
    scratch.dbt("build")
    assert scratch.dbt("build").count("IDLE") == 2
    scratch.write("seeds/s.csv", "n\none\n")
    scratch.dbt("build")
    assert scratch.query("select n from v") == [("one",)]
