"""What handlers are handed beside their items, for type annotations (docs/extending/handlers.md)."""

from devices.handlers.calls.tx import Tx
from devices.handlers.calls.windows import Window

__all__ = ["Tx", "Window"]
