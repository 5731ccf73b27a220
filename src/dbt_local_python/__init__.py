"""Python models for dbt on plain PostgreSQL.

dbt-core imports every installed module named `dbt_*` and starts the classes in its
`plugins` list, so installing this package is all that `type: postgres` needs: the
model runs in the dbt process, on the connection and in the transaction that its
materialization holds (`macros/dbt_overrides/`).
"""

from dbt.plugins.manager import dbtPlugin


class LocalPython(dbtPlugin):
    """Gives dbt what Python models, runs at once, quick runs and unit tests need."""

    def initialize(self) -> None:
        """Replace the adapter class before dbt registers an adapter."""
        from dbt import compilation
        from dbt.adapters import postgres
        from dbt.contracts.graph.nodes import ModelNode
        from dbt.task.run import ModelRunner
        from dbt.task.test import TestRunner

        from dbt_local_python import model_builds
        from dbt_local_python.adapter import PostgresAdapter
        from dbt_local_python.inject_ctes import inject_ctes_into_sql
        from dbt_local_python.unit_test_vars import execute_unit_test

        postgres.Plugin.adapter = PostgresAdapter
        compilation.inject_ctes_into_sql = inject_ctes_into_sql
        # dbt warns of constraints in any materialization that is not its own.
        ModelNode.materialization_enforces_constraints = property(
            lambda node: node.config.materialized in ENFORCES_CONSTRAINTS
        )
        TestRunner.execute_unit_test = execute_unit_test
        ModelRunner.compile_and_execute = model_builds.compile_and_execute


ENFORCES_CONSTRAINTS = ("table", "incremental", "device_day")

plugins = [LocalPython]
