"""What the MicroPython program of docs/devices.md needs of `network`: a wireless network that is there at once."""

STA_IF = 0


class WLAN:
    """A station that is connected."""

    def __init__(self, interface: int) -> None:
        assert interface == STA_IF

    def active(self, on: bool) -> None:
        """Always."""

    def connect(self, ssid: str, password: str) -> None:
        """At once."""

    def isconnected(self) -> bool:
        """Is it?"""
        return True
