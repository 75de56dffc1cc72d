"""Somebody at the page: what tests do there again and again, in pixels of the picture."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import ConsoleMessage, Error, Page, Request

from tests.fakes.pictures import png
from tests.fakes.waiting import until

Point = tuple[float, float]
# What the browser logs of every 4xx, of a service that is away, of a changing network, of tests that read the stage.
USUAL = ("Failed to load resource", "willReadFrequently", "Failed to fetch dynamically imported module")

AS_BASE64 = (
    "(blob) => new Promise((done) => { const reader = new FileReader();"
    "reader.onload = () => done(reader.result.split(',')[1]); reader.readAsDataURL(blob); })"
)


def goto(page: Page, address: str) -> None:
    """Browsers drop what they load when the machine's network changes: other programs may make networks."""
    for left in (2, 1, 0):
        try:
            page.goto(address)
            return
        except Error as error:
            if "ERR_NETWORK_CHANGED" not in error.message or not left:
                raise


class Visit:
    """A tab on the page at `url`. It keeps what the browser complained of and which addresses it asked for."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.failed: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.failed.append(f"{request.failure} {request.url}"))
        page.on("request", lambda request: self.requests.append(request))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(usual in message.text for usual in USUAL):
            self.complaints.append(message.text)

    def go(self) -> None:
        goto(self.page, f"{self.url}/")
        until(self._alive, f"the page, without {self.failed},")
        self.page.evaluate(
            "async () => { window.calls = [];"
            "(await import('/web/state.js')).on('call', ({ call }) => window.calls.push(call)); }"
        )

    def _alive(self) -> bool:
        """Whether all modules have come: the last of them names the stage, after its words are written."""
        return bool(self.page.get_attribute("#stage", "aria-label"))

    def foreign(self) -> list[str]:
        """Addresses of another host that were asked for."""
        urls = [request.url for request in self.requests]
        return [url for url in urls if not url.startswith((f"{self.url}/", "blob:", "data:"))]

    def open_sample(self) -> None:
        self.page.click("#open-sample")
        self.wait("state.picture !== null")

    def open_picture(self, array: NDArray[np.uint8], name: str = "picture.png") -> None:
        self.open_bytes(png(array), name)
        self.wait(f"state.picture?.name === {name!r}")

    def open_bytes(self, data: bytes, name: str) -> None:
        self.page.set_input_files("#picture-file", {"name": name, "mimeType": "", "buffer": data})

    def wait(self, condition: str) -> None:
        """Until an expression about `state` holds."""
        until(lambda: self.state(f"return Boolean({condition});"), condition)

    def state(self, expression: str) -> Any:
        return self.page.evaluate(f"async () => {{ const {{ state }} = await import('/web/state.js'); {expression} }}")

    def tool(self, name: str) -> None:
        self.page.check(f"input[name=tool][value={name}]", force=True)

    def on_screen(self, point: Point) -> Point:
        """Where a point of the picture lies in the window."""
        x, y = self.page.evaluate("async (p) => (await import('/web/view.js')).toStage(...p)", list(point))
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        return box["x"] + x, box["y"] + y

    def drag(self, *points: Point, keys: Sequence[str] = ()) -> None:
        """The mouse goes down at the first point, along the others, and up."""
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.move(*self.on_screen(points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.on_screen(point), steps=4)
        self.page.mouse.up()
        for key in keys:
            self.page.keyboard.up(key)

    def complete(self) -> None:
        """Press Complete, and wait for the result that it brings."""
        self.page.evaluate("async () => { window.before = (await import('/web/state.js')).state.result; }")
        self.page.click("#complete")
        self.wait("!state.busy && state.result && state.result !== window.before")

    def result(self) -> NDArray[np.uint8]:
        """The pixels of the chosen sample, as the service sent them."""
        data = self.state(f"return ({AS_BASE64})(state.result.pictures[state.result.chosen].blob);")
        return np.asarray(Image.open(BytesIO(b64decode(data))).convert("RGB"))

    def saved(self, press: Callable[[], None]) -> tuple[str, bytes]:
        """Name and bytes of the file that is offered."""
        with self.page.expect_download() as found:
            press()
        path = Path(found.value.path())
        return found.value.suggested_filename, path.read_bytes()

    def mask(self) -> NDArray[np.uint8]:
        """The mask, [H,W] of 0 and 255, from the file that is saved and sent; black where nothing is marked."""
        data = self.state(
            "const [field] = await (await import('/web/files.js')).maskField();"
            f"return field ? ({AS_BASE64})(field[1].blob) : null;"
        )
        if data is None:
            return np.zeros(self.state("return [state.mask.height, state.mask.width];"), np.uint8)
        return np.asarray(Image.open(BytesIO(b64decode(data))).convert("L"))

    def shown(self, point: Point) -> list[int]:
        """The colour of the stage over a point of the picture, without mask and lines."""
        return self.page.evaluate(
            "async (p) => { const { view } = await import('/web/view.js');"
            "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"
            "const canvas = document.querySelector('#picture-canvas');"
            "const [x, y] = [(p[0] + 0.5) * view.scale + view.x, (p[1] + 0.5) * view.scale + view.y];"
            "return Array.from(canvas.getContext('2d').getImageData(x, y, 1, 1).data).slice(0, 3); }",
            list(point),
        )

    def said(self, place: str) -> str:
        """What the page says at a place, once it says something."""
        found = self.page.locator(f"[data-place={place}]:not([hidden])")
        found.wait_for()
        return found.inner_text()

    def sent(self, path: str) -> list[dict[str, Any]]:
        """The form of every call of `path`, in order: texts, and files in base64."""
        return self.page.evaluate(
            "async (path) => Promise.all(window.calls.filter((call) => call.path === path).map(async ({ fields }) =>"
            "Object.fromEntries(await Promise.all(fields.map(async ([name, value]) => [name, value.blob"
            f"? await ({AS_BASE64})(value.blob) : value])))))",
            path,
        )
