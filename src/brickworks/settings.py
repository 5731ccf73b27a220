"""Where things are: the project, the raw table, the marts, the database.

The raw table's name lives in `dbt_project.yml`, the marts' schema in the dbt profile
and the connection in `BRICKWORKS_DB_*`; this module only reads them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import yaml

EMBEDDED_HOST = "127.0.0.1"
EMBEDDED_PORT = 25432
FOREIGN_PORT = 5432
MINIMUM_SERVER_VERSION = 14


class Problem(Exception):
    """A failure that was foreseen: its text is the sentence the user gets to read."""


@dataclass(frozen=True)
class Server:
    """One PostgreSQL and the role that dbt uses on it.

    Attributes:
        host: Host name or address.
        port: TCP port.
        user: Role that reads the raw table and owns what dbt builds.
        password: Its password.
        database: Database name.
        is_embedded: True for the server that `brickworks up` starts, false when
            `BRICKWORKS_DB_HOST` names another one.
    """

    host: str = EMBEDDED_HOST
    port: int = EMBEDDED_PORT
    user: str = "brickworks"
    # The loopback default of profiles.example.yml; shown by repr nowhere.
    password: str = field(default="brickworks", repr=False)
    database: str = "brickworks"
    is_embedded: bool = True

    def dsn(self) -> dict[str, Any]:
        """Return keyword arguments for `psycopg2.connect`."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "dbname": self.database,
        }

    def url(self) -> str:
        """Return a connection string without the password, for people."""
        return (
            f"host={self.host} port={self.port} dbname={self.database} user={self.user}"
        )

    def environment(self) -> dict[str, str]:
        """Return the `BRICKWORKS_DB_*` variables that lead a dbt profile here."""
        variables = {
            "BRICKWORKS_DB_PORT": str(self.port),
            "BRICKWORKS_DB_USER": self.user,
            "BRICKWORKS_DB_PASSWORD": self.password,
            "BRICKWORKS_DB_NAME": self.database,
        }
        if not self.is_embedded:
            variables["BRICKWORKS_DB_HOST"] = self.host
        return variables


def server(environment: Mapping[str, str] | None = None) -> Server:
    """Read the server from `BRICKWORKS_DB_*`, with the defaults of the profile.

    Args:
        environment: Variables to read, `os.environ` when absent.

    Returns:
        The embedded server, or the one `BRICKWORKS_DB_HOST` names.

    Raises:
        Problem: If the port is not one.
    """
    variables = os.environ if environment is None else environment
    host = variables.get("BRICKWORKS_DB_HOST", "")
    default_port = FOREIGN_PORT if host else EMBEDDED_PORT
    text = variables.get("BRICKWORKS_DB_PORT", str(default_port))
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Problem(
            f"BRICKWORKS_DB_PORT is {text!r}: set it to a port number, 1 to 65535."
        )
    return Server(
        host=host or EMBEDDED_HOST,
        port=int(text),
        user=variables.get("BRICKWORKS_DB_USER", "brickworks"),
        password=variables.get("BRICKWORKS_DB_PASSWORD", "brickworks"),
        database=variables.get("BRICKWORKS_DB_NAME", "brickworks"),
        is_embedded=not host,
    )


def project_root() -> Path:
    """Return the directory of `dbt_project.yml`.

    The checkout this package was installed from comes first, then the working
    directory and its parents.

    Raises:
        Problem: If neither holds the project.
    """
    checkout = Path(__file__).resolve().parents[2]
    here = Path.cwd()
    for candidate in (checkout, here, *here.parents):
        if (candidate / "dbt_project.yml").is_file():
            return candidate
    raise Problem("No dbt_project.yml here: change into the brickworks project.")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"{path} is missing: restore it from the repository.") from None
    except yaml.YAMLError as error:
        raise Problem(f"{path} is not valid YAML: {error}") from None
    return content if isinstance(content, dict) else {}


def raw_table(root: Path) -> tuple[str, str]:
    """Return (schema, table) of the raw messages, from the vars of dbt."""
    variables = _read_yaml(root / "dbt_project.yml").get("vars", {})
    return (
        str(variables.get("raw_schema", "raw")),
        str(variables.get("raw_table", "measurements")),
    )


def marts_schema(root: Path, target: str | None = None) -> str:
    """Return the schema of the marts, as the dbt profile has it.

    Args:
        root: Project directory.
        target: Target of the profile, its default target when absent.

    Raises:
        Problem: If the profile has no such target.
    """
    path = root / "profiles.yml"
    if not path.exists():
        path = root / "profiles.example.yml"
    profile = _read_yaml(path).get("brickworks", {})
    name = target or profile.get("target", "dev")
    outputs = profile.get("outputs", {})
    if name not in outputs:
        raise Problem(
            f"{path.name} has no target {name!r}; it has {', '.join(sorted(outputs))}."
        )
    schema = str(outputs[name].get("schema", "analytics"))
    return jinja2.Template(schema).render(env_var=_environment_variable)


def _environment_variable(name: str, default: str | None = None) -> str:
    """The env_var of dbt's profiles."""
    value = os.environ.get(name, default)
    if value is None:
        raise Problem(f"The dbt profile reads {name}, and it is not set: set it.")
    return value
