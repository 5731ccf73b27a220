"""What `make compare` calls a difference, on rows that are made here."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COLUMNS = ("device_id", "bricks", "is_final", "metadata", "created_at")
GRAIN = ("device_id",)


@pytest.fixture(scope="module")
def differences():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from bench import differences

        for name in [name for name in sys.modules if name.split(".")[0] == "bench"]:
            del sys.modules[name]
    return differences


def row(device_id="A", bricks="5", is_final="true", version='"1"', more=""):
    return (
        f'{{"device_id": "{device_id}", "bricks": {bricks}, "is_final": {is_final},'
        f' "metadata": {{"code_version": {version}, "share": {bricks}}},'
        f' "created_at": {version}{more}}}'
    )


@pytest.fixture
def compared(differences):
    """Compare rows, given as JSON."""

    def relation(rows, grains):
        texts = list(rows)
        columns = list(json.loads(texts[0])) if texts else COLUMNS
        return differences.Relation(columns, grains, differences.rows_of(texts))

    def compare(before, after, grains=(GRAIN,), **options):
        return differences.compare(
            relation(before, grains), relation(after, grains), **options
        )

    return compare


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([row("A"), row("B")], [row("B"), row("A")]),
        ([row(bricks="1.10")], [row(bricks="1.1")]),
        ([row(bricks="5")], [row(bricks="5.0")]),
        ([row(version='"1"')], [row(version='"2"')]),
        ([], []),
    ],
    ids=["order", "trailing_zeros", "whole_or_not", "technical_columns", "no_rows"],
)
def test_it_is_no_difference(compared, before, after):
    found = compared(before, after)
    assert found.is_none
    assert (found.only_before, found.only_after) == (0, 0)


@pytest.mark.parametrize(
    ("before", "after", "only_before", "only_after"),
    [
        ([row(bricks="5")], [row(bricks="5.0000000000000000001")], 1, 1),
        ([row(bricks="0.1")], [row(bricks="null")], 1, 1),
        ([row(is_final="true")], [row(is_final="1")], 1, 1),
        ([row(bricks="5")], [row(bricks='"5"')], 1, 1),
        ([row(bricks='[{"a": true}]')], [row(bricks='[{"a": 1}]')], 1, 1),
        ([row(), row()], [row()], 1, 0),
        ([row()], [row(), row()], 0, 1),
    ],
    ids=["value", "null", "boolean", "text", "nested", "less_often", "more_often"],
)
def test_it_is_a_difference(compared, before, after, only_before, only_after):
    found = compared(before, after)
    assert not found.is_none
    assert (found.only_before, found.only_after) == (only_before, only_after)


def test_rows_of_one_key_are_matched_and_the_others_counted(compared, differences):
    found = compared(
        [row("A"), row("B"), row("C")], [row("A"), row("B", bricks="7"), row("D")]
    )
    assert found.grain == ["device_id"]
    assert found.changes == {
        "bricks": [({"device_id": "B"}, 5, 7)],
        # Of an object, the keys that differ.
        "metadata": [({"device_id": "B"}, {"share": 5}, {"share": 7})],
    }
    assert differences.explained("stats", found) == [
        "stats.bricks differs in 1 row",
        "  B: 5 → 7",
        "stats.metadata differs in 1 row",
        '  B: {"share": 5} → {"share": 7}',
        "stats has 1 row only before",
        "  C",
        "stats has 1 row only after",
        "  D",
    ]


def test_examples_are_few(compared, differences):
    devices = [f"D{number}" for number in range(9)]
    found = compared(map(row, devices), (row(device, "6") for device in devices))
    lines = differences.explained("stats", found)
    assert lines[0] == "stats.bricks differs in 9 rows"
    assert sum(line.endswith(": 5 → 6") for line in lines) == differences.EXAMPLES


@pytest.mark.parametrize("grains", [[], [("bricks",)], [("line",)]])
def test_without_a_key_that_holds_nothing_is_matched(compared, grains):
    found = compared([row("A"), row("B")], [row("A"), row("C")], grains)
    assert found.grain == []
    assert found.changes == {}
    assert [each["device_id"] for each in found.unmatched_before] == ["B"]
    assert [each["device_id"] for each in found.unmatched_after] == ["C"]


def test_a_column_that_is_gone_is_a_difference_and_a_new_one_is_not(compared):
    more = row(more=', "line": "DC-01"')
    gone, new = compared([more], [row()]), compared([row()], [more])
    assert (gone.gone, gone.is_none) == (["line"], False)
    assert (new.new, new.is_none) == (["line"], True)
    assert gone.only_before == gone.only_after == 0
    assert compared([more], [row()], ignored={"line", "created_at"}).is_none


def test_a_relation_that_is_gone_is_a_difference_and_a_new_one_is_not(differences):
    relation = differences.Relation(COLUMNS, [GRAIN], differences.rows_of([row()]))
    assert not differences.compare(relation, None).is_none
    assert differences.compare(None, relation).is_none


def test_names_to_ignore_may_be_keys_of_an_object(compared):
    before, after = [row(bricks="5")], [row(bricks="6")]
    named = {"bricks", "metadata.share"}
    assert compared(before, after, ignored=named).is_none
    assert not compared(before, after, ignored=named - {"metadata.share"}).is_none
