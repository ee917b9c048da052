"""What a client may send, on a real Daphne: sizes, times, shares. Nothing of it is parsed before it is let in."""

import json
import socket
import threading
import time

import pytest

from tests.integration.web.conftest import Web
from tests.support.waiting import eventually

MIB = 1024 * 1024


def answer_of(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body; the connection is at its end then."""
    raw = b""
    while part := connection.recv(65536):
        raw += part
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        if len(body) >= int(headers.get("content-length", 1 << 30)):
            return int(lines[0].split()[1]), headers, body
    raise AssertionError(f"no whole answer: {raw[:200]!r}")


def is_problem(answer: tuple[int, dict[str, str], bytes], status: int) -> bool:
    body = json.loads(answer[2])
    return (answer[0], answer[1]["content-type"], body["status"]) == (status, "application/problem+json", status)


def memory_kib(web: Web) -> int:
    with open(f"/proc/{web.process.pid}/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_case_g5_large_forms_are_refused_by_size_and_the_process_stays_quick(web: Web) -> None:
    web.ask("GET", "/login")
    before = memory_kib(web)
    form = b"a=b&" * (10 * MIB)
    codes: list[int] = []

    def send(path: str) -> None:
        with web.connect() as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            connection.sendall(f"{head}Content-Length: {len(form)}\r\n\r\n".encode())
            sending = threading.Thread(target=connection.sendall, args=(form,))
            sending.start()
            answer = answer_of(connection)
            assert is_problem(answer, 413)
            codes.append(answer[0])
            sending.join()

    threads = [threading.Thread(target=send, args=(path,)) for path in ("/login", "/healthz", "/api/v1/x", "/") * 3][
        :10
    ]
    for thread in threads:
        thread.start()
    took = []
    while any(thread.is_alive() for thread in threads):
        begun = time.perf_counter()
        assert web.ask("GET", "/healthz").status == 200
        took.append(time.perf_counter() - begun)
    assert codes == [413] * 10
    assert max(took) <= 0.2
    assert memory_kib(web) - before <= 32 * 1024


def test_case_g5_a_form_that_is_small_enough_is_not_parsed_in_the_event_loop(web: Web) -> None:
    form = b"a=b&" * (64 * 1024)
    answer = web.ask("POST", "/login", form, Content_Type="application/x-www-form-urlencoded")
    assert answer.status in (400, 403)
    begun = time.perf_counter()
    answer = web.ask("POST", "/healthz", form, Content_Type="application/x-www-form-urlencoded")
    assert time.perf_counter() - begun <= 0.2


def test_case_g6_a_body_without_its_size_is_refused_before_it_is_sent(web: Web) -> None:
    with web.connect() as connection:
        connection.sendall(b"POST /api/v1/devices HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert is_problem(answer_of(connection), 411)


def test_case_g6_who_asks_before_sending_a_large_body_is_told_no_at_once(web: Web) -> None:
    with web.connect() as connection:
        head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (200 * MIB))
        assert is_problem(answer_of(connection), 413)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X-%d: 1\r\n" % 7 * 2_000 + b"\r\n", 431),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
        (b"GET healthz HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ],
)
def test_case_g6_heads_that_are_too_long_or_none_get_a_problem(web: Web, request_: bytes, status: int) -> None:
    with web.connect() as connection:
        connection.sendall(request_)
        assert is_problem(answer_of(connection), status)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET http://dash.example.com/api/v1/devices?limit=1 HTTP/1.1", 401),
        (b"GET http://elsewhere.example/api/v1/devices HTTP/1.1", 400),
        (b"GET http://dash.example.com/ws/v1/ HTTP/1.1", 426),
    ],
)
def test_a_whole_url_as_target_is_served_for_the_host_that_it_names(web: Web, line: bytes, status: int) -> None:
    with web.connect() as connection, connection.makefile("rb") as answer:
        connection.sendall(line + b"\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer.readline().startswith(b"HTTP/1.1 %d " % status)


def test_a_request_of_http_1_0_needs_no_host(web: Web) -> None:
    with web.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert answer_of(connection)[0] == 200


def test_case_g6_half_a_request_ends_in_time_however_it_is_drawn_out(web: Web) -> None:
    begun = time.monotonic()
    with web.connect() as silent, web.connect() as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        slow.settimeout(1)
        answer = b""
        while not answer and time.monotonic() - begun < 20:
            slow.sendall(b"x")
            try:
                answer = slow.recv(4096)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert silent.recv(10) == b""
    assert 9 < time.monotonic() - begun < 14


def test_case_g6_the_next_request_on_a_connection_has_the_same_time(web: Web) -> None:
    with web.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer_of(connection)[0] == 200
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        begun = time.monotonic()
        assert answer_of(connection)[0] == 408
        assert 9 < time.monotonic() - begun < 14


def test_case_g6_large_bodies_that_one_address_holds_open_are_bounded(web: Web) -> None:
    head = b"POST /api/v1/devices HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 262144\r\n\r\n"
    held = [web.connect() for _ in range(8)]
    try:
        for connection in held:
            connection.sendall(head)

        def refused() -> bool:
            with web.connect() as one:
                one.sendall(head)
                one.settimeout(0.5)
                answer = answer_of(one)
                return is_problem(answer, 503) and answer[1]["retry-after"] == "2"

        eventually(refused)
        assert web.ask("POST", "/api/v1/devices", b"{}").status in (401, 405)  # small ones are let in
    finally:
        for connection in held:
            connection.close()
    eventually(lambda: web.ask("POST", "/api/v1/devices", b" " * 262_144).status in (401, 405))


def test_case_g6_a_thousand_halves_of_requests_keep_nobody_out(web: Web) -> None:
    held = [web.connect() for _ in range(700)]
    try:
        for connection in held:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        begun = time.perf_counter()
        assert web.ask("GET", "/healthz").status == 200
        assert time.perf_counter() - begun <= 0.5
    finally:
        for connection in held:
            connection.close()
