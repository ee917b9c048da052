"""Pages that are plain Django's, under ``/apps/plants/``."""

from django.urls import path

from tests.apps.plants import views

app_name = "plants"
urlpatterns = [path("counts.csv", views.counts, name="counts")]
