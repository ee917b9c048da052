"""Servers of an installation."""

from contextlib import ExitStack

from tests.support.servers.service import Service


def started(service: Service, stack: ExitStack) -> Service:
    """The service, answering; ended with the stack, its data removed."""
    stack.callback(service.close)
    service.start()
    return service
