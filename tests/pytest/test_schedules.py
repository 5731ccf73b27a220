"""Incremental is the full refresh, whatever happens between the runs, in any order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest
import yaml
from cases import production_date
from happenings import (
    CALENDARS,
    COMMISSIONED,
    SETTINGS,
    VARS,
    Run,
    Schedule,
    Step,
    schedules,
)
from hypothesis import HealthCheck, Phase, given, note, settings
from plant import Plant

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


@pytest.fixture(scope="module")
def plant(plant: Plant) -> Plant:
    """All tables are there."""
    plant.run()
    return plant


@settings(settings.get_profile("schedules"))
@given(schedule=schedules())
def test_any_order_of_arrival_gives_the_full_refresh(
    plant: Plant, tried: Counter, say: Callable[[str], None], schedule: Schedule
):
    for line in schedule.lines():
        note(line)
    plant.clear()
    declared: dict[str, object] = {}
    for step in schedule.steps:
        happen(plant, step, declared)
        begins = not plant.sql(f"select exists (table {plant.tables[LEDGER]})")[0][0]
        run(plant, step.run, declared)
        if begins and declared:
            # What a first run finds of days before `raw_kept_from` is taken as it is;
            # the next one knows that they have expired.
            run(plant, step.run, declared)
    plant.assert_equal_to_full_refresh(*options(schedule.steps[-1].run, declared))
    tried.update(schedule.features)
    tried["schedules"] += 1
    if tried["schedules"] % 10 == 0:
        say(f"{tried['schedules']} schedules equal the full refresh")


def happen(plant: Plant, step: Step, declared: dict[str, object]) -> None:
    plant.arrive(step.messages)
    for name in step.settings:
        plant.sql((SETTINGS | COMMISSIONED)[name])
    if step.expired is not None:
        day = max(production_date(step.expired), declared.get("raw_kept_from", FIRST))
        declared["raw_kept_from"] = day
        plant.sql(
            "delete from raw.measurements where id in (select measurement_id"
            " from analytics_staging.stg_measurements where production_date < %s"
            " and production_date > '2020-01-01')",
            day,
        )
    if step.damage:
        damage(plant, *step.damage, declared)


FIRST = production_date(0)
LEDGER = "int_message_days"


def damage(plant: Plant, number: int, how: str, declared: dict[str, object]) -> None:
    """What somebody does to a table by hand; what is staged of lost messages is spared,
    as nothing could bring it back."""
    models = [
        name
        for name, node in sorted(plant.nodes.items())
        if node.config.materialized == "device_day"
        and not (declared and name.startswith("stg_"))
    ]
    table = plant.tables[models[number % len(models)]]
    if plant.exists(table):
        row = f"(select ctid from {table} order by ctid limit 1)"
        plant.sql({
            "a row is deleted": f"delete from {table} where ctid in {row}",
            "all rows are deleted": f"truncate {table}",
            "the table is dropped": f"drop table {table} cascade",
        }[how])  # fmt: skip


def run(plant: Plant, run: Run, declared: dict[str, object]) -> None:
    models = sorted(plant.tables)
    what = options(run, declared)
    if run.only:
        what += ("-s", *sorted({models[number % len(models)] for number in run.only}))
    model = models[(run.fails or 0) % len(models)]
    can_fail = run.fails is not None and plant.nodes[model].config.materialized == (
        "device_day"
    )
    # A model may fail, too, whose tables of settings were left out: no matter.
    is_whole = not run.only and not can_fail
    with plant.failing(model) if can_fail else nullcontext():
        plant.run(*what, succeeds=True if is_whole else None)


def options(run: Run, declared: dict[str, object]) -> tuple[str, ...]:
    told = {"reconcile": run.reconcile, "arrival_margin": run.arrival_margin}
    told |= {name: str(value) for name, value in declared.items()}
    for name in run.variables:
        told |= (VARS | CALENDARS)[name]
    return "--vars", yaml.safe_dump(told)
