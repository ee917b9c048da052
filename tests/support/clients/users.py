"""Commands that only write rows, carried out in this process: a process of their own takes a second of CPU time."""

import io
from concurrent.futures import ThreadPoolExecutor

from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.support.servers.databases import use_database


def carry_out(blocker: DjangoDbBlocker, url: str, *arguments: str) -> str:
    """One of our management commands on the database `url`; returns its standard output.

    In a thread of its own, as an event loop may run in this one.
    """

    def run() -> str:
        out = io.StringIO()
        with use_database(url, blocker):
            call_command(*arguments, stdout=out)
        return out.getvalue()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
