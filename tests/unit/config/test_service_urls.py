"""DATABASE_URL, REDIS_URL, MQTT_URL: what they become, and what is refused without a piece of it."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import service_urls

NAMES = ("DATABASE", "REDIS", "MQTT")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        for variable in (f"{name}_URL", f"{name}_PASSWORD"):
            for one in (variable, f"{variable}_FILE"):
                monkeypatch.delenv(one, raising=False)


def parse(name: str, monkeypatch: pytest.MonkeyPatch, url: str) -> Any:
    monkeypatch.setenv(name, url)
    match name:
        case "DATABASE_URL":
            return service_urls.database(Path("/unused"))
        case "REDIS_URL":
            return service_urls.redis()
    return service_urls.mqtt_server()


@pytest.mark.parametrize("secret", ["se#cret", "47/cret", "se?cret", "se/cr?et@x", "#secret", "4711/"])
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("DATABASE_URL", "postgres://gw:{}@db:5432/causeway"),
        ("REDIS_URL", "redis://:{}@redis:6379/0"),
        ("REDIS_URL", "redis+sentinel://:{}@one:26379,two/main/0"),
        ("MQTT_URL", "mqtt://gw:{}@broker:1883"),
    ],
)
def test_case_j5_a_raw_character_in_a_password_is_refused_without_a_piece_of_it(
    name: str, pattern: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        parse(name, monkeypatch, pattern.format(secret))
    text = str(refused.value)
    assert text.startswith(f"{name}: ")
    assert "percent-encoded" in text
    assert f"{name.removesuffix('URL')}PASSWORD_FILE" in text
    assert "cret" not in text
    assert "4711" not in text


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("REDIS_URL", "redis://host/name"),
        ("REDIS_URL", "redis://host:port/0"),
        ("REDIS_URL", "http://host/0"),
        ("REDIS_URL", "redis+sentinel://one,two"),
        ("REDIS_URL", "redis://one,two/0"),
        ("DATABASE_URL", "postgres://user:password@host:70000/name"),
        ("DATABASE_URL", "postgres://user@host"),
        ("DATABASE_URL", "postgres://host/name?nonsense=1"),
        ("DATABASE_URL", "mysql://host/name"),
        ("MQTT_URL", "mqtt://host:1883/path"),
        ("MQTT_URL", "host:1883"),
        ("MQTT_URL", "http://host/mqtt"),
        ("MQTT_URL", "ws:///mqtt"),
        ("MQTT_URL", "mqtt://"),
    ],
)
def test_case_j5_what_is_no_such_url_is_refused_by_name(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: ") as refused:
        parse(name, monkeypatch, url)
    for piece in ("password", "70000", "nonsense"):
        assert piece not in str(refused.value).replace("_PASSWORD", "").replace("the password", "")


@pytest.mark.parametrize("by_file", [False, True])
def test_case_j5_a_password_comes_from_a_variable_or_file_of_its_own(
    by_file: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = "a#b/c?d@e%f"
    for name in NAMES:
        if by_file:
            (tmp_path / name).write_text(secret + "\n")
            monkeypatch.setenv(f"{name}_PASSWORD_FILE", str(tmp_path / name))
        else:
            monkeypatch.setenv(f"{name}_PASSWORD", secret)
    assert parse("DATABASE_URL", monkeypatch, "postgres://gw@db/causeway")["PASSWORD"] == secret
    assert parse("REDIS_URL", monkeypatch, "redis://redis/1")[0]["password"] == secret
    assert parse("MQTT_URL", monkeypatch, "mqtt://gw@broker")["password"] == secret


def test_case_j5_what_is_encoded_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a%23b%2Fc%3Fd%40e"
    assert parse("DATABASE_URL", monkeypatch, f"postgres://gw:{secret}@db/causeway")["PASSWORD"] == "a#b/c?d@e"
    assert parse("REDIS_URL", monkeypatch, f"redis://:{secret}@redis")[0]["password"] == "a#b/c?d@e"
    assert parse("MQTT_URL", monkeypatch, f"mqtt://gw:{secret}@broker")["password"] == "a#b/c?d@e"


def test_case_e6_a_websocket_has_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for url, expected in (
        ("ws://broker", ("broker", 80, False, "/mqtt")),
        ("ws://broker:9001/ws", ("broker", 9001, False, "/ws")),
        ("wss://broker/a/b%20c?token=x%2Fy", ("broker", 443, True, "/a/b%20c?token=x%2Fy")),
        ("mqtts://broker", ("broker", 8883, True, "")),
    ):
        server = parse("MQTT_URL", monkeypatch, url)
        assert tuple(server[name] for name in ("host", "port", "tls", "websocket_path")) == expected


def test_case_f2_sentinels_are_listed_with_the_name_of_the_master(monkeypatch: pytest.MonkeyPatch) -> None:
    host, number = parse("REDIS_URL", monkeypatch, "redis+sentinel://u:p@one:26380,two/main/3")
    assert (host["sentinels"], host["master_name"], number) == ([("one", 26_380), ("two", 26_379)], "main", 3)
    assert (host["username"], host["password"], host["db"], host["ssl"]) == ("u", "p", 3, False)


def test_case_f4_the_number_of_the_database_counts_however_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for url, number in (
        ("unix:///run/redis.sock?db=1", 1),
        ("unix:///run/redis.sock?db=2", 2),
        ("unix:///run/redis.sock", 0),
        ("redis://host/4", 4),
        ("redis://host?db=5", 5),
        ("rediss://host:6380/6?ssl_cert_reqs=none", 6),
    ):
        host, found = parse("REDIS_URL", monkeypatch, url)
        assert (found, host["db"]) == (number, number)
        assert "db=" not in host["address"]


def test_several_servers_of_postgresql_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = parse("DATABASE_URL", monkeypatch, "postgresql://u@one:5433,two,[::1]:5434/name?sslmode=require")
    assert (found["HOST"], found["PORT"], found["OPTIONS"]["sslmode"]) == ("one,two,::1", "5433,,5434", "require")
    assert parse("DATABASE_URL", monkeypatch, "postgresql://u@%2Frun%2Fpg/name")["HOST"] == "/run/pg"


def test_case_f7_django_s_own_options_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = parse("DATABASE_URL", monkeypatch, "postgres://host/name?conn_max_age=600&conn_health_checks=true")
    assert "conn_max_age" not in found["OPTIONS"]
    assert "CONN_MAX_AGE" not in found
