from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.completion.guidance import FaceGiven, Guidance
from service.completion.inpaint import Inpainter
from service.completion.messages import InpaintAnswer, InpaintRequest, LandmarksRequest, RegionFilled
from service.completion.pipelines import PIPELINES
from service.deadline import Deadline
from service.engine import Arrays
from service.errors import BadField, DeadlineExceeded, EngineGarbage, GuidanceNotAccepted, TooManyPixels, UnknownModel
from service.imaging.decode import ImageLimits
from service.telemetry.record import Stages
from service.threads import ImagingThreads
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.faces import group, mouth_hole
from tests.fakes.pictures import box_mask, pixels, png, scene

MAX_SAMPLES_PIXELS = 3 * 500 * 800
SAMPLES = Path(__file__).parents[3] / "service" / "web" / "samples"
FACE = mean_shape() + np.array((100, 50))
ON_THE_FACE = (180, 150, 280, 220)
FAR_AWAY = (620, 400, 700, 480)


def holes(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    return np.maximum.reduce([box_mask(500, 800, box) for box in boxes])


def order(mask: np.ndarray, **changes: Any) -> InpaintRequest:
    return dataclasses.replace(InpaintRequest(png(scene(500, 800)), png(mask)), **changes)


def inpainter(engine: FakeEngine, threads: ImagingThreads | None = None) -> Inpainter:
    return Inpainter(
        engine,
        threads or ImagingThreads(1),
        ImageLimits(10**6, 2000, 32),
        feather_pixels=8,
        max_faces=8,
        max_holes=8,
        max_samples_pixels=MAX_SAMPLES_PIXELS,
    )


class Watched(FakeEngine):
    """Keeps the missing share of every frame."""

    def __init__(self) -> None:
        super().__init__()
        self.missing_shares: list[float] = []

    async def infer(self, model: str, inputs: Mapping[str, NDArray[Any]], *, deadline: Deadline) -> Arrays:
        self.missing_shares.append(float(inputs["hole"].mean()))
        return await super().infer(model, inputs, deadline=deadline)


async def run(engine: FakeEngine, request: InpaintRequest) -> InpaintAnswer:
    return await inpainter(engine).inpaint(request, Deadline(30), Stages())


def assert_filled(answer: InpaintAnswer, mask: np.ndarray) -> None:
    completed, before = pixels(answer.pictures[0]), scene(500, 800)
    assert np.array_equal(completed[mask == 0], before[mask == 0])
    assert (completed[mask > 0] != before[mask > 0]).any(axis=-1).mean() > 0.9


async def test_without_a_face_the_background_goes_on_and_no_network_is_called() -> None:
    engine, mask = FakeEngine(), holes(FAR_AWAY)
    answer = await run(engine, order(mask))
    assert_filled(answer, mask)
    assert engine.calls == {"finder": 1}
    assert answer.faces == []
    assert answer.regions == [RegionFilled("background", FAR_AWAY)]
    assert answer.hole_ratio == pytest.approx(80 * 80 / 400_000)


async def test_holes_far_apart_are_a_region_each() -> None:
    mask = holes((20, 20, 60, 60), FAR_AWAY)
    answer = await run(FakeEngine(), order(mask))
    assert_filled(answer, mask)
    assert sorted(region.box for region in answer.regions) == [(20, 20, 60, 60), FAR_AWAY]


async def test_given_landmarks_call_the_generator_and_no_predictor() -> None:
    engine, mask = FakeEngine(), holes(ON_THE_FACE)
    answer = await run(engine, order(mask, guidance=Guidance((FACE,))))
    assert_filled(answer, mask)
    assert engine.calls == {"lafin_generator": 1}
    (face,) = answer.faces
    assert np.array_equal(face.landmarks, FACE)
    assert face.box == (*FACE.min(axis=0), *FACE.max(axis=0))
    assert answer.regions == [RegionFilled("face", ON_THE_FACE)]


async def test_given_landmarks_belong_to_one_face_and_other_holes_are_background() -> None:
    engine, mask = FakeEngine(), holes(ON_THE_FACE, FAR_AWAY)
    answer = await run(engine, order(mask, guidance=Guidance((FACE,))))
    assert_filled(answer, mask)
    assert engine.calls == {"finder": 1, "lafin_generator": 1}
    assert len(answer.faces) == 1
    assert [region.kind for region in answer.regions] == ["face", "background"]


async def test_a_face_whose_side_is_missing_is_completed_beside_its_other_side() -> None:
    """What the network is told to be missing ends at the face; the answer shows the other side, mirrored."""
    engine, mask = Watched(), holes((229, 20, 420, 340))
    answer = await run(engine, order(mask, guidance=Guidance((FACE,)), blend="none"))
    completed, before = pixels(answer.pictures[0]), scene(500, 800)
    assert_filled(answer, mask)
    assert engine.missing_shares[-1] < 0.4  # of the frame, of which half is marked
    middle = round(FACE[27, 0])
    other = before[150:200, middle - 89 : middle - 84][:, ::-1]
    assert np.abs(completed[150:200, middle + 85 : middle + 90].astype(int) - other).max() <= 1


async def test_a_given_face_away_from_the_hole_is_not_completed() -> None:
    engine, mask = FakeEngine(), holes(FAR_AWAY)
    answer = await run(engine, order(mask, guidance=Guidance((FACE,))))
    assert_filled(answer, mask)
    assert (engine.calls, answer.faces) == ({"finder": 1}, [])


async def test_a_hole_across_the_frames_border_is_filled_on_both_sides() -> None:
    engine, mask = FakeEngine(), holes((250, 200, 600, 260))
    answer = await run(engine, order(mask, guidance=Guidance((FACE,))))
    assert_filled(answer, mask)
    assert engine.calls == {"finder": 1, "lafin_generator": 1}
    assert [region.kind for region in answer.regions] == ["face", "background"]


@pytest.mark.parametrize(
    ("box_pixels", "missing", "painter"),
    [
        (150, set(), "dsa_generator"),
        (450, set(), "dsa_generator_1024"),
        (450, {"dsa_generator_1024"}, "dsa_generator"),
    ],
)
async def test_a_large_face_is_painted_in_a_large_frame_where_there_is_one(
    box_pixels: int, missing: set[str | None], painter: str
) -> None:
    engine, before = FakeEngine(), scene(700, 900)
    engine.missing |= missing
    mask, box = box_mask(700, 900, (400, 300, 480, 380)), (430, 320, 430 + box_pixels, 320 + box_pixels)
    middle = tuple(value - box_pixels // 2 for value in box)
    request = InpaintRequest(png(before), png(mask), model="dsa", guidance=Guidance(faces=(FaceGiven(middle, 0.0),)))
    completed = pixels((await run(engine, request)).pictures[0])
    assert engine.calls == {"lafin_predictor": 1, painter: 1}
    assert np.array_equal(completed[mask == 0], before[mask == 0])
    assert (completed[mask > 0] != before[mask > 0]).any(axis=-1).mean() > 0.9


async def test_without_alignment_the_whole_picture_is_the_frame() -> None:
    engine, mask = FakeEngine(), holes(ON_THE_FACE, FAR_AWAY)
    answer = await run(engine, order(mask, align="none"))
    assert_filled(answer, mask)
    assert engine.calls == {"lafin": 1}
    assert answer.faces[0].box == (0, 0, 800, 500)


async def test_landmarks_without_alignment_guide_the_whole_picture() -> None:
    engine, mask = FakeEngine(), holes(ON_THE_FACE)
    await run(engine, order(mask, align="none", guidance=Guidance((FACE,))))
    assert engine.calls == {"lafin_generator": 1}


async def test_the_same_request_gives_the_same_bytes() -> None:
    request = order(holes(ON_THE_FACE, FAR_AWAY), guidance=Guidance((FACE,)))
    assert (await run(FakeEngine(), request)).pictures == (await run(FakeEngine(), request)).pictures


async def plural(**changes: Any) -> InpaintAnswer:
    return await run(FakeEngine(), order(holes(ON_THE_FACE), model="gfc", align="none", **changes))


async def test_samples_differ_inside_the_hole_only() -> None:
    mask = holes(ON_THE_FACE)
    answer = await plural(seed=5, samples=3)
    pictures = [pixels(picture) for picture in answer.pictures]
    assert (len(pictures), answer.seed) == (3, 5)
    for picture in pictures:
        assert np.array_equal(picture[mask == 0], scene(500, 800)[mask == 0])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (pictures[one][mask > 0] != pictures[other][mask > 0]).any(axis=-1).mean() > 0.9


async def test_samples_are_bounded_together() -> None:
    with pytest.raises(TooManyPixels) as raised:
        await plural(samples=4)
    allowed = {"allowed": MAX_SAMPLES_PIXELS, "setting": "MAX_SAMPLES_PIXELS"}
    assert raised.value.errors == [{"field": "samples", "actual": 4 * 500 * 800, **allowed}]
    with pytest.raises(TooManyPixels):
        await inpainter(FakeEngine()).check(order(holes(FAR_AWAY), model="gfc", samples=4))


async def test_an_equal_seed_gives_equal_bytes_and_another_does_not() -> None:
    first = await plural(seed=5, samples=2)
    assert (await plural(seed=5, samples=2)).pictures == first.pictures
    assert (await plural(seed=5)).pictures == first.pictures[:1]
    assert (await plural(seed=6)).pictures[0] not in first.pictures


async def test_without_a_seed_a_random_one_is_drawn_and_told() -> None:
    first, second = await plural(), await plural()
    assert first.seed != second.seed
    assert first.pictures != second.pictures
    assert (await plural(seed=first.seed)).pictures == first.pictures


async def test_where_chance_plays_no_part_the_seed_is_0() -> None:
    assert (await run(FakeEngine(), order(holes(FAR_AWAY)))).seed == 0


async def test_the_frame_is_the_pipelines() -> None:
    """128 px for gfc (the fake engine is strict about it), aligned by the predictor, which sees 256."""
    engine = FakeEngine()
    answer = await complete_group(engine, np.maximum(mouth_hole(0, 3), mouth_hole(2, 3)), model="gfc", seed=1)
    assert engine.calls == {"finder": 1, "lafin_predictor": 2, "gfc_generator": 2}
    assert sorted(face.landmarks[:, 0].mean() for face in answer.faces) == pytest.approx([200, 1000], abs=30)


@pytest.mark.parametrize("blend", ["feather", "poisson", "none"])
async def test_every_blend_fills_for_a_pipeline_without_landmarks(blend: str) -> None:
    mask = holes(ON_THE_FACE)
    answer = await run(FakeEngine(), order(mask, model="gfc", align="none", blend=blend))
    assert_filled(answer, mask)
    assert answer.faces == []  # nobody saw landmarks


async def test_stages_are_timed_in_their_order() -> None:
    stages = Stages()
    await inpainter(FakeEngine()).inpaint(order(holes(FAR_AWAY)), Deadline(30), stages)
    assert list(stages.seconds) == ["decode", "align", "infer", "compose", "encode"]


async def test_a_deadline_that_is_gone_stops_before_the_engine_is_called() -> None:
    engine = FakeEngine()
    with pytest.raises(DeadlineExceeded):
        await inpainter(engine).inpaint(order(holes(FAR_AWAY)), Deadline(0), Stages())
    assert engine.calls == {}


@pytest.mark.parametrize("begun", [False, True], ids=["waiting", "working"])
async def test_a_request_that_is_given_up_ends_at_once_and_begins_no_further_step(begun: bool) -> None:
    """Its client is gone, or its job canceled: the task is cancelled, while a step waits for a thread or is in one."""
    engine, threads, stages, free = FakeEngine(), ImagingThreads(1), Stages(), threading.Event()
    held = asyncio.create_task(threads.run(free.wait))
    request = order(holes(FAR_AWAY), align="none")
    task = asyncio.create_task(inpainter(engine, threads).inpaint(request, Deadline(30), stages))
    await asyncio.sleep(0)
    if begun:
        free.set()
        await held
    begin_seconds = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begin_seconds < 0.5
    free.set()
    await held
    await threads.run(free.is_set)  # the only thread is free again
    assert (list(stages.seconds), engine.calls) == (["decode"], {})


async def test_what_the_model_cannot_do_is_refused_before_anything_is_decoded() -> None:
    nothing = InpaintRequest(b"", b"")
    for changes, error in [
        ({"model": "gan"}, UnknownModel),
        ({"guidance": Guidance(reference=b"r")}, GuidanceNotAccepted),
        ({"samples": 2}, BadField),
    ]:
        with pytest.raises(error):
            await run(FakeEngine(), dataclasses.replace(nothing, **changes))


async def test_errors_of_the_engine_come_through() -> None:
    engine = FakeEngine()
    engine.error = EngineGarbage()
    with pytest.raises(EngineGarbage):
        await run(engine, order(holes(ON_THE_FACE), guidance=Guidance((FACE,))))


@pytest.mark.parametrize("model", PIPELINES)
@pytest.mark.parametrize("align", ["auto", "none"])
async def test_what_lies_under_the_mask_plays_no_part(model: str, align: str) -> None:
    """Three uploads that differ in the hole alone, one of them by its transparency, give equal bytes."""
    picture, mask = group(), np.maximum(mouth_hole(0, 3), mouth_hole(2, 3))
    mask[5:35, 385:415] = 255  # and some background
    inside = mask > 0
    uploads = [picture.copy(), picture.copy()]
    uploads[1][inside] = np.random.default_rng(0).integers(0, 256, (int(inside.sum()), 3))
    answers = [
        await run(FakeEngine(), InpaintRequest(png(upload), png(mask), model=model, align=align, seed=1))
        for upload in uploads
    ]
    assert answers[0].pictures == answers[1].pictures
    assert repr(answers[0].faces) == repr(answers[1].faces)


@pytest.mark.parametrize("media_type", ["image/png", "image/webp", "image/jpeg"])
async def test_a_transparent_hole_is_filled_opaque(media_type: str) -> None:
    mask = holes(ON_THE_FACE)
    clear = np.dstack((scene(500, 800), 255 - mask))
    opaque = np.dstack((scene(500, 800), np.full_like(mask, 255)))
    answers = [
        await run(FakeEngine(), InpaintRequest(png(one), png(mask), guidance=Guidance((FACE,)), media_type=media_type))
        for one in (clear, opaque)
    ]
    assert answers[0].pictures == answers[1].pictures
    completed = pixels(answers[0].pictures[0])
    assert completed.shape[2] == 3 or (completed[..., 3] == 255).all()


async def test_landmarks_of_a_picture_without_a_face() -> None:
    request = LandmarksRequest(png(scene(500, 800)))
    answer = await inpainter(FakeEngine()).find_landmarks(request, Deadline(30), Stages())
    assert (answer.model, answer.width, answer.height, answer.faces) == ("lafin_predictor", 800, 500, [])


async def complete_group(engine: FakeEngine, mask: np.ndarray, **changes: Any) -> InpaintAnswer:
    picture = group()
    answer = await run(engine, InpaintRequest(png(picture), png(mask), **changes))
    completed = pixels(answer.pictures[0])
    assert np.array_equal(completed[mask == 0], picture[mask == 0])
    painted = np.maximum.reduce([mouth_hole(index, 3) for index in range(3)]) & mask > 0
    assert (completed[painted] != picture[painted]).any(axis=-1).mean() > 0.9
    return answer


async def test_every_face_with_a_hole_is_completed_and_the_others_are_left_alone() -> None:
    engine = FakeEngine()
    answer = await complete_group(engine, np.maximum(mouth_hole(0, 3), mouth_hole(2, 3)))
    assert engine.calls == {"finder": 1, "lafin_predictor": 2, "lafin_generator": 2}
    middles = sorted(face.landmarks[:, 0].mean() for face in answer.faces)
    assert middles == pytest.approx([200, 1000], abs=30)
    for face in answer.faces:
        x0, y0, x1, y1 = face.box
        assert x0 < face.landmarks[30, 0] < x1
        assert y0 < face.landmarks[30, 1] < y1


async def test_a_face_that_needs_a_second_look_has_its_landmarks_predicted_with_the_picture() -> None:
    engine = FakeEngine()
    engine.landmarks = mean_shape() * 0.7 + 38  # the detector's box was too large
    await complete_group(engine, mouth_hole(0, 3))
    assert engine.calls == {"finder": 1, "lafin_predictor": 1, "lafin": 1}


async def test_a_hole_beside_a_face_is_background() -> None:
    engine = FakeEngine()
    mask = mouth_hole(0, 3)
    mask[5:35, 385:415] = 255
    answer = await complete_group(engine, mask)
    assert engine.calls == {"finder": 2, "lafin_predictor": 1, "lafin_generator": 1}
    assert len(answer.faces) == 1
    assert [region.kind for region in answer.regions] == ["face", "background"]
    beside = (slice(5, 35), slice(385, 415))
    assert np.abs(pixels(answer.pictures[0])[beside].astype(int) - group()[beside]).max() <= 2


async def test_given_landmarks_replace_the_face_that_is_found_there_and_no_other() -> None:
    found = await complete_group(FakeEngine(), mouth_hole(0, 3))
    engine = FakeEngine()
    mask = np.maximum(mouth_hole(0, 3), mouth_hole(2, 3))
    answer = await complete_group(engine, mask, guidance=Guidance((found.faces[0].landmarks,)))
    assert engine.calls == {"finder": 1, "lafin_generator": 2, "lafin_predictor": 2}
    assert np.array_equal(answer.faces[0].landmarks, found.faces[0].landmarks)
    assert len(answer.faces) == 2


async def test_landmarks_of_every_face_seen_in_its_aligned_frame() -> None:
    engine = FakeEngine()
    answer = await inpainter(engine).find_landmarks(LandmarksRequest(png(group())), Deadline(30), Stages())
    assert sorted(face.landmarks[:, 0].mean() for face in answer.faces) == pytest.approx([200, 600, 1000], abs=30)
    assert engine.calls == {"finder": 1, "lafin_predictor": 6}


async def test_the_sample_portrait_is_completed_as_one_face() -> None:
    engine = FakeEngine()
    image, mask = ((SAMPLES / name).read_bytes() for name in ("astronaut.jpg", "astronaut_mask.png"))
    given = Guidance(faces=(FaceGiven((177, 67, 273, 163)),))
    answer = await run(engine, InpaintRequest(image, mask, guidance=given))
    assert engine.calls == {"lafin_predictor": 1, "lafin_generator": 1}
    assert len(answer.faces) == 1
    completed, before = pixels(answer.pictures[0]), np.asarray(Image.open(BytesIO(image)).convert("RGB"))
    hole = np.asarray(Image.open(BytesIO(mask)).convert("L")) >= 128
    assert np.array_equal(completed[~hole], before[~hole])
