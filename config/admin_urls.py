"""URLs of Django's admin, with everything that is registered there."""

from django.contrib import admin

admin.autodiscover()
urlpatterns, app_name, _ = admin.site.urls
