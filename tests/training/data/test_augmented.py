import numpy as np
import pytest

from training.data.augmented import PairedFaces
from training.data.drawn import DrawnFaces
from training.data.faces import DataError


def test_one_augmented_pair_for_each_pair() -> None:
    originals, augmented = DrawnFaces(3, 32, seed=0), DrawnFaces(6, 32, seed=1)
    paired = PairedFaces(originals, augmented)
    assert len(paired) == 12
    assert np.array_equal(paired.image(4), originals.image(1))
    assert np.array_equal(paired.image(10), augmented.image(4))
    assert np.array_equal(paired.landmarks(10), augmented.landmarks(4))


@pytest.mark.parametrize("count", [0, 4])
def test_broken_epochs_are_refused(count: int) -> None:
    with pytest.raises(DataError, match="whole epochs"):
        PairedFaces(DrawnFaces(3, 32), DrawnFaces(count, 32))
