"""Opening pictures: upright, dropped, pasted, one after another."""

from __future__ import annotations

from base64 import b64decode, b64encode

import numpy as np
from PIL import Image

from tests.fakes.pictures import encoded, png, scene
from tests.service.web.visits import Visit


def test_a_photograph_is_upright_and_sent_as_it_is(visit: Visit) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(scene(120, 200), "JPEG", exif=exif)
    visit.open_bytes(data, "phone.jpg")
    visit.wait("state.picture !== null")
    assert visit.state("return [state.picture.width, state.picture.height];") == [120, 200]
    visit.drag((60, 60), (70, 90))
    hole = visit.mask() > 0
    visit.complete()
    (sent,) = visit.sent("jobs")
    assert b64decode(sent["image"]) == data
    assert visit.result().shape == (200, 120, 3)
    assert hole.shape == (200, 120)


GIVEN = """async ([type, bytes, target]) => {
  const transfer = new DataTransfer();
  if (bytes === null) transfer.setData('text/plain', 'a link');
  else transfer.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], `${type}.png`));
  const given = { bubbles: true, cancelable: true };
  const event = type === 'paste' ? new ClipboardEvent(type, { ...given, clipboardData: transfer })
    : new DragEvent(type, { ...given, dataTransfer: transfer });
  return document.querySelector(target).dispatchEvent(event);
}"""


def test_it_is_told_that_a_picture_is_being_opened(visit: Visit) -> None:
    visit.page.evaluate(
        "() => { const decode = window.createImageBitmap;"
        "window.createImageBitmap = async (...given) => {"
        "await new Promise((done) => { window.goOn = done; }); return decode(...given); }; }"
    )
    visit.open_bytes(png(scene()), "large.png")
    visit.page.get_by_text("Opening large.png").wait_for()
    visit.page.wait_for_function("window.goOn !== undefined")
    visit.page.evaluate("window.goOn()")
    visit.wait("state.picture !== null")
    visit.page.get_by_text("Opening").wait_for(state="hidden")


def test_pictures_are_dropped_and_pasted_too(visit: Visit) -> None:
    visit.page.click("#open-sample-mask")
    visit.wait("state.mask?.marked > 0")
    visit.page.evaluate(GIVEN, ["dragover", None, "#stage"])
    assert visit.page.locator(".dragged #stage").is_visible(), "the stage shows that it takes what is dragged"
    for kind in ("drop", "paste"):
        visit.page.evaluate(GIVEN, [kind, b64encode(png(scene(80, 90))).decode(), "#stage"])
        visit.wait(f"state.picture.name === '{kind}.png'")
        assert visit.state("return [state.picture.width, state.picture.height, state.mask.marked];") == [90, 80, 0]
        assert visit.page.locator(".dragged").count() == 0


def test_what_is_dropped_or_pasted_without_a_file_is_refused_and_the_page_stays(visit: Visit) -> None:
    for kind, words in (("drop", "not a file"), ("paste", "no picture in the clipboard")):
        assert not visit.page.evaluate(GIVEN, [kind, None, "#stage"]), "the browser does nothing of its own"
        assert words in visit.said("image")
        assert visit.page.evaluate(GIVEN, [kind, None, "#grow-pixels"]), "text goes into fields"


def test_a_picture_that_another_one_replaced_comes_back_with_its_mask(visit: Visit) -> None:
    visit.open_picture(scene(120, 160), "first.png")
    visit.drag((50, 50), (90, 70))
    first = visit.mask()
    visit.drag((20, 20), (30, 90))
    both = visit.mask()
    visit.open_picture(scene(90, 80), "second.png")
    visit.drag((40, 40), (50, 50))
    second = visit.mask()
    for name, mask in (("second", np.zeros((90, 80))), ("first", both), ("first", first)):
        visit.page.click("#undo")
        visit.wait(f"state.picture.name === '{name}.png'")
        assert np.array_equal(visit.mask(), mask)
        assert visit.page.inner_text("#mask-share") == f"{round(100 * (mask > 0).mean(), 1):g} % of the picture"
    for _ in range(3):
        visit.page.click("#redo")
    visit.wait("state.picture.name === 'second.png' && state.mask.marked > 0")
    assert np.array_equal(visit.mask(), second)
