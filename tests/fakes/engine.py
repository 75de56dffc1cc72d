"""An engine in memory: deterministic, instant unless told otherwise, and strict about what it is given.

It paints a colour that depends on every byte it was given, so that a mix-up between two requests shows, and it dots
the landmarks, so that an edit of them shows.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.deadline import Deadline
from service.engine import Arrays
from service.engine.specs import SPECS
from service.errors import DeadlineExceeded, EngineUnavailable, ServiceError
from tests.fakes.cascade import find_all

FRAME_PIXELS = 256
ATTRIBUTES = ("gender", "age", "happy", "long-haired", "skin-color", "hair-color", "weight", "well-groomed")


def mean_shape() -> NDArray[np.float64]:
    """68 landmarks [68,2] of a face as FFHQ's alignment lays it into a frame of 256 pixels."""
    shape = np.zeros((68, 2))
    turn = np.linspace(np.pi, 0, 17)
    shape[0:17] = np.c_[128 + 72 * np.cos(turn), 118 + 108 * np.sin(turn)]
    shape[17:22] = np.c_[np.linspace(72, 112, 5), [104, 98, 96, 98, 102]]
    shape[22:27] = np.c_[np.linspace(144, 184, 5), [102, 98, 96, 98, 104]]
    shape[27:31] = np.c_[np.full(4, 128.0), [118, 131, 144, 156]]
    shape[31:36] = np.c_[np.linspace(113, 143, 5), [164, 167, 169, 167, 164]]
    eye = np.array([[-13, 0], [-5, -5], [5, -5], [13, 0], [5, 5], [-5, 5]])
    shape[36:42], shape[42:48] = eye + np.array((96, 121)), eye + np.array((160, 121))
    outer, inner = np.linspace(np.pi, -np.pi, 13)[:12], np.linspace(np.pi, -np.pi, 9)[:8]
    shape[48:60] = np.c_[128 + 26 * np.cos(outer), 192 - 11 * np.sin(outer)]
    shape[60:68] = np.c_[128 + 18 * np.cos(inner), 192 - 4 * np.sin(inner)]
    return shape


