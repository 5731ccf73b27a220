"""A small dbt project with this project's materializations."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg2
import yaml
from dbt.cli.main import dbtRunner

# Another project: how the tests themselves are tested.
ROOT = Path(os.environ.get("BRICKWORKS_TESTED_PROJECT", Path(__file__).parents[2]))
OF_THIS_PROJECT = {
    "generate_schema_name.sql",
    "get_where_subquery.sql",
    "get_columns_in_relation.sql",
    "get_empty_schema_sql.sql",
}
MACROS = [
    file
    for folder in ("dbt_overrides", "readers")
    for file in (ROOT / "macros" / folder).glob("*.sql")
    if file.name not in OF_THIS_PROJECT
]


class Scratch:
    """A dbt project in a folder, with a schema of its own."""

    def __init__(self, folder: Path, cluster: dict, schema: str):
        self.folder, self.dsn, self.schema = folder, cluster, schema
        profile = {"type": "postgres", "password": "", "schema": schema, "threads": 1}
        self.write("profiles.yml", {
            "scratch": {"target": "t", "outputs": {"t": profile | cluster}}
        })  # fmt: skip
        project = {"name": "scratch", "version": "1.0", "profile": "scratch"}
        self.write("dbt_project.yml", project)
        for file in MACROS:
            self.write(f"macros/{file.name}", file.read_text())

    def write(self, path: str, content: str | dict) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        file.write_text(text)

    def model(self, name: str, code: str, columns: dict, **config: object) -> None:
        """Write `<name>.py` whose body is `code`, and its YAML."""
        body = "\n".join(f"    {line}" for line in code.strip().splitlines())
        self.write(f"models/{name}.py", f"def model(dbt, session):\n{body}\n")
        typed = [{"name": c, "data_type": kind} for c, kind in columns.items()]
        node = {"name": name, "config": config, "columns": typed}
        self.write(f"models/{name}.yml", {"models": [node]})

    def dbt(self, *arguments: str, succeeds: bool = True) -> str:
        """Run dbt in this process; return what the nodes say."""
        where = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        quiet = ["--quiet", "--no-send-anonymous-usage-stats"]
        done = dbtRunner().invoke([*arguments, *where, *quiet])
        assert done.exception is None, done.exception
        said = "\n".join(str(result.message) for result in done.result)
        assert done.success == succeeds, said
        return said

    def dbt_process(self) -> subprocess.CompletedProcess:
        """Run dbt as its own process, as people do."""
        command = "from dbt.cli.main import cli; cli(['--no-use-colors', 'run'])"
        return subprocess.run(
            [sys.executable, "-c", command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=os.environ | {"DBT_PROFILES_DIR": str(self.folder)},
        )

    def query(self, sql: str) -> list[tuple]:
        opened = psycopg2.connect(**self.dsn, options=f"-c search_path={self.schema}")
        try:
            with opened, opened.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            opened.close()
