"""Which path and host a request names (RFC 9112 3.2)."""

import pytest

from runtime.http.requests.targets import Target, read_target

HOST = (b"example.org:8000",)


@pytest.mark.parametrize("target", [b"/", b"/a?b=c", b"//a", b"/http://x/", b"*"])
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_a_path_is_taken_as_it_is(version: bytes, target: bytes) -> None:
    assert read_target(version, target, HOST) == Target(target)


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"http://example.com/a?b=/c", b"/a?b=/c", b"example.com"),
        (b"HTTPS://example.com:8443/", b"/", b"example.com:8443"),
        (b"http://example.com", b"/", b"example.com"),
        (b"http://[::1]:80?a=b", b"/?a=b", b"[::1]:80"),
        (b"http://example.com//a", b"//a", b"example.com"),
    ],
)
def test_a_whole_url_names_its_own_host(target: bytes, path: bytes, host: bytes) -> None:
    assert read_target(b"HTTP/1.1", target, HOST) == Target(path, host)


@pytest.mark.parametrize(
    "target",
    [
        b"a", b"example.org:443", b"ftp://example.org/", b"http:///a", b"http://:80/", b"http://me:secret@example.org/",
        b"http://a b/", b"http://example.org/#part", b"http://[::1/", b"",
    ],
)  # fmt: skip
def test_other_targets_are_none(target: bytes) -> None:
    assert "the target" in str(read_target(b"HTTP/1.1", target, HOST))


@pytest.mark.parametrize("host", [b"", b"h", b"h:443", b"[::1]:8000", b"a_b.example", b"10.0.0.1", b" h "])
def test_one_host_is_named(host: bytes) -> None:
    assert read_target(b"HTTP/1.1", b"/", [host]) == Target(b"/")


@pytest.mark.parametrize(
    ("hosts", "why"),
    [
        ([], "asks for a Host"),
        ([b"a", b"a"], "more than one"),
        ([b"a/b"], "names no host"),
        ([b"a@b"], "names no host"),
        ([b"a:b"], "names no host"),
        ([b"a\nb"], "names no host"),
    ],
)
def test_a_request_of_http_1_1_names_exactly_one(hosts: list[bytes], why: str) -> None:
    assert why in str(read_target(b"HTTP/1.1", b"/", hosts))


def test_older_ones_need_not_name_any() -> None:
    assert read_target(b"HTTP/1.0", b"/healthz", []) == Target(b"/healthz")
    assert read_target(b"HTTP/1.0", b"http://h/healthz", []) == Target(b"/healthz", b"h")
    assert "more than one" in str(read_target(b"HTTP/1.0", b"/", [b"a", b"b"]))
