"""Libraries imported without large parts that they import wherever these are, and that nothing of ours uses.

Each function is called before anything imports the library, and does nothing where somebody has imported it.
"""

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def structlog_alone() -> None:
    """Structlog without rich and twisted (80 ms): without colours, and local variables, in tracebacks."""
    hidden: dict[str, Any] = {name: None for name in ("rich", "twisted") if name not in sys.modules}
    sys.modules.update(hidden)  # None: an import of it fails, as if it were not installed
    try:
        importlib.import_module("structlog")
    finally:
        for name in hidden:
            del sys.modules[name]


def django_test_signals() -> None:
    """The one signal of django.test that django-ninja wants, without the test framework and its HTTP server (60 ms)."""
    spec = find_spec("django.test") if "django.test" not in sys.modules else None
    if spec is None:
        return
    package: Any = ModuleType("django.test")
    package.__path__ = spec.submodule_search_locations
    sys.modules["django.test"] = package
    try:
        importlib.import_module("django.test.signals")
    finally:
        del sys.modules["django.test"]
