"""What a model of device-days reads, and whose days it has.

It is read off the model's refs and its config, so that the macros of the
materialization `device_day` write SQL and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from dbt.contracts.graph.nodes import ManifestNode
from dbt_common.exceptions import CompilationError

DAYS = ("device_days", "int_message_days")
"""The relations that have days. A model that reads raw messages has the ledger's."""

ENDS = {"before": ["tail"], "after": ["head"], "both": ["tail", "head"]}
"""What is read of other days: the tail of one before, the head of one after."""


class Border(NamedTuple):
    """An end of another day, whose rows are read beside a day."""

    table: str
    end: str
    """`head` or `tail`."""
    is_farther: bool
    """Whether it is the one beyond the nearest, read where that is not full."""

    def column(self, name: str) -> str:
        """Return `hash`, `from` or `until`, from where `wanted_days` joins it."""
        joined, column = f"{self.table}_{self.end}", f"{self.end}_{name}"
        near, far = ("farther_", "farther") if self.is_farther else ("", "distant")
        return f"coalesce(next_{joined}.{near}{column}, {far}_{joined}.{column})"


class DeviceDay:
    """A model of device-days among the other nodes of its project."""

    def __init__(
        self,
        node: ManifestNode,
        nodes: Mapping[str, ManifestNode],
        var: Callable[[str], Any],
    ) -> None:
        """Look at a model.

        Args:
            node: the model; of a unit test the one that it tests.
            nodes: all nodes of the project, by their unique id.
            var: looks up a var.
        """
        self._node, self._nodes, self._var = node, nodes, var

    def named(self, name: str) -> ManifestNode:
        """Return the node of this name."""
        for node in self._nodes.values():
            if node.name == name:
                return node
        raise CompilationError(f"There is no {name}, which {self._node.name} needs.")

    @cached_property
    def days(self) -> ManifestNode:
        """The relation whose days the model has."""
        for node in map(self.named, DAYS):
            if node.unique_id in self._node.depends_on.nodes:
                return node
        raise CompilationError(
            f"{self._node.name} does not say which days it has: select from days()."
        )

    def sensor_types(self, domains: Mapping[str, str]) -> list[str]:
        """Return the sensor types whose days the model has, or none for all.

        They are those that its folder's staging model judges. With config
        `sensor_types: unclaimed` they are those of all domains: it has none of these.

        Args:
            domains: the staging model of each sensor type.
        """
        is_unclaimed, folder = self._node.config.get("sensor_types"), self._node.fqn[1]
        return [
            sensor_type
            for sensor_type, staging_model in domains.items()
            if is_unclaimed or self.named(staging_model).fqn[1] == folder
        ]

    def typed_columns(self, value: str | None = None) -> str:
        """Return the columns of the YAML in their types: of rows, or of one value."""
        columns = self._node.columns.values()
        named = [(f'"{column.name}"', column.data_type) for column in columns]
        return ", ".join(f"{value or name}::{type} as {name}" for name, type in named)

    @cached_property
    def keeps_expired(self) -> bool:
        """Whether it keeps what it built of days whose raw messages may be gone."""
        return self.reads_raw and not self._node.config.get("builds_expired_days")

    @cached_property
    def readers(self) -> list[str]:
        """Names of the models that are built of this one's rows, and can be again."""
        others = [
            (node.name, DeviceDay(node, self._nodes, self._var))
            for node in self._nodes.values()
            if node.config.materialized == "device_day"
        ]
        return [
            name
            for name, other in others
            if self._node.name in other.tables and not other.keeps_expired
        ]

    # What is read beside a day

    @cached_property
    def beside(self) -> dict[str, int | str]:
        """How far tables are read beside a day, as config `beside` says.

        A number of days before, or the rows near its borders: `before`, `after` or
        `both`. These may be named by a var; of a mapping its `days` count, with the day
        itself.
        """
        said = self._node.config.get("beside") or {}
        return {table: self._reach(far) for table, far in said.items() if far}

    def _reach(self, said: int | str) -> int | str:
        if isinstance(said, int) or said in ENDS:
            return said
        days = self._var(said)
        return days["days"] - 1 if isinstance(days, Mapping) else days

    @cached_property
    def borders(self) -> list[Border]:
        """The borders that are read, as `reads_beside` has their two moments."""
        return [
            Border(table, end, is_farther)
            for table, reach in self.beside.items()
            for end in ENDS.get(reach, [])
            for is_farther in (False, True)
        ]

    def numbers_of_borders(self, table: str) -> list[int]:
        """Return where among these those of one table are, counted from 1."""
        numbered = enumerate(self.borders, 1)
        return [number for number, border in numbered if border.table == table]

    def border_of(self, table: str) -> dict[str, Any]:
        """Return config `border` of a table: what other days may read of a day."""
        border = self.named(table).config.get("border")
        if not border:
            raise CompilationError(
                f"{self._node.name} reads rows of {table} beside its days, but {table}"
                " says nothing of a `border`."
            )
        return border

    # What is read at all, through views and ephemeral models

    @cached_property
    def tables(self) -> list[str]:
        """Names of tables of device-days, which say themselves what they have built."""
        return list(dict.fromkeys(node.name for node in self._inputs["device_day"]))

    @cached_property
    def plain(self) -> list[ManifestNode]:
        """Seeds and other tables, whose rows are hashed."""
        return list({node.unique_id: node for node in self._inputs["plain"]}.values())

    @cached_property
    def views(self) -> list[str]:
        """Relations whose code runs as the model's own, sorted."""
        return sorted({node.relation_name for node in self._inputs["view"]})

    @property
    def reads_raw(self) -> bool:
        """Whether it reads raw messages.

        What a view over these reads besides is in the ledger's hash, which is made
        through the same view.
        """
        return bool(self._inputs["raw"])

    @cached_property
    def _inputs(self) -> dict[str, list[ManifestNode]]:
        found = defaultdict(list)
        for kind, node in self._read_by(self._node):
            found[kind].append(node)
        return found

    def _read_by(self, node: ManifestNode) -> Iterator[tuple[str, ManifestNode]]:
        """Yield each input of a node with its kind; of raw messages their reader."""
        ids = node.depends_on.nodes
        if any(unique_id.startswith("source.") for unique_id in ids):
            yield "raw", node
            return
        for read in map(self._nodes.__getitem__, ids):
            kind = read.config.materialized
            if read.name in DAYS:
                self._refuse_days_imported_by(node, read)
            elif kind == "device_day":
                yield kind, read
            elif kind in ("view", "ephemeral"):
                yield kind, read
                yield from self._read_by(read)
            else:
                yield "plain", read

    def _refuse_days_imported_by(self, node: ManifestNode, days: ManifestNode) -> None:
        if node.unique_id != self._node.unique_id:
            raise CompilationError(
                f"{node.name} reads {days.name}, and {self._node.name}, which is"
                " written of it, cannot tell which columns: import them there, with"
                " days()."
            )
