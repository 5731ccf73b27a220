"""Connections, and what a PostgreSQL that is not ours has to offer.

Everything here only looks: nothing is created, granted or dropped.
"""

from __future__ import annotations

from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2 import errors

from brickworks.load import REQUIRED_COLUMNS
from brickworks.settings import MINIMUM_SERVER_VERSION, Problem, Server

CONNECT_TIMEOUT_SECONDS = 10
MARTS_SUFFIXES = ("", "_staging", "_intermediate")


def connect(
    server: Server, dsn: dict[str, Any] | None = None
) -> psycopg2.extensions.connection:
    """Connect, or say in a sentence why not.

    Args:
        server: The server, for the words of the sentence.
        dsn: Keyword arguments for `psycopg2.connect`, the server's own when absent.

    Raises:
        Problem: If there is no connection to be had.
    """
    try:
        return psycopg2.connect(
            **(dsn or server.dsn()), connect_timeout=CONNECT_TIMEOUT_SECONDS
        )
    except psycopg2.OperationalError as error:
        raise Problem(_no_connection(server, str(error))) from None


def _no_connection(server: Server, text: str) -> str:
    place = f"{server.host}:{server.port}"
    said = " ".join(text.split())
    if "password authentication failed" in text or "no password supplied" in text:
        return (
            f"The PostgreSQL at {place} refuses the password of role {server.user}: "
            "set BRICKWORKS_DB_USER and BRICKWORKS_DB_PASSWORD."
        )
    if f'database "{server.database}" does not exist' in text:
        return (
            f"The PostgreSQL at {place} has no database {server.database}: create it, "
            "or set BRICKWORKS_DB_NAME."
        )
    if server.is_embedded:
        return f"No server answers at {place}: run `brickworks up` first. ({said})"
    return (
        f"No PostgreSQL lets us in at {place}: check BRICKWORKS_DB_HOST and "
        f"BRICKWORKS_DB_PORT, and that it admits this machine. ({said})"
    )


def what_is_missing(
    connection: psycopg2.extensions.connection, table: tuple[str, str], schema: str
) -> list[str]:
    """Return one sentence for everything a build would stumble over.

    Args:
        connection: Connection as the role that will build.
        table: (schema, name) of the raw table.
        schema: Schema of the marts.
    """
    version = connection.server_version // 10000
    if version < MINIMUM_SERVER_VERSION:
        return [
            f"This PostgreSQL is version {version}: brickworks needs "
            f"{MINIMUM_SERVER_VERSION} or newer."
        ]
    with connection.cursor() as cursor:
        missing = _missing_of_raw_table(cursor, table)
        missing += _missing_of_marts(cursor, schema)
    connection.rollback()
    return missing


def _missing_of_raw_table(
    cursor: psycopg2.extensions.cursor, table: tuple[str, str]
) -> list[str]:
    name = ".".join(table)
    cursor.execute(
        "select current_user, oid from pg_namespace where nspname = %s", (table[0],)
    )
    row = cursor.fetchone()
    if row is None:
        return [
            f"There is no schema {table[0]}: create the raw table {name}, or set the "
            "vars raw_schema and raw_table in dbt_project.yml."
        ]
    role, schema_oid = row
    cursor.execute(
        """
        select
            pg_class.oid,
            has_schema_privilege(%s::oid, 'USAGE'),
            has_table_privilege(pg_class.oid, 'SELECT')
        from pg_class
        where relnamespace = %s and relname = %s and relkind = any('{r,p,v,m,f}')
        """,
        (schema_oid, schema_oid, table[1]),
    )
    row = cursor.fetchone()
    if row is None:
        return [
            f"There is no table {name}: create it, or set the vars raw_schema and "
            "raw_table in dbt_project.yml."
        ]
    oid, may_use, may_select = row
    missing = []
    if not may_use:
        missing.append(
            f"The role {role} may not use the schema {table[0]}: "
            f'run `grant usage on schema "{table[0]}" to "{role}"`.'
        )
    if not may_select:
        missing.append(
            f"The role {role} may not read {name}: "
            f'run `grant select on "{table[0]}"."{table[1]}" to "{role}"`.'
        )
    cursor.execute(
        "select attname from pg_attribute where attrelid = %s and attnum > 0"
        " and not attisdropped",
        (oid,),
    )
    there = {attribute for (attribute,) in cursor.fetchall()}
    lacking = [c for c in ("id", *REQUIRED_COLUMNS, "created_at") if c not in there]
    if lacking:
        missing.append(
            f"The table {name} lacks {', '.join(lacking)}: add them, or name a view "
            "that has them in the vars raw_schema and raw_table."
        )
    return missing


def _missing_of_marts(cursor: psycopg2.extensions.cursor, schema: str) -> list[str]:
    cursor.execute(
        "select current_user, current_database(),"
        " has_database_privilege(current_database(), 'CREATE')"
    )
    role, database, may_create_schemas = cursor.fetchone() or ("", "", False)
    names = [schema + suffix for suffix in MARTS_SUFFIXES]
    cursor.execute(
        "select nspname, has_schema_privilege(oid, 'CREATE') from pg_namespace"
        " where nspname = any(%s)",
        (names,),
    )
    there = dict(cursor.fetchall())
    missing = [
        f"The role {role} may not create tables in the schema {name}: "
        f'run `grant usage, create on schema "{name}" to "{role}"`.'
        for name, may_create in there.items()
        if not may_create
    ]
    absent = [name for name in names if name not in there]
    if absent and not may_create_schemas:
        missing.append(
            f"The role {role} may not create the schemas {', '.join(absent)}: create "
            f'them for it, or run `grant create on database "{database}" to "{role}"`.'
        )
    return missing


def sentence(error: psycopg2.Error, server: Server) -> str:
    """Return what a failure of the database means to the user."""
    said = (error.diag.message_primary or str(error)).strip().splitlines()[0]
    if isinstance(error, errors.InsufficientPrivilege):
        return (
            f"The role {server.user} may not do that ({said}): grant it, or connect "
            "with a role that may."
        )
    if isinstance(
        error,
        errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName,
    ):
        return f"Something is not there yet ({said}): run `brickworks run` first."
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return f"The connection to the server was lost ({said}): try again."
    return f"The server refused: {said}."
