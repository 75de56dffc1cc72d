import torch

from training.papers.finder.finding import MOST_FACES, NUMBERS, Peaks, first_of_its_face
from training.papers.finder.networks import CHANNELS, HEAT, LOG_SIZE, OFFSET, ROLL, SHAPE, SIZE


def maps_of(*cells: tuple[int, int, float, float]) -> torch.Tensor:
    """Maps of 20 x 30 cells with upright faces at (row, column, logit, size)."""
    maps = torch.zeros(1, CHANNELS, 20, 30)
    maps[:, HEAT] = -9
    maps[:, 5] = 1
    for row, column, logit, size in cells:
        maps[0, HEAT, row, column] = logit
        maps[0, SIZE, row, column] = torch.log(torch.tensor(size)) - LOG_SIZE
    return maps


def test_best_first_in_pixels_of_the_frame() -> None:
    faces = Peaks()(maps_of((3, 5, 1.0, 24.0), (12, 20, 3.0, 60.0)))
    assert faces.shape == (1, MOST_FACES, NUMBERS)
    assert faces[0, 0, 0] == torch.sigmoid(torch.tensor(3.0))
    assert torch.allclose(faces[0, 0, 1:4], torch.tensor([20 * 8 + 3.5, 12 * 8 + 3.5, 60.0]))
    assert torch.allclose(faces[0, 1, 1:4], torch.tensor([5 * 8 + 3.5, 3 * 8 + 3.5, 24.0]))
    assert not faces[0, 2:].any()


def test_offset_and_roll_are_in_the_faces_own_units() -> None:
    maps = maps_of((10, 10, 2.0, 40.0))
    maps[0, OFFSET, 10, 10] = torch.tensor([0.1, -0.05])
    maps[0, ROLL, 10, 10] = torch.tensor([3.0, 0.0])  # a quarter turn, not of unit length
    maps[0, SHAPE.start : SHAPE.start + 2, 10, 10] = torch.tensor([0.5, 0.25])
    face = Peaks()(maps)[0, 0]
    assert torch.allclose(face[1:3], torch.tensor([83.5 + 4, 83.5 - 2]))
    assert torch.allclose(face[4:6], torch.tensor([1.0, 0.0]), atol=1e-6)
    assert torch.allclose(face[6:8] - face[1:3], torch.tensor([-0.25 * 40, 0.5 * 40]), atol=1e-4)


def test_a_face_is_named_once() -> None:
    """Two peaks of one large face; a small face of its own beside it stays."""
    faces = Peaks()(maps_of((10, 10, 2.0, 100.0), (10, 14, 1.5, 100.0), (10, 22, 1.0, 24.0)))[0]
    assert torch.sigmoid(torch.tensor([2.0, 1.0])).tolist() == faces[:2, 0].tolist()
    assert not faces[2:].any()


def test_what_lies_upon_a_better_face_is_dropped_in_order() -> None:
    centre = torch.tensor([[[0.0, 0.0], [10.0, 0.0], [100.0, 0.0]]])
    assert first_of_its_face(centre, torch.full((1, 3), 30.0), 0.5).tolist() == [[1, 0, 1]]
    assert first_of_its_face(centre, torch.full((1, 3), 10.0), 0.5).tolist() == [[1, 1, 1]]


def test_pictures_of_a_batch_do_not_touch_one_another() -> None:
    one, other = maps_of((3, 5, 1.0, 24.0)), maps_of((12, 20, 3.0, 60.0))
    both = Peaks()(torch.cat((one, other)))
    assert torch.equal(both, torch.cat((Peaks()(one), Peaks()(other))))


def test_few_cells_still_fill_the_list() -> None:
    assert Peaks()(torch.zeros(2, CHANNELS, 2, 2)).shape == (2, MOST_FACES, NUMBERS)
