"""What dbt asks of every adapter about configured grants, of our materializations."""

import psycopg2
import pytest
from dbt.adapters.factory import reset_adapters
from dbt.tests.adapter.grants.test_invalid_grants import BaseInvalidGrants
from dbt.tests.adapter.grants.test_model_grants import BaseModelGrants
from dbt.tests.adapter.grants.test_seed_grants import BaseSeedGrants
from dbt.tests.fixtures.project import project  # noqa: F401  # not that of conftest.py
from scratch import MACROS

pytest_plugins = ["dbt.tests.fixtures.project"]


@pytest.fixture(scope="class")
def dbt_profile_target(hostile: dict) -> dict:
    # An adapter of another module's last run would be taken, with its database.
    reset_adapters()
    return {"type": "postgres", "threads": 1, "password": ""} | hostile


@pytest.fixture(scope="class")
def macros() -> dict[str, str]:
    return {file.name: file.read_text() for file in MACROS}


@pytest.fixture(scope="class", autouse=True)
def test_users(hostile: dict):
    """The three roles that these tests grant to."""
    opened = psycopg2.connect(**hostile)
    opened.autocommit = True
    with pytest.MonkeyPatch.context() as patch, opened.cursor() as cursor:
        for number in (1, 2, 3):
            cursor.execute(f"create role grantee_{number}")
            patch.setenv(f"DBT_TEST_USER_{number}", f"grantee_{number}")
        yield
        for number in (1, 2, 3):
            cursor.execute(f"drop owned by grantee_{number}")
            cursor.execute(f"drop role grantee_{number}")
    opened.close()


class TestGrantsOfModels(BaseModelGrants):
    pass


class TestGrantsOfSeeds(BaseSeedGrants):
    pass


class TestInvalidGrants(BaseInvalidGrants):
    pass
