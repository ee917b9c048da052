"""The Django app of the broker bank."""

from django.apps import AppConfig


class MqttGatewayConfig(AppConfig):
    """Tables and commands of the gateway; it registers nothing else."""

    name = "mqtt_gateway"
    verbose_name = "MQTT gateway"
    default_auto_field = "django.db.models.BigAutoField"
