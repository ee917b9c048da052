"""Times in the arguments of commands."""

from argparse import ArgumentTypeError

from devices.requests.refusals import BadRequestError
from devices.web.api.times import parse_ms


def moment(text: str) -> int:
    """Unix ms of a time in Unix ms or RFC 3339.

    Raises:
        ArgumentTypeError: it is neither.
    """
    try:
        return parse_ms("time", text)
    except BadRequestError as error:
        raise ArgumentTypeError(str(error)) from None
