"""Every call of both clients against the real service."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.client import InpaintAnswer, ParsingAnswer
from service.client.bodies import AttributesBody, LandmarksBody, LimitsBody, ModelWithCardBody
from service.errors import BadLandmarks, EmptyHole, ServiceError, SizesDiffer, UnknownModel
from tests.fakes.engine import mean_shape
from tests.fakes.faces import group, mouth_hole
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.service.client.conftest import Connect

HOLE = box_mask() > 0


@pytest.fixture
def client(connect: Connect, url: str) -> Any:
    return connect(url)


def test_inpaint_answers_the_picture_and_what_was_found(client: Any) -> None:
    answer = client.inpaint(png(scene()), png(box_mask()), seed=7)
    assert isinstance(answer, InpaintAnswer)
    assert (answer.model, answer.seed, answer.width, answer.height) == ("lafin", 7, 400, 300)
    assert (answer.media_type, answer.hole_ratio, answer.faces) == ("image/png", pytest.approx(0.03), [])
    completed = pixels(answer.picture)
    assert np.array_equal(completed[~HOLE], scene()[~HOLE])
    assert (completed[HOLE] != scene()[HOLE]).any()
    assert answer.pictures == [answer.picture]
    assert answer.timings["infer"] > 0


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "bytearray", "file", "image", "array"])
def test_every_kind_of_picture_arrives_as_the_same_pixels(client: Any, tmp_path: Path, kind: str) -> None:
    data = png(scene())
    path = tmp_path / "a file.png"
    path.write_bytes(data)
    picture = {
        "path": path,
        "text": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "file": BytesIO(data),
        "image": Image.fromarray(scene()),
        "array": scene(),
    }[kind]
    answer = client.inpaint(picture, HOLE)
    assert np.array_equal(pixels(answer.picture)[~HOLE], scene()[~HOLE])


def test_every_option_arrives(client: Any) -> None:
    mask = np.dstack([scene(), 255 - box_mask()])
    answer = client.inpaint(
        scene(),
        mask,
        model="lafin",
        mask_mode="alpha",
        mask_invert=False,
        mask_dilate=2,
        landmarks=mean_shape() + np.array((50, 0)),
        samples=1,
        seed=5,
        align="auto",
        blend="none",
        output_format="jpeg",
        quality=30,
    )
    assert (answer.media_type, answer.seed) == ("image/jpeg", 5)
    assert answer.hole_ratio > HOLE.mean()


def test_landmarks_may_be_lists_of_numbers(client: Any) -> None:
    answer = client.inpaint(scene(), HOLE, landmarks=mean_shape().tolist())
    assert len(answer.faces) == 1
    with pytest.raises(BadLandmarks):
        client.inpaint(scene(), HOLE, landmarks=[[1.0, 2.0]])


def test_what_the_service_refuses_is_raised_as_its_own_error(client: Any) -> None:
    with pytest.raises(EmptyHole) as refusal:
        client.inpaint(scene(), ~HOLE & HOLE)
    assert refusal.value.errors[0]["field"] == "mask"
    assert refusal.value.headers["x-request-id"] in refusal.value.__notes__[0]
    with pytest.raises(SizesDiffer):
        client.inpaint(scene(100, 100), HOLE)
    with pytest.raises(UnknownModel):
        client.inpaint(scene(), HOLE, model="nothing")


def test_a_picture_that_is_none_is_not_sent(client: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.inpaint(tmp_path / "nowhere.png", HOLE)
    with pytest.raises(TypeError):
        client.inpaint(12, HOLE)


def test_landmarks(client: Any) -> None:
    found = client.landmarks(scene(), HOLE)
    assert isinstance(found, LandmarksBody)
    assert (found.model, found.width, found.height) == ("lafin_predictor", 400, 300)
    assert client.landmarks(png(scene())).faces == []


def test_attributes(client: Any) -> None:
    found = client.attributes(group((3,)))
    assert isinstance(found, AttributesBody)
    assert found.model == "reference_extractor"
    attributes = found.faces[0].attributes
    told = client.inpaint(group((3,)), mouth_hole(0, 1), model="reference", attributes={"happy": 1.0}).attributes
    assert told[0][0]["happy"] == 1
    assert set(told[0][0]) == set(attributes)
    assert client.attributes(png(scene()), HOLE).faces == []


def test_parsing(client: Any) -> None:
    found = client.parsing(scene(), align="none")
    assert isinstance(found, ParsingAnswer)
    assert (found.model, found.width, found.height, found.faces) == ("parser", 400, 300, [])
    assert [one.name for one in found.classes] == ["background", "skin", "hair", "left_eye"]
    ids = pixels(found.picture)
    assert [one.pixels for one in found.classes] == [int((ids == one.index).sum()) for one in found.classes]
    assert client.parsing(png(scene()), HOLE).width == 400


def test_models_and_limits(client: Any) -> None:
    listed = [(model.name, model.route, model.guidance, model.ready) for model in client.models()]
    assert [one for one in listed if one[0] in ("dsa", "gfc", "lafin", "reference", "showface", "parser")] == [
        ("dsa", "/inpaint", ["faces"], True),
        ("gfc", "/inpaint", ["faces"], True),
        ("lafin", "/inpaint", ["faces", "landmarks"], True),
        ("reference", "/inpaint", ["attributes", "faces", "reference"], True),
        ("showface", "/inpaint", ["faces"], True),
        ("parser", "/parsing", [], True),
    ]
    one = client.model("lafin")
    assert isinstance(one, ModelWithCardBody)
    assert one.frame_pixels == 256
    with pytest.raises(UnknownModel):
        client.model("nothing")
    with pytest.raises(ServiceError, match="Not Found") as refusal:
        client.model("../limits")
    assert (refusal.value.status, refusal.value.code) == (404, "not_found")
    assert isinstance(client.limits(), LimitsBody)