class FakeEngine:
    """Implements `service.engine.Engine`."""

    def __init__(self) -> None:
        self.landmarks = mean_shape()
        self.described = {"classes": "background,skin,hair,left_eye"}
        self.up = True
        self.missing: set[str | None] = set()  # None: the engine as a whole
        self.asked_ready = 0
        self.may_say_ready = asyncio.Event()  # cleared: whoever asks waits
        self.may_say_ready.set()
        self.delay_seconds = 0.0
        self.error: ServiceError | None = None
        self.crash: Exception | None = None
        self.calls: Counter[str] = Counter()
        self.canceled = 0
        self.running = 0
        self.most_running = 0

    async def infer(self, model: str, inputs: Mapping[str, NDArray[Any]], *, deadline: Deadline) -> Arrays:
        if not self.up:
            raise EngineUnavailable("The engine cannot be reached.", retry_after_seconds=1)
        if self.error is not None:
            raise self.error
        if self.crash is not None:
            raise self.crash
        check_inputs(model, inputs)
        self.calls[model] += 1
        await self._take_time(deadline)
        if model == "finder":  # takes too long for the loop
            return {"faces": await asyncio.to_thread(find_all, inputs["image"], inputs["hole"])}
        return self._outputs(model, inputs)

    async def parameters(self, model: str, *, deadline: Deadline) -> dict[str, str]:
        if not self.up:
            raise EngineUnavailable("The engine cannot be reached.", retry_after_seconds=1)
        described = {"parser": self.described, "reference_extractor": {"attributes": ",".join(ATTRIBUTES)}}
        return dict(described.get(model, {}))

    async def ready(self, model: str | None = None) -> bool:
        self.asked_ready += 1
        await self.may_say_ready.wait()
        await asyncio.sleep(0)
        return self.up and model not in self.missing

    async def _take_time(self, deadline: Deadline) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            async with asyncio.timeout(deadline.remaining_seconds):
                await asyncio.sleep(self.delay_seconds)
        except TimeoutError:
            raise DeadlineExceeded("The engine did not answer before the deadline.") from None
        except asyncio.CancelledError:
            self.canceled += 1
            raise
        finally:
            self.running -= 1

    def _outputs(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        if model == "parser":
            return {"parsing": np.stack([parse(image) for image in inputs["image"]])}
        batch = len(inputs["image"])
        if model in ("dsa_generator", "dsa_generator_1024"):
            return {"raw": np.stack([wash(inputs["image"][i], inputs["hole"][i]) for i in range(batch)])}
        if model.startswith("reference"):
            return self._referred(model, inputs)
        if model == "gfc_generator":
            raws = [speckle(inputs["image"][i], inputs["hole"][i], inputs["noise"][i]) for i in range(batch)]
            return {"raw": np.stack(raws)}
        if model == "showface":
            painted = [paint(inputs["image"][i], inputs["hole"][i], self.landmarks[:0]) for i in range(batch)]
            coarse = np.where(inputs["hole"] > 0, np.stack(painted), inputs["image"])
            return {
                "raw": 255 - np.stack(painted),
                "coarse": coarse,
                "parsing": np.stack([parse(one) for one in coarse]),
            }
        predicted = np.repeat(self.landmarks[None].astype(np.float32), batch, axis=0)
        landmarks = inputs.get("landmarks", predicted)
        outputs: Arrays = {"landmarks": landmarks}
        if model != "lafin_predictor":
            outputs["raw"] = np.stack(
                [paint(inputs["image"][i], inputs["hole"][i], landmarks[i]) for i in range(batch)]
            )
        return {tensor.name: outputs[tensor.name] for tensor in SPECS[model].outputs}

    def _referred(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """The extractor reads what is visible; the generator paints each attribute as a stripe."""
        if model == "reference_extractor":
            return {"attributes": np.stack([seen(*pair) for pair in zip(inputs["image"], inputs["hole"], strict=True)])}
        vectors = inputs.get("attributes")
        if vectors is None:
            pairs = zip(inputs["reference"], inputs["reference_hole"], strict=True)
            vectors = np.stack([seen(*pair) for pair in pairs])
        raw = np.stack([stripes(vector) for vector in vectors])
        outputs = {"raw": raw, "attributes": vectors}
        return {tensor.name: outputs[tensor.name] for tensor in SPECS[model].outputs}


def seen(image: NDArray[Any], hole: NDArray[Any]) -> NDArray[np.float32]:
    """[8] in [-1,1]: the shade of eight rows of the visible part."""
    known = np.asarray(image * (1 - hole), np.float32).mean(axis=0)
    return np.asarray(known[:: FRAME_PIXELS // 8].mean(axis=1) / 127.5 - 1, np.float32)


def stripes(vector: NDArray[Any]) -> NDArray[np.uint8]:
    """[3,F,F] uint8: eight stripes from left to right, each as bright as its attribute."""
    assert np.abs(vector).max() <= 1
    shades = np.repeat(127.5 + 100 * np.asarray(vector, np.float64), FRAME_PIXELS // 8)
    return np.broadcast_to(shades, (3, FRAME_PIXELS, FRAME_PIXELS)).astype(np.uint8)


def check_inputs(model: str, inputs: Mapping[str, NDArray[Any]]) -> None:
    """As strict as a real engine."""
    spec = SPECS[model]
    assert set(inputs) == {tensor.name for tensor in spec.inputs}, set(inputs)
    for tensor in spec.inputs:
        array = inputs[tensor.name]
        assert array.shape[1:] == tensor.shape, array.shape
        assert array.dtype == {"UINT8": np.uint8, "FP32": np.float32}[tensor.dtype], array.dtype
    assert model == "parser" or inputs["hole"].max() <= 1


def parse(image: NDArray[Any]) -> NDArray[np.uint8]:
    """[1,F,F] uint8: skin everywhere, hair in the top quarter; an eye at the left border if the picture is bright."""
    ids = np.ones((1, FRAME_PIXELS, FRAME_PIXELS), np.uint8)
    ids[:, : FRAME_PIXELS // 4] = 2
    if image.mean() > 127:
        ids[:, :, :8] = 3
    return ids


def paint(image: NDArray[Any], hole: NDArray[Any], landmarks: NDArray[Any]) -> NDArray[np.uint8]:
    """[3,F,F] uint8: a colour made from all bytes, a slope, and a white dot of 5x5 pixels on every landmark."""
    known = image * (1 - hole)
    sums = [zlib.crc32(known[channel].tobytes() + hole.tobytes()) % 160 for channel in range(3)]
    slope = np.linspace(0, 60, FRAME_PIXELS)[None, None, :] + np.zeros((1, FRAME_PIXELS, 1))
    raw = np.asarray(sums, dtype=np.float64)[:, None, None] + slope
    for x, y in np.clip(np.rint(landmarks), 2, FRAME_PIXELS - 3).astype(int):
        raw[:, y - 2 : y + 3, x - 2 : x + 3] = 255
    return raw.astype(np.uint8)


def wash(image: NDArray[Any], hole: NDArray[Any]) -> NDArray[np.uint8]:
    """[3,F,F] uint8 of any side: a colour made from all known bytes, that grows brighter to the right."""
    known, side = image * (1 - hole), image.shape[-1]
    colours = [zlib.crc32(known[channel].tobytes() + hole.tobytes()) % 160 for channel in range(3)]
    slope = np.arange(side) * 80 // side + np.zeros((1, side, 1))
    return (np.asarray(colours, dtype=np.float64)[:, None, None] + slope).astype(np.uint8)


def speckle(image: NDArray[Any], hole: NDArray[Any], noise: NDArray[Any]) -> NDArray[np.uint8]:
    """[3,F,F] uint8: a colour made from the known bytes, and on it the noise of the hole."""
    assert -1 <= noise.min() <= noise.max() <= 1
    known = image * (1 - hole)
    colours = [zlib.crc32(known[channel].tobytes() + hole.tobytes()) % 160 for channel in range(3)]
    painted = np.asarray(colours, dtype=np.float64)[:, None, None] + 45 + 40 * noise.astype(np.float64)
    return painted.astype(np.uint8)
