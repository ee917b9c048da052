"""The handlers of the installed apps: what ``on`` was given, checked. Imports no models."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from django.apps import apps
from django.utils.module_loading import autodiscover_modules
from msgspec import Struct

from bridge.names import is_device_key, is_name
from bridge.registry import RegistrationError
from devices.handlers.items import KINDS, Kind, Reading

MAX_TIMEOUT_S: Final = 3600
_MODULE: Final = "causeway"  # of an app, where its handlers stand
_NAME: Final = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_DIALECT: Final = re.compile(r"\A[a-z][a-z0-9_]{0,63}\Z")

Start = datetime | Literal["now", "beginning"]
Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


class Wanted(Struct, frozen=True):
    """Which items a handler wants; None: whichever."""

    kind: Kind
    site: str | None = None  # of devices of this site
    device: str | None = None  # of this device: a key
    tag: str | None = None  # of devices that have this tag now
    metric: str | None = None  # readings that have this metric; each has its ``value`` then
    dialect: str | None = None  # of devices that speak this dialect


class HandlerSpec(Struct, frozen=True):
    """A function and what it is to be called for.

    If it fails at an item again and again, the item's device waits, with what comes of it later (``park``); or after
    some attempts the item is put aside, and the device's next ones come (``dead_letter``).
    """

    name: str  # by which it is known for good
    function: Function
    wanted: Wanted
    start: Start = "now"  # where it begins when it is new
    on_failure: Literal["park", "dead_letter"] = "park"
    version: int = 1  # another one has it begin anew at ``start``, without what it kept
    timeout_s: float = 30.0  # a call that takes longer is ended by killing its process, and counts as failed

    @property
    def is_async(self) -> bool:
        """Whether it is an ``async def``."""
        return inspect.iscoroutinefunction(self.function)


_handlers: dict[str, HandlerSpec] = {}


def on(
    kind: Any,
    *,
    site: str | None = None,
    device: str | None = None,
    tag: str | None = None,
    metric: str | None = None,
    dialect: str | None = None,
    start: Any = "now",
    on_failure: Any = "park",
    name: str | None = None,
    version: int = 1,
    timeout_s: float = 30,
) -> Callable[[F], F]:
    """Have a function called, as ``handler(items, tx)``, for what happens to devices. Stands in an app's causeway.py.

    The arguments are those of :class:`Wanted` and :class:`HandlerSpec`. ``start`` may be ``"beginning"``, or a datetime
    with a zone; ``name`` is the app's label and the function's name, unless it is given.

    Raises:
        RegistrationError: what is wrong.
    """
    told = name if isinstance(name, str) else getattr(kind, "__name__", "?")
    wanted = Wanted(kind, site, device, tag, metric, dialect)
    wrong = next(_wrong(wanted, start, on_failure, name, version, timeout_s), "")
    if wrong:
        raise RegistrationError(f"handler {told!r}: {wrong}")

    def decorate(function: F) -> F:
        if not callable(function):
            raise RegistrationError(f"handler {told!r}: it is a {type(function).__name__}, not a function")
        full = name or f"{_app_of(function.__module__)}.{function.__name__}"
        _register(HandlerSpec(full, function, wanted, start, on_failure, version, float(timeout_s)))
        return function

    return decorate


def _wrong(wanted: Wanted, start: Any, on_failure: Any, name: Any, version: Any, timeout_s: Any) -> Iterator[str]:
    """What is wrong with arguments of :func:`on`."""
    yield from _wrong_filters(wanted)
    if not (start in ("now", "beginning") or (isinstance(start, datetime) and start.tzinfo is not None)):
        yield f'start: "now", "beginning" or a datetime with a zone, not {start!r}'
    if on_failure not in ("park", "dead_letter"):
        yield f'on_failure: "park" or "dead_letter", not {on_failure!r}'
    if name is not None and not (isinstance(name, str) and _NAME.match(name)):
        yield f"name: 1 to 100 of A-Z a-z 0-9 _ . -, not {name!r}"
    if type(version) is not int or not 1 <= version <= 2**31 - 1:
        yield f"version: a whole number from 1 on, not {version!r}"
    if type(timeout_s) not in (int, float) or not 0 < timeout_s <= MAX_TIMEOUT_S:
        yield f"timeout_s: more than 0 and at most {MAX_TIMEOUT_S}, not {timeout_s!r}"


def _wrong_filters(wanted: Wanted) -> Iterator[str]:
    if wanted.kind not in KINDS.values():
        yield f"kind: one of {', '.join(KINDS)}, not {wanted.kind!r}"
    for what in ("site", "tag"):
        value = getattr(wanted, what)
        if value is not None and not (isinstance(value, str) and is_name(value)):
            yield f"{what}: 1 to 64 of A-Z a-z 0-9 _ - . :, not {value!r}"
    device, metric, dialect = _any(wanted.device), _any(wanted.metric), _any(wanted.dialect)
    if device is not None and not (isinstance(device, str) and is_device_key(device)):
        yield f"device: a key site/device, not {device!r}"
    if metric is not None and not (isinstance(metric, str) and metric):
        yield f"metric: a metric's name, not {metric!r}"
    if metric is not None and wanted.kind is not Reading:
        yield f"metric: only readings have metrics, and kind is {getattr(wanted.kind, '__name__', wanted.kind)}"
    if dialect is not None and not (isinstance(dialect, str) and _DIALECT.match(dialect)):
        yield f"dialect: a dialect's name, not {dialect!r}"


def _any(given: Any) -> Any:
    """What an app has given may be anything, whatever the annotations say."""
    return given


def _app_of(module: str) -> str:
    """The label of the app that a module belongs to; of one that is in none, its folder's name."""
    if apps.apps_ready and (config := apps.get_containing_app_config(module)) is not None:
        return config.label
    return (module.rpartition(".")[0] or module).rpartition(".")[2]


def _register(spec: HandlerSpec) -> None:
    other = _handlers.get(spec.name)
    if other is not None and _place(other.function) != _place(spec.function):
        raise RegistrationError(f"handler {spec.name!r}: there is another of this name, {_place(other.function)}")
    _handlers[spec.name] = spec


def _place(function: Function) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def discover() -> dict[str, HandlerSpec]:
    """Import ``causeway.py`` of each installed app that has one; all handlers by name. Once the apps are loaded."""
    autodiscover_modules(_MODULE)
    return dict(sorted(_handlers.items()))


def spec_of(handler: Function) -> HandlerSpec:
    """What a decorated function is registered as.

    Raises:
        RegistrationError: it is not.
    """
    for spec in _handlers.values():
        if spec.function is handler:
            return spec
    raise RegistrationError(f"{getattr(handler, '__name__', handler)!r} is no handler: decorate it with causeway.on")


@contextmanager
def restored() -> Iterator[None]:
    """For tests: while the context lasts, handlers can be registered; afterwards all is as before."""
    former = dict(_handlers)
    try:
        yield
    finally:
        _handlers.clear()
        _handlers.update(former)
