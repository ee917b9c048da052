"""The app of the composition: start-up checks and the demo command."""

from django.apps import AppConfig


class CausewayConfig(AppConfig):
    """Registers the start-up checks."""

    name = "config"
    label = "causeway"

    def ready(self) -> None:
        """Django calls it once the apps are loaded."""
        from config import checks

        checks.register_all()
