"""What workers, requests and the API do with the database, once more on PostgreSQL: the unit tests run on SQLite."""

import re
import subprocess
import sys

import psycopg
import pytest

from tests.support.environment import ROOT, clean_environment
from tests.support.servers.postgres import PostgresService

pytestmark = pytest.mark.timeout(420)

# Not more of the API's: their threads keep connections, which are as many as the pool has.
TESTS = (
    "devices/worker",
    "devices/requests",
    "devices/handlers/test_shard_runner.py",
    "devices/web/api/test_commands.py",
    "devices/web/api/test_desired.py",
)
TIMEOUT_S = 400
AT_LEAST = 60  # tests


def test_the_cases_that_the_database_decides_pass_on_postgresql_too(postgres: PostgresService) -> None:
    environment = {**clean_environment(), "CAUSEWAY_TEST_DATABASE_URL": postgres.database_url("cases")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)  # else Django has its settings before the tests have set theirs
    environment.pop("CAUSEWAY_TEST_SUMMARY", None)  # this run's own
    arguments = ["-q", "-p", "no:cacheprovider", "--reuse-db", "-k", "case_ or test_sources or test_shard_runner"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *(f"tests/unit/{name}" for name in TESTS)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8_000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= AT_LEAST
    with psycopg.connect(postgres.database_url("test_cases"), connect_timeout=10) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'devices_%'").fetchone()
    assert tables is not None
    assert tables[0] > 0, "it was PostgreSQL that they ran on"
    postgres.drop_database(postgres.database_url("test_cases"))
