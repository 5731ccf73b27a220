"""From a directory to scores: a server for a while, messages, models, flags."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import psycopg2
import psycopg2.extensions
from numpy.typing import NDArray
from psycopg2 import sql
from rich.console import Console

from brickworks import dbt_runs
from brickworks.backtest import labels as labels_file
from brickworks.backtest.labels import EventLabels, Labels, Times
from brickworks.load import load_csv
from brickworks.local_database import Cluster, temporary_cluster
from brickworks.settings import Problem, raw_table
from brickworks.terminal import progress_bar, visible

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.contracts.graph.nodes import ModelNode

POINT_MODELS = (
    "brick_production_anomalies",
    "moisture_analysis_anomalies",
    "machine_monitoring_anomalies",
)
EPISODE_MODEL = "anomaly_episodes"
EPISODE_COLUMNS = ("device_id", "rule", "started_at", "peak_strength", "suppressed_by")
POINT_COLUMNS = ("device_id", "rule", "second", "strength")
OF_A_PLANT = ("device_registry", "line_assignments", "planned_stops")
"""Seeds that tell of a plant's own devices: empty where the directory brings none."""
FOLDERS = ("models", "macros", "seeds", "tests/generic")
FILES = ("dbt_project.yml", "selectors.yml", "unit_test_vars.yml")
EXPECTED = (
    "measurements*.csv or .csv.gz (one), truth*.json or .json.gz (one) and, if you "
    "like, seeds/*.csv; see docs/backtest.md"
)


@dataclass(frozen=True)
class Input:
    """What a directory holds.

    Attributes:
        measurements: Raw messages.
        truth: Labels.
        seeds: Seed files in place of the project's, by name.
    """

    measurements: Path
    truth: Path
    seeds: Mapping[str, Path]


@dataclass(frozen=True)
class Detections:
    """What the models said, by the labels' rows.

    Attributes:
        labels: Device id → labels.
        rules: Rule → device id → n strengths, 0 where it did not flag.
    """

    labels: Mapping[str, Labels]
    rules: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def strengths(self, device_id: str) -> NDArray[np.float64]:
        """Return the greatest strength of any rule at each of a device's n rows."""
        strengths = np.zeros(len(self.labels[device_id].times))
        for devices in self.rules.values():
            if device_id in devices:
                strengths = np.maximum(strengths, devices[device_id])
        return strengths

    def flags(self, device_id: str) -> NDArray[np.bool_]:
        """Return where any rule flagged a device: n flags."""
        return self.strengths(device_id) > 0


def together(parts: Mapping[str, Detections]) -> Detections:
    """Pool what was detected in several directories.

    Args:
        parts: Name of a directory → its detections. With more than one, the name goes
            before each device's: a simulated plant has the same devices every time.
    """
    if len(parts) == 1:
        return next(iter(parts.values()))
    rules: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, part in parts.items():
        for rule, devices in part.rules.items():
            rules.setdefault(rule, {}).update(
                {f"{name}: {device_id}": found for device_id, found in devices.items()}
            )
    labels = {
        f"{name}: {device_id}": each
        for name, part in parts.items()
        for device_id, each in part.labels.items()
    }
    return Detections(labels, rules)


def find_input(directory: Path) -> Input:
    """Return the files of a directory.

    Raises:
        Problem: If the directory, or a file in it, is missing.
    """
    if not directory.is_dir():
        raise Problem(
            f"{visible(directory)} is no directory. A directory is expected that holds "
            f"{EXPECTED}."
        )
    return Input(
        _the_one(directory, "measurements", ("csv", "csv.gz")),
        _the_one(directory, "truth", ("json", "json.gz")),
        {path.name: path for path in sorted((directory / "seeds").glob("*.csv"))},
    )


def _the_one(directory: Path, stem: str, endings: tuple[str, ...]) -> Path:
    found = sorted(
        path for ending in endings for path in directory.glob(f"{stem}*.{ending}")
    )
    if len(found) != 1:
        what = "no" if not found else "more than one"
        names = f"{stem}*.{' or .'.join(endings)}"
        raise Problem(
            f"{visible(directory)} holds {what} {names}. Expected are {EXPECTED}."
        )
    return found[0]


