"""Django's backend for SQLite. Another writer is waited for as long as somebody waits for us."""

import threading
from typing import Any, Final

from django.db.backends.sqlite3 import base

from runtime.databases.limits import PATIENT_S

LOG_BYTES: Final = 16 * 1024 * 1024
"""The write-ahead log's: then it is copied into the file, each page once however often it was written, and begun anew.

While somebody reads for long it grows; afterwards it is cut to this.
"""


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

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Django's, with our bounds on the log."""
        connection = super().get_new_connection(conn_params)
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_BYTES // page_bytes}").close()
        connection.execute(f"PRAGMA journal_size_limit={LOG_BYTES}").close()
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Django's, counted."""
        self.cursors_made += 1
        return super().create_cursor(name)
