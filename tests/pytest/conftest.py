"""A throw-away PostgreSQL for the whole test session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import psycopg2.extensions
import pytest

from brickworks.local_database import Cluster, temporary_cluster

RAW_TABLE = ("raw", "measurements")


@pytest.fixture(autouse=True, scope="session")
def no_database_of_the_user() -> Iterator[None]:
    """Whatever BRICKWORKS_DB_* says, tests use their own server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("BRICKWORKS_DB_"):
                patch.delenv(name)
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
