"""The one page that there is: commands to devices."""

from django.urls import path

from bench.peers.plain.views import command

urlpatterns = [path("devices/<site>/<device>/commands", command)]
