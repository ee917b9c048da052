"""Pages whose modules do not arrive: a network that changes, a deploy. They try again by themselves, and say so."""

import itertools
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_pages import sign_in
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser


def test_a_page_whose_module_did_not_arrive_loads_it_again(page: Page, shared_system: System) -> None:
    asked = itertools.count()

    def once_in_vain(route: Route) -> None:
        if next(asked) == 0:
            route.abort("addressunreachable")
        else:
            route.continue_()

    page.route("**/static/causeway/app/fleet-*.js", once_in_vain)
    with page.expect_response(re.compile(r"/app/fleet-\w+\.js$")) as got:
        sign_in(page, shared_system, "/")
    assert got.value.ok
    assert next(asked) >= 2
    expect(page.locator("#main [role=alert]")).to_have_count(0)


def test_case_i9_a_page_of_before_a_deploy_mixes_nothing_and_gets_that_of_after_it(
    page: Page, shared_system: System
) -> None:
    asked = itertools.count()

    def at_first_of_before(route: Route) -> None:
        if next(asked) == 0:
            route.continue_(url=re.sub(r"-[0-9A-Z]{8}\.js$", "-00000000.js", route.request.url))
        else:
            route.continue_()

    page.route("**/static/causeway/app/shell-*.js", at_first_of_before)
    with page.expect_response(lambda answer: "/app/shell-" in answer.url and answer.status == 404):
        sign_in(page, shared_system, "/")
    assert next(asked) >= 2


def test_a_page_that_can_not_be_loaded_says_so(page: Page, shared_system: System) -> None:
    sign_in(page, shared_system, "/")
    page.route("**/static/causeway/app/shared-*.js", lambda route: route.abort("addressunreachable"))
    page.reload()
    sentence = re.compile(r"A part of this page could not be loaded\. Trying again in \d+ s\.")
    expect(page.locator("#main [role=alert]")).to_have_text(sentence)
    page.unroute("**/static/causeway/app/shared-*.js")
    expect(page.locator(".link-label")).to_have_text("Live")
