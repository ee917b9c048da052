"""Mosquitto's password format, held against Mosquitto's own programs."""

import subprocess
from pathlib import Path

import pytest

from devices.requests.credentials import matches, mosquitto_hash, mqtt_username, new_password, password_file
from tests.support.servers.installing import program


def test_passwords_are_long_random_and_easy_to_carry() -> None:
    passwords = {new_password() for _ in range(100)}
    assert len(passwords) == 100
    assert all(len(password) == 32 and password.replace("-", "").replace("_", "").isalnum() for password in passwords)


def test_a_hash_is_of_its_password_only() -> None:
    stored = mosquitto_hash("secret")
    assert stored.startswith("$7$101$")
    assert matches("secret", stored)
    assert not matches("Secret", stored)
    assert mosquitto_hash("secret") != stored, "the salt is random"
    with pytest.raises(ValueError, match="not a PBKDF2"):
        matches("secret", "$6$salt$hash")


def test_it_is_what_mosquitto_passwd_makes(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.touch(mode=0o600)
    subprocess.run(
        [program("mosquitto_passwd"), "-b", str(file), "demo/lamp", "pass-word_1"],
        check=True,
        timeout=20,
    )
    user, _, stored = file.read_text().strip().partition(":")
    assert user == "demo/lamp"
    assert matches("pass-word_1", stored)
    assert len(stored.split("$")[-1]) == len(mosquitto_hash("x").split("$")[-1])


def test_a_colon_does_not_end_the_user_name() -> None:
    assert mqtt_username("demo/aa:bb") == "demo/aa%3Abb"
    assert password_file([("a/b", "$7$x"), ("a/b:c", "$7$y")]) == "a/b:$7$x\na/b%3Ac:$7$y\n"
