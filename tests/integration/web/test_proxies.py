"""Each block of docs/proxies.md in front of a real web process: pages, forms, sockets, static files, redirects."""

import contextlib
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.integration.web.conftest import Starter, Web
from tests.support.environment import ROOT
from tests.support.servers.installing import program
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, end_all
from tests.support.waiting import eventually

PAGE = (ROOT / "docs" / "proxies.md").read_text()
PASSWORD = "a-password-for-proxies"
BEHIND = {"TRUSTED_PROXIES": "127.0.0.1", "BEHIND_TLS_PROXY": "true", "ADMIN_PASSWORD": PASSWORD}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with causeway.pem (certificate and key) and causeway.key."""
    directory = tmp_path_factory.mktemp("tls")
    command = [
        program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=causeway",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "causeway.key", "-out", "causeway.pem"]
    subprocess.run([*command, *names], cwd=directory, check=True, capture_output=True)
    with (directory / "causeway.pem").open("a") as both:
        both.write((directory / "causeway.key").read_text())
    return directory


def nginx(directory: Path, web_port: int, port: int, prefix: str = "") -> list[str]:
    server, location = blocks("nginx")
    if prefix:
        inner = re.search(r"location / \{\n(.*?)^    \}$", server, re.MULTILINE | re.DOTALL)
        assert inner is not None
        below = location.replace("proxy_pass http://127.0.0.1:8000;", "").replace("location /causeway/ {", "")
        assert below.strip().startswith("#")
        server = server.replace("location / {", f"location {prefix}/ {{")
    server = server.replace("listen 443", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{web_port}")
    places = "".join(
        f"{name}_temp_path {directory}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off;\nuser root;\npid {directory}/pid;\nerror_log stderr;\nevents {{}}\n"
    config = f"{main}http {{\naccess_log off;\n{places}{server}\n}}\n"
    (directory / "nginx.conf").write_text(config.replace("/etc/ssl/", f"{directory}/tls/"))
    return [program("nginx"), "-c", str(directory / "nginx.conf")]


def caddy(directory: Path, web_port: int, port: int) -> list[str]:
    (site,) = blocks("caddyfile")
    tls = f"{directory}/tls/causeway.pem {directory}/tls/causeway.key"
    site = site.replace("causeway.example.org {", f"https://127.0.0.1:{port} {{\n    tls {tls}")
    config = f"{{\n    admin off\n    auto_https disable_redirects\n    storage file_system {directory}\n}}\n{site}"
    (directory / "Caddyfile").write_text(config.replace("127.0.0.1:8000", f"127.0.0.1:{web_port}"))
    return [program("caddy"), "run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"]


def haproxy(directory: Path, web_port: int, port: int) -> list[str]:
    (config,) = blocks("haproxy")
    config = config.replace("bind :443", f"bind 127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{web_port}")
    (directory / "haproxy.cfg").write_text(config.replace("/etc/ssl/", f"{directory}/tls/"))
    return [program("haproxy"), "-db", "-f", str(directory / "haproxy.cfg")]


Proxy = Callable[..., str]


@pytest.fixture(scope="module")
def behind(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """``behind(make, web)``: the proxy runs before the web process; where it is reached."""
    running: list[Process] = []

    def run(make: Callable[..., list[str]], web: Web, *more: str) -> str:
        directory = tmp_path_factory.mktemp(make.__name__)
        (directory / "tls").symlink_to(certificate)
        port = free_port()
        arguments = make(directory, web.port, port, *more)
        process = Process(make.__name__, arguments, {"HOME": str(directory)}, directory / "log")
        running.append(process.start())
        url = f"https://127.0.0.1:{port}"
        eventually(lambda: httpx.get(f"{url}{''.join(more)}/healthz", verify=False, trust_env=False).status_code == 200)
        return url

    yield run
    end_all(running)


@pytest.fixture(scope="module")
def web(start: Starter) -> Web:
    """Behind TLS, with a first user."""
    web: Web = start(**BEHIND)
    web.run("ensure_admin")
    return web


def sign_in(url: str) -> httpx.Client:
    """A browser that has signed in at ``url``."""
    client = httpx.Client(verify=False, trust_env=False, headers={"Origin": re.match("https://[^/]+", url)[0]})  # type: ignore[index]
    client.get(f"{url}/login").raise_for_status()
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    answer = client.post(f"{url}/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{url[len(client.headers['Origin']) :]}/")
    return client


def hello(url: str, client: httpx.Client) -> str:
    """The first frame of a socket that comes with the session, and the answer to a ping."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Cookie": f"sessionid={client.cookies['sessionid']}"}
    address = url.replace("https", "wss") + "/ws/v1/"
    origin = client.headers["Origin"]
    with connect(address, ssl=context, additional_headers=headers, origin=origin, proxy=None) as socket:  # type: ignore[arg-type]
        socket.recv(10)
        socket.send('{"type":"ping","id":1}')
        return str(socket.recv(10))


def check_all(url: str) -> None:
    with contextlib.closing(sign_in(url)) as client:
        page = client.get(f"{url}/").raise_for_status()
        assert page.headers["strict-transport-security"].startswith("max-age=31536000")
        scripts = re.findall(r'(?:src|href)="([^"]+\.m?js)"', page.text)
        assert scripts
        assert client.get(client.headers["Origin"] + scripts[0]).status_code == 200
        assert client.get(f"{url}/api/v1/devices").json() == {"items": [], "next": None}
        assert client.get(f"{url}/api/v1/docs").status_code == 200
        assert client.get(f"{url}/admin/").status_code == 200
        assert '"type":"ok"' in hello(url, client)
        assert all(cookie.secure for cookie in client.cookies.jar)


