"""The whole project on real-looking messages: built, built again, broken, looked at."""

import csv
import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from brickworks.simulator import FactoryConfig, simulate

FIXED_POINTS = {
    "SAU-LN-01": 45030,
    "SAU-MC-01": 42079,
    "SAU-ME-01": 20791,
    "SAU-ME-02": 23190,
    "TRUOC-DH-01": 41683,
    "TRUOC-LN-01": 20991,
    "TRUOC-LN-02": 20993,
}
MARTS = [f"brick_production_stats{grain}" for grain in ("", "_hourly", "_daily")]


@pytest.fixture(scope="module")
def built(project):
    devices = frozenset({"SAU-ME-01", "SAU-LN-01", "AM-SAY-01", "MAY-EP-01"})
    project.insert(list(simulate(FactoryConfig(days=2, devices=devices))))
    project.dbt("build")
    return project


@pytest.fixture
def broken_copy(built, tmp_path):
    """The project with a Python model that raises, on the same database."""
    for part in ("models", "macros", "seeds", "tests/generic", "dbt_project.yml"):
        source, target = built.root / part, tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    model = tmp_path / "models/brick_production/brick_production_anomalies.py"
    model.write_text(
        'def model(dbt, session):\n    dbt.ref("device_days")\n    return 1 / 0\n'
    )
    root, built.root = built.root, tmp_path
    yield built
    built.root = root


def test_a_second_build_changes_no_row_writes_none_and_warns_of_nothing(built):
    before = built.snapshot()
    tables = built.incremental_tables()
    written = {table: built.versions(table) for table in tables}
    built.dbt("build", "--warn-error")
    assert built.snapshot() == before
    assert {table: built.versions(table) for table in tables} == written
    assert sum(before['"analytics"."brick_production_stats"'].values()) > 0


def test_the_audit_log_counts_the_rows_that_facts_got(built):
    [(logged, there)] = built.sql(
        "select max(records_processed),"
        " (select count(*) from analytics_intermediate.int_brick_increments)"
        " from analytics.processing_logs where model = 'int_brick_increments'"
    )
    assert logged == there > 0


def test_a_run_without_news_writes_no_row_of_any_table(built):
    """Whether they are kept by the day or worked out each time; but the audit log."""

    def written() -> dict[str, list[tuple]]:
        tables = built.sql(
            "select oid::regclass::text from pg_class where relkind = 'r'"
            " and relnamespace::regnamespace::text like 'analytics%%'"
            " and relname <> 'processing_logs'"
        )
        places = "select ctid::text, xmin::text from"
        return {table: built.sql(f"{places} {table} order by 1") for (table,) in tables}

    before = written()
    built.dbt("run")
    after = written()
    assert [table for table in before | after if before[table] != after[table]] == []
    assert {"analytics.downtime_events", "analytics.devices"} <= set(before)


def test_equal_numbers_of_the_facts_are_written_alike(built):
    """Or the greatest of 0 and 0.000 shows in which order they were met."""
    columns = built.sql(
        "select format('%I.%I', table_schema, table_name), quote_ident(column_name)"
        " from information_schema.columns where data_type = 'numeric'"
        " and table_schema in ('analytics_staging', 'analytics_intermediate')"
    )
    tables = {name.replace('"', "") for name in built.incremental_tables()}
    facts = [
        (table, column)
        for table, column in columns
        if table in tables and not table.endswith("_judged")
    ]
    assert ("analytics_intermediate.int_moisture_periods", "max_moisture") in facts
    for table, column in facts:
        different = built.sql(
            f"select {column}, array_agg(distinct {column}::text) from {table}"
            f" group by {column} having min(scale({column})) <> max(scale({column}))"
        )
        assert not different, f"{table}.{column}"


@pytest.mark.parametrize("which, fails_hourly", [("min", False), ("max", True)])
def test_an_hourly_build_tests_the_newest_days(built, which, fails_hourly):
    """A wrong row of an old day is left to the test of the night."""
    mart = "analytics.brick_production_stats_daily"
    day = f"production_date = (select {which}(production_date) from {mart})"
    more = f"update {mart} set count_increment = count_increment + %s where {day}"
    built.sql(more, 1)
    hourly = ["--selector", "hourly", "--vars", "{reconcile: arrivals, test_days: 1}"]
    try:
        built.dbt("test", *hourly, succeeds=not fails_hourly)
        built.dbt("test", "-s", mart.split(".")[1], succeeds=False)
    finally:
        built.sql(more, -1)


