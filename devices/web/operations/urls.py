"""Where Prometheus asks."""

from django.urls import path

from devices.web.operations.metrics import metrics

urlpatterns = [path("", metrics, name="metrics")]
