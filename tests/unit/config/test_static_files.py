"""Static files through the asynchronous chain: whole, not modified, headers only, not there."""

from django.test import AsyncClient

FILE = "/static/causeway/client.js"


async def test_a_file_is_served_whole_with_its_type() -> None:
    answer = await AsyncClient().get(FILE)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert len(answer.content) == int(answer["Content-Length"]) > 100


async def test_an_unchanged_file_is_not_sent_again() -> None:
    client = AsyncClient()
    modified = (await client.get(FILE))["Last-Modified"]
    answer = await client.get(FILE, headers={"If-Modified-Since": modified})
    assert (answer.status_code, answer.content) == (304, b"")


async def test_head_has_the_headers_only() -> None:
    answer = await AsyncClient().head(FILE)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer["Content-Length"]) > 100


async def test_what_is_not_there_is_not_found() -> None:
    answer = await AsyncClient().get("/static/nothing.js")
    assert answer.status_code == 404