def test_a_build_of_nothing_leaves_everything(built):
    before = built.snapshot()
    built.dbt("run", "--empty")
    assert built.snapshot() == before


def test_a_full_refresh_gives_the_same_rows(built):
    before = built.snapshot()
    built.dbt("run", "--full-refresh")
    assert built.snapshot() == before


def test_a_failing_python_model_keeps_its_table_and_names_the_line(broken_copy):
    table = '"analytics"."brick_production_anomalies"'
    before = broken_copy.snapshot()[table]
    broken_copy.dbt("run", "-s", "brick_production_anomalies", succeeds=False)
    said = (broken_copy.folder / "dbt.log").read_text()
    assert "brick_production_anomalies.py, line 3: ZeroDivisionError" in said
    assert broken_copy.snapshot()[table] == before


def test_the_python_model_stands_between_steps_and_stats(built):
    built.dbt("parse", "--no-partial-parse")
    manifest = json.loads((built.folder / "target/manifest.json").read_text())
    assert manifest["metadata"]["adapter_type"] == "postgres"
    nodes = {node["name"]: node for node in manifest["nodes"].values()}
    model = nodes["brick_production_anomalies"]
    assert model["language"] == "python"
    assert "model.brickworks.int_brick_steps" in model["depends_on"]["nodes"]
    ancestors, ahead = set(), ["model.brickworks.brick_production_stats"]
    while ahead:
        node = manifest["nodes"].get(ahead.pop())
        for parent in (node or {}).get("depends_on", {}).get("nodes", []):
            if parent not in ancestors:
                ancestors.add(parent)
                ahead.append(parent)
    assert model["unique_id"] in ancestors


def test_the_docs_are_one_page_that_opens_with_the_overview(built):
    built.dbt("docs", "generate", "--static")
    page = (built.folder / "target/static_index.html").read_text("utf-8")
    overview = (built.root / "models/overview.md").read_text("utf-8")
    heading = next(line for line in overview.splitlines() if line.startswith("# "))
    assert heading[2:] in page


# --- the analyses: questions by vars ----------------------------------------------

A_DAY_OF_A_PRESS = (
    '{device: sau-me-01, from: "2025-11-10 06:00+07", to: "2025-11-11 06:00+07"}'
)


def _answer(project, analysis: str, variables: str = "{}") -> list[dict]:
    """What `dbt show` shows of an analysis."""
    shown = project.dbt("show", "-s", analysis, "--limit", "9999", "--vars", variables)
    table = shown.result.results[0].agate_table
    return [dict(zip(table.column_names, row, strict=True)) for row in table.rows]


def test_what_was_made_between_two_moments_is_what_the_marts_say(built):
    [made] = _answer(built, "brick_production_between", A_DAY_OF_A_PRESS)
    columns = [
        "count_increment", "measured_increment", "error_count", "avg_speed",
        "running_seconds", "micro_stop_seconds", "downtime_seconds",
        "planned_stop_seconds", "unobserved_seconds",
    ]  # fmt: skip
    [expected] = built.sql(
        f"select {', '.join(columns)} from analytics.brick_production_stats_daily"
        " where device_id = 'SAU-ME-01' and production_date = '2025-11-10'"
    )
    assert [made[column] for column in columns] == list(expected)
    assert made["count_increment"] > 1000
    assert sum(made[column] for column in columns[4:]) == 86_400


def test_parts_of_a_time_add_up_to_it(built):
    """Also where the borders cut minutes."""
    day = '{{device: SAU-LN-01, from: "2025-11-10 {}+07", to: "2025-11-10 {}+07"}}'
    cuts = ["09:00:11", "09:07:33.4", "10:21:00.9", "12:00:07"]
    [whole] = _answer(built, "brick_production_between", day.format(cuts[0], cuts[-1]))
    parts = [
        _answer(built, "brick_production_between", day.format(*cuts[i : i + 2]))[0]
        for i in range(3)
    ]
    for column in ("count_increment", "running_seconds"):
        assert sum(part[column] for part in parts) == whole[column] > 0