@pytest.mark.parametrize("make", [nginx, caddy, haproxy])
def test_the_block_for_a_proxy_works_as_it_stands(make: Callable[..., list[str]], web: Web, behind: Proxy) -> None:
    check_all(behind(make, web))


def nginx_without_upgrade(directory: Path, web_port: int, port: int) -> list[str]:
    """The block without the lines that are most often forgotten."""
    arguments, file = nginx(directory, web_port, port), directory / "nginx.conf"
    config = re.sub(r"^ *proxy_set_header (Upgrade|Connection) .*\n", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(config)
    return arguments


def test_case_j9_what_a_proxy_lacks_is_said_to_the_socket_and_to_the_page_that_asks(web: Web, behind: Proxy) -> None:
    url = behind(nginx_without_upgrade, web)
    with contextlib.closing(sign_in(url)) as client:
        with pytest.raises(InvalidStatus) as refused:
            hello(url, client)
        assert refused.value.response.status_code == 426
        answer = client.post(f"{url}/ws/v1/")
        assert answer.status_code == 426
        assert "'Upgrade: websocket' and 'Connection: Upgrade'" in answer.json()["detail"]


def test_case_g4_all_lives_under_a_prefix_behind_nginx(start: Starter, behind: Proxy) -> None:
    web = start(**BEHIND, PATH_PREFIX="/causeway")
    web.run("ensure_admin")
    url = behind(nginx, web, "/causeway") + "/causeway"
    check_all(url)
    assert web.ask("GET", "/causeway", X_Forwarded_Proto="https").getheader("location") == "/causeway/"
    assert web.ask("GET", "/devices", X_Forwarded_Proto="https").status == 404
    assert web.ask("GET", "/causewayx/", X_Forwarded_Proto="https").status == 404
    assert web.ask("GET", "/healthz").status == web.ask("GET", "/causeway/healthz").status == 200
    taken = web.ask("GET", "/login", X_Forwarded_Proto="https", X_Forwarded_Prefix="/causeway")
    assert taken.status == 200


def test_http_is_sent_to_https_except_the_probes(web: Web) -> None:
    answer = web.ask("GET", "/login?next=/ops", Host="dash.example.com")
    assert (answer.status, answer.getheader("location")) == (301, "https://dash.example.com/login?next=/ops")
    for path in ("/healthz", "/metrics"):
        assert web.ask("GET", path, Host="10.1.2.3:8000").status == 200
    assert web.ask("GET", "/readyz", Host="web").status in (200, 503)


def test_case_g1_details_are_for_those_who_may_see_them(web: Web) -> None:
    stranger = {"X_Forwarded_For": "192.0.2.1"}
    assert web.ask("GET", "/metrics").status == 200
    refused = web.ask("GET", "/metrics", **stranger)
    assert (refused.status, refused.getheader("content-type")) == (401, "application/problem+json")
    assert web.ask("GET", "/healthz", **stranger).status == 200
    token = web.token("prometheus", "viewer")
    assert web.ask("GET", "/metrics", **stranger, Authorization=f"Bearer {token}").status == 200
    assert b"database" in web.ask("GET", "/readyz").content
    assert b"database" not in web.ask("GET", "/readyz", **stranger).content
    assert b"database" in web.ask("GET", "/readyz", **stranger, Authorization=f"Bearer {token}").content


def test_case_g8_headers_of_strangers_change_nothing(start: Starter) -> None:
    web = start(TRUSTED_PROXIES="192.0.2.0/24")
    page = web.ask(
        "GET", "/login", Daphne_Root_Path="/evil", X_Forwarded_Prefix="/evil", X_Forwarded_Host="evil.example"
    )
    assert page.status == 200
    assert b"evil" not in page.content
    assert web.ask("GET", "/", Daphne_Root_Path="/evil").getheader("location") == "/login?next=/"
    assert web.ask("GET", "/metrics").status == 200
    assert web.ask("GET", "/metrics", X_Forwarded_For="127.0.0.1").status == 401  # somebody stands behind it
    assert web.ask("GET", "/metrics", Forwarded="for=127.0.0.1").status == 401


@pytest.mark.parametrize("make", [nginx, haproxy, caddy])
def test_http_2_carries_streams_and_polls(behind: Proxy, web: Web, make: Callable[..., list[str]]) -> None:
    url = behind(make, web) + "/api/v1/stream"
    token = web.token()
    streamed = by_http_2(url, token, "--no-buffer", "--max-time", "3")
    assert "event: snapshot\n" in streamed
    assert '"type":"snapshot"' in by_http_2(f"{url}?wait=1", token)


def by_http_2(url: str, token: str, *options: str) -> str:
    """What curl reads, of a stream until its time is over."""
    command = [program("curl"), "--silent", "--insecure", "--http2", "--noproxy", "*", *options]
    told = ["--header", f"Authorization: Bearer {token}", "--write-out", "\nby %{http_version}", url]
    read = subprocess.run([*command, *told], check=False, capture_output=True, text=True, timeout=60).stdout
    assert read.endswith("\nby 2"), read
    return read
