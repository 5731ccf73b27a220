"""What `brickworks status` says, and how a build is compared with a full refresh."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from arrivals import at, reading, readings
from click.testing import CliRunner, Result

from brickworks import cli

LATE = at("12:00", 1) - at("06:00", 0)
COUNTERS = ("SAU-ME-01", "SAU-ME-02", "SAU-LN-01")


class Plant:
    """The project on its own database, and the command line on it."""

    def __init__(self, project: Any, patch: pytest.MonkeyPatch) -> None:
        self.project, self.patch = project, patch

    def arrive(self, messages: list) -> None:
        self.project.insert(
            [
                (
                    m.device_id,
                    m.sensor_type,
                    m.timestamp,
                    m.row()[4],
                    None,
                    m.created_at,
                )
                for m in messages
            ]
        )

    def run(self, *arguments: str) -> None:
        self.project.dbt("run", *arguments)

    def status(self, *arguments: str) -> Result:
        for name, value in self.project.environment.items():
            self.patch.setenv(name, value)
        return CliRunner().invoke(cli.main, ["status", *arguments])

    def lines(self, *arguments: str) -> list[list[str]]:
        """The words of each line of the table: device, day, model, why."""
        result = self.status(*arguments)
        assert result.exit_code == 0, result.output
        table = result.output.split("why")[1].split("By model")[0]
        lines = [line.strip() for line in table.splitlines()]
        return [line.split(maxsplit=3) for line in lines if line]


@pytest.fixture
def plant(project, monkeypatch) -> Plant:
    return Plant(project, monkeypatch)


@pytest.fixture(scope="module")
def built(project):
    plant = Plant(project, pytest.MonkeyPatch())
    assert "Nothing is built yet" in plant.status().output
    for device in COUNTERS:
        for day in range(3):
            start = 1000 + day * 1000
            plant.arrive(
                readings(device, at("12:00", day), range(start, start + 700, 10))
            )
    project.dbt("seed")
    plant.run()
    plant.patch.undo()
    return project


def test_nothing_is_stale_after_a_build(built, plant):
    result = plant.status()
    assert result.exit_code == 0
    assert result.output == "Everything is built: 9 device-days of 630 messages.\n"


def test_each_stale_day_is_told_once_with_its_reason(built, plant):
    plant.arrive([reading("SAU-ME-01", at("12:05.5", 1), 2055, LATE)])
    plant.arrive([reading("NEW-01", at("12:00", 0), 1, LATE)])
    built.sql(
        "delete from raw.measurements where device_id = 'SAU-LN-01'"
        ' and "timestamp" >= %s',
        at("13:00", 2),
    )
    built.sql(
        "update analytics.device_registry set max_rate_per_hour = 1651"
        " where device_id = 'SAU-ME-02'"
    )
    dates = ["2026-03-02", "2026-03-03", "2026-03-04"]
    try:
        assert plant.lines() == [
            ["NEW-01", dates[0], "int_message_days", "new, messages: 1"],
            ["SAU-ME-02", dates[0], "int_brick_excursions", "a setting has changed"],
            ["SAU-ME-01", dates[1], "int_message_days", "messages: 1 more"],
            ["SAU-ME-02", dates[1], "int_brick_excursions", "a setting has changed"],
            ["SAU-LN-01", dates[2], "int_message_days", "messages: 10 fewer"],
            ["SAU-ME-02", dates[2], "int_brick_excursions", "a setting has changed"],
        ]
        assert "… and 5 more." in plant.status("--limit", "1").output
    finally:
        built.sql(
            "update analytics.device_registry set max_rate_per_hour = 1650"
            " where device_id = 'SAU-ME-02'"
        )
        plant.run()
    assert "Everything is built" in plant.status().output


def test_a_hostile_device_id_is_shown_as_text(built, plant):
    plant.arrive([reading("[/]\x1b[2JX:skull:\n", at("12:00", 0), 1, LATE)])
    try:
        result = plant.status()
        assert result.exit_code == 0, result.output
        assert r"[/]\x1b[2JX:SKULL:" in result.output
        assert "\x1b" not in result.output
    finally:
        built.sql("delete from raw.measurements where device_id like '[/]%'")
        plant.run()


def test_a_neighbouring_day_and_new_code_are_reasons(built, plant):
    plant.arrive([reading("SAU-ME-01", at("13:08.5", 0), 1685, LATE)])
    trunk = ("int_message_days", "stg_brick_counts", "int_day_verdicts", "device_days")
    plant.run("-s", *trunk)
    why = "what it is built from has changed"
    assert plant.lines() == [
        ["SAU-ME-01", "2026-03-02", "int_brick_excursions", why],
        ["SAU-ME-01", "2026-03-03", "int_brick_excursions", why],
    ]
    plant.run()
    told = plant.lines("--limit", "99", "--vars", "{jitter_pieces: 0}")
    assert {line[3] for line in told} == {
        "the code of the model, or a var in it, has changed"
    }
    assert Counter(line[0] for line in told)["SAU-ME-01"] == 3


def test_a_difference_to_the_full_refresh_is_found(built):
    built.sql(
        "update analytics_intermediate.int_brick_message_hours set reading_count = 99"
    )
    built.environment["BRICKWORKS_DB_SCHEMA"] = "fresh"
    tests = ("--exclude-resource-types", "test", "unit_test")
    built.dbt("build", "--full-refresh", *tests)
    del built.environment["BRICKWORKS_DB_SCHEMA"]
    compiled = built.dbt("compile", "-s", "compare_with_full_refresh")
    rows = built.sql(compiled.result.results[0].node.compiled_code)
    hours = built.sql(
        "select count(*) from analytics_intermediate.int_brick_message_hours"
    )
    tables = {table.split(".")[1].strip('"') for table in built.incremental_tables()}
    assert {name for name, *_ in rows} == tables
    assert {row for row in rows if row[1:] != (0, 0)} == {
        ("int_brick_message_hours", hours[0][0], hours[0][0])
    }
