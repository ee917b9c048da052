"""Has Django's admin use Causeway's own site."""

from django.contrib.admin.apps import AdminConfig


class CausewayAdminConfig(AdminConfig):
    """In INSTALLED_APPS in place of django.contrib.admin."""

    default_site = "devices.web.admin_site.CausewayAdminSite"
