"""Django's backend for SQLite. Another writer is waited for as long as somebody waits for us."""

import threading
from typing import Any, Final

from django.db.backends.sqlite3 import base

PATIENT_S: Final = 20  # commands, and threads of our own that do nothing else


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection. OPTIONS' ``timeout`` is for threads of requests."""

    cursors_made = 0  # so that whoever calls can tell whether anything was asked
    only_reads = False

    def get_connection_params(self) -> dict[str, Any]:
        """Django's."""
        parameters: dict[str, Any] = super().get_connection_params()
        if threading.current_thread() is threading.main_thread():
            parameters["timeout"] = PATIENT_S
        return parameters

    def create_cursor(self, name: str | None = None) -> Any:
        """Django's, counted."""
        self.cursors_made += 1
        return super().create_cursor(name)
