"""Has Django's admin use Causeway's own site."""

from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig

from config.parts import is_served


class CausewayAdminConfig(SimpleAdminConfig):
    """In INSTALLED_APPS in place of django.contrib.admin."""

    default_site = "devices.web.admin_site.CausewayAdminSite"

    def ready(self) -> None:
        """Register what there is, for commands that check it; whoever serves it does so with the first request."""
        super().ready()
        if not is_served():
            autodiscover()
