"""Whatever was killed, the next start ends in one running server."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import errors

from brickworks import local_database
from brickworks.local_database import THROW_AWAY_SETTINGS, Cluster
from brickworks.local_database.processes import works_in
from brickworks.settings import Problem, Server

START = """
import sys
from pathlib import Path
from brickworks.local_database import *
from brickworks.settings import Server
cluster = Cluster(Path(sys.argv[1]), Server(port=int(sys.argv[2])), THROW_AWAY_SETTINGS)
print(start(cluster))
create_role_database_and_raw_table(cluster, ("raw", "measurements"))
"""


@pytest.fixture
def own_cluster(tmp_path: Path):
    """A cluster that is not started yet, and gone after the test."""
    cluster = Cluster(
        tmp_path / ".local",
        Server(port=local_database.free_port()),
        settings=THROW_AWAY_SETTINGS,
    )
    yield cluster
    local_database.delete(cluster)


def start_elsewhere(cluster: Cluster) -> subprocess.Popen[str]:
    """Start a cluster from a process of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-c", START),
            *(str(cluster.directory), str(cluster.server.port)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def query(cluster: Cluster, statement: str) -> object:
    with (
        closing(psycopg2.connect(**cluster.superuser_dsn("postgres"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return cursor.fetchone()[0]


def postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])


def postmasters(cluster: Cluster) -> list[int]:
    """Processes of this cluster that no other of its processes started."""
    pids = {
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and works_in(int(path.name), cluster.data)
    }
    parents = {
        pid: int((Path("/proc") / str(pid) / "stat").read_text().split()[3])
        for pid in pids
    }
    return [pid for pid, parent in parents.items() if parent not in pids]


def test_a_second_start_finds_the_first(own_cluster: Cluster):
    assert local_database.start(own_cluster) is True
    assert local_database.start(own_cluster) is False
    assert local_database.is_running(own_cluster)
    assert local_database.stop(own_cluster) is True
    assert local_database.stop(own_cluster) is False
    assert not local_database.is_running(own_cluster)


def test_the_server_outlives_the_process_that_started_it(own_cluster: Cluster):
    starter = start_elsewhere(own_cluster)
    assert starter.communicate(timeout=60)[0].strip() == "True"
    with pytest.raises(ProcessLookupError):
        os.kill(starter.pid, 0)
    assert query(own_cluster, "select 1") == 1
    assert os.getsid(postmaster(own_cluster)) != os.getsid(0)
    assert "ready to accept connections" in own_cluster.log.read_text()


def test_a_killed_postmaster_is_replaced_and_keeps_its_data(own_cluster: Cluster):
    local_database.start(own_cluster)
    with closing(
        psycopg2.connect(**own_cluster.superuser_dsn("postgres"))
    ) as connection:
        with connection.cursor() as cursor:
            # As loads do; a crash may forget other commits of the last moment.
            cursor.execute("set local synchronous_commit = on")
            cursor.execute("create table kept as select 42 as answer")
        connection.commit()
    os.kill(postmaster(own_cluster), signal.SIGKILL)
    assert local_database.start(own_cluster) is True
    assert query(own_cluster, "select answer from kept") == 42


def test_a_backend_that_outlives_its_postmaster_does_not_bar_the_next(
    own_cluster: Cluster,
):
    local_database.start(own_cluster)
    with closing(
        psycopg2.connect(**own_cluster.superuser_dsn("postgres"))
    ) as connection:
        backend = connection.info.backend_pid
        # Stopped: it cannot notice the death of its postmaster by itself.
        os.kill(backend, signal.SIGSTOP)
        os.kill(postmaster(own_cluster), signal.SIGKILL)
        assert local_database.start(own_cluster) is True
        assert not works_in(backend, own_cluster.data)
    assert query(own_cluster, "select 1") == 1


def test_a_pid_file_that_names_a_stranger_is_stale(own_cluster: Cluster):
    local_database.start(own_cluster)
    lines = (own_cluster.data / "postmaster.pid").read_text().splitlines()
    local_database.stop(own_cluster)
    identity = own_cluster.data.stat().st_uid
    options = {"user": identity} if os.geteuid() == 0 else {}
    # Alive, of the server's own user, and no server: PostgreSQL itself would refuse.
    with subprocess.Popen(["sleep", "60"], **options) as stranger:
        try:
            lines[0] = str(stranger.pid)
            (own_cluster.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
            assert local_database.start(own_cluster) is True
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.parametrize("content", ["", "garbage\n", "999999999\n/x\n1\n25432\n"])
def test_a_pid_file_without_sense_is_stale(own_cluster: Cluster, content: str):
    local_database.start(own_cluster)
    local_database.stop(own_cluster)
    (own_cluster.data / "postmaster.pid").write_text(content)
    assert local_database.start(own_cluster) is True


def test_a_killed_initdb_heals(own_cluster: Cluster):
    starter = start_elsewhere(own_cluster)
    deadline = time.monotonic() + 30
    while not list(own_cluster.directory.glob("initdb-*/data/base")):
        assert time.monotonic() < deadline
        assert starter.poll() is None
        time.sleep(0.001)
    starter.kill()
    starter.communicate()
    assert not own_cluster.data.exists()
    assert local_database.start(own_cluster) is True
    assert query(own_cluster, "select 1") == 1
    assert not list(own_cluster.directory.glob("initdb-*"))


def test_two_starts_at_once_end_in_one_server(own_cluster: Cluster):
    starters = [start_elsewhere(own_cluster) for _ in range(2)]
    outputs = [starter.communicate(timeout=60) for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0], outputs
    assert sorted(out.strip() for out, _ in outputs) == ["False", "True"]
    assert postmasters(own_cluster) == [postmaster(own_cluster)]


def test_a_taken_port_is_a_sentence(own_cluster: Cluster):
    with socket.socket() as other:
        other.bind(("127.0.0.1", own_cluster.server.port))
        other.listen()
        with pytest.raises(Problem, match=r"Port \d+ is in use by another program"):
            local_database.start(own_cluster)
    assert local_database.start(own_cluster) is True


def test_a_server_on_another_port_is_a_sentence(own_cluster: Cluster):
    local_database.start(own_cluster)
    moved = Cluster(own_cluster.directory, Server(port=local_database.free_port()))
    with pytest.raises(
        Problem, match=rf"already runs on port {own_cluster.server.port}"
    ):
        local_database.start(moved)


def test_a_lost_superuser_password_is_a_sentence(own_cluster: Cluster):
    local_database.start(own_cluster)
    own_cluster.password_file.write_text("wrong\n")
    with pytest.raises(Problem, match="brickworks reset"):
        local_database.start(own_cluster)
    own_cluster.password_file.unlink()
    with pytest.raises(Problem, match="brickworks reset"):
        local_database.start(own_cluster)


def test_delete_leaves_nothing_but_the_lock(own_cluster: Cluster):
    local_database.start(own_cluster)
    local_database.delete(own_cluster)
    assert [path.name for path in own_cluster.directory.iterdir()] == ["lock"]
    local_database.delete(own_cluster)


def test_the_server_listens_on_loopback_only(cluster: Cluster):
    assert query(cluster, "show listen_addresses") == "127.0.0.1"
    assert query(cluster, "show unix_socket_directories") == ""
    assert query(cluster, "show timezone") == "UTC"


def test_nobody_logs_in_without_the_password(cluster: Cluster):
    dsn = cluster.superuser_dsn("postgres")
    for password in ("", "postgres", "brickworks"):
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(**dsn | {"password": password})
    assert stat.S_IMODE(cluster.password_file.stat().st_mode) == 0o600
    assert (
        query(
            cluster,
            "select bool_and(rolpassword like 'SCRAM%') from pg_authid"
            " where rolcanlogin",
        )
        is True
    )


def test_creating_twice_changes_nothing(
    cluster: Cluster, superuser: psycopg2.extensions.connection
):
    with superuser.cursor() as cursor:
        cursor.execute("insert into raw.measurements (device_id) values ('A')")
    superuser.commit()
    local_database.create_role_database_and_raw_table(cluster, ("raw", "measurements"))
    with superuser.cursor() as cursor:
        cursor.execute("select count(*) from raw.measurements")
        assert cursor.fetchone() == (1,)


def test_the_raw_table_is_the_one_of_the_contract(
    superuser: psycopg2.extensions.connection,
):
    with superuser.cursor() as cursor:
        cursor.execute(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = 'raw' and table_name = 'measurements'"
            " order by ordinal_position"
        )
        assert cursor.fetchall() == [
            ("id", "bigint"),
            ("device_id", "text"),
            ("sensor_type", "text"),
            ("timestamp", "timestamp with time zone"),
            ("data", "jsonb"),
            ("metadata", "jsonb"),
            ("created_at", "timestamp with time zone"),
        ]
        cursor.execute("select indexdef from pg_indexes where schemaname = 'raw'")
        definitions = " ".join(row[0] for row in cursor.fetchall())
        assert '(device_id, "timestamp")' in definitions


@pytest.mark.parametrize(
    "statement",
    [
        "insert into raw.measurements (device_id) values ('A')",
        "update raw.measurements set device_id = 'A'",
        "delete from raw.measurements",
        "truncate raw.measurements",
        "create table raw.mine (id int)",
        "create role another",
        "drop table raw.measurements",
    ],
)
def test_the_role_of_dbt_cannot(
    project_role: psycopg2.extensions.connection, statement: str
):
    with (
        pytest.raises(errors.InsufficientPrivilege),
        project_role.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_role_of_dbt_can_read_raw_and_create_schemas(
    project_role: psycopg2.extensions.connection,
):
    with project_role.cursor() as cursor:
        cursor.execute(
            "select rolsuper or rolcreatedb or rolcreaterole or rolbypassrls"
            " from pg_roles where rolname = current_user"
        )
        assert cursor.fetchone() == (False,)
        cursor.execute("select count(*) from raw.measurements")
        cursor.execute("create schema mine")
        cursor.execute("create table mine.one as select 1 as one")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")
def test_root_never_runs_the_server_as_root(tmp_path: Path):
    # One directory others may enter, one they may not: two ways to drop root.
    for mode in (0o711, 0o700):
        directory = tmp_path / oct(mode)
        directory.mkdir()
        directory.chmod(mode)
        with local_database.temporary_cluster(directory / ".local") as cluster:
            status = Path(f"/proc/{postmaster(cluster)}/status").read_text()
            effective = next(x for x in status.splitlines() if x.startswith("CapEff"))
            assert int(effective.split()[1], 16) == 0