def detect(root: Path, directory: Path, *, scores_episodes: bool = True) -> Detections:
    """Put a directory's messages through the project's models.

    Nothing of the user's is touched: the server, the database and what dbt writes are
    there for a while only.

    Args:
        root: Project directory.
        directory: What to test on, see `find_input`.
        scores_episodes: Whether devices with injected events are scored by the mart of
            episodes, in place of the points.

    Raises:
        Problem: If something is missing, malformed, or fails.
    """
    given = find_input(directory)
    labels = labels_file.read(given.truth)
    # As of the benchmark: the temporary folder may be small, or memory.
    parent = root / ".local" / "backtest"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="work-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # The server may be another user.
        project = copy_project(root, folder / "project", given.seeds)
        with temporary_cluster(folder / "server") as cluster, _led_to(cluster):
            with (
                closing(psycopg2.connect(**cluster.superuser_dsn())) as connection,
                progress_bar("Loading messages", shows_count=False) as report,
            ):
                load_csv(connection, given.measurements, raw_table(root), report)
                with connection.cursor() as cursor:
                    table = sql.Identifier(*raw_table(root))
                    cursor.execute(sql.SQL("analyze {}").format(table))
                connection.commit()
            try:
                manifest = _build(project, scores_episodes)
            except Problem as problem:
                log, kept = project / "logs" / "dbt.log", root / "logs" / "backtest.log"
                if not log.exists():
                    raise
                # What tells why would go with the folder.
                kept.parent.mkdir(exist_ok=True)
                shutil.copy(log, kept)
                raise Problem(str(problem).replace(str(log), str(kept))) from None
            with closing(psycopg2.connect(**cluster.superuser_dsn())) as connection:
                return _read(connection, manifest, labels, scores_episodes)


def copy_project(root: Path, to: Path, seeds: Mapping[str, Path]) -> Path:
    """Copy the project, with other seeds, and return where it is.

    Args:
        root: The project.
        to: Where the copy goes.
        seeds: Seed files in place of the project's, by name. Of those that tell of a
            plant's devices the others are left empty.

    Raises:
        Problem: If the project has no seed of that name.
    """
    to.mkdir(parents=True)
    for name in FOLDERS:
        shutil.copytree(root / name, to / name)
    for name in FILES:
        shutil.copy(root / name, to / name)
    shutil.copy(root / "profiles.example.yml", to / "profiles.yml")
    known = {path.name for path in (to / "seeds").glob("*.csv")}
    if unknown := sorted(set(seeds) - known):
        raise Problem(
            f"The project has no seed {visible(', '.join(unknown))}; it has "
            f"{', '.join(sorted(known))}."
        )
    for name in OF_A_PLANT:
        file = to / "seeds" / f"{name}.csv"
        with file.open(encoding="utf-8") as lines:
            header = lines.readline()
        file.write_text(header, encoding="utf-8")
    for name, path in seeds.items():
        shutil.copyfile(path, to / "seeds" / name)
    return to


@contextmanager
def _led_to(cluster: Cluster) -> Iterator[None]:
    """Lead dbt to a server, whatever server the user works with."""
    ours = {"BRICKWORKS_DB_HOST": ""} | cluster.server.environment()
    before = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("BRICKWORKS_DB_")
    }
    for name in before:
        del os.environ[name]
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(before)


def _build(project: Path, scores_episodes: bool) -> Manifest:
    """Build what the anomalies are made of, and return the project as dbt knows it."""
    with progress_bar("Reading the project"):
        manifest = dbt_runs.invoke(project, ["parse"], None).result
    names = {node.name for node in _models(manifest)}
    if scores_episodes and EPISODE_MODEL not in names:
        raise Problem(f"This project has no model {EPISODE_MODEL}: score the --points.")
    wanted = [name for name in (*POINT_MODELS, EPISODE_MODEL) if name in names]
    select = [f"+{name}" for name in wanted]
    for command in (["seed"], ["run", "--select", *select]):
        with progress_bar("Building the anomalies") as report:
            watcher = dbt_runs.Watcher(report, Console(stderr=True))
            built = dbt_runs.invoke(
                project, command, None, manifest, watcher, may_fail=True
            )
        if not built.success:
            raise Problem(
                f"dbt {command[0]} failed: {watcher.failures} nodes, see above; all "
                f"details are in {project / 'logs' / 'dbt.log'}."
            )
    return manifest


def _models(manifest: Manifest) -> list[ModelNode]:
    return [
        node for node in manifest.nodes.values() if node.resource_type.value == "model"
    ]


def _read(
    connection: psycopg2.extensions.connection,
    manifest: Manifest,
    labels: Mapping[str, Labels],
    scores_episodes: bool,
) -> Detections:
    nodes = {node.name: node for node in _models(manifest)}
    points = pd.concat(
        [_points(connection, nodes[name]) for name in POINT_MODELS if name in nodes],
        ignore_index=True,
    )
    if scores_episodes:
        points = told(labels, points, _episodes(connection, nodes[EPISODE_MODEL]))
    return Detections(labels, by_rule(labels, points))


