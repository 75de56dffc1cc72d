"""For everybody: by keys alone, for screen readers, light and dark, on phones and wide screens."""

from __future__ import annotations

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.fakes.pictures import png, scene
from tests.service.web.conftest import Visits
from tests.service.web.test_models import guided_page
from tests.service.web.visits import Visit

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


def violations(visit: Visit) -> list[str]:
    """What axe-core finds, as `rule: elements`, when no colour is on its way to another."""
    visit.page.wait_for_function("document.getAnimations().length === 0")
    found = Axe().run(visit.page, options=RULES).response["violations"]
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing_in_any_state(visits: Visits, url: str, scheme: str, width: int) -> None:
    viewport = {"width": width, "height": 740}
    with visits(url, color_scheme=scheme, viewport=viewport, bypass_csp=True) as visit:
        guided_page(visit.page, url)
        visit.go()
        visit.page.wait_for_selector("input[name=model]")
        assert violations(visit) == []
        visit.open_sample()
        visit.page.click("#find-faces")
        visit.wait("state.faces.length > 0")
        visit.tool("landmarks")
        visit.page.locator(".card summary").first.click()
        visit.page.click("#complete")
        visit.said("mask")
        visit.page.locator("#calls summary").click()
        assert violations(visit) == []
        visit.page.check("input[name=model][value=guided]")
        reference = {"name": "aunt.png", "mimeType": "image/png", "buffer": png(scene())}
        visit.page.get_by_label("Reference picture").set_input_files(reference)
        visit.page.get_by_text("aunt.png").wait_for()
        assert violations(visit) == []
        visit.page.check("input[name=model][value=gfc]")
        visit.tool("brush")
        visit.drag((205, 145), (240, 150))
        visit.complete()
        assert violations(visit) == []
        for opener in ("#open-key", "#open-help"):
            visit.page.click(opener)
            assert violations(visit) == []
            visit.page.keyboard.press("Escape")


def test_a_face_is_completed_by_keys_alone(visit: Visit) -> None:
    press = visit.page.keyboard.press

    def focus(name: str) -> None:
        for _ in range(80):
            if visit.page.evaluate("document.activeElement.id") == name:
                return
            press("Tab")
        raise AssertionError(f"{name} cannot be reached")

    focus("open-sample")
    press("Enter")
    visit.wait("state.picture !== null")
    assert visit.page.evaluate("document.activeElement.id") == "stage", "not nowhere, as its button is gone"
    for key in ("]", "]", "ArrowUp", "Space", "Shift+ArrowUp", "ArrowRight", "Space", "ArrowDown", "Enter"):
        press(key)
    assert visit.state("return state.mask.marked;") > 0
    press("Control+z")
    press("Control+Shift+z")
    press("Control+Enter")
    visit.wait("state.result !== null && !state.busy")
    focus("complete")
    visit.page.evaluate("async () => { window.before = (await import('/web/state.js')).state.result; }")
    press("Enter")
    visit.wait("!state.busy && state.result !== window.before")
    assert visit.page.evaluate("document.activeElement.id") == "complete"
    focus("compare-range")
    press("End")
    assert visit.state("return state.split;") == 1
    focus("keep")
    press("Enter")
    visit.wait("state.result === null")
    assert visit.page.evaluate("document.activeElement.id") == "stage"


def test_letters_can_be_kept_from_being_shortcuts_but_on_the_picture(visit: Visit) -> None:
    """Who speaks to the computer, or types on a screen reader, hits letters without meaning a tool."""
    visit.open_sample()
    visit.page.keyboard.press("?")
    visit.page.uncheck("#letter-keys")
    visit.page.keyboard.press("Escape")
    visit.page.locator("#zoom-fit").focus()
    visit.page.keyboard.press("e")
    assert visit.state("return state.tool;") == "brush"
    visit.page.locator("#stage").focus()
    visit.page.keyboard.press("e")
    assert visit.state("return state.tool;") == "eraser"


def test_a_finger_paints_and_two_fingers_enlarge(visits: Visits, url: str) -> None:
    with visits(url, has_touch=True) as visit:
        visit.open_sample()
        session = visit.page.context.new_cdp_session(visit.page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            at = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        x, y = visit.on_screen((225, 150))
        touch("touchStart", (x, y))
        touch("touchMove", (x + 30, y))
        touch("touchEnd")
        visit.wait("state.mask.marked > 0")
        marked = visit.state("return state.mask.marked;")
        scale = "return (await import('/web/view.js')).view.scale;"
        before = visit.state(scale)
        touch("touchStart", (x, y))
        touch("touchStart", (x, y), (x + 50, y))
        touch("touchMove", (x - 40, y), (x + 90, y))
        touch("touchEnd")
        assert visit.state(scale) > before * 1.5
        assert visit.state("return state.mask.marked;") == marked, "the first finger's dab is taken back"


def test_a_picture_is_never_made_too_small_to_be_seen(visit: Visit) -> None:
    visit.open_sample()
    scale = "return (await import('/web/view.js')).view.scale;"
    fitted = visit.state(scale)
    for _ in range(12):
        visit.page.keyboard.press("-")
    assert visit.state(scale) == fitted / 2
    visit.page.keyboard.press("0")
    assert visit.state(scale) == fitted


def test_a_pen_paints_as_wide_as_it_is_pressed(visit: Visit) -> None:
    visit.open_sample()
    session = visit.page.context.new_cdp_session(visit.page)
    x, y = visit.on_screen((225, 150))
    marked = []
    for force in (0.2, 0.6, 1.0):
        pen = {"x": x, "y": y, "button": "left", "clickCount": 1, "pointerType": "pen", "force": force}
        session.send("Input.dispatchMouseEvent", {"type": "mousePressed", **pen})
        session.send("Input.dispatchMouseEvent", {"type": "mouseReleased", **pen})
        marked.append(visit.state("return state.mask.marked;"))
        visit.page.click("#undo")
    radii = np.sqrt(np.array(marked) / np.pi)
    assert np.allclose(radii / radii[-1], (0.4, 0.7, 1), atol=0.02)


@pytest.mark.parametrize(("width", "height"), [(360, 640), (640, 360), (1024, 768), (1440, 900), (3840, 2160)])
def test_nothing_is_cut_off(visits: Visits, url: str, width: int, height: int) -> None:
    with visits(url, viewport={"width": width, "height": height}) as visit:
        visit.open_sample()
        visit.drag((205, 145), (240, 150))
        visit.complete()
        assert visit.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert (
            visit.page.evaluate("Math.round(document.querySelector('#stage-tools').getBoundingClientRect().bottom)")
            <= height
        )
        for selector in ("html", "#panel"):
            assert visit.page.evaluate(
                "(name) => { const e = document.querySelector(name);return e.scrollWidth <= e.clientWidth; }", selector
            ), selector
        stage = visit.page.locator("#stage").bounding_box()
        assert stage is not None
        assert stage["width"] * stage["height"] > 0.25 * width * height


def test_nothing_moves_for_those_who_do_not_want_it(visits: Visits, url: str) -> None:
    with visits(url, reduced_motion="reduce") as visit:
        moving = visit.page.evaluate(
            "Array.from(document.querySelectorAll('*')).filter((e) => getComputedStyle(e).transitionDuration !== '0s'"
            "|| getComputedStyle(e).animationName !== 'none').map((e) => e.id || e.tagName)"
        )
        assert moving == []
