"""Builds beside builds, beside traffic and readers, and killed ones.

Whatever happens, the tables end as a full refresh makes them. The dbt processes are
real ones, forked from one that has parsed the project, so that they start together.
`make soak` runs the slow ones too.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from brickworks.local_database import (
    Cluster,
    create_role_database_and_raw_table,
    start,
    temporary_cluster,
)
from brickworks.simulator import FactoryConfig, simulate

ROOT = Path(__file__).parents[2]
RAW_TABLE = ("raw", "measurements")
LAYERS = ("analytics", "analytics_intermediate", "analytics_staging")
EMPTY = {
    "analytics_intermediate.int_brick_excursions",
    "analytics_staging.stg_late_messages",
}
"""Without rows: the counters here never err, and no raw message is ever deleted."""
COLUMNS = '(id, device_id, sensor_type, "timestamp", data, metadata, created_at)'
WITHOUT_TESTS = ("--exclude-resource-types", "test", "unit_test")
WITHOUT_UNIT_TESTS = WITHOUT_TESTS[::2]
DBT_TIMEOUT_SECONDS = 600

HERD = """
import json, os, signal, sys
from dbt.cli.main import dbtRunner

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
places = sys.argv[1:]
parsed = dbtRunner().invoke(["--quiet", "parse", *places])
assert parsed.success, parsed.exception
for line in sys.stdin:
    call = json.loads(line)
    if "wait" in call:
        answer = os.waitstatus_to_exitcode(os.waitpid(call["wait"], 0)[1])
    else:
        answer = os.fork()
    if answer == 0 and "wait" not in call:
        signal.alarm(call["timeout"])
        folder = call["folder"]
        os.dup2(os.open(folder + "/said", os.O_CREAT | os.O_WRONLY | os.O_APPEND), 1)
        os.dup2(1, 2)
        own = ["--target-path", folder + "/target", "--log-path", folder]
        runner = dbtRunner(manifest=parsed.result)
        done = runner.invoke([*call["arguments"], *places, *own])
        sys.stdout.flush()
        os._exit(0 if done.success else 1)
    print(answer, file=answers, flush=True)
