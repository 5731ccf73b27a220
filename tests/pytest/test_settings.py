"""A plant's own settings change its numbers, fail no test of the rules, and are values
in every statement, whatever is in them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from arrivals import Message
from conftest import ROOT
from psycopg2 import DataError
from psycopg2.errors import UndefinedTable
from psycopg2.extras import Json

BERLIN = ZoneInfo("Europe/Berlin")
IN_BERLIN = {"plant_timezone": "Europe/Berlin", "device_timezone": "Europe/Berlin"}
MINUTE = timedelta(minutes=1)

# The production days that hold a change of clock, and the moment of it.
# Each has counters of its own, or the winter between would be one long gap.
LONG, BACK = "2025-10-25", datetime(2025, 10, 26, 1, tzinfo=UTC)
SHORT, FORTH = "2026-03-28", datetime(2026, 3, 29, 1, tzinfo=UTC)
APOSTROPHE = "O'NEIL\\-01"
COUNTERS = {"SAU-ME-01": BACK, APOSTROPHE: BACK, "SAU-ME-02": FORTH}

OTHER = IN_BERLIN | {
    "production_day_starts_at": "05:30",
    "as_of": "2026-03-01 12:00+01",
    "sensor_domains": {
        "brick_counter": "stg_brick_counts",
        "tile_counter": "stg_brick_counts",
        "moisture": "stg_moisture_readings",
        "machine_monitoring": "stg_machine_messages",
        "pressure": "stg_machine_messages",
    },
    "default_commissioned_on": "2026-03-02",
    "default_ideal_rate_per_hour": 77,
    "default_max_rate_per_hour": 500,
    "default_expected_interval_seconds": 10,
    "clock_ahead_tolerance": "1 second",
    "raw_kept_from": "2 days",
    "forget_missing_days": True,
    "longest_bridged_gap": "1 day",
    "lock_wait": {"seconds": 0.1, "tries": 1},
    "late_seconds": 5,
    "max_count": 999,
    "payload_places": ["elsewhere"],
    "error_names": ["mistakes"],
    "health_fields": ["pulse"],
    "sensor_health_fields": ["pulse"],
    "payload_ranges": {
        name: [0, 1]
        for name in (
            *("error_count", "rssi", "battery", "temperature", "uptime"),
            *("air_temperature", "humidity", "metric"),
        )
    },
    "look_ahead": "1 minute",
    "cap_headroom": 3,
    "cap_pieces": 40,
    "jitter_pieces": 0,
    "rollback_share": 0.5,
    "rollover_share": 0.5,
    "gap_floor_seconds": 30,
    "slow_share": 0.3,
    "downtime_from_seconds": 30,
    "rolling_window": "5 minutes",
    "bucket_minutes": 1,
    "peak_coverage": 0.1,
    "hold_intervals": 1,
    "data_quality_weights": {"completeness": 0.1, "validity": 0.9},
    "data_quality_reason_below": 0.1,
    "on_time_seconds": 1,
    "regular_share": 5,
    "trend_rule": {"least_points": 2, "p_value": 0.5, "least_change": 0.5},
    "trend_bucket_minutes": {"hour": 1, "shift": 2, "day": 3},
    "machine_trend": {"days": 2, "least_points": 2},
    "reconcile": "arrivals",
    "neighbour_flow": {
        "usual": 0.5,
        "low": 0.1,
        "look_back": 30,
        "around": 10,
        "behind": 10,
    },
    "window_days": 3,
    "final_after": "1 minute",
}


def around(moment):
    """Twice two hours of minutes."""
    return [moment + i * MINUTE for i in range(-120, 120)]


def arrive(project, messages):
    project.insert(
        [
            (m.device_id, m.sensor_type, m.timestamp, Json(m.data), None, m.created_at)
            for m in messages
        ]
    )


@pytest.fixture(scope="module")
def plant(project):
    """A plant in Berlin at both changes of clock."""
    for counter, change in COUNTERS.items():
        for i, moment in enumerate(around(change)):
            written = moment + timedelta(seconds=2)
            naive = moment.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M:%S")
            payloads = {
                "brick_counter": (counter, {"count": 1000 + 10 * i, "ts": naive}),
                "moisture": ("AM-SAY-01", {"moisture": 0.15, "ts": naive}),
                "machine_monitoring": ("MAY-EP-01", {"status": "running", "rpm": i}),
            }
            arrive(
                project,
                [
                    Message(device, moment, data, written, sensor_type)
                    for sensor_type, (device, data) in payloads.items()
                ],
            )
    project.dbt("build", "--vars", yaml.safe_dump(IN_BERLIN))
    return project


def test_a_plant_in_berlin_builds(plant):
    """With every test, of the rules and of the data."""
    days = plant.sql(
        "select device_id, production_date::text,"
        " extract(epoch from end_time - start_time)::int / 3600, count_increment::int"
        " from analytics.brick_production_stats_daily"
    )
    assert set(days) == {
        ("SAU-ME-01", LONG, 25, 2390),
        (APOSTROPHE, LONG, 25, 2390),
        ("SAU-ME-02", SHORT, 23, 2390),
    }


# The last hour of the night in spring has not begun: nobody has sent anything later.
@pytest.mark.parametrize(
    "device, day, hours", [("SAU-ME-01", LONG, 13), ("SAU-ME-02", SHORT, 10)]
)
def test_every_hour_of_a_night_with_a_change_of_clock_is_there_once(
    plant, device, day, hours
):
    starts = plant.sql(
        "select start_time, end_time - start_time, count_increment::int"
        " from analytics.brick_production_stats_hourly"
        " where device_id = %s and production_date = %s and shift_name = 'night'"
        " order by 1",
        device,
        day,
    )
    assert len(starts) == hours
    assert {length for _, length, _ in starts} == {timedelta(hours=1)}
    about = {start: count for start, _, count in starts}
    found = [about[COUNTERS[device] + timedelta(hours=h)] for h in (-2, -1, 0, 1)]
    assert found == [600, 600, 600, 590]
    assert sum(count or 0 for count in about.values()) == 2390


def test_unit_tests_hold_under_other_vars(plant):
    plant.dbt("test", "-s", "test_type:unit", "--vars", yaml.safe_dump(OTHER))


def test_every_var_of_the_rules_is_known_to_the_unit_tests():
    """One that is missing there stops the tests that read it, with its name."""
    shipped = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    known = yaml.safe_load((ROOT / "unit_test_vars.yml").read_text())
    assert set(known) <= set(shipped)
    assert set(OTHER) == set(known)


def test_unit_tests_read_no_setting_of_the_plant():
    """dbt reads the seed's file for an input without rows, and renders YAML with the
    vars of the run before any test begins."""
    texts = [
        file.read_text() for file in Path(ROOT, "models").rglob("*__unit_tests.yml")
    ]
    tests = [test for text in texts for test in yaml.safe_load(text)["unit_tests"]]
    inputs = [given for test in tests for given in test["given"]]
    assert len(tests) > 100
    assert [given["input"] for given in inputs if "rows" not in given] == []
    assert [text for text in texts if "{{" in text] == []


NIGHT = {"from": "2025-10-26 01:00+02", "to": "2025-10-26 03:00+01"}
ANALYSES = ("brick_production_between", "trace_a_number")
BREAKS_OUT = "\\'; drop schema raw cascade; select ' or true --"


def compiled(plant, *arguments, **variables):
    """The SQL of what is compiled with these vars, by name."""
    variables = IN_BERLIN | variables
    done = plant.dbt("compile", *arguments, "--vars", yaml.safe_dump(variables))
    return {result.node.name: result.node.compiled_code for result in done.result}


def test_a_literal_is_its_value(plant):
    values = ["O'NEIL", "\\", "\\'", "''", "$$", "--", "/*", "Đ\n\t", "", 5, BREAKS_OUT]
    each = "{% for v in var('values') %}, {{ literal(v) }}{% endfor %}"
    (query,) = compiled(plant, "--inline", f"select ''{each}", values=values).values()
    for conforming in ("on", "off"):
        # One call, hence one session: what backslashes mean is its setting.
        set_up = f"set standard_conforming_strings = {conforming};"
        assert plant.sql(set_up + query) == [("", *map(str, values))], conforming


def test_an_analysis_takes_a_device_with_an_apostrophe(plant):
    queries = compiled(plant, "-s", *ANALYSES, device=APOSTROPHE.lower(), **NIGHT)
    pieces = {
        name: sum(
            row["count_increment"] or 0
            for (row,) in plant.sql(f"select row_to_json(f) from ({query}) as f")
        )
        for name, query in queries.items()
    }
    # The first message is the level that pieces are counted from.
    assert pieces == {"brick_production_between": 1800, "trace_a_number": 1790}


def test_no_device_changes_an_analysis(plant):
    queries = compiled(plant, "-s", *ANALYSES, device=BREAKS_OUT, **NIGHT)
    assert [plant.sql(query) for query in queries.values()] == [[], []]


def test_no_moment_and_no_schema_changes_an_analysis(plant):
    hostile = {name: moment + BREAKS_OUT for name, moment in NIGHT.items()}
    hostile |= {"device": "A", "as_of": f"2026-03-29{BREAKS_OUT}"}
    hostile["fresh_schema"] = 'fresh"; drop schema raw cascade; --'
    comparison = "compare_with_full_refresh"
    names = (*ANALYSES, "silent_devices", comparison)
    queries = compiled(plant, "-s", *names, **hostile)
    assert set(queries) == set(names)
    for name, query in queries.items():
        refused, said = DataError, "invalid input syntax for type timestamp"
        if name == comparison:
            refused, said = UndefinedTable, 'fresh"; drop schema raw'
        with pytest.raises(refused, match=said):
            plant.sql(query)


def test_settings_with_an_apostrophe_build(plant):
    """Names of fields and of sensor types are the plant's own."""
    known = yaml.safe_load((ROOT / "unit_test_vars.yml").read_text())
    variables = IN_BERLIN | {
        "payload_places": ["da'ta", "da\\ta"],
        "error_names": ["err'or", "err\\or"],
        "health_fields": ["status'"],
        "sensor_domains": known["sensor_domains"] | {"o'count": "stg_brick_counts"},
    }
    message = {"da'ta": {"count": 7, "err'or": 1}}
    arrive(plant, [Message("A", FORTH, message, FORTH, "o'count")])
    plant.dbt("run", "--vars", yaml.safe_dump(variables))
    assert plant.sql(
        "select sensor_type, verdict, count::int, error_count::int"
        " from analytics_staging.stg_brick_counts where device_id = 'A'"
    ) == [("o'count", "reading", 7, 1)]
