"""The Django app of the broker bank."""

from django.apps import AppConfig


class MqttGatewayConfig(AppConfig):
    """MQTT session, uplink, downlink, embedded broker, simulator."""

    name = "mqtt_gateway"
    default_auto_field = "django.db.models.BigAutoField"
