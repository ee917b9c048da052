"""The app of the composition: start-up checks and the demo command."""

from django.apps import AppConfig, apps


class CausewayConfig(AppConfig):
    """Registers the start-up checks; hands from one bank to the other what may not be imported there."""

    name = "config"
    label = "causeway"

    def ready(self) -> None:
        """Django calls it once the apps are loaded."""
        from django.conf import settings

        from config import checks
        from config.added_apps import fit
        from devices import gateways, listenings, source_filters
        from mqtt_gateway import status
        from mqtt_gateway.process import listenings as listened
        from mqtt_gateway.process import wanted

        checks.register_all()
        fit.require_user_model()
        for app in apps.get_app_configs():
            fit.require_version(app)
        if settings.HAS_WEB:
            from config import security_checks
            from devices.web import startup

            security_checks.register_all()
            startup.begin()
        if settings.CAUSEWAY_APPS:
            from config.added_apps import routing
            from devices.worker.process import app_channels

            app_channels.provide(routing.channels)
        listened.provide(listenings.take, listenings.record)
        wanted.provide(source_filters.wanted_filters, source_filters.mappings, source_filters.stamp)
        gateways.provide(status.gateway_status, status.incidents, status.rejected, status.record_incident)
