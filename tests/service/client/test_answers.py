from __future__ import annotations

import httpx
import pytest

from service.client.answers import InpaintAnswer, body_of
from service.client.errors import Garbled

BODY = {
    "model": "m",
    "seed": 0,
    "width": 4,
    "height": 3,
    "hole_ratio": 0.5,
    "faces": [],
    "images": [{"media_type": "image/png", "data": "eHk="}, {"media_type": "image/png", "data": "eno="}],
    "timings": {},
    "of_tomorrow": "a newer service may say more",
}


def answer(**changes: object) -> InpaintAnswer:
    return body_of(httpx.Response(200, json=BODY | changes), InpaintAnswer)


def test_the_pictures_are_bytes() -> None:
    assert (answer().picture, answer().pictures, answer().media_type) == (b"xy", [b"xy", b"zz"], "image/png")


@pytest.mark.parametrize("changes", [{"images": []}, {"images": None}, {"faces": [{"box": 1}]}, {"width": "wide"}])
def test_an_answer_of_another_shape_is_garbled(changes: dict[str, object]) -> None:
    with pytest.raises(Garbled, match=f"no InpaintAnswer \\({next(iter(changes))}"):
        answer(**changes)


def test_data_that_is_not_base64_is_garbled() -> None:
    with pytest.raises(Garbled, match="not base64"):
        _ = answer(images=[{"media_type": "image/png", "data": "?"}]).picture
