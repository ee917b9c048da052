"""The Django app."""

from django.apps import AppConfig

from causeway import register_dialect, register_feature, register_page, register_panel, register_router


class PlantsConfig(AppConfig):
    """Registers what the app adds to Causeway."""

    name = "tests.apps.plants"
    label = "plants"

    def ready(self) -> None:
        from tests.apps.plants.api import router
        from tests.apps.plants.dialect import PlantsDialect
        from tests.apps.plants.feature import PlantsFeature
        from tests.apps.plants.pages import LEAVES, MAP, PLANTS

        register_page(MAP)
        register_page(PLANTS)
        register_panel(LEAVES)
        register_router("plants", router)
        register_dialect("plants", PlantsDialect)
        register_feature("plants", PlantsFeature)
