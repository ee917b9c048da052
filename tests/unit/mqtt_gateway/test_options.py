"""What a gateway accepts as its settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.dialects.dialect import RejectedTopic
from bridge.dialects.registry import dialects
from bridge.link import MAX_IN_FLIGHT
from mqtt_gateway.options import GatewayOptions, problem
from mqtt_gateway.rules.routing import router

OPTIONS = GatewayOptions()


def test_the_defaults_are_fine() -> None:
    assert problem(OPTIONS) is None
    assert OPTIONS.filters == ("devices/#",)


def test_the_password_is_never_shown() -> None:
    assert "hunter2" not in repr(GatewayOptions(username="u", password="hunter2"))


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"topic_root": "a/b"}, "BRIDGE_TOPIC_ROOT"),
        ({"topic_filters": ("devices/#", "devices/demo/+/state")}, "GATEWAY_TOPIC_FILTERS"),
        ({"topic_filters": ("devices/demo#",)}, "GATEWAY_TOPIC_FILTERS"),
        ({"topic_filters": ("other/#",)}, "GATEWAY_TOPIC_FILTERS"),
        ({"topic_filters": ("$share/group/devices/#",)}, "GATEWAY_TOPIC_FILTERS"),
        ({"version": "3.1.1", "password": "secret"}, "MQTT_USERNAME"),
        ({"ca_file": Path("/nowhere/ca.pem")}, "MQTT_CA_CERTIFICATES"),
        ({"ca_file": Path(__file__)}, "MQTT_CA_CERTIFICATES"),
        ({"client_certificate": Path("/nowhere.pem")}, "MQTT_CLIENT_CERTIFICATE"),
        ({"client_key": Path("/nowhere.key")}, "MQTT_CLIENT_KEY"),
    ],
)
def test_a_problem_names_its_variable(changes: dict[str, object], variable: str) -> None:
    message = problem(replace(OPTIONS, **changes))  # type: ignore[arg-type]
    assert message is not None
    assert message.startswith(f"{variable}: ")
    assert "\n" not in message
    shown = [str(part) for value in changes.values() for part in (value if isinstance(value, tuple) else (value,))]
    assert not any(part in message for part in shown if part != "3.1.1")  # no piece of a value


def test_filters_side_by_side_are_fine() -> None:
    assert problem(replace(OPTIONS, topic_filters=("devices/a/#", "devices/b/#"))) is None


@pytest.mark.parametrize("limit", [0, MAX_IN_FLIGHT + 1])
def test_the_in_flight_limit_is_bounded(limit: int) -> None:
    with pytest.raises(ValueError, match="in_flight_limit"):
        GatewayOptions(in_flight_limit=limit)


@pytest.mark.parametrize("root", ["devices", "causeway"])
@pytest.mark.parametrize("name", ["gateway", "a.b:c"])
def test_the_status_topic_is_a_topic_and_no_device(root: str, name: str) -> None:
    topic = GatewayOptions(topic_root=root, name=name, client_id="s").status_topic
    assert not set("+#") & set(topic)
    assert isinstance(router(dialects(root), 4)(topic), RejectedTopic)


def test_the_status_topic_of_the_default_name() -> None:
    assert OPTIONS.status_topic == "causeway/gateway/gateway/status"
