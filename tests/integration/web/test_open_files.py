"""A web process that may open no more files says so once, with the limit, and shows it on /ops."""

import contextlib
import resource

from tests.integration.web.conftest import Starter
from tests.support.waiting import eventually

LIMIT = 256
SAID = "the limit of open files is reached"


def test_case_j11_connections_beyond_the_limit_of_files_are_told_once_and_shown(start: Starter) -> None:
    web = start()
    token = web.token()
    resource.prlimit(web.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    with contextlib.ExitStack() as stack:
        for _ in range(LIMIT + 40):
            stack.enter_context(contextlib.closing(web.connect()))
        web.process.wait_for_line(f"{SAID} .*limit={LIMIT}")
    shown = eventually(lambda: web.ask("GET", "/api/v1/ops", Authorization=f"Bearer {token}"), retry_on=(OSError,))
    assert b'"limit":256' in shown.content.replace(b" ", b"")
    assert b'"count":0' not in shown.content.partition(b'"refusals"')[2].replace(b" ", b"")
    assert web.process.count_lines(SAID) == 1
    assert not web.process.count_lines("Traceback")
