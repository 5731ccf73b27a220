"""Clusters that are there for a while, as for a test."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from brickworks.local_database.cluster import Cluster
from brickworks.local_database.contents import create_role_database_and_raw_table
from brickworks.local_database.life import delete, start
from brickworks.local_database.server_settings import THROW_AWAY_SETTINGS
from brickworks.settings import Server


@contextmanager
def temporary_cluster(
    directory: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Yield a running cluster with role, database and raw table; delete it after.

    It listens on a free port, and the raw table is `raw.measurements`.

    Args:
        directory: Where it lives; made when absent.
        settings: Server settings on top of those of a throw-away cluster.
    """
    cluster = Cluster(
        directory,
        Server(port=free_port()),
        settings={**THROW_AWAY_SETTINGS, **(settings or {})},
    )
    try:
        start(cluster)
        create_role_database_and_raw_table(cluster, ("raw", "measurements"))
        yield cluster
    finally:
        delete(cluster)


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
