"""Random schedules: what happens to a plant before each run, and how it is run."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from arrivals import (
    BURSTS,
    DEVICES,
    EVENTS,
    ODD,
    SENSORS,
    Device,
    Message,
    Sensor,
    arrive,
    at,
    spoil,
)
from hypothesis import strategies as st

REGISTRY = "update analytics.device_registry set {} where device_id = '{}'"
SETTINGS = {
    "a counter slower": REGISTRY.format("max_rate_per_hour = 300", "SAU-ME-01"),
    "a counter faster": REGISTRY.format("max_rate_per_hour = 9000", "SAU-LN-01"),
    "a probe that sends less often": REGISTRY.format(
        "expected_interval_seconds = 1200", "AM-SAY-01"
    ),
    "a counter that sends more often": REGISTRY.format(
        "expected_interval_seconds = 5", "SAU-ME-01"
    ),
    "a planned stop over the change of day": (
        "insert into analytics.planned_stops (production_line, reason, starts_at,"
        " ends_at, valid_from)"
        " values ('DC-01', 'drill', '05:50', '06:00', '2026-03-03')"
    ),
    "no more planned stops": "delete from analytics.planned_stops",
    "another brick type": (
        "insert into analytics.line_assignments (production_line, brick_type,"
        " started_at) values ('DC-01', '400x800', '2026-03-04 05:55+07')"
    ),
    "a threshold": (
        "insert into analytics.thresholds (scope, metric, high, unit)"
        " values ('SAU-ME-01', 'stoppage', 30, 's')"
    ),
    "a device that is registered": (
        "insert into analytics.device_registry (device_id, sensor_type,"
        " production_line, stage, max_rate_per_hour, commissioned_on)"
        " values ('new-01', 'brick_counter', 'DC-01', 'after_press', 700, '2020-01-01')"
    ),
}
"""What may change in the seeds."""

COMMISSIONED = {
    "a counter of later": REGISTRY.format(
        "commissioned_on = '2026-03-04'", "SAU-ME-01"
    ),
    "a machine of later": REGISTRY.format(
        "commissioned_on = '2026-03-03'", "QUAT-LO-01"
    ),
}
"""The same, where the messages are filed anew."""

VARS = {
    "no jitter": {"jitter_pieces": 0},
    "other jitter": {"jitter_pieces": 5},
    "slower devices": {"default_ideal_rate_per_hour": 60},
}
"""What a run may be told."""

CALENDARS = {
    "days from five": {"production_day_starts_at": "05:00"},
    "days from six": {"production_day_starts_at": "06:00"},
    "days of Madrid": {"plant_timezone": "Europe/Madrid"},
}
"""The same, where the messages are filed anew."""

DAMAGES = ("a row is deleted", "all rows are deleted", "the table is dropped")


@dataclass(frozen=True)
class Run:
    """A dbt run.

    Attributes:
        reconcile: how it finds what is new.
        arrival_margin: how far below the newest id it looks, if at arrivals alone.
        only: numbers of the incremental models that are run, if not the whole project.
        fails: the number of a model that fails after it has written.
        variables: what else it is told.
    """

    reconcile: str = "full"
    arrival_margin: int = 10_000
    only: tuple[int, ...] = ()
    fails: int | None = None
    variables: tuple[str, ...] = ()


@dataclass
class Step:
    """What happens before a run, and the run.

    Attributes:
        run: the run.
        messages: what arrives.
        settings: what changes in the seeds.
        damage: the number of a table, and what is done to it.
        expired: raw rows of days before this one, from the first, are deleted, and are
            declared to be.
    """

    run: Run
    messages: list[Message] = field(default_factory=list)
    settings: tuple[str, ...] = ()
    damage: tuple[int, str] | None = None
    expired: int | None = None


class Schedule:
    """Steps, the last with a run of everything."""

    def __init__(self, steps: list[Step], features: Counter) -> None:
        self.steps, self.features = steps, features

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {n}" for name, n in sorted(self.features.items()))
        return f"Schedule({told})"

    def lines(self) -> list[str]:
        """Everything that happens, for whoever looks into a failure."""
        lines = []
        for step in self.steps:
            lines += [
                f"{m.id} {str(m.device_id)[:40]} {m.sensor_type} {m.timestamp} {m.data}"
                f" written {m.created_at}"
                for m in step.messages
            ]
            lines += [f"{step.settings} {step.damage} {step.expired}", str(step.run)]
        return lines


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Some days of some sensors, cut into arrivals, and what happens meanwhile."""
    features: Counter = Counter()
    rng = random.Random(draw(st.integers(0, 2**32), label="seed of the details"))
    events = st.lists(st.sampled_from(EVENTS), max_size=3)
    bursts = st.lists(st.tuples(st.sampled_from(BURSTS), events), max_size=3)
    days = st.lists(bursts, min_size=2, max_size=5)
    names = draw(
        st.lists(
            st.sampled_from([*DEVICES, *SENSORS]), min_size=1, max_size=4, unique=True
        )
    )
    messages: list[Message] = []
    for name in names:
        device = (Sensor if name in SENSORS else Device)(name, rng, features)
        for day, starts in enumerate(draw(days), draw(st.integers(0, 1))):
            for clock, happening in starts:
                messages += device.burst(at(clock, day), happening)
    odd = draw(st.sets(st.sampled_from(sorted(ODD)), max_size=5), label="odd messages")
    messages = spoil(messages, sorted(odd), rng, features)
    # What has no raw rows any more cannot follow another calendar.
    expires = draw(st.booleans(), label="raw rows expire")
    steps = draw(st.lists(_steps(expires), min_size=1, max_size=4))
    steps.append(draw(_last_steps(expires, any(step.damage for step in steps))))
    disorder = draw(st.sampled_from([0.0, 0.02, 0.2, 0.2, 1.0]), label="share late")
    arrivals = arrive(messages, len(steps), disorder, rng, features)
    for step, arrived in zip(steps, arrivals, strict=True):
        step.messages = arrived
        features.update(step.settings)
        features.update(step.run.variables)
        features["runs that look at arrivals"] += step.run.reconcile != "full"
        features["runs of some models"] += bool(step.run.only)
        features["runs that may fail"] += step.run.fails is not None
        features["times that raw rows expired"] += step.expired is not None
        if step.damage:
            features[step.damage[1]] += 1
    features["runs"] += len(steps)
    features["devices"] += len(names)
    features["messages"] += len(messages)
    return Schedule(steps, features)


