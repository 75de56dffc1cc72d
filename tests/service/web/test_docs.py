"""/docs in a browser that reaches nothing but the service."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.service.web.visits import Visit


def test_the_documentation_is_drawn_without_the_internet(browser: Browser, url: str) -> None:
    with browser.new_context() as context:
        visit = Visit(context.new_page(), url)
        visit.page.goto(f"{url}/docs")
        visit.page.locator("#operations-inpainting-inpaint").wait_for()
        assert visit.foreign() == []
        assert visit.complaints == []


def test_who_reads_the_documentation_keeps_the_picture(visit: Visit) -> None:
    visit.open_sample()
    with visit.page.expect_popup() as opened:
        visit.page.click("nav a")
    opened.value.locator("#operations-inpainting-inpaint").wait_for()
    assert visit.state("return state.picture.name;") == "astronaut.jpg"
