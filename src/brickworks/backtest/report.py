"""Scores beside their targets: as tables to read, and as JSON to keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from brickworks.backtest import scoring
from brickworks.backtest.labels import EventLabels, NabLabels, SkabLabels
from brickworks.backtest.run import Detections
from brickworks.backtest.scoring import EventScore, RowCounts
from brickworks.terminal import as_text, visible

DOMAINS = {
    "brick_counter": "bricks",
    "moisture": "moisture",
    "machine_monitoring": "machines",
}


@dataclass(frozen=True)
class Target:
    """What a metric has to reach, should reach, and would be proud to reach."""

    floor: float
    good: float
    moonshot: float
    is_least: bool = False


@dataclass(frozen=True)
class Metric:
    """One line of the table.

    Attributes:
        name: What was measured.
        value: How it came out, None if it cannot be known.
        target: What it is held against, None if nothing.
        places: Decimal places shown.
    """

    name: str
    value: float | None
    target: Target | None = None
    places: int = 1

    @property
    def meets_floor(self) -> bool | None:
        """Whether the floor is reached, None without one or without a value."""
        if self.target is None or self.value is None:
            return None
        if self.target.is_least:
            return self.value <= self.target.floor
        return self.value >= self.target.floor


TARGETS = {
    "NAB standard, onset flags": Target(60, 70, 75),
    "NAB reward_low_FP, onset flags": Target(50, 62, 67),
    "SKAB F1": Target(0.78, 0.83, 0.85),
    "SKAB false alarm rate, %": Target(20, 17, 12, is_least=True),
    "SKAB change points, NAB score": Target(33, 42, 48),
    "bricks F1": Target(0.75, 0.85, 0.95),
    "bricks false episodes per device-day": Target(0.5, 0.3, 0.1, is_least=True),
    "moisture F1": Target(0.75, 0.80, 0.90),
}
"""Metric → its targets, fixed before anything was scored."""


@dataclass(frozen=True)
class RuleCounts:
    """What one rule flagged in one data set.

    Attributes:
        data_set: nab, skab, or a sensor type of a simulated plant.
        rule: The rule.
        flagged: Rows.
        onsets: Flags that begin something.
        on_labels: Rows that are labelled as strange.
        outside: Rows that are not.
        unjudged: Rows of the warm-up, or ignored.
    """

    data_set: str
    rule: str
    flagged: int
    onsets: int
    on_labels: int
    outside: int
    unjudged: int


@dataclass(frozen=True)
class Report:
    """All that came out.

    Attributes:
        metrics: Lines of the table.
        rows: Of SKAB, None without it.
        events: Sensor type → score of the injected events.
        rules: What each rule flagged.
    """

    metrics: list[Metric]
    rows: RowCounts | None
    events: dict[str, EventScore]
    rules: list[RuleCounts]

    @property
    def meets_floors(self) -> bool:
        """Whether no metric is below its floor."""
        return all(metric.meets_floor is not False for metric in self.metrics)

    def as_json(self) -> dict[str, Any]:
        """Return everything as objects of JSON."""
        rows = self.rows
        return {
            "metrics": [
                asdict(metric) | {"meets_floor": metric.meets_floor}
                for metric in self.metrics
            ],
            "skab_rows": rows
            and asdict(rows) | {"f1_of_flagging_all": rows.f1_of_flagging_all},
            "events": {domain: _event_json(s) for domain, s in self.events.items()},
            "rules": [asdict(rule) for rule in self.rules],
        }


def make(detections: Detections) -> Report:
    """Score detections with all that their labels allow."""
    found: list[tuple[str, float | None, int]] = list(_nab(detections))
    rows = None
    if any(isinstance(each, SkabLabels) for each in detections.labels.values()):
        rows = _skab(detections)
        found += [
            ("SKAB F1", rows.f1, 3),
            ("SKAB false alarm rate, %", rows.far, 1),
            ("SKAB missed alarm rate, %", rows.mar, 1),
            ("SKAB balanced accuracy, %", rows.balanced_accuracy, 1),
            *_changes(detections),
        ]
    events = _events(detections)
    for domain, score in events.items():
        name = DOMAINS.get(domain, domain)
        found += [
            (f"{name} F1", score.f1, 3),
            (f"{name} recall", score.recall, 3),
            (f"{name} precision", score.precision, 3),
            (
                f"{name} false episodes per device-day",
                score.false_per_device_day,
                3,
            ),
            (f"{name} mean delay, share of the event", score.mean_delay, 3),
        ]
    metrics = [Metric(name, value, TARGETS.get(name), n) for name, value, n in found]
    return Report(metrics, rows, events, list(_rules(detections)))


def show(report: Report, console: Console) -> None:
    """Print a report."""
    table = Table(title="Scores", title_justify="left", title_style="bold", box=None)
    table.add_column("metric")
    for heading in ("ours", "floor", "good", "moonshot"):
        table.add_column(heading, justify="right")
    table.add_column("floor met")
    for metric in report.metrics:
        table.add_row(
            as_text(metric.name),
            _number(metric.value, metric.places),
            *_levels(metric.target),
            {True: "yes", False: "NO", None: ""}[metric.meets_floor],
        )
    console.print(table)
    if report.rows:
        every = _number(report.rows.f1_of_flagging_all, 3)
        console.print(
            f"Flagging every row would have SKAB F1 {every} at a false alarm rate of "
            "100 %: read F1 with it.",
            highlight=False,
        )
    for domain, score in report.events.items():
        console.print()
        _show_events(DOMAINS.get(domain, domain), score, console)
    console.print()
    _show_rules(report.rules, console)


def _nab(detections: Detections) -> Iterator[tuple[str, float | None, int]]:
    labels = {
        name: each
        for name, each in detections.labels.items()
        if isinstance(each, NabLabels)
    }
    if not labels:
        return
    series = [each.windowed() for each in labels.values()]
    flags = [detections.flags(name) for name in labels]
    begun = [scoring.onsets(each) for each in flags]
    for what, given in (("onset flags", begun), ("every flagged row", flags)):
        for profile in scoring.PROFILES:
            score = scoring.nab_score(series, given, profile)
            yield f"NAB {profile.name}, {what}", score, 1


def _skab(detections: Detections) -> RowCounts:
    rows = RowCounts()
    for name, each in detections.labels.items():
        if isinstance(each, SkabLabels):
            flags = detections.flags(name)
            rows += scoring.row_counts(each.strange, flags, each.warm_up)
    return rows


def _changes(detections: Detections) -> Iterator[tuple[str, float | None, int]]:
    """Score change points by the onsets of each rule: what an operator is told once.

    The onsets of all flags together would not do: a rule that flags all of a long
    episode hides its end, which is a change, too, and which another rule may tell of.
    """
    labels = {
        name: each
        for name, each in detections.labels.items()
        if isinstance(each, SkabLabels)
    }
    windows = [each.change_points() for each in labels.values()]
    begun = {
        name: np.zeros(len(each.times), dtype=bool) for name, each in labels.items()
    }
    for rule, devices in sorted(detections.rules.items()):
        alone = {
            name: scoring.onsets(devices[name] > 0)
            if name in devices
            else nothing & False
            for name, nothing in begun.items()
        }
        if any(found.any() for found in alone.values()):
            begun = {name: begun[name] | alone[name] for name in labels}
            score = scoring.nab_score(windows, list(alone.values()))
            yield f"SKAB change points, {rule} alone", score, 1
    score = scoring.nab_score(windows, list(begun.values()))
    yield "SKAB change points, NAB score", score, 1


def _events(detections: Detections) -> dict[str, EventScore]:
    scores: dict[str, EventScore] = {}
    for name, each in sorted(detections.labels.items()):
        if isinstance(each, EventLabels):
            score = scoring.event_score(
                each.events,
                detections.flags(name),
                each.warm_up,
                each.ignored,
                each.judged_days,
            )
            scores[each.domain] = scores.get(each.domain, EventScore()) + score
    return scores


def _rules(detections: Detections) -> Iterator[RuleCounts]:
    counts: dict[tuple[str, str], np.ndarray] = {}
    for rule, devices in detections.rules.items():
        for device_id, strengths in devices.items():
            labels, flags = detections.labels[device_id], strengths > 0
            gap = (
                scoring.EVENT_ONSET_ROWS
                if isinstance(labels, EventLabels)
                else scoring.ONSET_ROWS
            )
            right, unjudged = labels.labelled(), labels.unjudged()
            row = np.array(
                [
                    flags.sum(),
                    scoring.onsets(flags, gap).sum(),
                    (flags & right).sum(),
                    (flags & ~right & ~unjudged).sum(),
                    (flags & unjudged).sum(),
                ]
            )
            key = (labels.data_set, rule)
            counts[key] = counts.get(key, np.zeros_like(row)) + row
    for (data_set, rule), numbers in sorted(counts.items()):
        yield RuleCounts(data_set, rule, *map(int, numbers))


def _levels(target: Target | None) -> tuple[str, str, str]:
    if target is None:
        return "", "", ""
    sign = "≤ " if target.is_least else ""
    return (
        f"{sign}{target.floor:g}",
        f"{sign}{target.good:g}",
        f"{sign}{target.moonshot:g}",
    )


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _event_json(score: EventScore) -> dict[str, Any]:
    return {
        "recall": score.recall,
        "precision": score.precision,
        "f1": score.f1,
        "false_episodes": score.false_episodes,
        "device_days": score.device_days,
        "false_episodes_per_device_day": score.false_per_device_day,
        "mean_relative_delay": score.mean_delay,
        "per_kind": {
            kind: {"found": score.found.get(kind, 0), "total": total}
            for kind, total in score.total.items()
        },
    }


def _show_events(name: str, score: EventScore, console: Console) -> None:
    console.print(
        f"Injected events: {visible(name)}, {score.false_episodes} false episodes in"
        f" {score.device_days:.1f} device-days",
        style="bold italic",
        markup=False,
        highlight=False,
    )
    table = Table(box=None)
    table.add_column("kind")
    table.add_column("found", justify="right")
    table.add_column("of", justify="right")
    for kind, total in sorted(score.total.items()):
        table.add_row(as_text(kind), str(score.found.get(kind, 0)), str(total))
    console.print(table)


def _show_rules(rules: list[RuleCounts], console: Console) -> None:
    table = Table(title="Rules", title_justify="left", title_style="bold", box=None)
    for heading in ("data", "rule"):
        table.add_column(heading)
    for heading in ("flagged rows", "onsets", "on labels", "outside", "not judged"):
        table.add_column(heading, justify="right")
    for each in rules:
        data_set = DOMAINS.get(each.data_set, each.data_set)
        numbers = (
            each.flagged,
            each.onsets,
            each.on_labels,
            each.outside,
            each.unjudged,
        )
        table.add_row(
            as_text(data_set), as_text(each.rule), *map("{:,}".format, numbers)
        )
    console.print(table)
