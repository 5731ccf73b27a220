"""Gives unit tests the vars they were written for, whatever a plant has set.

A unit test states a rule with numbers: what a day counts that begins at 06:00, which
step is slow below 80 %. dbt-core renders it with the vars of the run, so that a plant's
own clock or rates would fail it, and `dbt build` would skip every table behind it.
"""

import functools
from copy import copy
from pathlib import Path
from typing import Any

import yaml
from dbt.compilation import Compiler
from dbt.config import RuntimeConfig
from dbt.config.project import VarProvider
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import UnitTestDefinition, UnitTestNode
from dbt.task.test import TestRunner, UnitTestResultData

FILE = "unit_test_vars.yml"
"""Beside `dbt_project.yml`; its content is what stands there under `vars`."""

execute_as_dbt_does = TestRunner.execute_unit_test


def execute_unit_test(
    runner: TestRunner, unit_test: UnitTestDefinition, manifest: Manifest
) -> tuple[UnitTestNode, UnitTestResultData]:
    """Stand in for `dbt.task.test.TestRunner.execute_unit_test`.

    A runner is made for one test. Its config is what the tested model, its inputs and
    every macro look vars up in; the test's own `overrides` come on top.

    Args:
        runner: the runner of this test; it is left as it is.
        unit_test: the test as its YAML has it.
        manifest: the whole project.

    Returns:
        What dbt's own method returns.
    """
    file = Path(runner.config.project_root, FILE)
    if file.exists():
        runner = copy(runner)
        runner.config = with_vars(runner.config, read(file.read_text("utf-8")))
        runner.compiler = Compiler(runner.config)
    return execute_as_dbt_does(runner, unit_test, manifest)


def with_vars(config: RuntimeConfig, known: dict[str, Any]) -> RuntimeConfig:
    """Return a config that knows these vars and no others of its project."""
    changed = copy(config)
    changed.vars, changed.cli_vars = VarProvider(known), {}
    return changed


@functools.cache
def read(text: str) -> dict[str, Any]:
    """Return the vars of a file: once for all tests of a run."""
    return yaml.safe_load(text) or {}
