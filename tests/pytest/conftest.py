"""A throw-away PostgreSQL for the whole test session."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from dbt.cli.main import dbtRunner
from dbt_common.behavior_flags import BehaviorFlagRendered
from psycopg2.extras import execute_values

from brickworks.local_database import Cluster, temporary_cluster

pytest.register_assert_rewrite("plant")
from plant import Plant  # noqa: E402

RAW_TABLE = ("raw", "measurements")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="session")
def no_database_of_the_user() -> Iterator[None]:
    """Whatever BRICKWORKS_DB_* says, tests use their own server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("BRICKWORKS_DB_"):
                patch.delenv(name)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_stack_for_a_flag() -> Iterator[None]:
    """dbt looks through the whole stack, sources and all, to say who defined a flag.

    Eleven times an invocation; under pytest, whose stacks are deep, that is seconds.
    """
    with pytest.MonkeyPatch.context() as patch:
        source = staticmethod(lambda: "dbt")
        patch.setattr(BehaviorFlagRendered, "_default_source", source)
        yield


@pytest.fixture(scope="session")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, no_database_of_the_user: None
) -> Iterator[Cluster]:
    """A running cluster with role, database and raw table; deleted at the end.

    `cluster.server.dsn()` connects as the role of dbt, `cluster.superuser_dsn()` as
    superuser; `cluster.server.environment()` leads a dbt process to it.
    """
    with temporary_cluster(tmp_path_factory.mktemp("cluster") / ".local") as running:
        yield running


@pytest.fixture
def superuser(cluster: Cluster) -> Iterator[psycopg2.extensions.connection]:
    """A superuser's connection to the project's database, the raw table empty."""
    with closing(psycopg2.connect(**cluster.superuser_dsn())) as connection:
        with connection.cursor() as cursor:
            cursor.execute("truncate raw.measurements restart identity")
        connection.commit()
        yield connection
        connection.rollback()


@pytest.fixture
def project_role(cluster: Cluster) -> Iterator[psycopg2.extensions.connection]:
    """A connection as the role that dbt uses."""
    with closing(psycopg2.connect(**cluster.server.dsn())) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def hostile(cluster: Cluster) -> dict:
    """Connection arguments of a database whose zone and date style are not ours."""
    dsn = cluster.superuser_dsn()
    with closing(psycopg2.connect(**dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("create database hostile")
            cursor.execute("alter database hostile set timezone = 'America/St_Johns'")
            cursor.execute("alter database hostile set datestyle = 'SQL, DMY'")
    return dsn | {"dbname": "hostile"}


@pytest.fixture
def connection(hostile: dict) -> Iterator[psycopg2.extensions.connection]:
    """A connection to that database whose work is rolled back."""
    with closing(psycopg2.connect(**hostile)) as opened:
        yield opened


class Project:
    """The project itself, on a database of its own."""

    def __init__(self, cluster: Cluster, database: str, folder: Path) -> None:
        self.cluster, self.database, self.folder = cluster, database, folder
        self.root = ROOT
        self.environment = cluster.server.environment() | {
            "BRICKWORKS_DB_NAME": database
        }
        shutil.copy(ROOT / "profiles.example.yml", folder / "profiles.yml")
        with self._connect("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(f'create database "{database}"')
            cursor.execute(
                f'grant create on database "{database}" to {cluster.server.user}'
            )
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(RAW_DDL.format(role=cluster.server.user))

    def dbt(self, *arguments: str, succeeds: bool = True) -> Any:
        """Run dbt in this process and return its result."""
        where = ["--project-dir", self.root, "--profiles-dir", self.folder]
        where += ["--target-path", self.folder / "target", "--log-path", self.folder]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            done = dbtRunner().invoke(["--quiet", *arguments, *map(str, where)])
        assert done.success == succeeds, done.exception or [
            f"{result.node.name}: {result.message}"
            for result in done.result
            if str(result.status) not in ("success", "pass", "skipped")
        ]
        return done

    def sql(self, query: str, *values: object) -> list[tuple]:
        """Run SQL as superuser."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def insert(self, messages: list[tuple]) -> None:
        """Insert (device_id, sensor_type, timestamp, data, metadata, created_at)."""
        with self._connect() as connection, connection.cursor() as cursor:
            execute_values(
                cursor,
                'insert into raw.measurements (device_id, sensor_type, "timestamp",'
                " data, metadata, created_at) values %s",
                messages,
            )

    def incremental_tables(self) -> list[str]:
        """The tables that must not depend on when runs happened."""
        return self._models(
            lambda node: (
                node["config"]["materialized"] == "device_day"
                or node["name"] in ("int_message_days", "device_days")
            )
        )

    def marts(self) -> list[str]:
        """The public views on them."""
        return self._models(
            lambda node: (
                node["config"]["materialized"] == "view" and node["access"] == "public"
            )
        )

    def _models(self, is_wanted: Callable[[dict], bool]) -> list[str]:
        manifest = json.loads((self.folder / "target/manifest.json").read_text())
        return sorted(
            node["relation_name"].split(".", 1)[1]
            for node in manifest["nodes"].values()
            if node["resource_type"] == "model" and is_wanted(node)
        )

    def snapshot(self) -> dict[str, Counter]:
        """Every row of these tables and views, as text."""
        return {
            table: Counter(
                row for (row,) in self.sql(f"select t::text from {table} as t")
            )
            for table in self.incremental_tables() + self.marts()
        }

    def versions(self, table: str) -> dict[str, set]:
        """Which transactions wrote each device's rows."""
        rows = self.sql(f"select device_id, xmin::text from {table}")
        return {
            device: {xmin for other, xmin in rows if other == device}
            for device, _ in rows
        }

    def _connect(self, database: str | None = None) -> closing:
        dsn = self.cluster.superuser_dsn() | {"dbname": database or self.database}
        connection = psycopg2.connect(**dsn)
        connection.autocommit = True
        return closing(connection)


RAW_DDL = """
    create schema raw;
    create table raw.measurements (
        id bigint generated by default as identity primary key,
        device_id text, sensor_type text, "timestamp" timestamptz,
        data jsonb, metadata jsonb, created_at timestamptz
    );
    create index on raw.measurements (device_id, "timestamp");
    grant usage on schema raw to {role};
    grant select on raw.measurements to {role};
"""


@pytest.fixture(scope="module")
def project(
    cluster: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Project:
    """The project on an empty database, one a test module."""
    name = request.module.__name__.rsplit(".", 1)[-1]
    return Project(cluster, name, tmp_path_factory.mktemp(name))


@pytest.fixture(scope="module")
def plant(project: Project) -> Plant:
    """The project parsed once, its seeds loaded, and no message yet."""
    plant = Plant(project)
    plant.run("seed")
    plant.keep_seeds()
    # A raw table in partitions has no such key.
    plant.sql("alter table raw.measurements drop constraint measurements_pkey")
    return plant
