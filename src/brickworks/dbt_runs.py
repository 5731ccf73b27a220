"""dbt in this process: its commands, what it tells, and why it failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from brickworks.settings import Problem
from brickworks.terminal import progress_bar, visible

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

DOCUMENT = ("docs", "generate", "--static")
DOCS_FILE = Path("target") / "static_index.html"
"""What `DOCUMENT` writes, below the project directory."""


def build(root: Path, target: str | None, arguments: tuple[str, ...]) -> int:
    """Build and document in one process, parsing once.

    Args:
        root: Project directory.
        target: Target of the profile, its default target when absent.
        arguments: More arguments of `dbt build`.

    Returns:
        How many nodes failed; their errors are told on stderr.

    Raises:
        Problem: If dbt fails otherwise.
    """
    manifest = invoke(root, ["parse"], target).result
    console = Console(stderr=True)
    with progress_bar("Building") as report:
        watcher = Watcher(report, console)
        # Unit tests test the code, not the plant's data: `make test` runs them.
        command = ["build", "--exclude-resource-type", "unit_test", *arguments]
        built = invoke(root, command, target, manifest, watcher, may_fail=True)
    failures = watcher.failures
    if not built.success and not failures:
        raise _problem(built, root)
    # What is there gets documented, whatever failed beside it.
    command = [*DOCUMENT, "--no-compile"]
    documented = invoke(root, command, target, manifest, may_fail=True)
    if not documented.success and not failures:
        raise _problem(documented, root)
    return failures


def invoke(
    root: Path,
    command: list[str],
    target: str | None,
    manifest: Manifest | None = None,
    watcher: Callable[[Any], None] | None = None,
    *,
    may_fail: bool = False,
) -> Any:  # noqa: ANN401
    """Run one dbt command; its whole log goes to logs/dbt.log.

    Args:
        root: Project directory.
        command: The command with its arguments.
        target: Target of the profile, its default target when absent.
        manifest: The project if it is parsed already.
        watcher: Called with every event of dbt.
        may_fail: Whether the caller looks at `success` itself.

    Returns:
        dbt's own result.

    Raises:
        Problem: If the command fails, unless it may.
    """
    # dbt takes seconds to import: only a command that needs it pays.
    from dbt.cli.main import dbtRunner

    options = [
        *("--project-dir", str(root), "--profiles-dir", str(root)),
        *("--log-level", "none", "--log-level-file", "debug"),
        # What is told of its messages is text: colors would be shown as codes.
        "--no-use-colors",
    ]
    if target:
        options += ["--target", target]
    runner = dbtRunner(manifest=manifest, callbacks=[watcher] if watcher else [])
    with chdir(root):
        result = runner.invoke([*command, *options])
    if not result.success and not may_fail:
        raise _problem(result, root)
    return result


def _problem(result: Any, root: Path) -> Problem:  # noqa: ANN401
    said = str(result.exception).strip() if result.exception else "it says no reason"
    log = root / "logs" / "dbt.log"
    return Problem(f"dbt failed: {said}\nAll details are in {log}.")


class Watcher:
    """Turns dbt's events into a progress bar, warnings and errors.

    Attributes:
        failures: How many nodes failed so far.
    """

    def __init__(self, report: Callable[[int, int], None], console: Console) -> None:
        self.failures = 0
        self._report = report
        self._console = console
        self._done = 0
        self._total = 0

    def __call__(self, event: Any) -> None:  # noqa: ANN401
        """Take one event of dbt."""
        if event.info.level in ("warn", "error"):
            message = event.info.msg.strip()
            if message:
                click.echo(visible(message, keeps_lines=True), err=True)
        if event.info.name == "LogStartLine":
            self._total = max(self._total, event.data.total)
        elif event.info.name == "NodeFinished":
            self._done += 1
            status = event.data.run_result.status
            if status in ("error", "fail", "runtime error"):
                self.failures += 1
            node = event.data.node_info
            if not self._console.is_terminal and "test" not in node.resource_type:
                seconds = event.data.run_result.execution_time
                click.echo(
                    f"{node.resource_type} {node.node_name}: {status}, {seconds:.1f} s",
                    err=True,
                )
        self._report(self._done, max(self._total, self._done))
