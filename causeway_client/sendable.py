"""What can be sent: JSON as it is meant, in a frame that the server takes. Pure.

What is none is refused before anything leaves, with its place and what to do.
"""

import json
import math
from typing import Any, Final

from .changes import Frame
from .errors import RequestError

MOST_BYTES: Final = 256 * 1024  # of one frame; the server refuses more, and closes with 1009 above 1 MiB
_MOST_LEVELS: Final = 100  # more than any server takes, less than Python's recursion


def encoded(frame: Frame) -> str:
    """A frame as text.

    Raises:
        TypeError, ValueError: something in it is no JSON; the message begins with its place.
        RequestError: ``too_large``.
    """
    for name, value in frame.items():
        _check(value, name, 0)
    text = json.dumps(frame, allow_nan=False, ensure_ascii=False)
    if (size := len(text.encode())) > MOST_BYTES:
        message = f"the request has {size} bytes, the server takes {MOST_BYTES}: send less, or in parts"
        raise RequestError("too_large", message)
    return text


def _check(value: Any, place: str, level: int) -> None:
    if level > _MOST_LEVELS:
        raise ValueError(f"{place[:100]}: it is nested too deeply, or contains itself")
    match value:
        case None | bool() | int():
            pass
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{place}: {value} is no JSON number; use None where there is no value")
        case str():
            _check_text(value, place)
        case list() | tuple():
            for index, one in enumerate(value):
                _check(one, f"{place}.{index}", level + 1)
        case dict():
            _check_object(value, place, level)
        case _:
            raise TypeError(f"{place}: a {type(value).__name__} is no JSON{_instead(value)}")


def _check_object(value: dict[Any, Any], place: str, level: int) -> None:
    for key, one in value.items():
        if not isinstance(key, str):
            raise TypeError(f"{place}: the key {key!r} is no text; JSON's keys are")
        _check_text(key, place)
        _check(one, f"{place}.{key}", level + 1)


def _check_text(text: str, place: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{place}: a text with half a character (a lone surrogate) can't be sent") from None


def _instead(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return "; send it as a text, for example base64"
    if isinstance(value, set | frozenset):
        return "; make it a list"
    return "; send its parts, or str() of it"