"""


def arrivals() -> list[tuple]:
    """Some thousand messages of a line with their ids, in the order of these."""
    devices = {"SAU-ME-01", "SAU-ME-02", "SAU-LN-01", "TRUOC-DH-01"}
    devices |= {"AM-SAY-01", "MAY-EP-01"}
    config = FactoryConfig(days=2, interval_seconds=300, devices=frozenset(devices))
    return [(number, *row) for number, row in enumerate(simulate(config), start=1)]


class Dbt:
    """One dbt process."""

    def __init__(self, herd: "Herd", pid: int, folder: Path) -> None:
        self.herd, self.pid, self.folder = herd, pid, folder
        self.code: int | None = None

    def wait(self) -> int:
        if self.code is None:
            self.code = self.herd.ask(wait=self.pid)
        return self.code

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL, f"It had ended before: {self.said()}"

    def said(self) -> str:
        said = self.folder / "said"
        return said.read_text(errors="replace") if said.exists() else ""

    def succeeds(self) -> None:
        code = self.wait()
        said = self.said()
        assert code == 0, said
        assert "incomplete" not in said, said
        assert "deadlock" not in said, said


class Herd:
    """The parent of the dbt processes: it has parsed the project."""

    def __init__(self, cluster: Cluster, database: str, folder: Path, root: Path):
        self.folder, self.count = folder, 0
        shutil.copy(ROOT / "profiles.example.yml", folder / "profiles.yml")
        places = ["--project-dir", root, "--profiles-dir", folder, "--no-use-colors"]
        variables = cluster.server.environment() | {"BRICKWORKS_DB_NAME": database}
        with (folder / "herd.log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HERD, *map(str, places)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                env=os.environ | variables,
            )
        self.lock = threading.Lock()

    def ask(self, **call: object) -> int:
        with self.lock:
            self.process.stdin.write(json.dumps(call) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer, (self.folder / "herd.log").read_text()
        return int(answer)

    def start(self, *arguments: str) -> Dbt:
        self.count += 1
        folder = self.folder / f"dbt_{self.count}"
        folder.mkdir()
        pid = self.ask(
            arguments=arguments, folder=str(folder), timeout=DBT_TIMEOUT_SECONDS
        )
        return Dbt(self, pid, folder)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)


class Plant:
    """A database of the plant, and the dbt processes on it."""

    def __init__(self, cluster: Cluster, database: str, folder: Path, root: Path):
        server = replace(cluster.server, database=database)
        self.cluster = replace(cluster, server=server)
        self.herd = Herd(cluster, database, folder, root)

    def create(self, template: str = "template1") -> None:
        """Make the database anew."""
        name = self.cluster.server.database
        self.server_sql(f'drop database if exists "{name}" with (force)')
        self.server_sql(f'create database "{name}" template "{template}"')
        create_role_database_and_raw_table(self.cluster, RAW_TABLE)

    def server_sql(self, statement: str) -> None:
        with self.connect("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def connect(self, database: str | None = None) -> closing:
        dsn = self.cluster.superuser_dsn(database)
        connection = psycopg2.connect(**dsn)
        connection.autocommit = True
        return closing(connection)

    def sql(self, statement: str, *values: object) -> list[tuple]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def insert(self, messages: list[tuple]) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("begin")
            copy(cursor, messages)
            cursor.execute("commit")

    def start(self, *arguments: str, tests: bool = False) -> Dbt:
        without = WITHOUT_UNIT_TESTS if tests else WITHOUT_TESTS
        return self.herd.start("build", *without, *arguments)

    def build(self, *arguments: str, tests: bool = False) -> None:
        self.start(*arguments, tests=tests).succeeds()

    def relations(self) -> list[str]:
        """The tables and views of every layer that messages go into.

        Not what tells one run from another: the audit log, and the versions of tables.
        """
        rows = self.sql(
            "select format('%%I.%%I', nspname, relname) from pg_class"
            " inner join pg_namespace on relnamespace = pg_namespace.oid"
            " where nspname = any(%s) and relkind in ('r', 'v')"
            " and relname not in ('processing_logs', 'model_builds')",
            list(LAYERS),
        )
        return sorted(name for (name,) in rows)

    def snapshot(self) -> dict[str, Counter]:
        """Every row, as text."""
        return {
            name: Counter(row for (row,) in self.sql(f"select t::text from {name} t"))
            for name in self.relations()
        }

    def waiters(self) -> int:
        """How many sessions wait for a lock."""
        [(count,)] = self.sql(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and wait_event_type = 'Lock'"
        )
        return count


def copy(cursor: psycopg2.extensions.cursor, messages: list[tuple]) -> None:
    def escaped(value: object) -> str:
        return str(value).replace("\\", "\\\\")

    lines = ["\t".join(map(escaped, message)) + "\n" for message in messages]
    source = iter(lines)

    class Source:
        def read(self, size: int) -> str:
            return next(source, "")

    cursor.copy_expert(f"copy raw.measurements {COLUMNS} from stdin", Source())


@pytest.fixture(scope="module")
def soak_seed() -> int:
    """What random moments are drawn from: `make soak SEED=…`."""
    return int(os.environ.get("BRICKWORKS_SOAK_SEED", "1"))


@pytest.fixture(scope="module")
def messages() -> list[tuple]:
    return arrivals()


@pytest.fixture(scope="module")
def base(
    cluster: Cluster, messages: list[tuple], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plant]:
    """A plant whose first two thirds of messages are built, kept as a template."""
    # Another project: how the tests themselves are tested.
    root = Path(os.environ.get("BRICKWORKS_TESTED_PROJECT", ROOT))
    folder = tmp_path_factory.mktemp("herd")
    plant = Plant(cluster, "concurrent", folder, root)
    plant.create()
    plant.insert(messages[: len(messages) * 2 // 3])
    plant.build()
    plant.server_sql('create database concurrent_base template "concurrent"')
    yield plant
    plant.herd.close()


@pytest.fixture(scope="module")
def expected(base: Plant, messages: list[tuple]) -> dict[str, Counter]:
    """What one build of all messages on a fresh database gives."""
    base.create()
    base.insert(messages)
    base.build()
    found = base.snapshot()
    assert {table for table, rows in found.items() if not rows} == EMPTY
    return found


@pytest.fixture
def plant(base: Plant, expected: dict, messages: list[tuple]) -> Plant:
    """Two thirds are built, and the last third waits."""
    base.create("concurrent_base")
    base.insert(messages[len(messages) * 2 // 3 :])
    return base


@pytest.fixture
def fresh(base: Plant, expected: dict, messages: list[tuple]) -> Plant:
    """Nothing is built."""
    base.create()
    base.insert(messages)
    return base


def assert_same(found: dict[str, Counter], wanted: dict[str, Counter]) -> None:
    assert found.keys() == wanted.keys()
    for name in wanted:
        differing = (found[name] - wanted[name]) + (wanted[name] - found[name])
        assert not differing, f"{name}: {len(differing)} rows, {list(differing)[:2]}"


# --- a reader beside ------------------------------------------------------------


class Reader(threading.Thread):
    """Counts the rows of every relation again and again."""

    def __init__(self, plant: Plant) -> None:
        super().__init__(daemon=True)
        self.dsn = plant.cluster.server.dsn()
        self.names = [name for name in plant.relations() if name not in EMPTY]
        self.complaints: list[str] = []
        self.rounds = 0
        self.slowest = 0.0
        self.is_over = threading.Event()

    def run(self) -> None:
        with closing(psycopg2.connect(**self.dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not self.is_over.is_set():
                    for name in self.names:
                        self.look_at(cursor, name)
                    self.rounds += 1
                    time.sleep(0.002)

    def look_at(self, cursor: psycopg2.extensions.cursor, name: str) -> None:
        began = time.monotonic()
        try:
            # Whether there is one: a count of everything takes longer, and the
            # moments looked at get fewer.
            cursor.execute(f"select 1 from {name} limit 1")
            if cursor.fetchone() is None:
                self.complaints.append(f"{name} is empty")
        except psycopg2.Error as error:
            self.complaints.append(f"{name}: {error}")
        self.slowest = max(self.slowest, time.monotonic() - began)


@contextmanager
def a_reader(plant: Plant) -> Iterator[Reader]:
    reader = Reader(plant)
    reader.start()
    try:
        yield reader
    finally:
        reader.is_over.set()
        reader.join()
    assert not reader.complaints, Counter(reader.complaints)
    assert reader.rounds > 5


# --- a build held in the middle -------------------------------------------------


@contextmanager
def held(plant: Plant, table: str, moment: str) -> Iterator[Callable[[], None]]:
    """Make writers of a table wait at a moment (`before insert` …) until let go."""
    hold = f"hold.{table.partition('.')[2]}"
    key = zlib.crc32(table.encode())
    plant.sql("create schema if not exists hold; grant usage on schema hold to public")
    plant.sql(
        f"create or replace function {hold}() returns trigger language plpgsql as"
        f" $$ begin perform pg_advisory_xact_lock_shared({key}); return null; end $$"
    )
    plant.sql(
        f"create trigger hold {moment} on {table}"
        f" for each statement execute function {hold}()"
    )
    with plant.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", (key,))

        def let_go() -> None:
            cursor.execute("select pg_advisory_unlock_all()")
            plant.sql(f"drop trigger if exists hold on {table}")

        yield let_go


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


# --- several builds at once -----------------------------------------------------


AT_ONCE = pytest.mark.parametrize(
    "builds, tests",
    [(2, False), pytest.param(4, True, marks=pytest.mark.slow)],
    ids=["2 builds", "4 builds with tests"],
)


@AT_ONCE
def test_builds_at_once_take_in_what_waits(plant, expected, builds, tests):
    with a_reader(plant):
        for process in [plant.start(tests=tests) for _ in range(builds)]:
            process.succeeds()
    assert_same(plant.snapshot(), expected)


@AT_ONCE
def test_first_builds_at_once_make_one_plant(fresh, expected, builds, tests):
    for process in [fresh.start(tests=tests) for _ in range(builds)]:
        process.succeeds()
    assert_same(fresh.snapshot(), expected)


def test_a_build_says_that_it_waits_for_another_and_begins_when_that_is_killed(
    plant, expected
):
    with held(plant, "analytics_intermediate.int_brick_slices", "after insert") as go:
        first = plant.start()
        until(lambda: plant.waiters() == 1)
        second = plant.start()
        until(lambda: "Waiting for another run into analytics" in second.said())
        time.sleep(1)
        assert "START sql" not in second.said()
        first.kill()
        go()
    second.succeeds()
    assert_same(plant.snapshot(), expected)


def test_schemas_that_another_run_is_making_are_waited_for(fresh, expected):
    lock = "select pg_advisory_lock(hashtext('brickworks create_schema'))"
    with fresh.connect() as connection, connection.cursor() as cursor:
        cursor.execute(lock)
        process = fresh.start("-s", "stages")
        until(lambda: fresh.waiters() == 1)
        cursor.execute("create schema analytics authorization brickworks")
    process.succeeds()


@pytest.mark.slow
def test_runs_that_lost_their_turn_take_turns_model_by_model(base, messages):
    """A proxy or an administrator may end the session that holds the turn.

    The messages are of a new device and the second run is of one model: no row of an
    earlier build is there to wait for, and no view.
    """
    plant = base
    plant.create("concurrent_base")
    of_one = [message for message in messages if message[1] == "SAU-ME-02"]
    plant.insert([(number + 10_000, "NEW-01", *rest) for number, _, *rest in of_one])
    with held(plant, "analytics_intermediate.int_brick_slices", "after insert") as go:
        first = plant.start()
        until(lambda: plant.waiters() == 1)
        plant.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where query like '%pg_try_advisory_lock%' and pid <> pg_backend_pid()"
            " and datname = current_database()"
        )
        second = plant.herd.start("run", "-s", "int_brick_slices")
        until(lambda: plant.waiters() == 2)
        go()
    first.succeeds()
    second.succeeds()
    found = plant.snapshot()
    plant.build("--full-refresh")
    assert_same(found, plant.snapshot())


def test_readers_always_find_rows_through_a_full_refresh(plant, expected):
    with a_reader(plant):
        plant.build("--full-refresh")
    assert_same(plant.snapshot(), expected)


def test_a_transaction_under_way_goes_on_reading_the_seeds(plant):
    with plant.connect() as connection, connection.cursor() as cursor:
        cursor.execute("begin isolation level repeatable read")
        cursor.execute("select count(*) from analytics.stages")
        for arguments in [(), ("--full-refresh",)]:
            plant.build("-s", "resource_type:seed", *arguments)
            cursor.execute("select count(*) > 0 from analytics.shifts")
            assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("options", [(), ("--full-refresh",)], ids=["", "refreshed"])
def test_a_seed_with_another_column_is_made_anew(plant, expected, options):
    plant.sql("alter table analytics.stages add column of_old text")
    plant.build(*options, "-s", "stages+1")
    found = plant.snapshot()["analytics.stages"]
    assert found == expected["analytics.stages"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_builds_and_full_refreshes_at_once(plant, expected, soak_seed, number):
    """Started at random moments, and killed never."""
    chance = random.Random(soak_seed + number)
    processes = []
    with a_reader(plant):
        for arguments in [(), ("--full-refresh",), ("--full-refresh",), ()]:
            processes.append(plant.start(*arguments))
            time.sleep(chance.uniform(0, 2))
        for process in processes:
            process.succeeds()
    assert_same(plant.snapshot(), expected)


@pytest.mark.slow
def test_processes_of_their_own_at_once(fresh, expected):
    """As cron starts them: each parses, makes schemas, and builds with its tests."""
    command = [Path(sys.executable).with_name("dbt"), "build", "--project-dir", ROOT]
    command += ["--profiles-dir", fresh.herd.folder, *WITHOUT_TESTS]
    variables = fresh.cluster.server.environment()
    started = []
    for name in ("one", "other"):
        folder = fresh.herd.folder / name
        own = ["--target-path", folder / "target", "--log-path", folder]
        process = subprocess.Popen(
            [*command, *own],
            env=os.environ | variables,
            cwd=fresh.herd.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
    for process in started:
        said, _ = process.communicate(timeout=DBT_TIMEOUT_SECONDS)
        assert process.returncode == 0, said
    assert_same(fresh.snapshot(), expected)


# --- traffic beside -------------------------------------------------------------


TWO_INVARIANTS = (
    "assert_no_measurement_is_lost",
    "assert_every_message_has_one_verdict",
)


def test_messages_that_come_under_way_fail_no_test_and_are_taken_in(
    base, expected, messages
):
    """Old messages, and ids below the newest: neither tells when a row came."""
    base.create("concurrent_base")
    waiting = messages[len(messages) * 2 // 3 :]
    base.insert(waiting[2::3])
    ledger = "analytics_intermediate.int_message_days"
    with (
        held(base, ledger, "after insert") as on,
        held(base, "analytics.device_days", "after insert") as go,
    ):
        process = base.start(tests=True)
        until(lambda: base.waiters() == 1)
        base.insert(waiting[1::3])
        on()
        until(lambda: ".device_days" in process.said() and base.waiters() == 1)
        base.insert(waiting[0::3])
        go()
    process.succeeds()
    [(judged,)] = base.sql("select count(*) from analytics_staging.stg_brick_counts")
    assert judged < expected["analytics_staging.stg_brick_counts"].total()
    base.build(tests=True)
    assert_same(base.snapshot(), expected)


SECOND_DAY = datetime(2025, 11, 10, 23, tzinfo=UTC)
FAULTS = {
    "a verdict is lost": "delete from analytics_staging.stg_brick_counts where"
    " measurement_id = (select min(measurement_id)"
    " from analytics_staging.stg_brick_counts)",
    "a verdict is doubled": "insert into analytics_staging.stg_brick_counts"
    " select * from analytics_staging.stg_brick_counts order by measurement_id limit 1",
    "a message of no domain is lost": "delete from analytics.rejected_measurements"
    " where measurement_id = (select min(measurement_id)"
    " from analytics.rejected_measurements where reason = 'unknown_sensor_type')",
    "the view drops a message": "create or replace view"
    " analytics_staging.stg_measurements as select * from ({view}) as messages"
    " where measurement_id <> 1",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_messages_that_wait_hide_no_fault_of_days_without(base, messages, fault):
    base.create("concurrent_base")
    base.insert([m for m in messages[len(messages) * 2 // 3 :] if m[3] > SECOND_DAY])
    plant = base
    [(view,)] = plant.sql(
        "select rtrim(pg_get_viewdef('analytics_staging.stg_measurements'), ';')"
    )
    plant.sql(FAULTS[fault].replace("{view}", view))
    process = plant.herd.start("test", "-s", *TWO_INVARIANTS)
    assert process.wait() == 1
    assert re.search("FAIL [12] assert_no_measurement_is_lost", process.said())


@pytest.mark.slow
def test_messages_that_wait_are_no_fault(plant):
    plant.herd.start("test").succeeds()


class Traffic(threading.Thread):
    """COPYs messages in two open transactions, the later ones committed first.

    A commit waits up to `pause` seconds, until what is left has to hurry."""

    def __init__(
        self, plant: Plant, messages: list[tuple], seed: int, pause: float
    ) -> None:
        super().__init__(daemon=True)
        self.plant, self.messages, self.pause = plant, list(messages), pause
        self.chance = random.Random(seed)
        self.chance.shuffle(self.messages)
        self.has_to_hurry = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while self.messages:
                self.send_two_batches()
        except Exception as error:
            self.failure = error

    def send_two_batches(self) -> None:
        sizes = [self.chance.randint(1, 5) for _ in range(2)]
        with self.plant.connect() as early, self.plant.connect() as late:
            for connection, size in zip((early, late), sizes, strict=True):
                with connection.cursor() as cursor:
                    cursor.execute("begin")
                    copy(cursor, self.messages[:size])
                del self.messages[:size]
            for connection in (late, early):
                self.has_to_hurry.wait(self.chance.uniform(0, self.pause))
                connection.cursor().execute("commit")

    def hurry(self) -> None:
        """Send what is left, and raise what has failed."""
        self.has_to_hurry.set()
        self.join()
        if self.failure:
            raise self.failure


@pytest.mark.slow
@pytest.mark.parametrize("builds", [1, 2, 3], ids=lambda n: f"{n} at once")
def test_builds_beside_traffic_succeed_and_converge(
    base, expected, messages, soak_seed, builds
):
    base.create("concurrent_base")
    waiting = messages[len(messages) * 2 // 3 :]
    for turn in range(3):
        # Builds take turns: the more there are, the longer the traffic has to last.
        traffic = Traffic(base, waiting[turn::3], soak_seed + turn, pause=builds)
        traffic.start()
        processes = [base.start(tests=True) for _ in range(builds)]
        assert traffic.is_alive(), "the traffic was over before it met a build"
        for process in processes:
            process.succeeds()
        traffic.hurry()
    base.build(tests=True)
    found = base.snapshot()
    assert_same(found, expected)
    base.build("--full-refresh")
    assert_same(base.snapshot(), found)


# --- killed builds --------------------------------------------------------------


MOMENTS = {
    "a seed between its delete and its insert": ("analytics.shifts", "before insert"),
    "the ledger": ("analytics_intermediate.int_message_days", "before insert"),
    "a SQL model between its delete and its append": (
        "analytics_staging.stg_brick_counts",
        "before insert",
    ),
    "a SQL model before its commit": ("analytics.device_days", "after insert"),
    "a SQL model that forgets": (
        "analytics_intermediate.int_brick_slices",
        "before delete",
    ),
    "the Python model before its append": (
        "analytics.brick_production_anomalies",
        "before insert",
    ),
    "the last table": (
        "analytics_intermediate.int_brick_production_judged",
        "after insert",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_build_killed_in_a_model_is_healed_by_the_next(plant, expected, moment):
    with held(plant, *MOMENTS[moment]) as let_go:
        process = plant.start()
        until(lambda: plant.waiters() == 1)
        process.kill()
        let_go()
    plant.build(tests=True)
    assert_same(plant.snapshot(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_full_refresh_killed_in_a_model_is_healed_by_the_next_build(
    plant, expected, moment
):
    """A table that is swapped has no trigger yet: then the refresh goes through."""
    with held(plant, *MOMENTS[moment]) as let_go:
        process = plant.start("--full-refresh")
        until(lambda: plant.waiters() == 1 or "Done." in process.said())
        if "Done." not in process.said():
            process.kill()
        let_go()
    plant.build()
    assert_same(plant.snapshot(), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "node", ["int_message_days", "device_days", "int_brick_slices"]
)
def test_a_build_killed_between_models_is_healed_by_the_next(plant, expected, node):
    process = plant.start()
    until(lambda: re.search(rf"OK created .*\.{node} ", process.said()))
    process.kill()
    plant.build()
    assert_same(plant.snapshot(), expected)


@pytest.mark.slow
def test_a_build_killed_in_its_last_hook_is_healed_by_the_next(plant, expected):
    with held(plant, "analytics.processing_logs", "before update") as let_go:
        process = plant.start()
        until(lambda: "START hook: brickworks.on-run-end" in process.said())
        process.kill()
        let_go()
    plant.build()
    assert_same(plant.snapshot(), expected)
    statuses = plant.sql("select distinct status from analytics.processing_logs")
    assert ("running",) not in statuses


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_builds_killed_anywhere_are_healed_by_the_next(
    base, expected, messages, soak_seed, number
):
    chance = random.Random(soak_seed + number)
    base.create("concurrent_base" if number % 2 else "template1")
    base.insert(messages[len(messages) * 2 // 3 if number % 2 else 0 :])
    for arguments in [(), ("--full-refresh",), ()]:
        process = base.start(*arguments)
        time.sleep(chance.uniform(0.5, 4))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    base.build()
    assert_same(base.snapshot(), expected)


@pytest.mark.slow
def test_leftovers_of_killed_builds_are_cleared(plant, expected):
    for schema, name in [
        ("analytics", "devices"),
        ("analytics", "device_days"),
        ("analytics_staging", "stg_brick_counts"),
    ]:
        for suffix in ("__dbt_tmp", "__dbt_backup"):
            leftover = f"{schema}.{name}{suffix}"
            plant.sql(f"create table {leftover} as table {schema}.{name}")
            plant.sql(f"alter table {leftover} owner to brickworks")
    for process in [plant.start(), plant.start()]:
        process.succeeds()
    plant.build("--full-refresh")
    assert_same(plant.snapshot(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_server_is_healed_by_the_next_build(
    expected, messages, moment, tmp_path, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("server")
    with temporary_cluster(folder / ".local") as cluster:
        plant = Plant(cluster, "concurrent", tmp_path, ROOT)
        plant.create()
        plant.insert(messages[: len(messages) * 2 // 3])
        plant.build()
        plant.insert(messages[len(messages) * 2 // 3 :])
        with held(plant, *MOMENTS[moment]):
            process = plant.start()
            until(lambda: plant.waiters() == 1)
            pid_file = cluster.data / "postmaster.pid"
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
            assert start(cluster)
            assert process.wait() != 0
        plant.sql(f"drop trigger hold on {MOMENTS[moment][0]}")
        plant.build()
        assert_same(plant.snapshot(), expected)
        plant.herd.close()
