"""The broker's certificate of the compose file: made once, for the names that devices use, nobody's own is touched."""

import ssl
import subprocess
import sys
from pathlib import Path

from cryptography import x509

from tests.support.environment import ROOT
from tests.support.servers.installing import program


def run(directory: Path, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "compose-certificates"), str(directory)]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=30)


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def names(directory: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate((directory / "server.crt").read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = found.get_values_for_type(x509.IPAddress)
    return {*found.get_values_for_type(x509.DNSName), *map(str, addresses)}


def test_case_g9_a_certificate_is_made_once_and_the_authority_vouches_for_it(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    first = contents(tmp_path)
    assert sorted(first) == ["ca.crt", "ca.key", "server.crt", "server.key"]
    verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost"]
    files = ["-CAfile", str(tmp_path / "ca.crt"), str(tmp_path / "server.crt")]
    subprocess.run([program("openssl"), *verify, *files], check=True, capture_output=True, timeout=20)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("*.key")} == {
        "ca.key": 0o400, "server.key": 0o400,
    }  # fmt: skip
    again = run(tmp_path)
    assert (again.returncode, again.stdout, contents(tmp_path)) == (0, "", first)


def test_case_g9_further_names_make_another_certificate_of_the_same_authority(tmp_path: Path) -> None:
    run(tmp_path)
    authority = (tmp_path / "ca.crt").read_bytes()
    hosts = {"MQTT_HOSTS": "broker.example.org, 10.0.0.5", "ALLOWED_HOSTS": "Web.example.org,.example.org,*,[fe80::1]"}
    done = run(tmp_path, **hosts)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == {
        "localhost", "127.0.0.1", "::1", "mosquitto", "broker.example.org", "10.0.0.5", "web.example.org", "fe80::1",
    }  # fmt: skip
    assert (tmp_path / "ca.crt").read_bytes() == authority
    kept = contents(tmp_path)
    run(tmp_path, MQTT_HOSTS="broker.example.org")  # fewer are no reason
    assert contents(tmp_path) == kept


def test_case_g9_somebodys_own_certificate_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "server.crt").write_text("mine")
    (tmp_path / "server.key").write_text("mine, too")
    assert run(tmp_path).returncode == 0
    assert contents(tmp_path) == {"server.crt": b"mine", "server.key": b"mine, too"}


def test_what_is_wrong_is_told_in_one_line(tmp_path: Path) -> None:
    for done in (run(tmp_path / "nowhere"), run(tmp_path, MQTT_HOSTS="a..b")):
        assert done.returncode == 1
        assert done.stderr.startswith("compose-certificates DIRECTORY: ")
        assert done.stderr.count("\n") == 1
