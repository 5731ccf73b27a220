"""A throw-away server for this project, and how dbt is told of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.scenarios import ROOT, SERVER_SETTINGS
from brickworks.local_database import Cluster, temporary_cluster


@contextmanager
def throw_away() -> Iterator[tuple[Cluster, list[str]]]:
    """Yield a running server, and options for dbt that leave the checkout as it is.

    `cluster.server.environment()` leads dbt to the server.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # The server may be another user.
        shutil.copy(ROOT / "profiles.example.yml", folder / "profiles.yml")
        options = ["--project-dir", str(ROOT), "--profiles-dir", name]
        options += ["--target-path", str(folder / "target"), "--log-path", name]
        with temporary_cluster(folder / ".local", settings=SERVER_SETTINGS) as cluster:
            yield cluster, options
