"""What a server is told beside PostgreSQL's defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Every setting that differs from PostgreSQL's default, with its reason.
SETTINGS: Mapping[str, str] = {
    # A statement whose client was killed is noticed and ended, not run to its end:
    # otherwise it keeps its locks, and the next build waits for them.
    "client_connection_check_interval": "2s",
    "listen_addresses": "127.0.0.1",
    # No socket: no directory whose permissions matter, one way in.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "max_connections": "50",
    # Enough for a factory on a laptop, small enough for a machine of 2 GB.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    # Bulk loads write WAL faster than the default 1 GB wants to be checkpointed.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Nobody replicates from here; tables made and filled in one transaction, which
    # is what dbt does, then need no WAL.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A crash never damages the data (fsync stays on); it may forget the last
    # fraction of a second of commits, which the next `make run` makes again.
    "fsync": "on",
    "synchronous_commit": "off",
    "random_page_cost": "1.1",
    # Compiling costs more than it saves in models of this size.
    "jit": "off",
}

# A cluster that is thrown away may lose everything in a crash.
THROW_AWAY_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
}


def shared_memory() -> dict[str, str]:
    """Return what keeps parallel queries out of the tiny /dev/shm of a container."""
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108
        is_small = status.f_frsize * status.f_blocks < 512 * 1024 * 1024
    except OSError:
        is_small = True
    return {"dynamic_shared_memory_type": "mmap"} if is_small else {}
