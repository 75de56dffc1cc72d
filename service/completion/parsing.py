"""The use case behind POST /parsing: a picture becomes a map with one class per pixel. It knows nothing of HTTP.

decode > find and align faces > parse each face's frame > lay the maps on the canvas > encode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from service.completion.alignment import Aligner, all_or_cancel, cut
from service.completion.canvas import Canvas
from service.completion.declared import declared_names
from service.completion.decoding import decode_canvas
from service.completion.messages import FaceFound, LandmarksRequest
from service.completion.plan import owners
from service.deadline import Deadline
from service.engine import Engine
from service.errors import EngineGarbage
from service.imaging.arrays import Ids, Size
from service.imaging.decode import ImageLimits
from service.imaging.encode import encode_indexed
from service.imaging.geometry import FrameTransform
from service.imaging.holes import Region
from service.imaging.palette import Colour, palette
from service.telemetry.record import Stages
from service.threads import ImagingThreads

PARSER = "parser"
CLASSES = "classes"  # the parameter in config.pbtxt: names in the order of their ids, joined by commas
BACKGROUND = 0  # what no frame shows
MEDIA_TYPE = "image/png"


@dataclass(frozen=True)
class ParsingRequest(LandmarksRequest):
    """A mask, if there is one, tells where the picture cannot be trusted when faces are looked for."""

    align: Literal["auto", "none"] = "auto"


@dataclass(frozen=True)
class ClassFound:
    """One class of the parser."""

    index: int
    name: str
    colour: Colour
    pixels: int  # of the picture


@dataclass(frozen=True)
class ParsingAnswer:
    model: str
    width: int
    height: int
    classes: list[ClassFound]  # all that the parser knows, in the order of their ids
    faces: list[FaceFound]  # those that were parsed
    picture: bytes  # an indexed PNG
    media_type: str = MEDIA_TYPE


class PictureParser:
    """Made once; holds no state of a request."""

    def __init__(self, engine: Engine, threads: ImagingThreads, limits: ImageLimits, *, max_faces: int) -> None:
        self._engine = engine
        self._threads = threads
        self._limits = limits
        self._aligner = Aligner(engine, threads, max_faces)

    async def parse(self, request: ParsingRequest, deadline: Deadline, stages: Stages) -> ParsingAnswer:
        """Raises only types of service.errors. Seconds per stage are added to `stages`."""
        with stages.timed("decode"):
            canvas = await self._threads.run(decode_canvas, request, self._limits)
        deadline.check()
        with stages.timed("align"):
            faces, frames = await self._frames(request, canvas, deadline)
        deadline.check()
        with stages.timed("infer"):
            names = await class_names(self._engine, deadline)
            maps = await all_or_cancel([self._parse_frame(canvas, frame, len(names), deadline) for frame in frames])
        deadline.check()
        with stages.timed("compose"):
            ids = await self._threads.run(lay_on_canvas, maps, frames, canvas.size)
            classes = await self._threads.run(count_classes, ids, names)
        deadline.check()
        with stages.timed("encode"):
            picture = await self._threads.run(encode_indexed, ids, [one.colour for one in classes])
        deadline.check()
        height, width = canvas.size
        return ParsingAnswer(PARSER, width, height, classes, faces, picture)

    async def _frames(
        self, request: ParsingRequest, canvas: Canvas, deadline: Deadline
    ) -> tuple[list[FaceFound], list[FrameTransform]]:
        """The frames to parse: the whole picture, the faces' own, or without a face the square in the middle."""
        if request.align == "none":
            return [], [FrameTransform.identity(canvas.size)]
        found = await self._aligner.faces(canvas.rgb, canvas.hole, deadline, touching=False)
        if not found:
            return [], [FrameTransform.centre_square(canvas.size)]
        return [FaceFound(face.box, face.landmarks) for face in found], [face.transform for face in found]

    async def _parse_frame(self, canvas: Canvas, frame: FrameTransform, classes: int, deadline: Deadline) -> Ids:
        image = (await self._threads.run(cut, canvas.rgb, canvas.hole, frame)).image
        tensors = {"image": np.ascontiguousarray(image.transpose(2, 0, 1)[None])}
        outputs = await self._engine.infer(PARSER, tensors, deadline=deadline)
        ids: Ids = np.ascontiguousarray(outputs["parsing"][0, 0], dtype=np.uint8)
        if ids.max() >= classes:
            raise EngineGarbage(f"{PARSER} answered class {ids.max()}; its configuration names {classes}.")
        return ids


async def class_names(engine: Engine, deadline: Deadline) -> list[str]:
    """The parser's, in the order of their ids. Raises EngineGarbage where the configuration does not name them."""
    names = await declared_names(engine, PARSER, CLASSES, deadline)
    if not all(names) or len(names) > 256:
        raise EngineGarbage(f"The configuration of {PARSER} does not name its classes.")
    return names


def lay_on_canvas(maps: Sequence[Ids], frames: Sequence[FrameTransform], size: Size) -> Ids:
    """The parsing map of the whole picture: each pixel from the frame whose centre is nearest, else background."""
    whole = Region(0, 0, size[1], size[0])
    owned = owners(frames, whole)
    ids = np.full(size, BACKGROUND, np.uint8)
    for index, (parsing, frame) in enumerate(zip(maps, frames, strict=True)):
        region = frame.region(size)
        if region is not None:
            mine = owned[region.slices] == index
            np.copyto(ids[region.slices], frame.paste_ids(parsing, region), where=mine)
    return ids


def count_classes(ids: Ids, names: Sequence[str]) -> list[ClassFound]:
    """Every class with its pixels."""
    counts = np.bincount(ids.ravel(), minlength=len(names))
    colours = palette(names)
    return [ClassFound(index, name, colours[index], int(counts[index])) for index, name in enumerate(names)]
