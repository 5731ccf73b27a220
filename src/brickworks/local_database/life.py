"""The life of a cluster: start, stop, delete, one after another."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from brickworks.local_database import data_directory
from brickworks.local_database.cluster import Cluster, belongs_to_another, binaries
from brickworks.local_database.identity import (
    Identity,
    give_to_project_owner,
    hand_over,
    identity_for,
)
from brickworks.local_database.processes import (
    end_orphans,
    end_postmaster,
    postmaster,
    postmaster_port,
)
from brickworks.local_database.server_settings import SETTINGS, shared_memory
from brickworks.settings import Problem

START_TIMEOUT_SECONDS = 120
LOG_BYTES_KEPT = 16 * 1024 * 1024


def start(cluster: Cluster) -> bool:
    """Start the server if it is not running, and wait until it accepts logins.

    Args:
        cluster: Its directory is made and initialised when needed.

    Returns:
        True if this call started it, false if it was running.

    Raises:
        Problem: If the port is taken or the server does not start.
    """
    with _locked(cluster):
        if _is_up(cluster):
            return False
        identity = identity_for(cluster)
        data_directory.clear_unfinished(cluster)
        if cluster.data.exists():
            data_directory.require_same_version(cluster)
        else:
            data_directory.initialise(cluster, identity)
        end_orphans(cluster.data)
        (cluster.data / "postmaster.pid").unlink(missing_ok=True)
        _require_free_port(cluster.server.port)
        hand_over(cluster.data, identity)
        _prepare_log(cluster, identity)
        _start(cluster, identity)
        return True


def stop(cluster: Cluster) -> bool:
    """Stop the server; open transactions are rolled back.

    Returns:
        True if it was running.
    """
    if not cluster.directory.exists():
        return False
    with _locked(cluster):
        return _stop(cluster)


def delete(cluster: Cluster) -> None:
    """Stop the server and delete its data, its password and its log."""
    if not cluster.directory.exists():
        return
    with _locked(cluster):
        _stop(cluster)
        data_directory.clear_unfinished(cluster)
        data_directory.remove(cluster)
        for path in (
            cluster.password_file,
            cluster.log,
            *cluster.directory.glob("superuser_password-*"),
            *cluster.directory.glob("postgres.log.*"),
        ):
            path.unlink(missing_ok=True)


def is_running(cluster: Cluster) -> bool:
    """Return whether the server process of this cluster lives."""
    return cluster.data.exists() and postmaster(cluster.data) is not None


@contextlib.contextmanager
def _locked(cluster: Cluster) -> Iterator[None]:
    """Hold the cluster's lock: starts, stops and deletes come one after another."""
    try:
        cluster.directory.mkdir(parents=True, exist_ok=True)
        # Whoever the server runs as has to pass through, whatever the umask was.
        if os.geteuid() in (0, cluster.directory.stat().st_uid):
            cluster.directory.chmod(0o755)
            give_to_project_owner(cluster.directory, cluster)
        path = cluster.directory / "lock"
        with path.open("a") as handle:
            give_to_project_owner(path, cluster)
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise belongs_to_another(Path(error.filename or cluster.directory)) from None


def _is_up(cluster: Cluster) -> bool:
    """Return whether the server answers; one that is just starting is waited for."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while (pid := postmaster(cluster.data)) is not None:
        port = postmaster_port(cluster.data)
        if port not in (None, cluster.server.port):
            raise Problem(
                f"The embedded server already runs on port {port}: set "
                f"BRICKWORKS_DB_PORT={port}, or run `brickworks down` first."
            )
        if port is not None and _accepts_logins(cluster):
            return True
        if time.monotonic() > deadline:
            raise Problem(
                f"The embedded server (process {pid}) does not answer on port "
                f"{cluster.server.port}: see {cluster.log}."
            )
        time.sleep(0.1)
    return False


def _start(cluster: Cluster, identity: Identity) -> None:
    settings = {**SETTINGS, **shared_memory(), **cluster.settings}
    settings["port"] = str(cluster.server.port)
    options = [part for k, v in settings.items() for part in ("-c", f"{k}={v}")]
    begins_at = cluster.log.stat().st_size
    with cluster.log.open("ab") as log:
        code = identity.run(
            [
                *(str(binaries() / "pg_ctl"), "start", "--silent", "--wait"),
                *("--timeout", str(START_TIMEOUT_SECONDS)),
                *("--pgdata", str(cluster.data), "--log", str(cluster.log)),
                *("--options", shlex.join(options)),
            ],
            stdout=log,
            stderr=log,
        )
    if code != 0:
        raise Problem(_why_not_started(cluster, begins_at))
    if not _accepts_logins(cluster):
        raise Problem(
            f"The embedded server started but refuses its superuser: see {cluster.log}."
        )


def _stop(cluster: Cluster) -> bool:
    pid = postmaster(cluster.data) if cluster.data.exists() else None
    if pid is not None:
        end_postmaster(pid, cluster.data)
    end_orphans(cluster.data)
    return pid is not None


def _accepts_logins(cluster: Cluster) -> bool:
    try:
        psycopg2.connect(**cluster.superuser_dsn("postgres"), connect_timeout=5).close()
    except psycopg2.OperationalError as error:
        if "password authentication failed" in str(error):
            raise Problem(
                f"The embedded server refuses the password in {cluster.password_file}:"
                " run `brickworks reset` to start with a new one."
            ) from None
        return False
    return True


def _prepare_log(cluster: Cluster, identity: Identity) -> None:
    if cluster.log.exists() and cluster.log.stat().st_size > LOG_BYTES_KEPT:
        cluster.log.rename(cluster.log.with_suffix(".log.1"))
    cluster.log.touch(mode=0o644)
    if os.geteuid() == 0:
        os.chown(cluster.log, identity.uid, identity.gid)


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise Problem(
                f"Port {port} is reserved for root: set BRICKWORKS_DB_PORT to a "
                "port above 1023."
            ) from None
        except OSError:
            raise Problem(
                f"Port {port} is in use by another program: stop it, or set "
                "BRICKWORKS_DB_PORT to a free port."
            ) from None


def _why_not_started(cluster: Cluster, begins_at: int) -> str:
    with cluster.log.open("rb") as log:
        log.seek(begins_at)
        text = log.read().decode(errors="replace")
    return (
        f"The embedded server did not start: {data_directory.last_words(text)} "
        f"(the whole story is in {cluster.log})."
    )
