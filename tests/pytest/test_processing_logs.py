"""What the audit log says of dbt runs, good, bad and killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest
import yaml
from dbt.cli.main import dbtRunner

from brickworks.local_database import Cluster

ROOT = Path(__file__).parents[2]
DBT = [str(Path(sys.executable).with_name("dbt"))]
DEAD_RUN = "00000000-0000-0000-0000-00000000dead"


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> dict:
    dsn = cluster.superuser_dsn()
    return {key: dsn[key] for key in ("host", "port", "user", "password")}


class Project:
    """A scratch dbt project with the real audit model and hooks."""

    def __init__(self, folder: Path, access: dict, database: str) -> None:
        self.folder, self.access, self.database = folder, access, database
        for part in ["macros", "models"]:
            (folder / part).mkdir(parents=True)
            shutil.copytree(ROOT / part / "audit", folder / part / "audit")
        settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
        kept = ["query-comment", "on-run-start", "on-run-end", "vars"]
        settings = {key: settings[key] for key in kept}
        hooks = settings["on-run-start"]
        settings["on-run-start"] = [hook for hook in hooks if "log_run" in hook]
        settings |= {"name": "scratch", "version": "1.0", "profile": "scratch"}
        settings["flags"] = {
            "send_anonymous_usage_stats": False,
            "source_freshness_run_project_hooks": True,
        }
        self.settings = settings
        self.save_settings()
        output = {"type": "postgres", "schema": "analytics", "threads": 2}
        output |= access | {"dbname": database, "pass": access["password"]}
        output.pop("password")
        profile = {"scratch": {"target": "dev", "outputs": {"dev": output}}}
        (folder / "profiles.yml").write_text(yaml.safe_dump(profile))

    def save_settings(self) -> None:
        (self.folder / "dbt_project.yml").write_text(yaml.safe_dump(self.settings))

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*DBT, *arguments, "--profiles-dir", str(self.folder)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"DBT_NO_USE_COLORS": "1"},
        )

    def dbt(self, *arguments: str) -> tuple[int, str]:
        """Run dbt in this process and give the exit code it would have, and its log."""
        said: list[str] = []
        runner = dbtRunner(callbacks=[lambda event: said.append(event.info.msg)])
        places = ["--profiles-dir", self.folder, "--project-dir", self.folder]
        places += ["--target-path", self.folder / "target"]
        places += ["--log-path", self.folder / "logs"]
        outcome = runner.invoke(["--quiet", *arguments, *map(str, places)])
        if outcome.exception:
            return 2, f"{outcome.exception}\n" + "\n".join(said)
        return int(not outcome.success), "\n".join(said)

    @contextmanager
    def cursor(self):
        connection = psycopg2.connect(dbname=self.database, **self.access)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def sql(self, statement: str, *values) -> list[tuple]:
        with self.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def statuses(self) -> dict[str, str]:
        rows = self.sql(
            "select model, status from analytics.processing_logs order by started_at"
        )
        return dict(rows)

    def plant_unfinished_run(self, run_id: str = DEAD_RUN, age: str = "1 hour"):
        self.sql(
            "insert into analytics.processing_logs (run_id, node_id, processing_type,"
            " model, device_scope, started_at, status, metadata) values (%s, 'model.x',"
            " 'etl', 'left_behind', 'all', now() - %s::interval, 'running', '{}')",
            run_id,
            age,
        )

    def status_of_run(self, run_id: str = DEAD_RUN) -> str | None:
        rows = self.sql(
            "select status from analytics.processing_logs where run_id = %s", run_id
        )
        return rows[0][0] if rows else None


@pytest.fixture
def project(server: dict, tmp_path: Path, request) -> Project:
    database = f"test_{abs(hash(request.node.name)) % 10**9}_{time.time_ns()}"
    connection = psycopg2.connect(dbname="postgres", **server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'create database "{database}"')
    connection.close()
    return Project(tmp_path, server, database)


def _eventually(condition: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_the_first_run_on_a_fresh_database_is_logged_whole(project: Project):
    project.write("seeds/stages.csv", "stage\nforming\n")
    project.write(
        "models/measurements/devices.sql",
        "{{ config(materialized='table') }} select 1 as x union all select 2",
    )
    project.write("models/stg_things.sql", "select 1 as x")
    project.write(
        "models/nothing.sql",
        "{{ config(materialized='table') }} select 1 as x where false",
    )
    project.write("models/stats.sql", "select * from {{ ref('devices') }}")
    project.write(
        "models/passing_by.sql", "{{ config(materialized='ephemeral') }} select 1 as x"
    )
    project.write("tests/assert_good.sql", "select 1 where false")
    project.write(
        "models/units.yml",
        "unit_tests: [{name: one_is_one, model: stg_things, given: [],"
        " expect: {rows: [{x: 1}]}}]",
    )
    code, said = project.dbt("build", "--warn-error")
    assert code == 0, said
    assert "incomplete" not in said
    rows = project.sql(
        "select model, processing_type, status, records_processed"
        " from analytics.processing_logs order by model"
    )
    assert rows == [
        ("assert_good", "test", "success", None),
        ("devices", "etl", "success", 2),
        ("nothing", "analytics", "no_data", 0),
        ("one_is_one", "test", "success", None),
        ("processing_logs", "analytics", "no_data", 0),
        ("stages", "etl", "success", 1),
        ("stats", "analytics", "success", None),
        ("stg_things", "etl", "success", None),
    ]
    assert project.sql(
        "select count(*), count(distinct run_id), bool_and(ended_at >= started_at),"
        " bool_and(duration_seconds >= 0), bool_and(metadata ->> 'command' = 'build'),"
        " bool_and(now() - started_at < interval '5 minutes')"
        " from analytics.processing_logs"
    ) == [(8, 1, True, True, True, True)]


def test_the_log_survives_a_full_refresh_and_an_empty_build(project: Project):
    for arguments in [["build"], ["build", "--full-refresh"], ["build", "--empty"]]:
        code, said = project.dbt(*arguments)
        assert code == 0, said
        assert "incomplete" not in said
    query = "select count(distinct run_id) from analytics.processing_logs"
    assert project.sql(query) == [(3,)]


def test_a_failing_node_is_logged_with_its_message_and_its_children_as_skipped(
    project: Project,
):
    project.write("models/broken.sql", "select 1 / 0 as x")
    project.write(
        "models/broken_table.sql",
        "{{ config(materialized='table') }} select 1 / 0 as x",
    )
    project.write("models/child.sql", "select * from {{ ref('broken_table') }}")
    project.write("tests/assert_bad.sql", "select 1 as x union all select 2")
    code, _ = project.dbt("build")
    assert code == 1
    statuses = project.statuses()
    assert statuses["broken_table"] == "failed"
    assert statuses["child"] == "skipped"
    assert statuses["assert_bad"] == "failed"
    message, rejected = project.sql(
        "select max(error_message) filter (where model = 'broken_table'),"
        " max(records_rejected) filter (where model = 'assert_bad')"
        " from analytics.processing_logs"
    )[0]
    assert "division by zero" in message
    assert rejected == 2


HOSTILE = [
    "it's \"quoted\" 100% %s %(x)s $audit$ $$ \\' \\",
    "{{ 1 / 0 }} {% endraw %} {# #} */ -- ; drop table x",
    "Gạch đỏ 砖 🧱 \u202e",
    "long " + "x" * 50_000,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_error_message_is_logged_as_it_is(project: Project, number: int):
    text = HOSTILE[number]
    with project.cursor() as cursor:
        cursor.execute("create table said (text text)")
        cursor.execute("insert into said values (%s)", (text,))
        cursor.execute(
            "create function complain() returns integer language plpgsql as "
            "$q$ begin raise exception using message = (select text from said); end $q$"
        )
    project.write(
        "models/hostile.sql",
        "{{ config(materialized='table') }} select public.complain() as x",
    )
    code, said = project.dbt("build")
    assert code == 1
    assert "incomplete" not in said
    logged = project.sql(
        "select error_message from analytics.processing_logs where model = 'hostile'"
    )[0][0]
    assert text[:9000] in logged
    assert len(logged) <= 10_000


def test_nul_and_half_surrogates_are_taken_out(project: Project):
    project.write(
        "macros/probe.sql",
        "{% macro probe() %}{% set node = {'unique_id': 'probe', 'config': {},"
        " 'resource_type': 'model', 'original_file_path': 'probe.sql',"
        " 'name': 'a\\x00b\\ud800c'} %}"
        "{% do audit_write(ref('processing_logs'), [(node, 'running', none)]) %}"
        '{{ log(audit_text("a\'$\\\\b"), true) }}{% endmacro %}',
    )
    assert project.dbt("run")[0] == 0
    code, said = project.dbt("run-operation", "probe")
    assert code == 0, said
    logged = "select model from analytics.processing_logs where node_id = 'probe'"
    assert project.sql(logged) == [("ab?c",)]
    assert r"E'a\x27\x24\\b'" in said


@pytest.mark.parametrize(
    "damage",
    [
        "alter table analytics.processing_logs rename column status to state",
        "alter table analytics.processing_logs drop constraint processing_logs_pkey",
        "drop table analytics.processing_logs cascade;"
        " create view analytics.processing_logs as select 1 as x",
        "alter table analytics.processing_logs add check (false) not valid",
    ],
)
def test_a_broken_audit_table_does_not_turn_a_good_run_red(
    project: Project, damage: str
):
    project.write("models/good.sql", "select 1 as x")
    assert project.dbt("build")[0] == 0
    project.sql(damage)
    code, said = project.dbt("build", "--select", "good", "--warn-error")
    assert code == 0, said
    assert "The run goes on, but processing_logs is incomplete" in said


def test_missing_privileges_and_locks_do_not_turn_a_good_run_red(project: Project):
    project.write("models/good.sql", "select 1 as x")
    assert project.dbt("build")[0] == 0
    with project.cursor() as cursor:
        role = f"plain_{time.time_ns()}"
        cursor.execute(f"create role {role} login password 'p'")
        cursor.execute(f'grant create on database "{project.database}" to {role}')
        cursor.execute(f"alter schema analytics owner to {role}")
        cursor.execute("drop view analytics.good")
        owner = project.access["user"]
        cursor.execute(f"alter table analytics.processing_logs owner to {owner}")
        cursor.execute("begin; lock table analytics.processing_logs")
        code, said = project.dbt("run", "--select", "good")
        cursor.execute("rollback")
    assert code == 0, said
    assert "lock timeout" in said
    profile = yaml.safe_load((project.folder / "profiles.yml").read_text())
    profile["scratch"]["outputs"]["dev"] |= {"user": role, "pass": "p"}
    (project.folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    project.sql("drop view analytics.good")
    code, said = project.dbt("run", "--select", "good")
    assert code == 0, said
    assert "permission denied" in said


def test_a_killed_run_is_closed_by_the_next_start(project: Project):
    project.write(
        "models/slow.sql",
        "{{ config(materialized='table') }} select pg_sleep(60)::text as x",
    )
    project.write("models/good.sql", "select 1 as x")
    assert project.dbt("run", "--select", "good")[0] == 0
    slow = project.start("run", "--select", "slow")
    assert _eventually(lambda: project.statuses().get("slow") == "running")
    slow.send_signal(signal.SIGKILL)
    slow.communicate()
    assert project.statuses()["slow"] == "running"
    sessions = "select 1 from pg_stat_activity where query like '%%.slow%%create%%'"
    assert _eventually(lambda: not project.sql(sessions.replace("%%", "%"))[1:])
    time.sleep(3)
    assert project.dbt("run", "--select", "good")[0] == 0
    rows = project.sql(
        "select status, ended_at is not null, error_message"
        " from analytics.processing_logs where model = 'slow'"
    )
    assert rows[0][:2] == ("failed", True)
    assert "ended without reporting" in rows[0][2]


def test_a_run_that_is_still_running_is_not_closed_while_a_dead_one_is(
    project: Project,
):
    project.write(
        "models/slow.sql",
        "{{ config(materialized='table') }} select pg_sleep(20)::text as x",
    )
    project.write("models/good.sql", "select 1 as x")
    assert project.dbt("run", "--select", "good")[0] == 0
    slow = project.start("run", "--select", "slow")
    assert _eventually(lambda: project.statuses().get("slow") == "running")
    time.sleep(2)
    project.plant_unfinished_run()
    assert project.dbt("run", "--select", "good")[0] == 0
    assert project.statuses()["slow"] == "running"
    assert project.status_of_run() == "failed"
    said, _ = slow.communicate(timeout=60)
    assert slow.returncode == 0, said
    assert project.statuses()["slow"] == "success"


def test_a_session_of_dbt_without_a_run_id_may_belong_to_any_run(project: Project):
    assert project.dbt("build")[0] == 0
    project.plant_unfinished_run()
    connection = psycopg2.connect(
        dbname=project.database, application_name="dbt", **project.access
    )
    with connection.cursor() as cursor:
        cursor.execute("select 1")
        time.sleep(1)
        assert project.dbt("build")[0] == 0
        assert project.status_of_run() == "running"
        project.sql(
            "update analytics.processing_logs set started_at = now() - interval '2 day'"
            " where status = 'running'"
        )
        assert project.dbt("build")[0] == 0
        assert project.status_of_run() == "failed"
    connection.close()


def test_rows_past_their_retention_are_deleted_by_the_next_start(project: Project):
    assert project.dbt("build")[0] == 0
    project.plant_unfinished_run("older", "11 days")
    project.plant_unfinished_run("younger", "9 days")
    variables = json.dumps({"processing_log_retention_days": 10})
    assert project.dbt("build", "--vars", variables)[0] == 0
    assert project.status_of_run("older") is None
    assert project.status_of_run("younger") == "failed"


def test_source_freshness_is_logged_and_stays_green(project: Project):
    project.sql("create table public.messages as select now() as created_at")
    project.write(
        "models/sources.yml",
        "sources: [{name: plant, schema: public, tables: [{name: messages, config:"
        " {loaded_at_field: created_at, freshness:"
        " {warn_after: {count: 1, period: day}}}}]}]",
    )
    code, said = project.dbt("source", "freshness")
    assert code == 0, said
    assert "incomplete" not in said
    assert project.statuses() == {"plant.messages": "success"}


@pytest.mark.parametrize("command", ["seed", "run", "test", "snapshot", "build"])
def test_each_command_that_does_work_is_logged_as_itself(
    project: Project, command: str
):
    project.write("seeds/stages.csv", "stage\nforming\n")
    project.write("models/good.sql", "select 1 as x")
    project.write("tests/assert_good.sql", "select 1 where false")
    project.write(
        "snapshots/stages_seen.yml",
        "snapshots: [{name: stages_seen, relation: ref('stages'), config:"
        " {unique_key: stage, strategy: check, check_cols: all}}]",
    )
    assert project.dbt("build")[0] == 0
    code, said = project.dbt(command)
    assert code == 0, said
    assert "incomplete" not in said
    query = (
        "select count(*) > 0, bool_or(status = 'running') from"
        " analytics.processing_logs where metadata ->> 'command' = %s"
    )
    assert project.sql(query, command) == [(True, False)]


def test_documentation_and_compilation_write_nothing_and_stay_green(project: Project):
    assert project.dbt("build")[0] == 0
    query = "select count(*) from analytics.processing_logs"
    before = project.sql(query)
    for arguments in [["docs", "generate"], ["compile"], ["parse"], ["ls"]]:
        code, said = project.dbt(*arguments)
        assert code == 0, said
    assert project.sql(query) == before


def test_many_nodes_are_logged_in_chunks(project: Project):
    for number in range(210):
        project.write(
            f"models/many/model_{number}.sql",
            "{{ config(enabled=true, tags='many') }} select 1 as x",
        )
    code, said = project.dbt("run", "--empty", "--threads", "4")
    assert code == 0, said[-2000:]
    query = (
        "select count(*) from analytics.processing_logs"
        " where status = 'success' and model like 'model%'"
    )
    assert project.sql(query) == [(210,)]
