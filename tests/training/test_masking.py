import torch

from training.masking import complete, landmark_map, mask_image


def test_hole_pixels_are_white_and_the_rest_is_kept() -> None:
    image = torch.rand(1, 3, 4, 4)
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., 1, 2] = 1
    masked = mask_image(image, hole)
    assert torch.equal(masked[0, :, 1, 2], torch.ones(3))
    assert torch.equal(masked[0, :, 0], image[0, :, 0])


def test_completed_takes_raw_in_the_hole_only() -> None:
    image, raw = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., :2, :] = 1
    assert torch.equal(complete(raw, image, hole), hole.expand(1, 3, 4, 4))


def test_a_landmark_is_one_pixel() -> None:
    dots = landmark_map(torch.tensor([[[2.7, 1.2], [0.0, 3.9], [2.0, 1.0]]]), 4, 6)
    assert dots.shape == (1, 1, 4, 6)
    assert dots.sum() == 2
    assert dots[0, 0, 1, 2] == 1
    assert dots[0, 0, 3, 0] == 1


def test_landmarks_outside_the_frame_are_left_out() -> None:
    outside = [[-0.1, 1], [6, 1], [2, -3], [2, 4], [float("nan"), 1], [-1, -1], [400, 300]]
    assert landmark_map(torch.tensor([outside]), 4, 6).sum() == 0
    assert landmark_map(torch.tensor([[*outside, [5, 3]]]), 4, 6)[0, 0, 3, 5] == 1
