import math

import numpy as np
import pytest
import torch

from training.data.drawn import DrawnFaces
from training.data.faces import DataError
from training.data.parsing import CELEBAMASK_HQ, HELEN, SHOWFACE
from training.framed import frame_faces
from training.given import Answer, Given
from training.measuring_parsing import common_view, measure_parser

DRAWN = DrawnFaces(3, 256)
FACES = frame_faces(DRAWN, 256)


class Knowing:
    """A system that says what the labels say, changed by `change`."""

    def __init__(self, change=lambda parsing: parsing) -> None:
        self.change = change

    def __call__(self, given: Given) -> Answer:
        assert not given.hole.any()
        rows = [place for _, _, place in given.noise_seeds]
        assert all(np.array_equal(given.image[i].permute(1, 2, 0), DRAWN.image(row)) for i, row in enumerate(rows))
        return Answer(parsing=torch.from_numpy(np.stack([self.change(DRAWN.parsing(row)) for row in rows]))[:, None])


def test_a_perfect_parser_is_perfect() -> None:
    figures = measure_parser(Knowing(), 11, FACES, batch_size=2)
    assert figures.faces == 3
    assert figures.mean_f_facial_parts == figures.mean_iou == figures.pixel_accuracy == 1
    assert sum(one.pixels for one in figures.classes) == 3 * 256 * 256


def test_a_lost_class_scores_nothing_and_its_neighbour_suffers() -> None:
    def without_eyes(parsing):
        return np.where((parsing == 4) | (parsing == 5), 1, parsing)

    figures = measure_parser(Knowing(without_eyes), 11, FACES)
    by_name = {one.name: one for one in figures.classes}
    assert by_name["left_eye"].f_score == by_name["right_eye"].f_score == 0
    assert by_name["nose"].f_score == 1
    assert 0.9 < by_name["skin"].f_score < 1
    present = sum(not math.isnan(by_name[name].f_score) for name in HELEN[2:10])
    assert figures.mean_f_facial_parts == pytest.approx((present - 2) / present)


def test_a_parser_that_tells_more_apart_is_merged_to_the_labels() -> None:
    names = [CELEBAMASK_HQ.index(name) for name in HELEN]
    figures = measure_parser(Knowing(lambda parsing: np.array(names, np.uint8)[parsing]), 19, FACES)
    assert len(figures.classes) == 11
    assert figures.pixel_accuracy == 1


def test_a_parser_of_fourteen_classes_is_measured_on_eleven() -> None:
    """Which brow and which eye is told by the nose between them."""

    def without_sides(parsing: np.ndarray) -> np.ndarray:
        names = [name.removeprefix("left_").removeprefix("right_") for name in HELEN]
        ids = [SHOWFACE.index(f"{name}s" if name in ("brow", "eye") else name) for name in names]
        return np.array(ids, np.uint8)[parsing]

    figures = measure_parser(Knowing(without_sides), 14, FACES)
    assert len(figures.classes) == 11
    assert figures.pixel_accuracy == 1


def test_sets_without_a_common_one_are_refused() -> None:
    assert [common_view(*pair)[0] for pair in ((11, 19), (19, 14), (14, 14), (11, 14))] == [11, 14, 14, 11]
    with pytest.raises(DataError, match="12 classes cannot be compared with a parser of 14"):
        common_view(12, 14)


def test_only_the_first_faces_are_looked_at() -> None:
    assert measure_parser(Knowing(), 11, frame_faces(DRAWN, 256, 2)).faces == 2
