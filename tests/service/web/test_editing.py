"""Opening, painting, completing, comparing, undoing, keeping."""

from __future__ import annotations

import re
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from service.imaging.decode import ImageLimits, decode_mask
from service.imaging.holes import dilate
from tests.fakes.pictures import encoded, png, scene
from tests.service.web.visits import Visit

SAMPLE = Path(__file__).parents[3] / "service" / "web" / "samples" / "astronaut.jpg"
MOUTH = (225.0, 150.0)
LIMITS = ImageLimits(10**6, 2000, 8)


def test_a_sample_is_painted_completed_compared_and_kept(visit: Visit) -> None:
    visit.open_sample()
    visit.drag((205, 145), (240, 150), (210, 160))
    hole = visit.mask() > 0
    share = visit.page.inner_text("#mask-share")
    assert share == f"{round(100 * hole.mean(), 1):g} % of the picture"
    visit.complete()
    original = np.asarray(Image.open(SAMPLE).convert("RGB"))
    completed = visit.result()
    assert np.array_equal(completed[~hole], original[~hole])
    assert not np.array_equal(completed[hole], original[hole])
    compare(visit, original, completed)
    name, data = visit.saved(lambda: visit.page.click("#download"))
    assert (name, Image.open(BytesIO(data)).format) == ("astronaut_completed.jpg", "JPEG")
    visit.page.click("#keep")
    visit.wait("state.result === null && state.mask.marked === 0")
    assert visit.page.inner_text("#picture-facts").startswith("astronaut_completed.png")
    assert near(visit.shown(MOUTH), completed[150, 225])
    visit.drag((300, 400), (320, 400))
    visit.complete()
    again = visit.result()
    assert np.array_equal(again[hole], completed[hole]), "the result was edited further"
    for _ in range(2):
        visit.page.click("#undo")
    visit.wait("state.picture.name === 'astronaut.jpg'")
    assert near(visit.shown(MOUTH), original[150, 225])
    assert visit.page.inner_text("#mask-share") == share


def compare(visit: Visit, original: np.ndarray, completed: np.ndarray) -> None:
    """The divider by its slider and by the mouse, and the held key."""
    x, y = map(int, MOUTH)
    assert not near(original[y, x], completed[y, x])
    assert near(visit.shown(MOUTH), completed[y, x])
    visit.page.fill("#compare-range", "100")
    assert near(visit.shown(MOUTH), original[y, x])
    visit.drag((500, 300), (100, 300))
    assert near(visit.shown(MOUTH), completed[y, x])
    visit.page.locator("#stage").focus()
    visit.page.keyboard.down("h")
    assert near(visit.shown(MOUTH), original[y, x])
    visit.page.keyboard.up("h")
    assert near(visit.shown(MOUTH), completed[y, x])


def near(one: object, other: object) -> bool:
    """Colours that differ by what scaling does to them."""
    return bool(np.abs(np.asarray(one, int) - np.asarray(other, int)).max() < 30)


def test_the_mask_is_seen_when_it_is_edited_and_the_original_while_a_button_is_held(visit: Visit) -> None:
    visit.open_sample()
    visit.drag((205, 145), (240, 150))
    visit.page.locator("#calls").scroll_into_view_if_needed()
    visit.complete()
    assert visit.page.get_by_text("Keep editing").bounding_box()["y"] > 0, "the panel is where the result is"
    for key in ("Space", "Enter"):
        visit.page.locator("#hold").focus()
        visit.page.keyboard.down(key)
        assert visit.state("return state.holding;")
        visit.page.keyboard.up(key)
        assert not visit.state("return state.holding;")
    shown = "return state.mode;"
    for edit in (
        lambda: visit.page.locator(".tools label", has_text="Brush").click(),
        lambda: visit.page.keyboard.press("l"),
        lambda: visit.page.click("#grow"),
        lambda: visit.page.click("#undo"),
    ):
        visit.page.check("input[name=mode][value=result]", force=True)
        assert visit.state(shown) == "result"
        edit()
        visit.wait("state.mode === 'edit'")


def test_a_browser_that_cannot_write_the_type_gives_the_file_its_true_name(visit: Visit) -> None:
    visit.open_bytes(encoded(scene(), "WEBP"), "picture.webp")
    visit.wait("state.picture !== null")
    visit.drag((50, 50), (90, 90))
    visit.complete()
    name, data = visit.saved(lambda: visit.page.click("#download"))
    assert (name, Image.open(BytesIO(data)).format) == ("picture_completed.webp", "WEBP")
    visit.page.evaluate(
        "() => { const write = OffscreenCanvas.prototype.convertToBlob;"
        "OffscreenCanvas.prototype.convertToBlob = function () { return write.call(this, { type: 'image/png' }); }; }"
    )
    name, data = visit.saved(lambda: visit.page.click("#download"))
    assert (name, Image.open(BytesIO(data)).format) == ("picture_completed.png", "PNG")


