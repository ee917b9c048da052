"""Where the demo's broker listens."""

import pytest

from config.demo.environment import BrokerAddressError, broker_address, prepare


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CAUSEWAY_SINGLE_PROCESS", "CAUSEWAY_DEMO_MQTT_PASSWORD", "REDIS_URL", "MQTT_URL", "MQTT_VERSION"):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever `prepare` makes of them
    monkeypatch.delenv("MQTT_HOST", raising=False)
    monkeypatch.setenv("MQTT_PASSWORD", "")


def test_it_listens_on_this_machine_only() -> None:
    prepare()
    assert broker_address() == ("127.0.0.1", "")


def test_it_is_opened_with_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_HOST", "0.0.0.0")
    monkeypatch.setenv("MQTT_PASSWORD", "choose-one")
    prepare()
    assert broker_address() == ("0.0.0.0", "choose-one")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("0.0.0.0", "MQTT_HOST: 0.0.0.0 is open to others; choose an MQTT_PASSWORD for them"),
        ("192.0.2.7", "MQTT_HOST: 192.0.2.7 is open to others; choose an MQTT_PASSWORD for them"),
        ("example.org", "MQTT_HOST: it is no IPv4 address"),
    ],
)
def test_what_it_refuses(host: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_HOST", host)
    prepare()
    with pytest.raises(BrokerAddressError) as refused:
        broker_address()
    assert str(refused.value) == why
