"""Static files through the asynchronous chain: whole, not modified, headers only, not there."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory

from runtime.http.static_files import static_files

FILE = "/static/causeway/client/client.js"
requests = AsyncRequestFactory()


async def answer_to(request: HttpRequest) -> Any:
    """What the middleware answers; what it passes on gets 418."""

    async def passed_on(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=418)

    return await static_files(passed_on)(request)


async def test_a_file_is_served_whole_with_its_type() -> None:
    answer = await answer_to(requests.get(FILE))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert len(answer.content) == int(answer["Content-Length"]) > 100


async def test_an_unchanged_file_is_not_sent_again() -> None:
    modified = (await answer_to(requests.get(FILE)))["Last-Modified"]
    answer = await answer_to(requests.get(FILE, headers={"If-Modified-Since": modified}))
    assert (answer.status_code, answer.content) == (304, b"")


async def test_head_has_the_headers_only() -> None:
    answer = await answer_to(requests.head(FILE))
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer["Content-Length"]) > 100


async def test_everything_else_is_passed_on() -> None:
    assert (await answer_to(requests.get("/static/nothing.js"))).status_code == 418
    assert (await answer_to(requests.get("/api/v1/devices"))).status_code == 418
