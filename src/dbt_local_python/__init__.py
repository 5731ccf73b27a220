"""Python models for dbt on plain PostgreSQL.

dbt-core imports every installed module named `dbt_*` and starts the classes in its
`plugins` list, so installing this package is all that `type: postgres` needs: the
model runs in the dbt process, on the connection and in the transaction that its
materialization holds (`macros/python_models.sql`).
"""

from dbt.plugins.manager import dbtPlugin


class LocalPython(dbtPlugin):
    """Gives dbt what Python models, runs at once and quick runs need."""

    def initialize(self) -> None:
        """Replace the adapter class before dbt registers an adapter."""
        from dbt import compilation
        from dbt.adapters import postgres

        from dbt_local_python.adapter import PostgresAdapter
        from dbt_local_python.inject_ctes import inject_ctes_into_sql

        postgres.Plugin.adapter = PostgresAdapter
        compilation.inject_ctes_into_sql = inject_ctes_into_sql


plugins = [LocalPython]
