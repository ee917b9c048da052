"""JSON kept as text: the same meaning on SQLite and PostgreSQL.

(PostgreSQL's jsonb turns 1e308 into an integer of 309 digits and refuses U+0000; nothing queries inside.)
"""

from typing import Any

import msgspec
from django.db import models

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class JSONTextField(models.TextField):  # type: ignore[type-arg]  # generic in the stubs only
    """Any JSON value, stored as compact JSON text."""

    # What may be assigned and what is read, for django-stubs' mypy plugin.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: object) -> Any:
        """Text → value."""
        return None if value is None else _decode(value)

    def to_python(self, value: Any) -> Any:
        """Values stay as they are (forms are not used with this field)."""
        return value

    def get_prep_value(self, value: Any) -> str:
        """Value → text; bytes are taken as JSON already."""
        return value.decode() if isinstance(value, bytes) else _encode(value).decode()

    def value_to_string(self, obj: models.Model) -> str:
        """For serialisers: the JSON text."""
        return self.get_prep_value(self.value_from_object(obj))
