from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from service.api.forms import InpaintForm, JobForm, LandmarksForm
from service.client.forms import FILES, FillOptions, JobOptions, MaskOptions, split


@pytest.mark.parametrize(
    ("own", "theirs"), [(MaskOptions, LandmarksForm), (FillOptions, InpaintForm), (JobOptions, JobForm)]
)
def test_the_client_knows_every_field_of_a_form(own: Any, theirs: Any) -> None:
    assert set(own.__annotations__) | {"image", "mask"} == set(theirs.model_fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (3, "3"),
        ("png", "png"),
        ([[1.5, 2]], "[[1.5, 2]]"),
        (np.array([[1.5, 2]], np.float32), "[[1.5, 2.0]]"),
        ({"age": -1}, '{"age": -1}'),
    ],
)
def test_values_become_texts(value: object, text: str) -> None:
    assert split({"x": value}) == ({"x": text}, [])


def test_what_is_none_is_left_out_and_pictures_are_kept_apart() -> None:
    texts, pictures = split({"image": b"1", "mask": None, "reference": b"2", "seed": None})
    assert (texts, pictures) == ({}, [("image", b"1"), ("reference", b"2")])
    assert split({"image": (b"1", b"2")})[1] == [("image", b"1"), ("image", b"2")]
    assert {"image", "mask", "reference"} == FILES


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        split({"landmarks": [[float("nan"), 0.0]]})
    assert json.loads(split({"landmarks": ((1, 2),)})[0]["landmarks"]) == [[1, 2]]
