from __future__ import annotations

import dataclasses
import json

import numpy as np

from service.completion.guidance import NO_GUIDANCE, FaceGiven, Guidance
from service.completion.messages import FaceFound, InpaintAnswer, InpaintRequest, RegionFilled
from service.jobs.request_records import (
    answer_from_record,
    answer_to_record,
    from_record,
    included_in,
    pictures_of_record,
    pictures_to_keep,
    to_record,
)

LANDMARKS = np.random.default_rng(0).normal(100, 50, (68, 2))
GUIDANCE = Guidance((LANDMARKS,), (FaceGiven((1.0, 2.0, 30.0, 40.0), 15.0),), b"SECRET", {"Smiling": 0.5})
ASKED = InpaintRequest(b"SECRET", b"SECRET", mask_invert=True, guidance=GUIDANCE, seed=5, quality=80)


def test_a_request_comes_back_as_it_was() -> None:
    record = json.loads(json.dumps(to_record(ASKED)))
    back = from_record(record, b"SECRET", b"SECRET", b"SECRET")
    assert np.array_equal(back.guidance.landmarks, GUIDANCE.landmarks)
    assert dataclasses.replace(back.guidance, landmarks=()) == dataclasses.replace(GUIDANCE, landmarks=())
    assert dataclasses.replace(back, guidance=NO_GUIDANCE) == dataclasses.replace(ASKED, guidance=NO_GUIDANCE)
    assert from_record(to_record(InpaintRequest(b"i", b"m")), b"i", b"m", None) == InpaintRequest(b"i", b"m")


def test_a_record_holds_no_picture() -> None:
    assert "SECRET" not in json.dumps(to_record(ASKED))


def test_several_samples_are_counted() -> None:
    answer = InpaintAnswer("gfc", 3, 40, 30, 0.25, [], [], [b"one", b"two"], "image/png")
    record = answer_to_record(answer, {})
    assert record["samples"] == 2
    assert answer_from_record(record, [b"one", b"two"])[0] == answer


def test_stages_are_kept_behind_the_samples() -> None:
    faces = [{"coarse": b"c0", "parsing": b"p0"}, {"coarse": b"c1"}]
    answer = InpaintAnswer("showface", 0, 40, 30, 0.25, [], [], [b"one", b"two"], "image/png", included=faces)
    record = json.loads(json.dumps(answer_to_record(answer, {})))
    assert (kept := pictures_to_keep(answer)) == [b"one", b"two", b"c0", b"p0", b"c1"]
    assert (pictures_of_record(record), included_in(record)) == (5, [["coarse", "parsing"], ["coarse"]])
    assert answer_from_record(record, kept)[0] == answer
    older = {name: value for name, value in record.items() if name != "included"}
    assert pictures_of_record(older) == 2
    assert answer_from_record(older, kept[:2])[0] == dataclasses.replace(answer, included=[])


def test_an_answer_comes_back_as_it_was() -> None:
    region = RegionFilled("face", (1.0, 2.0, 3.0, 4.0))
    face = FaceFound((1.0, 2.0, 3.0, 4.0), np.ones((68, 2)))
    told = [[{"happy": 0.5}]]
    answer = InpaintAnswer("reference", 3, 40, 30, 0.25, [face], [region], [b"picture"], "image/png", told)
    record = json.loads(json.dumps(answer_to_record(answer, {"infer": 0.5})))
    back, seconds = answer_from_record(record, [b"picture"])
    assert (back.faces[0].box, seconds) == (face.box, {"infer": 0.5})
    assert dataclasses.replace(back, faces=[]) == dataclasses.replace(answer, faces=[])
