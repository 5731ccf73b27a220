"""What differs between two tables, row for row: no database, no dbt.

A row is what PostgreSQL's `to_jsonb` makes of it, read with `rows_of`: so numbers are
equal by value, 1.10 and 1.1, whatever their types.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

EXAMPLES = 3
TECHNICAL = ("fingerprint", "created_at", "updated_at", "metadata.code_version")
"""What no two builds need to share: `column`, or `column.key` of a JSON object."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Relation:
    """A relation as one side has built it.

    Attributes:
        columns: Its columns.
        grains: Each a list of columns of which no two rows share the values.
        rows: Its rows, column → value.
    """

    columns: Sequence[str]
    grains: Sequence[Sequence[str]]
    rows: Sequence[Row]


class Change(NamedTuple):
    """One value that differs in two rows of one key; of an object, the keys that do."""

    key: Row
    before: Any
    after: Any


@dataclass
class Difference:
    """How far a relation is what it was.

    Attributes:
        rows_before: Its rows, None if the relation was not there.
        rows_after: Its rows now, None if the relation is gone.
        gone: Columns that only the side before has.
        new: Columns that only the side after has.
        only_before: Rows that the side after has not, or not as often.
        only_after: Rows that the side before had not, or not as often.
        grain: The columns by which such rows are matched; empty if there are none.
        changes: Column → every value in which matching rows differ.
        unmatched_before: Of `only_before`, rows without a partner.
        unmatched_after: Of `only_after`, rows without a partner.
    """

    rows_before: int | None
    rows_after: int | None
    gone: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    only_before: int = 0
    only_after: int = 0
    grain: list[str] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    unmatched_before: list[Row] = field(default_factory=list)
    unmatched_after: list[Row] = field(default_factory=list)

    @property
    def is_none(self) -> bool:
        """Whether all that was there is there; what is new takes nothing away."""
        is_there = self.rows_before is None or self.rows_after is not None
        return is_there and not (self.gone or self.only_before or self.only_after)


def rows_of(texts: Iterable[str]) -> list[Row]:
    """Read rows from JSON, numbers as exact as they are written."""
    return [json.loads(text, parse_float=Decimal) for text in texts]


def compare(
    before: Relation | None,
    after: Relation | None,
    ignored: Collection[str] = TECHNICAL,
) -> Difference:
    """Compare a relation of two builds as multisets of rows, on the columns of both.

    Args:
        before: As it was, None if it was not there.
        after: As it is, None if it is gone.
        ignored: Columns, and keys of objects (`column.key`), that are left out.
    """
    if before is None or after is None:
        return Difference(
            None if before is None else len(before.rows),
            None if after is None else len(after.rows),
        )
    left = [name for name in before.columns if name not in ignored]
    right = [name for name in after.columns if name not in ignored]
    both = [name for name in left if name in right]
    was = [_part(row, both, ignored) for row in before.rows]
    now = [_part(row, both, ignored) for row in after.rows]
    only_before, only_after = _without(was, now), _without(now, was)
    found = Difference(
        len(was),
        len(now),
        gone=[name for name in left if name not in both],
        new=[name for name in right if name not in both],
        only_before=len(only_before),
        only_after=len(only_after),
        grain=_common_grain(before, after, both),
    )
    _match(found, only_before, only_after)
    return found


def _part(row: Row, columns: Iterable[str], ignored: Collection[str]) -> Row:
    return {name: _without_keys(row[name], name, ignored) for name in columns}


def _without_keys(value: Any, name: str, ignored: Collection[str]) -> Any:  # noqa: ANN401
    if not isinstance(value, Mapping):
        return value
    return {key: part for key, part in value.items() if f"{name}.{key}" not in ignored}


def _without(rows: Iterable[Row], others: Iterable[Row]) -> list[Row]:
    """Rows that are not among the others, each as often as it is there too often."""
    left = Counter(_hashable(row) for row in others)
    found = []
    for row in rows:
        same = _hashable(row)
        if left[same]:
            left[same] -= 1
        else:
            found.append(row)
    return found


def _hashable(value: Any) -> Any:  # noqa: ANN401
    """A value that is equal where the other is; unlike in Python, true is not 1."""
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(part)) for key, part in value.items())
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return ("boolean", value) if isinstance(value, bool) else value


def _common_grain(
    before: Relation, after: Relation, columns: Collection[str]
) -> list[str]:
    """The first key whose columns both sides have and which both keep."""
    for grain in (*after.grains, *before.grains):
        if set(grain) <= set(columns) and all(
            len({_key(row, grain) for row in side.rows}) == len(side.rows)
            for side in (before, after)
        ):
            return list(grain)
    return []


def _key(row: Row, grain: Iterable[str]) -> Any:  # noqa: ANN401
    return tuple(_hashable(row[name]) for name in grain)


def _match(found: Difference, before: Iterable[Row], after: Iterable[Row]) -> None:
    """Fill in which columns differ, and which rows have no partner."""
    if not found.grain:
        found.unmatched_before, found.unmatched_after = list(before), list(after)
        return
    partners = {_key(row, found.grain): row for row in after}
    for was in before:
        now = partners.pop(_key(was, found.grain), None)
        if now is None:
            found.unmatched_before.append(was)
            continue
        key = {name: was[name] for name in found.grain}
        for name, value in was.items():
            if _hashable(value) != _hashable(now[name]):
                change = Change(key, *_differing_keys(value, now[name]))
                found.changes.setdefault(name, []).append(change)
    found.unmatched_after = list(partners.values())


def _differing_keys(before: Any, after: Any) -> tuple[Any, Any]:  # noqa: ANN401
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return before, after
    same = {
        key
        for key in before.keys() & after.keys()
        if _hashable(before[key]) == _hashable(after[key])
    }
    return (
        {key: value for key, value in before.items() if key not in same},
        {key: value for key, value in after.items() if key not in same},
    )


def explained(name: str, found: Difference) -> list[str]:
    """Where a relation differs, in lines, with a few examples of each kind."""
    lines = []
    for column, changes in found.changes.items():
        lines.append(f"{name}.{column} differs in {_rows(len(changes))}")
        lines += [
            f"  {_values(change.key)}: {_text(change.before)} → {_text(change.after)}"
            for change in changes[:EXAMPLES]
        ]
    for side, rows in {
        "before": found.unmatched_before,
        "after": found.unmatched_after,
    }.items():
        if rows:
            lines.append(f"{name} has {_rows(len(rows))} only {side}")
            lines += [
                f"  {_values({key: row[key] for key in found.grain or row})}"
                for row in rows[:EXAMPLES]
            ]
    return lines


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _values(row: Row) -> str:
    return ", ".join(_text(value) for value in row.values())


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str | Decimal):
        return str(value)
    # Numbers as PostgreSQL writes them, not in quotes.
    text = json.dumps(value, ensure_ascii=False, default=float)
    return text if len(text) <= 200 else text[:200] + " …"
