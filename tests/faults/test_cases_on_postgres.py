"""What workers, requests and the API do with the database, once more on PostgreSQL: the unit tests run on SQLite."""

import os
import re
import subprocess
import sys

import psycopg
import pytest

from tests.support.environment import ROOT
from tests.support.servers.postgres import PostgresService

pytestmark = pytest.mark.timeout(420)

FOLDERS = ("devices/worker", "devices/requests", "devices/web/api")
TIMEOUT_S = 400
AT_LEAST = 80  # tests


def test_the_cases_that_the_database_decides_pass_on_postgresql_too(postgres: PostgresService) -> None:
    environment = {**os.environ, "CAUSEWAY_TEST_DATABASE_URL": postgres.database_url("cases")}
    arguments = ["-q", "-p", "no:cacheprovider", "--reuse-db", "-k", "case_"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *(f"tests/unit/{folder}" for folder in FOLDERS)],
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
