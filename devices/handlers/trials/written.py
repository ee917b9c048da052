"""What handlers have written, in a form that two runs of the same can be compared by."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.apps import apps
from django.db.models import AutoField, DateField, ForeignKey, Model

from devices import models

Keys = Mapping[type[Model], frozenset[Any]]
Rows = dict[str, Counter[str]]

NONE: Final[Counter[str]] = Counter()
_NOT_THEIRS: Final = frozenset({"admin", "axes", "contenttypes", "devices", "messages", "mqtt_gateway", "sessions"})


def keys_of_rows() -> Keys:
    """The primary keys of all rows that apps may refer to."""
    every: list[type[Model]] = [*_models_of_apps(), models.Device, models.Site]
    return {model: frozenset(model._default_manager.values_list("pk", flat=True)) for model in every}


def rows(handler: str, before: Keys) -> Rows:
    """All rows by table: those of apps, and our own that are the handler's.

    They are without the numbers and times that the database or the clock gives.

    Args:
        handler: its name.
        before: what was there at first; references to other rows only say that they are to a new one.
    """
    found = {model._meta.label: Counter(_rows_of(model, before)) for model in _models_of_apps()}
    ours = f"{models.Handler.__name__}:{handler}"
    mine = {"handler_id": handler}
    asked = {"created_by": f"app:{handler}"}
    found[f"{ours} commands"] = Counter(
        map(repr, models.Command.objects.filter(**asked).values_list("device__key", "name", "args", "idempotency_key"))
    )
    found[f"{ours} desired"] = Counter(
        map(repr, models.Request.objects.filter(**asked).values_list("device_key", "kind", "body"))
    )
    found[f"{ours} state"] = Counter(
        map(repr, models.HandlerDevice.objects.filter(**mine).exclude(state={}).values_list("device", "state"))
    )
    found[f"{ours} tasks"] = Counter(map(repr, models.HandlerTask.objects.filter(**mine).values_list("task", "args")))
    return found


def _models_of_apps() -> Iterator[type[Model]]:
    for model in apps.get_models():
        if model._meta.app_label not in _NOT_THEIRS and model._meta.managed:
            yield model


def _rows_of(model: type[Model], before: Keys) -> Iterator[str]:
    fields = [field for field in model._meta.concrete_fields if not _is_given(field)]
    for row in model._default_manager.all():
        yield repr([(field.attname, _value(field, getattr(row, field.attname), before)) for field in fields])


def _is_given(field: Any) -> bool:
    """Whether the database or the clock gives it."""
    is_time = isinstance(field, DateField) and (field.auto_now or field.auto_now_add)
    return isinstance(field, AutoField) or is_time


def _value(field: Any, value: Any, before: Keys) -> Any:
    if isinstance(field, ForeignKey) and value is not None:
        known = before.get(field.related_model)
        return value if known is None or value in known else "a new row"
    return value