def test_without_vars_the_last_twelve_hours_of_every_counter_are_shown(built):
    made = _answer(built, "brick_production_between")
    assert {row["device_id"] for row in made} >= {"SAU-ME-01", "SAU-LN-01"}
    [(newest,)] = built.sql("select max(last_reading_at) from analytics.devices")
    assert {row["ends_at"] for row in made} == {newest}


def test_a_number_is_traced_to_its_messages(built):
    messages = _answer(built, "trace_a_number", A_DAY_OF_A_PRESS)
    raw = built.sql(
        "select id from raw.measurements where upper(trim(device_id)) = 'SAU-ME-01'"
        " and timestamp >= '2025-11-10 06:00+07' and timestamp < '2025-11-11 06:00+07'"
        " and timestamp <= created_at + interval '5 minutes'"
    )
    traced = {row["measurement_id"] for row in messages}
    assert {id for (id,) in raw} <= traced
    of_readings = sum(row["count_increment"] or 0 for row in messages)
    [(bricks,)] = built.sql(
        "select count_increment from analytics.brick_production_stats_daily"
        " where device_id = 'SAU-ME-01' and production_date = '2025-11-10'"
    )
    # But for the steps that cross 06:00 on either day.
    assert of_readings == pytest.approx(bricks, abs=60)
    readings = [row for row in messages if row["verdict"] == "reading"]
    assert all(row["counter_event"] for row in readings)
    assert sum(row["step_state"] is not None for row in readings) > 1000
    assert _answer(built, "trace_a_number") != []


def test_devices_that_are_silent_or_were_never_seen_are_named(built):
    [(newest,)] = built.sql("select max(last_reading_at) from analytics.devices")
    silent = {row["device_id"]: row for row in _answer(built, "silent_devices")}
    assert silent["TRUOC-DH-01"]["kind"] == "never_seen"
    assert "SAU-LN-01" not in silent
    later = f"{{as_of: '{newest.isoformat()}'}}"
    assert set(_answer(built, "silent_devices", later)[0]) >= {"kind", "silent_seconds"}


def test_the_tables_compare_with_themselves(built):
    rows = _answer(built, "compare_with_full_refresh", "{fresh_schema: analytics}")
    assert {row["model"] for row in rows} >= {"int_brick_slices", "device_days"}
    assert {row["only_incremental"] for row in rows} == {0}


def test_nothing_but_select_is_needed_on_the_raw_table(built):
    [(may_select, may_insert)] = built.sql(
        "select has_table_privilege(%s, 'raw.measurements', 'select'),"
        " has_table_privilege(%s, 'raw.measurements', 'insert')",
        built.cluster.server.user,
        built.cluster.server.user,
    )
    assert (may_select, may_insert) == (True, False)


@pytest.mark.skipif(
    "BRICKWORKS_TELEMETRY_CSV" not in os.environ,
    reason="BRICKWORKS_TELEMETRY_CSV names no file of real telemetry",
)
def test_the_real_line_made_the_bricks_it_is_known_to_have_made(built):
    built.sql("truncate raw.measurements")
    with gzip.open(Path(os.environ["BRICKWORKS_TELEMETRY_CSV"]), "rt") as file:
        names = ["device_id", "sensor_type", "timestamp", "data", "metadata"]
        names.append("created_at")
        rows = csv.DictReader(file)
        built.insert([tuple(row[name] for name in names) for row in rows])
    built.sql("drop schema analytics cascade")
    built.dbt("build", "--full-refresh", "--vars", "forget_missing_days: true")
    for mart in MARTS:
        found = built.sql(
            f"select device_id, sum(count_increment), sum(reset_count)"
            f" from analytics.{mart} group by device_id"
        )
        assert {device: int(bricks) for device, bricks, _ in found} == FIXED_POINTS
        assert {int(resets) for *_, resets in found} == {2}
    # A line that talks every five seconds for hours does not stop for as long.
    [(shortest, stops)] = built.sql(
        "select min(seconds), count(*) from analytics_intermediate.int_brick_episodes"
        " where state in ('micro_stop', 'downtime')"
    )
    assert stops > 0
    assert shortest > 30
