from __future__ import annotations

import dataclasses
import json

import numpy as np

from service.completion.inpaint import FaceFound, InpaintAnswer, InpaintRequest
from service.jobs.request_records import answer_from_record, answer_to_record, from_record, to_record


def test_an_order_comes_back_as_it_was() -> None:
    landmarks = np.random.default_rng(0).normal(100, 50, (68, 2))
    order = InpaintRequest(
        b"i", b"m", mask_invert=True, landmarks=landmarks, guidance_sent=frozenset({"landmarks"}), seed=5, quality=80
    )
    back = from_record(json.loads(json.dumps(to_record(order))), b"i", b"m")
    assert np.array_equal(back.landmarks, landmarks)
    assert dataclasses.replace(back, landmarks=None) == dataclasses.replace(order, landmarks=None)


def test_a_record_holds_no_picture() -> None:
    assert "SECRET" not in json.dumps(to_record(InpaintRequest(b"SECRET", b"SECRET")))


def test_several_samples_are_counted() -> None:
    answer = InpaintAnswer("gfc", 3, 40, 30, 0.25, [], [b"one", b"two"], "image/png")
    record = answer_to_record(answer, {})
    assert record["samples"] == 2
    assert answer_from_record(record, [b"one", b"two"])[0] == answer


def test_an_answer_comes_back_as_it_was() -> None:
    face = FaceFound((1.0, 2.0, 3.0, 4.0), np.ones((68, 2)))
    answer = InpaintAnswer("lafin", 3, 40, 30, 0.25, [face], [b"picture"], "image/png")
    record = json.loads(json.dumps(answer_to_record(answer, {"infer": 0.5})))
    back, seconds = answer_from_record(record, [b"picture"])
    assert (back.faces[0].box, seconds) == (face.box, {"infer": 0.5})
    assert dataclasses.replace(back, faces=[]) == dataclasses.replace(answer, faces=[])