def _steps(expires: bool) -> st.SearchStrategy[Step]:
    number = st.integers(0, 99)
    some = st.lists(number, min_size=1, max_size=6, unique=True).map(tuple)
    runs = st.one_of(
        st.builds(Run, variables=_variables(expires)),
        st.builds(
            Run, st.just("arrivals"), st.integers(0, 20), variables=_variables(expires)
        ),
        st.builds(Run, only=some, variables=_variables(expires)),
        st.builds(Run, fails=number, variables=_variables(expires)),
    )
    return st.builds(
        Step,
        runs,
        settings=_settings(expires),
        damage=_seldom(st.tuples(number, st.sampled_from(DAMAGES))),
        expired=_seldom(st.integers(1, 4)) if expires else st.none(),
    )


def _last_steps(expires: bool, is_damaged: bool) -> st.SearchStrategy[Step]:
    """Only a run that trusts nothing counts the rows there are."""
    runs = [st.builds(Run, variables=_variables(expires))]
    if not is_damaged:
        margin = st.integers(0, 20)
        by_arrivals = st.just("arrivals")
        runs.append(st.builds(Run, by_arrivals, margin, variables=_variables(expires)))
    return st.builds(
        Step,
        st.one_of(*runs),
        settings=_settings(expires),
        expired=_seldom(st.integers(1, 4)) if expires else st.none(),
    )


def _settings(expires: bool) -> st.SearchStrategy[tuple[str, ...]]:
    names = sorted(SETTINGS if expires else SETTINGS | COMMISSIONED)
    return st.lists(st.sampled_from(names), max_size=2, unique=True).map(tuple)


def _variables(expires: bool) -> st.SearchStrategy[tuple[str, ...]]:
    names = sorted(VARS if expires else VARS | CALENDARS)
    return _seldom(st.sampled_from(names)).map(lambda name: (name,) if name else ())


def _seldom(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(st.none(), st.none(), strategy)
