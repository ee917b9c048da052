"""Keys of Tasmota's devices: ``home/tasmota~plug``, behind a bridge ``home/tasmota~bridge.2916``."""

from bridge.dialects.forms.names import key_part


def key_of(source: str, name: str) -> str:
    """The key of the device with this topic."""
    return f"{source}~{key_part(name)}"
