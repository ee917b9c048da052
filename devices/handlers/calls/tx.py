"""What a handler is handed beside its items: ``tx``, by which it asks for what is to happen in its transaction.

Nothing is written while the handler runs, but gathered, and written when it has returned, before the commit: so an
``async def`` may use it, too, and a handler that raises has asked for nothing.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import msgspec

from bridge.json_limits import json_error
from bridge.names import is_device_key
from devices.handlers.calls import windows
from devices.handlers.calls.windows import Window
from devices.handlers.items import Item, Reading
from devices.requests.command_storage import Wish
from devices.requests.commands import DEFAULT_TTL_S, MAX_IDEMPOTENCY_KEY_CHARS, checked_wish
from devices.requests.refusals import BadRequestError, TooLargeError
from devices.rules.actors import Actor

MAX_STATE_BYTES: Final = 64 * 1024  # of what a handler keeps of a device, as JSON
MAX_TASK_BYTES: Final = 256 * 1024  # of a task's arguments, as JSON
_KEY_DIGITS: Final = 40  # hex, in place of a key that is too long


class Tx:
    """What one call of a handler asks for.

    Args:
        handler: its name.
        items: what it is handed.
        states: what it keeps of their devices, by key; those that are missing keep nothing yet.
    """

    def __init__(self, handler: str, items: Sequence[Item], states: Mapping[str, dict[str, Any]]) -> None:
        self._handler, self._items = handler, items
        self._devices: Final = frozenset(item.device for item in items)
        self._actor = Actor("app", handler)
        self._states = {device: (msgspec.json.encode(state), state) for device, state in states.items()}
        self.commands: Final[list[Wish]] = []
        self.patches: Final[list[tuple[str, dict[str, Any]]]] = []
        self.tasks: Final[list[tuple[str, bytes]]] = []

    @property
    def actor(self) -> Actor:
        """Who asks, in timelines."""
        return self._actor

    def command(self, device: str, name: str, args: Any = None, *, key: str, ttl_s: int = DEFAULT_TTL_S) -> None:
        """Send a device a command, once for each ``key`` of this handler and device, however often it is asked for.

        A device that is deleted by then gets none.

        Args:
            device: its key.
            name: of the command.
            args: a JSON object; None: none.
            key: 1 or more printable characters; an item's ``key``, say.
            ttl_s: how long it may take to reach the device.

        Raises:
            BadRequestError, TooLargeError: the arguments are not as they have to be.
        """
        _check_device(device)
        if not (key and str(key).isprintable()):
            raise BadRequestError("key must be 1 or more printable characters")
        wish = checked_wish(device, name, args, ttl_s, _command_key(self._handler, key), actor=self._actor)
        self.commands.append(wish)

    def desired(self, device: str, patch: dict[str, Any]) -> None:
        """Merge a patch (RFC 7396) into what a device's state is to be; its worker does so after the commit.

        Raises:
            BadRequestError: it is no JSON object.
        """
        _check_device(device)
        if not isinstance(patch, dict):
            raise BadRequestError("patch must be a JSON object")
        if malformed := json_error(patch):
            raise BadRequestError(f"patch: {malformed.reason} {malformed.detail}".rstrip())
        self.patches.append((device, patch))

    def later(self, task: Callable[..., Any], *args: Any) -> None:
        """Have a function of a module called after the commit, in another process: at least once, until it succeeds.

        Args:
            task: found by its name; it may be an ``async def``.
            args: JSON values.

        Raises:
            ValueError: it is not to be found by its name, or the arguments are no JSON.
            TooLargeError: the arguments are too large.
        """
        try:
            encoded = msgspec.json.encode(args)
        except (TypeError, msgspec.MsgspecError) as error:
            raise ValueError(f"{_named(task)}: its arguments are no JSON: {error}") from None
        if len(encoded) > MAX_TASK_BYTES:
            raise TooLargeError(f"{_named(task)}: its arguments have over {MAX_TASK_BYTES} bytes as JSON")
        self.tasks.append((_task_name(task), encoded))

    def state(self, device: str) -> dict[str, Any]:
        """What the handler keeps of a device: change it, and it is kept with the transaction.

        Raises:
            ValueError: no item is of this device; another process may be at work on it.
        """
        if device not in self._devices:
            raise ValueError(f"state: none of these items is of {device!r}")
        return self._states.setdefault(device, (b"{}", {}))[1]

    def window(self, device: str, span: str, *, metric: str, until: int | None = None) -> Window:
        """The values of a metric over a span that ends with the device's latest reading here, by the readings' time.

        Args:
            device: its key.
            span: ``"90s"``, ``"5m"``, ``"2h"``, ``"1d"``.
            metric: its name.
            until: another end, Unix ms. Needed where no reading here is of the device.

        Raises:
            ValueError: as above, or there are too many readings in it.
        """
        ours = [item for item in self._items if isinstance(item, Reading) and item.device == device]
        if until is None and not ours:
            raise ValueError(f"window: none of these items is a reading of {device!r}; say until when")
        end_ms = max(item.ts for item in ours) if until is None else until
        return windows.read(device, span, metric, end_ms, max((item.rev for item in ours), default=None))

    def changed_states(self) -> dict[str, bytes]:
        """What is to be kept from now on, as JSON, by device; those that are as before are left out.

        Raises:
            TooLargeError, ValueError: it is too large, or no JSON.
        """
        return {
            device: encoded
            for device, (before, state) in self._states.items()
            if (encoded := _encoded_state(device, state)) != before
        }


def _check_device(device: Any) -> None:
    if not isinstance(device, str) or not is_device_key(device):
        raise BadRequestError(f"a device's key is site/device, not {device!r}")


def _command_key(handler: str, key: str) -> str:
    whole = f"{handler}:{key}"
    if len(whole) <= MAX_IDEMPOTENCY_KEY_CHARS:
        return whole
    return f"{handler}:{hashlib.sha256(key.encode()).hexdigest()[:_KEY_DIGITS]}"


def _named(task: Any) -> str:
    return f"task {getattr(task, '__qualname__', task)!r}"


def _task_name(task: Any) -> str:
    name = f"{getattr(task, '__module__', '')}:{getattr(task, '__qualname__', '')}"
    if find_task(name) is not task:
        raise ValueError(f"{_named(task)}: only a function at the top of a module can be called later")
    return name


def find_task(name: str) -> Any:
    """The function that is called so, ``module:function``; None: there is none (any more)."""
    module, _, function = name.partition(":")
    try:
        return getattr(import_module(module), function, None)
    except (ImportError, ValueError):
        return None


def _encoded_state(device: str, state: dict[str, Any]) -> bytes:
    try:
        encoded = msgspec.json.encode(state)
    except (TypeError, msgspec.MsgspecError) as error:
        raise ValueError(f"state of {device}: it is no JSON: {error}") from None
    if len(encoded) > MAX_STATE_BYTES:
        raise TooLargeError(f"state of {device}: it has over {MAX_STATE_BYTES} bytes as JSON")
    return encoded
