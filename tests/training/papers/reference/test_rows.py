import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.faces import DataError
from training.papers.reference.recipe import reference_tiny
from training.papers.reference.rows import LABELLED_SHARE, LABELS, ChosenFaces, attribute_stream
from training.recipe import Stage


class Half(DrawnFaces):
    """Drawn faces of which only the first `labelled` have attributes."""

    def __init__(self, count: int, labelled: int) -> None:
        super().__init__(count, 64)
        self.labelled = labelled

    def known_attributes(self, index: int, names: tuple[str, ...]) -> np.ndarray:
        known = super().known_attributes(index, names)
        return known if index < self.labelled else np.full_like(known, np.nan)


def row(faces: DrawnFaces, phase: str) -> ChosenFaces:
    part = reference_tiny().part("generator")
    stream = attribute_stream(faces, part, Stage(until_images=4, pixels=128, batch_size=2, phase=phase))
    assert isinstance(stream.faces, ChosenFaces)
    return stream.faces


def test_labels_are_learnt_from_faces_that_have_them() -> None:
    assert list(row(Half(10, 4), LABELS).indices) == [0, 1, 2, 3]


@pytest.mark.parametrize("labelled", [1, 2, 5, 12])
def test_otherwise_all_stand_in_the_row_and_those_with_labels_often_enough(labelled: int) -> None:
    indices = list(row(Half(12, labelled), "").indices)
    assert set(indices) == set(range(12))
    assert sum(index < labelled for index in indices) >= LABELLED_SHARE * len(indices)
    assert [indices.count(index) for index in range(labelled, 12)] == [1] * (12 - labelled)


def test_faces_without_any_label_are_refused() -> None:
    with pytest.raises(DataError, match="no face has a number of any of gender, age"):
        row(Half(3, 0), "")


def test_an_item_brings_what_is_known_and_numbers_to_draw_with() -> None:
    part = reference_tiny().part("generator")
    item = attribute_stream(DrawnFaces(3, 64), part, part.stages[0])[0]
    assert item["attributes"].isnan().tolist() == [True, True, True, False, False, False, True, False]
    assert item["chance"].shape == (3 + 2 * 8,)
    assert 0 <= float(item["chance"].min()) <= float(item["chance"].max()) < 1
