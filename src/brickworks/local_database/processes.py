"""The processes of a cluster, known by the data directory they work in."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from brickworks.local_database.cluster import belongs_to_another

STOP_TIMEOUT_SECONDS = 60


def postmaster(data: Path) -> int | None:
    """Return the pid of the living server, None if its pid file is stale.

    A number alone proves nothing: after a reboot it may be anybody's. The postmaster
    of a cluster is the process that works in its data directory.

    Args:
        data: The data directory.

    Raises:
        Problem: If the directory belongs to another user.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except PermissionError:
        raise belongs_to_another(data) from None
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None
    return pid if pid > 0 and works_in(pid, data) else None


def postmaster_port(data: Path) -> int | None:
    """Return the port in the pid file, None while it is not written yet."""
    with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return int(lines[3])
    return None


def end_postmaster(pid: int, data: Path) -> None:
    """End a server, each time less politely; open transactions are rolled back."""
    # Fast, then immediate: the second asks for recovery at the next start.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait_until_gone(pid, data):
            return


def _wait_until_gone(pid: int, data: Path) -> bool:
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if not works_in(pid, data):
            return True
        time.sleep(0.05)
    return False


def works_in(pid: int, data: Path) -> bool:
    """Return whether a process is a PostgreSQL whose data directory this is.

    That is where it works (a server), or what it was told to make (initdb).
    """
    process = Path("/proc") / str(pid)
    if not Path("/proc/self/cwd").exists():  # Not Linux: trust the pid file.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    try:
        # The binary may have been replaced since: "(deleted)" then follows its name.
        program = (process / "exe").readlink().name.split()[0]
        if program == "initdb":
            return os.fsencode(data) in (process / "cmdline").read_bytes().split(b"\0")
        return program == "postgres" and (process / "cwd").readlink() == data.resolve()
    except (OSError, IndexError):
        return False


def end_orphans(data: Path) -> None:
    """Kill backends that outlived their postmaster, and an initdb that lost us.

    Backends keep the shared memory of the dead server, which a new one refuses to
    start beside. What they were doing is lost already; recovery starts from the log.

    Args:
        data: The data directory.
    """
    if not Path("/proc").exists():
        return
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    # More than once: an initdb that is ended may just have started another process.
    while time.monotonic() < deadline:
        processes = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
        orphans = [pid for pid in processes if works_in(pid, data)]
        if not orphans:
            return
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
