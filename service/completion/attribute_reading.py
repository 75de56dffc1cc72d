"""The use case behind POST /attributes: the attributes of every face of a picture. It knows nothing of HTTP.

decode > find and align faces > read each face's frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.completion.alignment import AlignedFace, Aligner, all_or_cancel, cut
from service.completion.attributes import by_name, extractor_names
from service.completion.canvas import Canvas
from service.completion.decoding import decode_canvas
from service.completion.messages import FaceFound, LandmarksRequest
from service.completion.pipelines.protocol import as_tensors
from service.completion.pipelines.reference import EXTRACTOR
from service.deadline import Deadline
from service.engine import Engine
from service.imaging.decode import ImageLimits
from service.telemetry.record import Stages
from service.threads import ImagingThreads


@dataclass(frozen=True)
class FaceRead(FaceFound):
    """A face of POST /attributes."""

    attributes: Mapping[str, float]  # name -> -1..1


@dataclass(frozen=True)
class AttributesAnswer:
    model: str
    width: int
    height: int
    faces: list[FaceRead]


class AttributeReader:
    """Made once; holds no state of a request."""

    def __init__(self, engine: Engine, threads: ImagingThreads, limits: ImageLimits, *, max_faces: int) -> None:
        self._engine = engine
        self._threads = threads
        self._limits = limits
        self._aligner = Aligner(engine, threads, max_faces)

    async def read(self, request: LandmarksRequest, deadline: Deadline, stages: Stages) -> AttributesAnswer:
        """Raises only types of service.errors. What lies under a mask is not seen."""
        with stages.timed("decode"):
            canvas = await self._threads.run(decode_canvas, request, self._limits)
        deadline.check()
        with stages.timed("align"):
            aligned = await self._aligner.faces(canvas.rgb, canvas.hole, deadline, touching=False)
        deadline.check()
        with stages.timed("infer"):
            names = await extractor_names(self._engine, deadline)
            faces = await all_or_cancel([self._read(canvas, face, names, deadline) for face in aligned])
        return AttributesAnswer(EXTRACTOR, canvas.size[1], canvas.size[0], faces)

    async def _read(self, canvas: Canvas, face: AlignedFace, names: tuple[str, ...], deadline: Deadline) -> FaceRead:
        frame = await self._threads.run(cut, canvas.rgb, canvas.hole, face.transform)
        outputs = await self._engine.infer(EXTRACTOR, as_tensors(frame), deadline=deadline)
        return FaceRead(face.box, face.landmarks, by_name(names, outputs["attributes"][0]))
