"""docker-compose.yml: what it publishes, and who sees which secrets."""

import re
from typing import Any

import pytest
import yaml

from tests.support.environment import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SECRETS = {
    "mosquitto": "secrets-mosquitto",
    "postgres": "secrets-postgres",
    "gateway": "secrets-gateway",
    "migrate": "secrets-app",
    "devices": "secrets-app",
    "web": "secrets-app",
    "simulate": "secrets-simulate",
}


def test_case_g9_what_is_published_is_on_this_machine_only_unless_told_otherwise() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {
        "mosquitto": ["${MQTTS_PORT:-127.0.0.1:8883}:8883", "${MQTT_PORT:-127.0.0.1:1883}:1884"],
        "web": ["${PORT:-127.0.0.1:8000}:8000"],
    }


@pytest.mark.parametrize("name", SERVICES)
def test_case_g9_each_service_sees_its_own_secrets_only(name: str) -> None:
    volumes = [volume for volume in SERVICES[name].get("volumes", []) if "secrets" in volume]
    if name == "secrets":
        assert SERVICES[name]["network_mode"] == "none"
    elif name in SECRETS:
        assert volumes == [f"{SECRETS[name]}:/run/causeway:ro"]
    else:
        assert volumes == []


def test_case_g9_what_the_example_lists_is_what_the_compose_file_takes() -> None:
    example = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    text = (ROOT / "docker-compose.yml").read_text()
    taken = set(re.findall(r"\$\{([A-Z_]+)", text))
    passed = set(re.findall(r"^ +([A-Z_]+):$", text, re.MULTILINE))
    assert example == taken | passed
