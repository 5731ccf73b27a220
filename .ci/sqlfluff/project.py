"""What a model can read of dbt_project.yml, so that the linter sees real values."""

from pathlib import Path

import yaml

variables = yaml.safe_load(
    (Path(__file__).parents[2] / "dbt_project.yml").read_text("utf-8")
)["vars"]