def test_every_step_of_a_mask_is_undone_and_done_again(visit: Visit) -> None:
    visit.open_picture(scene())
    steps = [visit.mask()]

    def done(press: object = None) -> None:
        if isinstance(press, str):
            visit.page.click(press)
        steps.append(visit.mask())

    visit.drag((50, 50), (120, 90))
    done()
    visit.tool("eraser")
    visit.drag((60, 40), (90, 100))
    done()
    visit.tool("rectangle")
    visit.drag((200, 100), (260, 180))
    done()
    visit.tool("lasso")
    visit.drag((300, 100), (380, 120), (340, 200))
    done()
    visit.drag((230, 90), (280, 90), (250, 160), keys=["Alt"])
    done()
    for press in ("#invert", "#invert", "#grow", "#shrink", "#clear"):
        done(press)
    assert all(not np.array_equal(one, other) for one, other in pairwise(steps))
    for before in reversed(steps[:-1]):
        visit.page.click("#undo")
        assert np.array_equal(visit.mask(), before)
    assert visit.page.is_disabled("#undo")
    for after in steps[1:]:
        visit.page.keyboard.press("Control+Shift+Z")
        assert np.array_equal(visit.mask(), after)


def test_a_stroke_that_is_not_ended_is_undone_whole(visit: Visit) -> None:
    visit.open_picture(scene())
    visit.drag((50, 50), (120, 90))
    before = visit.mask()
    visit.page.mouse.move(*visit.on_screen((200, 200)))
    visit.page.mouse.down()
    visit.page.mouse.move(*visit.on_screen((260, 210)), steps=4)
    visit.page.keyboard.press("Control+z")
    visit.page.mouse.move(*visit.on_screen((300, 250)), steps=4)
    visit.page.mouse.up()
    visit.wait("state.mask.touched === null")
    assert np.array_equal(visit.mask(), before)
    visit.page.keyboard.press("Control+z")
    assert not visit.mask().any()


def test_shapes_lie_where_they_are_drawn(visit: Visit) -> None:
    visit.open_picture(scene(200, 200))
    visit.tool("rectangle")
    visit.drag((20, 30), (60, 90))
    expected = np.zeros((200, 200), np.uint8)
    expected[30:90, 20:60] = 1
    drawn = visit.mask() // 255
    assert np.count_nonzero(drawn != expected) <= 200, "the mouse has whole pixels of the screen"
    visit.page.fill("#grow-pixels", "7")
    visit.page.click("#grow")
    assert np.array_equal(visit.mask() // 255, dilate(drawn, 7)), "as the service's mask_dilate"
    visit.page.click("#clear")
    visit.tool("brush")
    visit.page.fill("#brush-size", "40")
    visit.drag((100, 100), (140, 100))
    y, x = np.mgrid[0:200, 0:200] + 0.5
    distance = np.hypot(x - np.clip(x, 100, 140), y - 100)
    assert np.count_nonzero((visit.mask() > 0) != (distance <= 20)) <= 160


def test_a_mask_that_is_saved_and_loaded_is_equal(visit: Visit) -> None:
    visit.open_picture(scene(211, 317))
    visit.drag((50, 50), (220, 90), (90, 190))
    name, data = visit.saved(lambda: visit.page.click("#save-mask"))
    assert name == "picture_mask.png"
    hole = decode_mask(data, LIMITS, size=(211, 317))
    assert len(data) < 2000
    visit.page.click("#clear")
    visit.page.set_input_files("#mask-file", {"name": "m.png", "mimeType": "image/png", "buffer": data})
    visit.wait("state.mask.marked > 0")
    assert np.array_equal(visit.mask() // 255, hole)
    grey = np.random.default_rng(3).integers(0, 256, (211, 317, 3)).astype(np.uint8)
    visit.page.set_input_files("#mask-file", {"name": "m.png", "mimeType": "", "buffer": png(grey)})
    expected = decode_mask(png(grey), LIMITS, size=(211, 317))
    visit.wait(f"state.mask.marked === {int(expected.sum())}")
    assert np.array_equal(visit.mask() // 255, expected), "read as the service reads it"


def test_transparency_becomes_the_mask(visit: Visit) -> None:
    picture = np.dstack([scene(100, 140), np.full((100, 140), 255, np.uint8)])
    picture[20:50, 30:80, 3] = 127
    picture[60:70, 30:80, 3] = 128
    visit.open_picture(picture)
    visit.page.click("#from-alpha")
    visit.wait("state.mask.marked > 0")
    assert np.array_equal(visit.mask() > 0, picture[..., 3] < 128)


def test_every_text_that_is_asked_for_is_there(visit: Visit) -> None:
    folder = SAMPLE.parents[1]
    sources = [file.read_text() for file in [*folder.glob("*.js"), folder / "index.html"]]
    asked = set(re.findall(r'(?:\btext\(|data-text=|data-label=|refusal\([^,()]+, )"([\w.]+)"', "\n".join(sources)))
    missing = visit.page.evaluate(
        "async (names) => { const { text } = await import('/web/texts.js'); return names.filter((name) => {"
        "try { text(name); } catch (error) { return error.message.startsWith('no text'); } return false; }); }",
        sorted(asked),
    )
    assert len(asked) > 80
    assert missing == []
