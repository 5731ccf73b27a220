"""The command line: help, sentences, exit codes, and hands off a foreign server."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from brickworks import (
    cli,
    dbt_runs,
    local_database,
    runner,
    server_checks,
    settings,
    terminal,
)
from brickworks.local_database import Cluster
from brickworks.settings import Problem

HEADER = "device_id,sensor_type,timestamp,data,metadata"
GOOD = "A-1,brick_counter,2025-11-17T01:17:00Z,{},{}"
COMMANDS = ("up", "down", "reset", "psql", "simulate", "load", "run", "summary", "docs")
COMMANDS += ("status",)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory of its own, with a free port."""
    checkout = settings.project_root()
    for name in ("dbt_project.yml", "profiles.example.yml"):
        (tmp_path / name).write_bytes((checkout / name).read_bytes())
    monkeypatch.setattr(cli, "project_root", lambda: tmp_path)
    monkeypatch.setenv("BRICKWORKS_DB_PORT", str(local_database.free_port()))
    return tmp_path


@pytest.fixture
def embedded(project: Path):
    """A running embedded server in the project; deleted after the test."""
    cluster = local_database.project_cluster(project)
    assert call("up").exit_code == 0
    yield cluster
    local_database.delete(cluster)


@pytest.fixture
def foreign(cluster: Cluster, project: Path, monkeypatch: pytest.MonkeyPatch):
    """The session's cluster, disguised as somebody else's server."""
    monkeypatch.setenv("BRICKWORKS_DB_HOST", cluster.server.host)
    for name, value in cluster.server.environment().items():
        monkeypatch.setenv(name, value)
    return cluster


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments))