def told(
    labels: Mapping[str, Labels], points: pd.DataFrame, episodes: pd.DataFrame
) -> pd.DataFrame:
    """Take episodes for devices with injected events, and points for the others.

    Args:
        labels: Device id → labels.
        points: Rows with a device_id.
        episodes: The same for the onsets of episodes.
    """
    with_events = {
        name for name, each in labels.items() if isinstance(each, EventLabels)
    }
    return pd.concat(
        [
            points[~points["device_id"].isin(with_events)],
            episodes[episodes["device_id"].isin(with_events)],
        ],
        ignore_index=True,
    )


def _points(
    connection: psycopg2.extensions.connection, node: ModelNode
) -> pd.DataFrame:
    statement = sql.SQL(
        "select device_id, detector, floor(extract(epoch from at))::bigint,"
        " coalesce(strength, 1)::double precision from {} where is_flagged"
    ).format(sql.Identifier(node.schema, node.alias))
    return _frame(connection, statement, POINT_COLUMNS)


def _episodes(
    connection: psycopg2.extensions.connection, node: ModelNode
) -> pd.DataFrame:
    missing = sorted(set(EPISODE_COLUMNS) - set(node.columns))
    if missing:
        raise Problem(
            f"The model {EPISODE_MODEL} has no column {', '.join(missing)}: without it "
            "its episodes cannot be scored."
        )
    statement = sql.SQL(
        "select device_id, rule, floor(extract(epoch from started_at))::bigint,"
        " coalesce(peak_strength, 1)::double precision from {}"
        " where suppressed_by is null and started_at is not null"
    ).format(sql.Identifier(node.schema, node.alias))
    return _frame(connection, statement, POINT_COLUMNS)


def _frame(
    connection: psycopg2.extensions.connection,
    statement: sql.Composable,
    columns: tuple[str, ...],
) -> pd.DataFrame:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return pd.DataFrame(cursor.fetchall(), columns=list(columns))


def by_rule(
    labels: Mapping[str, Labels], points: pd.DataFrame
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Put points on the rows of the labels.

    Args:
        labels: Device id → labels.
        points: device_id, rule, second (UTC, since 1970), strength.

    Returns:
        Rule → device id → n strengths, 0 where there is no point.
    """
    rules: dict[str, dict[str, NDArray[np.float64]]] = {}
    for (rule, device_id), rows in points.groupby(["rule", "device_id"]):
        if device_id in labels:
            rules.setdefault(rule, {})[device_id] = on_rows(
                labels[device_id].times,
                rows["second"].to_numpy(),
                rows["strength"].to_numpy(),
            )
    return rules


def on_rows(
    times: Times,
    seconds: NDArray[np.int64],
    strengths: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the strength at each message: what a point says is known with a message.

    A point at the very second of messages is on all of them. Another one, as at the end
    of a minute, is on the first message after it; after the last message on the last.

    Args:
        times: n times of messages.
        seconds: m times of points, seconds since 1970.
        strengths: m strengths, above 0; 1 when absent.

    Returns:
        n values: the greatest strength there, 0 without a point.
    """
    if strengths is None:
        strengths = np.ones(len(seconds))
    # Some series go back a step, or stand still: places are among the distinct times.
    distinct, place = np.unique(times, return_inverse=True)
    at = np.searchsorted(distinct.astype(np.int64), np.asarray(seconds, dtype=np.int64))
    strongest = np.zeros(len(distinct))
    np.maximum.at(strongest, np.minimum(at, len(distinct) - 1), strengths)
    return strongest[place]


def write_flags(path: Path, detections: Detections) -> int:
    """Write the flagged rows and which rules flagged them; return how many they are.

    Args:
        path: A CSV file.
        detections: What the models said.
    """
    n = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("device_id", "timestamp", "score", "flag", "rules"))
        for device_id, labels in detections.labels.items():
            flags = detections.flags(device_id)
            scores = detections.strengths(device_id)
            for row in np.flatnonzero(flags):
                rules = sorted(
                    rule
                    for rule, devices in detections.rules.items()
                    if device_id in devices and devices[device_id][row] > 0
                )
                time = f"{labels.times[row]}Z"
                out.writerow((device_id, time, scores[row], 1, " ".join(rules)))
            n += int(flags.sum())
    return n
