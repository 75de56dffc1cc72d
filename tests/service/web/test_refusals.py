"""Every refusal is said in words where the user is looking; a key is asked for and kept for the tab."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from service.keys import make_key
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, encoded, png, scene
from tests.fakes.redis_server import RedisServer
from tests.service.test_errors import tree
from tests.service.web.conftest import Visits, served
from tests.service.web.visits import Visit


def animated() -> bytes:
    file = BytesIO()
    frames = [Image.fromarray(scene(seed=seed)) for seed in (0, 1)]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    return file.getvalue()


BAD_FILES = [
    (b"hello", "notes.jpg", "not a picture that can be opened"),
    (b"", "empty.png", "not a picture that can be opened"),
    (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "photo.heic", "This is a HEIC file"),
    (encoded(scene(), "GIF"), "moving.gif", "This is a GIF file"),
    (png(scene())[:200], "cut.png", "damaged"),
    (png(scene(20, 400)), "flat.png", "a side needs 32"),
]


UNCOVERED = """(place) => {
  const element = document.querySelector(`[data-place=${place}]`);
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return [top + 2, bottom - 2].every((y) => element.contains(document.elementFromPoint((left + right) / 2, y)));
}"""


def test_a_bad_file_is_refused_in_words_over_the_picture(visit: Visit) -> None:
    """And what was open stays."""
    visit.wait("state.limits !== null")
    visit.open_picture(np.zeros((64, 64, 3), np.uint8))
    for data, name, words in BAD_FILES:
        visit.open_bytes(data, name)
        visit.page.locator("[data-place=image]", has_text=words).wait_for()
        assert visit.state("return state.picture.name;") == "picture.png"
    visit.page.click(".sample")
    visit.wait("state.picture.name === 'astronaut.jpg'")
    assert visit.page.locator("[data-place=image]").is_hidden()


def test_what_only_the_service_can_refuse_is_said_there_too(visit: Visit) -> None:
    visit.open_bytes(animated(), "moving.png")
    visit.wait("state.picture !== null")
    visit.page.click("#complete")
    assert "The mask is empty" in visit.said("mask")
    visit.drag((50, 50), (60, 60))
    visit.page.click("#complete")
    assert "The image has 2 frames; send one picture. Save one picture of the animation." in visit.said("image")
    assert visit.page.is_enabled("#complete")


def test_a_mask_of_another_size_is_refused_at_the_mask(visit: Visit) -> None:
    visit.open_sample()
    visit.page.set_input_files("#mask-file", {"name": "m.png", "mimeType": "", "buffer": png(box_mask())})
    assert "This mask has 400 × 300 pixels, the picture 512 × 512" in visit.said("mask")
    visit.page.click("#from-alpha")
    assert "no transparent part" in visit.said("mask")


def test_no_error_of_the_service_is_without_words(visit: Visit) -> None:
    known = visit.page.evaluate("async () => Object.keys((await import('/web/texts.js')).PROBLEMS)")
    own = {kind.code for kind in tree() if kind.__module__ == "service.errors"}
    assert set(known) == own - {"bad_request"}


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 640)])
def test_nothing_lies_over_a_refusal_and_it_goes_with_its_cause(
    visits: Visits, url: str, width: int, height: int
) -> None:
    with visits(url, viewport={"width": width, "height": height}) as visit:
        visit.page.wait_for_selector("input[name=model]")
        visit.open_sample()
        visit.page.click("#complete")
        seen(visit, "mask", "The mask is empty")
        visit.drag((205, 145), (240, 150))
        assert visit.page.locator("[data-place=mask]").is_hidden()
        visit.page.click("#find-faces")
        visit.wait("state.faces.length > 0")
        visit.page.check("input[name=model][value=gfc]")
        visit.tool("landmarks")
        visit.page.evaluate("document.querySelector('#panel').scrollTop = 0")
        x, y = visit.state("return state.faces[0].landmarks[8];")
        visit.drag((x, y), (x + 9, y))
        seen(visit, "faces", "does not follow")
        visit.page.click("#undo")
        assert visit.page.locator("[data-place=faces]").is_hidden()
        visit.state("state.model = { ...state.model, name: 'nobody' };")
        visit.page.evaluate("document.querySelector('#panel').scrollTop = 0")
        visit.page.click("#complete")
        seen(visit, "model", "another model")
        visit.page.check("input[name=model][value=lafin]")
        assert visit.page.locator("[data-place=model]").is_hidden()


def seen(visit: Visit, place: str, words: str) -> None:
    assert words in visit.said(place)
    assert visit.page.evaluate(UNCOVERED, place), place


def test_an_engine_that_fails_is_told_where_complete_was_pressed(visit: Visit, engine: FakeEngine) -> None:
    visit.open_sample()
    visit.drag((205, 145), (240, 150))
    engine.crash = RuntimeError("broken")
    visit.page.click("#complete")
    assert "Tell whoever runs the service." in visit.said("complete")
    engine.crash = None
    visit.complete()
    assert visit.page.locator("[data-place=complete]").is_hidden()


def test_a_key_is_asked_for_kept_for_the_tab_and_forgotten(
    visits: Visits, redis_server: RedisServer, engine: FakeEngine
) -> None:
    key, entry = make_key("painter", frozenset({"inpaint", "analysis"}))
    with served(redis_server, engine, api_keys=str(entry)) as url, visits(url) as visit:
        page = visit.page
        assert "wants a key" in visit.said("key")
        page.fill("#key", "painter.wrong")
        page.keyboard.press("Enter")
        page.get_by_text("does not know this key").wait_for()
        page.fill("#key", key)
        page.keyboard.press("Enter")
        page.wait_for_selector("input[name=model]")
        visit.go()
        page.wait_for_selector("input[name=model]")
        visit.open_sample()
        visit.drag((205, 145), (240, 150))
        visit.complete()
        (sent,) = visit.sent("inpaint")
        assert sent["model"] == "lafin", "this key has no scope for jobs"
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
        page.click("#copy-curl")
        page.locator("#copy-dialog[open]").wait_for()
        line = page.input_value("#copy-text")
        assert '-H "Authorization: Bearer $KEY"' in line
        assert key.partition(".")[2] not in line
        page.keyboard.press("Escape")
        other = page.context.new_page()
        other.goto(url)
        other.locator("#key-dialog[open]").wait_for()
        other.close()
        page.click("#open-key")
        page.get_by_text("Forget the key").click()
        assert "wants a key" in visit.said("key")
        assert page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [0, 0, ""]
