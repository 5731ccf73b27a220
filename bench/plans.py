"""The heaviest statements of a run, explained by the server that ran them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg2
from psycopg2 import sql

from brickworks.local_database import Cluster

LINES_SHOWN = 60
SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "20ms",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    # Reading the clock at every row would cost more than the rows do.
    "auto_explain.log_timing": "off",
    # The deletes of a pre-hook are inside of a block.
    "auto_explain.log_nested_statements": "on",
}
ENTRY = re.compile(r"LOG:  duration: ([0-9.]+) ms  plan:")
NODE = re.compile(r"run [0-9a-f-]{36} ((?:model|test|seed)\.\S+)")
RELATION = re.compile(r'(?:delete from|from) "\w+"\."(\w+)"\."(\w+)"')


@dataclass
class Statement:
    """One statement as auto_explain logged it.

    Attributes:
        milliseconds: Its duration, explaining included.
        lines: Query and plan.
    """

    milliseconds: float
    lines: list[str] = field(default_factory=list)

    @property
    def node(self) -> str:
        """The node of dbt it belongs to, else the first relation it names."""
        text = "\n".join(self.lines)
        if found := NODE.search(text):
            return found[1].removeprefix("model.brickworks.")
        found = RELATION.search(text)
        return f"{found[2]} (in a block)" if found else "a statement of a hook"

    def plan(self) -> list[str]:
        """The plan without the query."""
        start = next(
            (i for i, line in enumerate(self.lines) if "(cost=" in line),
            len(self.lines),
        )
        return self.lines[start:]


@contextmanager
def explained(cluster: Cluster) -> Iterator[list[Statement]]:
    """Let the role of dbt be explained; yields a list that is filled at the end.

    Args:
        cluster: A running cluster.
    """
    begins_at = cluster.log.stat().st_size
    found: list[Statement] = []
    for name, value in SETTINGS.items():
        setting = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
        _alter_role(cluster, sql.SQL("set {} = {}").format(setting, sql.Literal(value)))
    try:
        yield found
    finally:
        _alter_role(cluster, sql.SQL("reset all"))
    found += read(cluster, begins_at)


def _alter_role(cluster: Cluster, how: sql.Composable) -> None:
    role = sql.Identifier(cluster.server.user)
    # Not open for longer: the meter waits for the end of every other session.
    with closing(psycopg2.connect(**cluster.superuser_dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # A name with a dot is one only once the library is known.
            cursor.execute("load 'auto_explain'")
            cursor.execute(sql.SQL("alter role {} {}").format(role, how))


def read(cluster: Cluster, begins_at: int) -> list[Statement]:
    """Read the statements logged since a position, heaviest first."""
    with cluster.log.open("rb") as log:
        log.seek(begins_at)
        text = log.read().decode(errors="replace")
    statements: list[Statement] = []
    is_plan = False
    for line in text.splitlines():
        if entry := ENTRY.search(line):
            statements.append(Statement(float(entry[1])))
            is_plan = True
        elif line.startswith("\t") and is_plan:
            statements[-1].lines.append(line[1:])
        else:
            is_plan = False
    return sorted(statements, key=lambda one: -one.milliseconds)


def as_markdown(statements: list[Statement], count: int = 3) -> str:
    """The heaviest statements with their plans."""
    parts = []
    for statement in statements[:count]:
        plan = statement.plan()
        shown = plan[:LINES_SHOWN]
        if len(plan) > len(shown):
            shown.append(f"… {len(plan) - len(shown)} more lines")
        parts.append(
            f"**{statement.node}**, {statement.milliseconds:,.0f} ms\n\n"
            "```\n" + "\n".join(line[:160] for line in shown) + "\n```\n"
        )
    return "\n".join(parts)
