"""Controls: each takes one part of the protection out, and a case made by hand fails.

A story is told as the project is and compared with a full refresh: it must be the same.
Then it is told with the part taken out, and must not be, or it would prove nothing.
They are for `make soak`: whoever changes the materialization runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cases
import pytest
from arrivals import Message, at, reading, steady
from cases import LATE, Case, production_date
from plant import Difference, Plant

pytestmark = pytest.mark.slow

DEVICE = "SAU-ME-01"
"""One of the registry: settings can be changed."""


@dataclass
class Story:
    """What is there at first, and what happens then.

    Attributes:
        first: the messages of the first run.
        then: what comes before the last run, other runs among it.
        model: the model that has to notice, with all that it is made of.
        day: the production day, from the first, that is wrong if it does not.
        device_id: the device whose day it is.
        patches: what is other code in the last run and the full refresh.
    """

    first: list[Message]
    then: Callable[[Plant], None]
    model: str
    day: int
    device_id: str = DEVICE
    patches: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def selection(self) -> tuple[str, str]:
        return "-s", f"+{self.model}"

    def tell(self, plant: Plant) -> None:
        plant.clear()
        plant.arrive(self.first)
        plant.run(*self.selection)
        self.then(plant)
        with plant.patched(self.patches):
            plant.run(*self.selection)

    def differences(self, plant: Plant) -> list[Difference]:
        """How the story's day differs from what was kept."""
        return [
            difference
            for difference in plant.differences("truth")
            if difference.model == self.model
            and difference.device_id == self.device_id
            and difference.production_date == production_date(self.day)
        ]


def late(case: Case) -> Story:
    model, day = case.restates
    device_id = case.device_id or DEVICE
    return Story(case.first, lambda p: p.arrive(case.later), model, day, device_id)


def a_day_of_some_readings() -> list[Message]:
    return steady(DEVICE, "12:00", 0, 5000)


def a_setting() -> Story:
    """Twenty pieces a minute, which now are more than there can be."""

    def then(plant: Plant) -> None:
        plant.sql(
            "update analytics.device_registry set max_rate_per_hour = 60"
            f" where device_id = '{DEVICE}'"
        )

    return Story(a_day_of_some_readings(), then, "int_brick_increments", 0)


def a_row_of_a_seed() -> Story:
    def then(plant: Plant) -> None:
        plant.sql(
            "update analytics.shifts set shift_name = 'early' where shift_index = 1"
        )

    return Story(a_day_of_some_readings(), then, "int_brick_production_periods", 0)


def another_view() -> Story:
    other = {
        "model.brickworks.stg_measurements": (
            "payload, metadata,",
            "'{}'::jsonb as payload, metadata,",
        )
    }
    first = a_day_of_some_readings()
    return Story(first, lambda _: None, "stg_brick_counts", 0, patches=other)


def a_table_left_behind() -> Story:
    """Only the ledger and the increments see the late message in time."""

    def then(plant: Plant) -> None:
        plant.arrive([reading(DEVICE, at("12:30"), 5400, LATE)])
        plant.run(*story.selection, "--exclude", "stg_brick_counts")

    story = Story(a_day_of_some_readings(), then, "int_brick_increments", 0)
    return story


def a_run_that_failed() -> Story:
    """A late message, and the table cannot be written when it is to be."""

    def then(plant: Plant) -> None:
        plant.arrive([reading(DEVICE, at("12:30"), 5400, LATE)])
        with plant.failing("int_brick_increments", at_the_end=False):
            plant.run(*story.selection, succeeds=False)

    story = Story(a_day_of_some_readings(), then, "int_brick_increments", 0)
    return story


def a_wave_that_began_beyond_the_border() -> Story:
    """Its first reading tells which side is misread; an hour later nobody knows it."""
    story = late(cases.a_late_reading_says_which_side_of_a_wave_is_misread(DEVICE))
    story.model = "int_brick_excursions"
    return story


