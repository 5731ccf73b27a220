"""What a command costs: CPU, wall clock, memory, and the rows it has written."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from brickworks.local_database import Cluster

SAMPLE_SECONDS = 0.1
MEBIBYTE = 1024 * 1024
OTHER_SESSIONS = """
    select count(*) from pg_stat_activity
    where datname = current_database()
        and backend_type = 'client backend' and pid <> pg_backend_pid()
"""
ROWS_WRITTEN = """
    select relid::bigint, n_tup_ins + n_tup_upd + n_tup_del
    from pg_stat_user_tables
    where schemaname not like 'pg\\_temp%' and relname <> 'processing_logs'
"""


class Failed(Exception):
    """A command that was to be measured failed: its last words."""


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        wall_seconds: From start to end.
        client_seconds: CPU of the command and its children, user and system.
        server_seconds: CPU of all processes of the server meanwhile.
        client_mib: Peak resident memory of the command.
        server_mib: Peak proportional memory of the server, shared buffers counted
            once; None where it cannot be read.
        rows_written: Rows inserted, updated and deleted in tables that outlive their
            session, but for the audit log, whose rows are the run's own; of tables that
            were dropped meanwhile nothing is known.
    """

    wall_seconds: float
    client_seconds: float
    server_seconds: float
    client_mib: float
    server_mib: float | None
    rows_written: int

    @property
    def cpu_seconds(self) -> float:
        """CPU of both."""
        return self.client_seconds + self.server_seconds

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        peaks = [m for m in (self.server_mib, other.server_mib) if m is not None]
        return Cost(
            self.wall_seconds + other.wall_seconds,
            self.client_seconds + other.client_seconds,
            self.server_seconds + other.server_seconds,
            max(self.client_mib, other.client_mib),
            max(peaks) if peaks else None,
            self.rows_written + other.rows_written,
        )

    def rounded(self) -> dict[str, float | None]:
        """For JSON."""
        return {
            name: None if value is None else round(value, 2)
            for name, value in asdict(self).items()
        }


class Meter:
    """Measures commands that work on one cluster."""

    def __init__(self, cluster: Cluster, environment: Mapping[str, str]) -> None:
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
        self._postmaster = psutil.Process(pid)
        self._dsn = cluster.superuser_dsn()
        self._environment = os.environ | environment

    def run(
        self,
        command: list[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[Cost, Any]:
        """Run a command to its end.

        Args:
            command: Program and arguments.
            folder: Its working directory; its output is kept there.
            environment: Variables on top of those of the meter.

        Returns:
            (its cost, the JSON of the last line it printed, None if that is none).

        Raises:
            Failed: If it exits with another status than 0.
        """
        output = folder / "output.txt"
        written_before = self._rows_written()
        with _Peak(self._postmaster) as peak, output.open("wb") as file:
            server_before = self._server_seconds()
            started = time.monotonic()
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**self._environment, **(environment or {})},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            # Not `wait`: the kernel's own account of the child, its peak included.
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            server = self._server_seconds() - server_before
        lines = output.read_text(errors="replace").splitlines()
        if process.returncode:
            raise Failed(f"{' '.join(command)} failed:\n" + "\n".join(lines[-40:]))
        cost = Cost(
            wall,
            usage.ru_utime + usage.ru_stime,
            server,
            usage.ru_maxrss / 1024,
            peak.mib,
            self._written_since(written_before),
        )
        try:
            return cost, json.loads(lines[-1])
        except (IndexError, ValueError):
            return cost, None

    def _written_since(self, before: Mapping[int, int]) -> int:
        after = self._rows_written()
        return sum(rows - before.get(table, 0) for table, rows in after.items())

    def _rows_written(self) -> dict[int, int]:
        """Table → rows written since it was made, as the server counts them."""
        with closing(psycopg2.connect(**self._dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                # A session hands in what it has counted when it ends.
                while True:
                    cursor.execute(OTHER_SESSIONS)
                    if cursor.fetchone() == (0,):
                        break
                    time.sleep(0.01)
                cursor.execute(ROWS_WRITTEN)
                return dict(cursor.fetchall())

    def _server_seconds(self) -> float:
        """CPU of the server so far: its living processes and those that have ended."""
        own = self._postmaster.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in self._postmaster.children():
            try:
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total


class _Peak(threading.Thread):
    """Looks at the server's memory now and then."""

    def __init__(self, postmaster: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.mib: float | None = None
        self._postmaster = postmaster
        self._done = threading.Event()

    def __enter__(self) -> _Peak:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        """Sample until told to stop."""
        while True:
            total = 0
            try:
                for process in (self._postmaster, *self._postmaster.children()):
                    try:
                        total += process.memory_full_info().pss
                    except psutil.NoSuchProcess:
                        continue
            except (psutil.AccessDenied, AttributeError):
                return  # Not Linux, or not our processes to look into.
            self.mib = max(self.mib or 0.0, total / MEBIBYTE)
            if self._done.wait(SAMPLE_SECONDS):
                return
