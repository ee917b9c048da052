"""Sessions in the database whose end is judged by the database's clock (the setting SESSION_ENGINE)."""

from datetime import datetime
from typing import Any

from django.contrib.sessions.backends import db
from django.db.models.functions import Now

from runtime.database_clock import asked_now


class SessionStore(db.SessionStore):
    """Django's, but for the clock."""

    def load(self) -> dict[str, Any]:
        """What the session holds, if it has not ended; else it begins anew."""
        row = self.model.objects.filter(session_key=self.session_key, expire_date__gt=Now()).first()
        if row is None:
            self._session_key = None
            return {}
        held: dict[str, Any] = self.decode(row.session_data)
        return held

    async def aload(self) -> dict[str, Any]:
        """The same."""
        row = await self.model.objects.filter(session_key=self.session_key, expire_date__gt=Now()).afirst()
        if row is None:
            self._session_key = None
            return {}
        held: dict[str, Any] = self.decode(row.session_data)
        return held

    @classmethod
    def clear_expired(cls) -> None:
        """Remove those that have ended."""
        cls.get_model_class().objects.filter(expire_date__lt=Now()).delete()

    @classmethod
    async def aclear_expired(cls) -> None:
        """The same."""
        await cls.get_model_class().objects.filter(expire_date__lt=Now()).adelete()

    def get_expiry_date(self, **given: Any) -> datetime:
        """When it ends, should it not be used again."""
        return super().get_expiry_date(**{"modification": asked_now(), **given})
