"""The data directory: made whole, or not there; removed whole, too."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from brickworks.local_database.cluster import (
    SUPERUSER,
    Cluster,
    belongs_to_another,
    binaries,
)
from brickworks.local_database.identity import (
    Identity,
    give_to_project_owner,
    hand_over,
)
from brickworks.local_database.processes import end_orphans
from brickworks.settings import Problem


def initialise(cluster: Cluster, identity: Identity) -> None:
    """Make the data directory elsewhere and rename it, with a new password.

    Args:
        cluster: It has no data directory yet.
        identity: Whom the server will run as.

    Raises:
        Problem: If initdb fails, with what it says.
    """
    password = _superuser_password(cluster)
    work = Path(tempfile.mkdtemp(prefix="initdb-", dir=cluster.directory))
    password_file = work / "password"
    password_file.write_text(password, encoding="ascii")
    password_file.chmod(0o600)
    hand_over(work, identity)
    with tempfile.TemporaryFile() as output:
        code = identity.run(
            [
                *(str(binaries() / "initdb"), "--no-sync", "--no-instructions"),
                *("--pgdata", str(work / "data"), "--username", SUPERUSER),
                *("--pwfile", str(password_file), "--auth", "scram-sha-256"),
                # Built in: the same order of texts on every operating system.
                *("--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        if code != 0:
            output.seek(0)
            text = output.read().decode(errors="replace")
            _remove_tree(work)
            raise Problem(f"initdb could not make {cluster.data}: {last_words(text)}")
    (work / "data").rename(cluster.data)
    _remove_tree(work)


def _superuser_password(cluster: Cluster) -> str:
    """Write a new password, readable by nobody else, and return it."""
    password = secrets.token_urlsafe(24)
    temporary = cluster.directory / f"superuser_password-{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(password + "\n")
    give_to_project_owner(temporary, cluster)
    temporary.rename(cluster.password_file)
    return password


def require_same_version(cluster: Cluster) -> None:
    """Refuse a data directory that the installed PostgreSQL cannot read.

    Raises:
        Problem: If it is of another major version, or none at all.
    """
    try:
        made_by = (cluster.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise Problem(
            f"{cluster.data} is no data directory of PostgreSQL: run `brickworks reset`"
            " to delete it and start with a new one."
        ) from None
    output = subprocess.run(
        [str(binaries() / "postgres"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    installed = output.split()[2].split(".")[0]
    if made_by != installed:
        raise Problem(
            f"{cluster.data} was made by PostgreSQL {made_by}, installed is "
            f"{installed}: run `brickworks reset` and load the data again."
        )


def clear_unfinished(cluster: Cluster) -> None:
    """Remove what a killed initdb, or a killed delete, left behind.

    Raises:
        Problem: If it belongs to another user.
    """
    for leftover in cluster.directory.glob("initdb-*"):
        end_orphans(leftover / "data")
        _remove_tree(leftover)


def remove(cluster: Cluster) -> None:
    """Remove the data directory of a server that is down, if there is one.

    Raises:
        Problem: If it belongs to another user.
    """
    if cluster.data.exists():
        # Renamed first: a killed delete leaves no half of a data directory.
        leaving = cluster.directory / f"initdb-{secrets.token_hex(4)}"
        cluster.data.rename(leaving)
        _remove_tree(leaving)


def _remove_tree(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except PermissionError as error:
        raise belongs_to_another(Path(error.filename)) from None


def last_words(text: str) -> str:
    """Return the line of an output that says most about a failure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark in ("FATAL:", "PANIC:", "error:", "could not"):
        for line in lines:
            if mark in line:
                return line[line.index(mark) :]
    return lines[-1] if lines else "it said nothing"
