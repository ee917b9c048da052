"""One running compose project for all tests here."""

import sys
from collections.abc import Iterator

import pytest

from tests.compose.stack import Stack, images


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The compose file, up and ready; a fresh project on nothing but defaults."""
    nothing = tmp_path_factory.mktemp("compose") / "empty.env"
    nothing.touch()
    with images() as settings:
        stack = Stack(settings, nothing)
        try:
            _up(stack)
            yield stack
        finally:
            stack.down()


def _up(stack: Stack) -> None:
    try:
        stack.up()
    except AssertionError as error:
        raise AssertionError(f"{error}\n{stack.logs()}") from error


@pytest.fixture(autouse=True)
def _logs_of_a_failure(request: pytest.FixtureRequest, stack: Stack) -> Iterator[None]:
    """A failed test shows how the services' logs end."""
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        sys.stdout.write(stack.logs())