@dataclass
class Control:
    """A part taken out.

    Attributes:
        story: what goes wrong without it.
        patches: by macro, what is said there, and what instead.
        refreshed_without: compare with a full refresh that lacks the part, too.
    """

    story: Callable[[], Story]
    patches: dict[str, tuple[str, str]]
    refreshed_without: bool = False


CONTROLS = {
    "the hash of a border is not in the fingerprint": Control(
        lambda: late(cases.a_late_reading_in_the_tail_of_the_previous_day(DEVICE)),
        {
            "macro.brickworks.wanted_days": (
                "{{ border.column('hash') }}",
                "0",
            )
        },
    ),
    "only one border is read, full or not": Control(
        lambda: late(
            cases.a_late_reading_in_the_tail_before_a_day_of_a_few_minutes(DEVICE)
        ),
        {
            "macro.brickworks.wanted_days": (
                "case when not is_full",
                "case when 0=1 and is_full",
            )
        },
    ),
    "no border is looked for beyond a silence": Control(
        lambda: late(cases.a_late_reading_before_the_days_that_a_gap_bridged(DEVICE)),
        {"macro.brickworks.wanted_days": ("and {{ condition }}", "and false")},
    ),
    "what should be there counts, not what was built": Control(
        a_table_left_behind,
        {
            "macro.brickworks.wanted_days": (
                ", own.versions",
                ", (select messages_hash"
                " from {{ as_it_stands('int_message_days') }} as ledger"
                " where {{ same_device_day('ledger', 'days') }})",
            )
        },
    ),
    "settings are not hashed": Control(
        a_setting,
        {
            "macro.brickworks.wanted_days": (
                "{%- do settings.append('days.' ~ column) -%}",
                "",
            )
        },
    ),
    "rows of seeds and plain tables are not hashed": Control(
        a_row_of_a_seed,
        {
            "macro.brickworks.wanted_days": (
                "sum(hash_record_extended(stored, 0)) as version",
                "0 as version",
            )
        },
    ),
    "definitions of views are not hashed": Control(
        another_view,
        {
            "macro.brickworks.wanted_days": (
                "for view in built.views",
                "for view in []",
            )
        },
    ),
    "the days before are not hashed": Control(
        lambda: late(cases.a_late_reading_changes_the_baseline_of_the_next_day(DEVICE)),
        {
            "macro.brickworks.wanted_days": (
                "row(days_back, built.fingerprint)",
                "row(days_back)",
            )
        },
    ),
    "fingerprints are noted before the rows are there": Control(
        a_run_that_failed,
        {
            "macro.brickworks.materialization_device_day_postgres": (
                "{%- set due = load_result('main')",
                "{%- do run_query('commit') -%}{%- do run_query('begin') -%}"
                "{%- set due = load_result('main')",
            )
        },
    ),
    "more is read of a neighbour than is hashed": Control(
        a_wave_that_began_beyond_the_border,
        {
            "macro.brickworks.reads": (
                "between {{ day }}.reads_beside[2 * border - 1]",
                "between {{ day }}.reads_beside[2 * border - 1] - interval '1 day'",
            )
        },
        refreshed_without=True,
    ),
}


@pytest.fixture(scope="module")
def plant(plant: Plant) -> Plant:
    """All tables are there."""
    plant.run()
    return plant


@pytest.mark.parametrize("part", CONTROLS)
def test_a_part_taken_out_is_missed(plant: Plant, part: str):
    control = CONTROLS[part]
    story = control.story()
    story.tell(plant)
    plant.keep("truth")
    with plant.patched(story.patches):
        plant.run("--full-refresh", *story.selection)
    assert story.differences(plant) == [], "the story is wrong as the project is"
    plant.keep("truth")
    with plant.patched(control.patches):
        story.tell(plant)
        if control.refreshed_without:
            plant.keep("truth")
            plant.run("--full-refresh", *story.selection)
    assert story.differences(plant), "nobody misses it"