def refusal(*arguments: str) -> str:
    """Run a command that has to fail in a sentence on stderr; return it."""
    result = call(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
    return result.stderr


def count(cluster: Cluster) -> int:
    with (
        closing(psycopg2.connect(**cluster.superuser_dsn())) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select count(*) from raw.measurements")
        return cursor.fetchone()[0]


def execute(cluster: Cluster, *statements: str) -> None:
    with closing(psycopg2.connect(**cluster.superuser_dsn())) as connection:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()


def fake_simulator(monkeypatch: pytest.MonkeyPatch, rows: int = 3) -> None:
    def load(connection, *, table, progress, config):
        with connection.cursor() as cursor:
            for number in range(rows):
                cursor.execute("insert into raw.measurements (device_id) values ('A')")
                progress(number + 1, rows)
        return rows

    fake = SimpleNamespace(load=load, demo_factory=dict)
    monkeypatch.setitem(sys.modules, "brickworks.simulator", fake)
    monkeypatch.setattr("brickworks.simulator", fake, raising=False)


def test_help_lists_every_command_with_a_whole_sentence():
    result = call("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z].*\.$", result.output, re.M), command
        assert not re.search(rf"^  {command} .*\.\.\.$", result.output, re.M), command
        assert call(command, "--help").exit_code == 0


@pytest.mark.parametrize("command", ["up", "simulate", "load"])
def test_what_starts_the_server_leaves_a_profile(
    project: Path, monkeypatch: pytest.MonkeyPatch, command: str
):
    """For `dbt build` by hand; one that is there is the user's."""
    fake_simulator(monkeypatch)
    file = project / "rows.csv"
    file.write_text(f"{HEADER}\n{GOOD}\n")
    profile, example = project / "profiles.yml", project / "profiles.example.yml"
    arguments = {"up": ["up"], "simulate": ["simulate"], "load": ["load", str(file)]}
    try:
        assert call(*arguments[command]).exit_code == 0
        assert profile.read_bytes() == example.read_bytes()
        profile.write_text("mine: {}")
        assert call("up").exit_code == 0
        assert profile.read_text() == "mine: {}"
    finally:
        local_database.delete(local_database.project_cluster(project))


def test_up_and_down_may_be_repeated(project: Path):
    try:
        assert "is up:" in call("up").stdout
        assert "was up already" in call("up").stdout
        assert "is down." in call("down").stdout
        assert "was down already" in call("down").stdout
    finally:
        local_database.delete(local_database.project_cluster(project))


def test_reset_asks_and_deletes(embedded: Cluster):
    assert call("reset").exit_code == 1
    assert local_database.is_running(embedded)
    assert call("reset", "--yes").exit_code == 0
    assert not embedded.data.exists()


def test_load_and_simulate_fill_the_raw_table(
    embedded: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_simulator(monkeypatch)
    assert "3 simulated messages" in call("simulate").stdout
    assert "has rows already" in refusal("simulate")
    assert count(embedded) == 3
    assert call("simulate", "--append").exit_code == 0
    assert count(embedded) == 6
    path = tmp_path / "messages.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    assert "1 rows of" in call("load", str(path)).stdout
    assert count(embedded) == 7
    path.write_text(f"{HEADER}\n{GOOD}\n{GOOD},\n")
    assert f"{path}, line 3: extra data" in refusal("load", str(path))
    assert count(embedded) == 7


@pytest.mark.parametrize("command", ["summary", "psql", "docs"])
def test_a_server_that_is_down_is_a_sentence(project: Path, command: str):
    assert "run `brickworks up` first" in refusal(command)


def test_a_file_that_is_not_there_is_a_sentence(project: Path):
    assert "nowhere.csv does not exist" in refusal("load", "nowhere.csv")


def test_a_summary_before_the_first_build_is_a_sentence(embedded: Cluster, project):
    assert "run `brickworks run` first" in refusal("summary")


def test_a_port_that_is_none_is_a_sentence(project, monkeypatch: pytest.MonkeyPatch):
    for text in ("", "abc", "0", "70000", "-1"):
        monkeypatch.setenv("BRICKWORKS_DB_PORT", text)
        assert "BRICKWORKS_DB_PORT" in refusal("up")


@pytest.mark.parametrize(
    "arguments", [("up",), ("reset", "--yes"), ("simulate",), ("psql", "--superuser")]
)
def test_a_foreign_server_is_left_alone(
    foreign: Cluster, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    fake_simulator(monkeypatch)
    before = count(foreign)
    assert "BRICKWORKS_DB_HOST is set" in refusal(*arguments)
    assert local_database.is_running(foreign)
    assert count(foreign) == before


def test_down_stops_only_the_embedded_server(foreign: Cluster):
    assert "was down already" in call("down").stdout
    assert local_database.is_running(foreign)


def test_a_hostile_file_is_refused_in_text(embedded: Cluster, tmp_path: Path):
    """PostgreSQL quotes the value it refuses."""
    file = tmp_path / "[red]\x1b[2J.csv"
    value = "\x1b[2J\nError: all is well"
    file.write_text(f'{HEADER}\nA-1,x,"{value}",{{}},{{}}\n')
    said = refusal("load", str(file))
    assert r"\x1b[2J\nError: all is well" in said
    assert r"[red]\x1b[2J.csv" in said
    assert "\x1b" not in said and said.count("\n") == 1


def test_a_progress_bar_shows_its_title_as_text(monkeypatch: pytest.MonkeyPatch):
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    monkeypatch.setattr(terminal, "Console", lambda **_: console)
    with terminal.progress_bar("Loading [/]\x1b[2J.csv") as report:
        report(1, 2)
    assert r"Loading [/]\x1b[2J.csv" in output.getvalue()


def test_what_dbt_says_is_shown_as_text(capsys: pytest.CaptureFixture):
    """It quotes values, as of the key that is there twice."""
    watcher = dbt_runs.Watcher(lambda done, total: None, Console(file=io.StringIO()))
    info = SimpleNamespace(level="error", name="LogTestResult", msg="A\x1b[2J\n  B")
    watcher(SimpleNamespace(info=info))
    assert capsys.readouterr().err == "A\\x1b[2J\n  B\n"


def test_load_on_a_foreign_server_uses_its_role(foreign: Cluster, tmp_path: Path):
    path = tmp_path / "messages.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    before = count(foreign)
    assert "may not insert into raw.measurements" in refusal("load", str(path))
    assert count(foreign) == before


def test_a_wrong_password_is_a_sentence(
    foreign: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BRICKWORKS_DB_PASSWORD", "wrong")
    assert "refuses the password of role brickworks" in refusal("run")


def test_a_missing_database_is_a_sentence(
    foreign: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BRICKWORKS_DB_NAME", "nowhere")
    assert "has no database nowhere" in refusal("run")


def test_a_foreign_server_that_is_down_is_a_sentence(
    foreign: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BRICKWORKS_DB_PORT", str(local_database.free_port()))
    assert "check BRICKWORKS_DB_HOST" in refusal("run")


MISSING = {
    "schema": (("raw_elsewhere", "t"), (), "There is no schema raw_elsewhere"),
    "table": (("raw", "nowhere"), (), r"There is no table raw\.nowhere"),
    "usage": (
        ("hidden", "t"),
        ("create schema hidden", "create table hidden.t (like raw.measurements)"),
        'grant usage on schema "hidden" to "brickworks"',
    ),
    "select": (
        ("hidden", "t"),
        ("create schema hidden", "create table hidden.t (like raw.measurements)"),
        'grant select on "hidden"."t" to "brickworks"',
    ),
    "columns": (
        ("hidden", "t"),
        ("create schema hidden", "create table hidden.t (id int, data jsonb)"),
        "lacks device_id, sensor_type, timestamp, metadata, created_at",
    ),
}


@pytest.mark.parametrize("table, statements, sentence", MISSING.values(), ids=MISSING)
def test_run_says_what_a_foreign_raw_table_lacks(
    foreign: Cluster,
    project: Path,
    table: tuple[str, str],
    statements: tuple[str, ...],
    sentence: str,
):
    path = project / "dbt_project.yml"
    text = path.read_text().replace("raw_schema: raw", f"raw_schema: {table[0]}")
    path.write_text(text.replace("raw_table: measurements", f"raw_table: {table[1]}"))
    execute(foreign, *statements)
    try:
        assert re.search(sentence, refusal("run"))
    finally:
        execute(foreign, "drop schema if exists hidden cascade")


def test_run_says_when_it_may_not_create_schemas(foreign: Cluster):
    execute(foreign, "revoke create on database brickworks from brickworks")
    try:
        assert 'grant create on database "brickworks"' in refusal("run")
        names = [f"analytics{suffix}" for suffix in server_checks.MARTS_SUFFIXES]
        execute(
            foreign,
            *(f"create schema {name} authorization brickworks" for name in names),
        )
        with closing(psycopg2.connect(**foreign.server.dsn())) as connection:
            assert (
                server_checks.what_is_missing(
                    connection, ("raw", "measurements"), "analytics"
                )
                == []
            )
        execute(foreign, "alter schema analytics_staging owner to postgres")
        assert "may not create tables in the schema analytics_staging" in refusal("run")
    finally:
        execute(
            foreign,
            "grant create on database brickworks to brickworks",
            *(
                f"drop schema if exists analytics{suffix}"
                for suffix in server_checks.MARTS_SUFFIXES
            ),
        )


def test_an_old_server_is_a_sentence():
    connection = SimpleNamespace(server_version=130012)
    assert server_checks.what_is_missing(connection, ("raw", "t"), "analytics") == [
        "This PostgreSQL is version 13: brickworks needs 14 or newer."
    ]


def test_psql_gets_the_connection_and_the_search_path(
    embedded: Cluster, monkeypatch: pytest.MonkeyPatch
):
    calls = []
    monkeypatch.setattr(cli.os, "execvpe", lambda *given: calls.append(given))
    assert call("psql", "-c", "select 1").exit_code == 0
    program, arguments, environment = calls[0]
    assert arguments == [program, "-c", "select 1"]
    assert environment["PGPORT"] == str(embedded.server.port)
    assert environment["PGOPTIONS"] == "-c search_path=analytics,public"


def test_without_psql_the_connection_is_told(
    embedded: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cli, "_find_psql", lambda: None)
    assert f"port={embedded.server.port} dbname=brickworks" in refusal("psql")


def test_the_profile_is_copied_once(project: Path):
    runner.make_profile(project)
    profile = project / "profiles.yml"
    assert profile.read_text() == (project / "profiles.example.yml").read_text()
    profile.write_text("mine")
    runner.make_profile(project)
    assert profile.read_text() == "mine"


def test_the_password_is_in_no_repr():
    assert "secret" not in repr(settings.Server(password="secret"))


def test_an_unknown_target_is_a_sentence(project: Path):
    with pytest.raises(Problem, match="no target 'mars'; it has dev, prod"):
        settings.marts_schema(project, "mars")


def test_the_schema_is_the_one_that_dbt_uses(monkeypatch: pytest.MonkeyPatch):
    assert settings.marts_schema(settings.project_root()) == "analytics"
    monkeypatch.setenv("BRICKWORKS_DB_SCHEMA", "fresh")
    assert settings.marts_schema(settings.project_root()) == "fresh"


PROJECT = """
name: small
version: "1.0.0"
profile: brickworks
vars: {raw_schema: raw, raw_table: measurements}
"""
MODELS = {
    "brick_production_stats": """
        select 'DC-01' as production_line, date '2025-11-17' as production_date,
        'day' as shift_name, timestamptz '2025-11-17 06:00+07' as start_time,
        'A-1' as device_id, 'after_press' as stage, count(*) as count_increment
        from {{ source('raw', 'measurements') }}""",
    "anomaly_episodes": """
        select 'A-1' as device_id, 'stoppage' as rule, 'stopped' as metric,
        timestamptz '2025-11-17 06:00+07' as started_at, 'warning' as severity,
        null as suppressed_by, 'it stood' as explanation""",
    "line_production": "select * from {{ ref('brick_production_stats') }}",
    "moisture_analysis_stats": """
        select 'B-1' as device_id, date '2025-11-17' as production_date,
        'day' as shift_name, timestamptz '2025-11-17 06:00+07' as start_time,
        0.15 as avg_moisture, 1 as time_in_range_ratio, 'normal' as alert_level,
        9 as sample_count""",
    "machine_monitoring_stats": """
        select 'C-1' as device_id, date '2025-11-17' as production_date,
        'day' as shift_name, timestamptz '2025-11-17 06:00+07' as start_time,
        95 as uptime_percentage, 100 as health_score, 'healthy' as status,
        null as maintenance_reason, 9 as reading_count""",
    "rejected_measurements": "select 1 as id, 'missing_count' as reason",
    "device_days": """
        select 'brick_counter' as sensor_type, 3 as message_count,
        2 as reading_count, 0 as health_count, 0 as duplicate_count,
        1 as rejected_count""",
}


@pytest.fixture
def small_project(project: Path) -> Path:
    """A dbt project of some models that `brickworks run` can build."""
    (project / "dbt_project.yml").write_text(PROJECT)
    (project / "seeds").mkdir()
    (project / "seeds" / "stages.csv").write_text("stage,stage_index\nafter_press,1\n")
    (project / "models").mkdir()
    (project / "models" / "sources.yml").write_text(
        "sources: [{name: raw, schema: raw, tables: [{name: measurements}]}]\n"
    )
    for name, text in MODELS.items():
        (project / "models" / f"{name}.sql").write_text(text)
    yield project
    local_database.delete(local_database.project_cluster(project))


def test_run_does_everything_and_a_second_run_changes_nothing(
    small_project: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_simulator(monkeypatch)
    first = call("run")
    assert first.exit_code == 0, first.output
    assert "model device_days: success" in first.stderr
    assert re.search(r"DC-01 +2025-11-17 +day +after_press +3", first.stdout)
    page = small_project / "target" / "static_index.html"
    assert str(page) in first.stdout
    assert "model.small.device_days" in page.read_text()
    # The text of what was built, not only of what was written, is in the docs.
    assert 'from \\"brickworks\\".\\"raw\\".\\"measurements\\"' in page.read_text()
    assert (small_project / "logs" / "dbt.log").exists()
    second = call("run")
    assert second.exit_code == 0
    assert second.stdout == first.stdout


def test_run_parses_once(small_project: Path, monkeypatch: pytest.MonkeyPatch):
    fake_simulator(monkeypatch)
    assert call("run").exit_code == 0
    log = (small_project / "logs" / "dbt.log").read_text()
    assert log.count("checksum: ") + log.count("Unable to do partial parsing") == 2


def test_a_failing_model_fails_the_run_and_is_told(
    small_project: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_simulator(monkeypatch)
    (small_project / "models" / "broken.sql").write_text(
        "{{ config(materialized='table') }} select 1/0 as one"
    )
    result = call("run")
    assert result.exit_code == 1
    assert "division by zero" in result.stderr
    assert "1 of the nodes above failed" in result.stderr
    assert "Bricks per line and shift" in result.stdout
    assert (small_project / "target" / "static_index.html").exists()


def test_a_project_that_does_not_parse_is_a_sentence(
    small_project: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_simulator(monkeypatch)
    (small_project / "models" / "broken.sql").write_text("{{ ref('nowhere') }}")
    sentence = refusal("run")
    assert "nowhere" in sentence
    assert "dbt.log" in sentence


RUN = """
import sys
import time
from pathlib import Path
from brickworks import cli
cli.project_root = lambda: Path(sys.argv[1])
cli.main(["run"])
"""


@pytest.fixture
def run_under_way(small_project: Path, monkeypatch: pytest.MonkeyPatch):
    """A `brickworks run` of its own process, in the middle of a slow model."""
    fake_simulator(monkeypatch)
    assert call("run").exit_code == 0
    slow = small_project / "models" / "slow.sql"
    config = "{{ config(materialized='table') }}"
    slow.write_text(f"{config} select 1 as one from pg_sleep(120)")
    cluster = local_database.project_cluster(small_project)
    # A file: the pipe of a killed process would still be held by its server.
    with (small_project / "run.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(small_project)], stdout=log, stderr=log
        )
    deadline = time.monotonic() + 60
    while not sleepers(cluster):
        assert time.monotonic() < deadline
        assert process.poll() is None, (small_project / "run.log").read_text()
        time.sleep(0.1)
    slow.write_text(f"{config} select 1 as one")
    yield process, cluster
    process.kill()
    process.wait()


def sleepers(cluster: Cluster) -> int:
    with (
        closing(psycopg2.connect(**cluster.superuser_dsn("postgres"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "select count(*) from pg_stat_activity where wait_event = %s", ("PgSleep",)
        )
        return cursor.fetchone()[0]


def test_a_run_after_a_killed_run_does_not_wait_for_its_orphan(run_under_way):
    process, cluster = run_under_way
    process.kill()
    process.wait()
    began = time.monotonic()
    result = call("run")
    assert result.exit_code == 0, result.output
    assert time.monotonic() - began < 60, "the killed model sleeps for 120 s"
    assert sleepers(cluster) == 0
    assert re.search(r"DC-01 +2025-11-17 +day +after_press +3", result.stdout)


def test_a_run_whose_server_is_killed_says_so_and_the_next_heals(
    run_under_way, small_project: Path
):
    process, cluster = run_under_way
    pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=60) == 1
    said = (small_project / "run.log").read_text()
    assert "Traceback" not in said
    assert "failed" in said
    result = call("run")
    assert result.exit_code == 0, result.output
    assert re.search(r"DC-01 +2025-11-17 +day +after_press +3", result.stdout)
