"""Identity distance and top-k on a scripted network whose identities are mean colours."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.drawn import DrawnFaces
from training.framed import frame_faces
from training.frozen.features import FeatureFileError
from training.metrics.identity import ARCFACE_POINTS, IdentityNetwork, align, doubt, five_points, similarity, top_k

POINTS = torch.zeros(1, 68, 2)


class Colour(torch.nn.Module):
    """[B,3,H,W] in [-1,1] -> mean colour [B,3]."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 5 * image.mean(dim=(2, 3))


@pytest.fixture
def network(tmp_path: Path) -> IdentityNetwork:
    torch.jit.script(Colour()).save(str(tmp_path / "colour.pt"))
    return IdentityNetwork(tmp_path / "colour.pt")


def test_identities_have_unit_length_and_pictures_go_in_from_minus_one(
    network: IdentityNetwork, tmp_path: Path
) -> None:
    digest = hashlib.sha256((tmp_path / "colour.pt").read_bytes()).hexdigest()
    assert network.name == f"colour {digest[:8]}"
    red = torch.zeros(1, 3, 4, 4)
    red[:, 0] = 1
    assert torch.allclose(network(red, POINTS), torch.tensor([[1.0, -1.0, -1.0]]) / 3**0.5)


def test_distances_run_from_0_to_4(network: IdentityNetwork) -> None:
    white, black, grey = torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.7)
    assert network.distance(white, grey, POINTS).item() == pytest.approx(0, abs=1e-6)
    assert network.distance(white, black, POINTS).item() == pytest.approx(4)


def test_a_network_of_maps_is_refused(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Identity()).save(str(tmp_path / "maps.pt"))
    with pytest.raises(FeatureFileError, match="returned maps"):
        IdentityNetwork(tmp_path / "maps.pt")(torch.zeros(1, 3, 4, 4), POINTS)


def test_top_k_by_hand() -> None:
    gallery = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0]]), dim=1)
    probes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    names = ["ann", "ben", "cay"]
    asked = ["ben", "cay", "cay"]
    assert top_k(probes, asked, gallery, names, 1).tolist() == [0, 1, 0]
    assert top_k(probes, asked, gallery, names, 2).tolist() == [1, 1, 0]
    assert top_k(probes, asked, gallery, names, 5).tolist() == [1, 1, 1]


class Small(torch.nn.Module):
    """Only pictures of 112 x 112 in [0,1]: phases of coarse colours, which differ much from face to face.

    Darker than 0 all faces are one.
    """

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        assert image.shape[2] == 112
        colours = torch.nn.functional.adaptive_avg_pool2d(image[:, :, 30:90, 20:92], [2, 1]).flatten(1)
        phases = torch.cat((torch.cos(30 * colours), torch.sin(30 * colours)), dim=1)
        return torch.where(image.min() < -0.01, torch.ones_like(phases), phases)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    torch.jit.script(Small()).save(str(tmp_path / "small.pt"))
    return tmp_path / "small.pt"


def test_points_are_brought_to_arcfaces_by_turn_scale_and_shift() -> None:
    target = np.array(ARCFACE_POINTS)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]]) * 2.5
    matrix = similarity(target @ turn.T + (30, -7), target)
    assert np.allclose((target @ turn.T + (30, -7)) @ matrix[:, :2].T + matrix[:, 2], target, atol=1e-9)


def test_an_aligned_face_has_its_eyes_and_mouth_where_arcface_has_them() -> None:
    landmarks = DrawnFaces(1, 128).landmarks(0)
    picture = np.zeros((128, 128, 3), np.float32)
    points = five_points(landmarks)
    for x, y in points.round().astype(int):
        picture[y - 1 : y + 2, x - 1 : x + 2] = 1
    aligned = align(picture, landmarks)
    matrix = similarity(points, np.array(ARCFACE_POINTS))
    for x, y in points @ matrix[:, :2].T + matrix[:, 2]:
        assert aligned[round(y), round(x)].mean() > 0.5
    assert aligned.shape == (112, 112, 3)


def test_a_network_of_a_fixed_size_says_which_alignments_there_are(small: Path) -> None:
    with pytest.raises(FeatureFileError, match=r"small \w{8} takes no pictures of 128x128 px, .*frame, arcface"):
        IdentityNetwork(small)(torch.rand(1, 3, 128, 128), POINTS)


def test_a_declaration_under_which_faces_are_harder_to_tell_apart_is_doubted(small: Path) -> None:
    batch = next(frame_faces(DrawnFaces(6, 128, seed=4), 128).batches(6))
    image, landmarks = batch.image.float() / 255, batch.landmarks
    right = IdentityNetwork(small, values="0..1", alignment="arcface")
    assert doubt(right, small, image, landmarks) == ""
    wrong = IdentityNetwork(small, values="-1..1", alignment="arcface")
    said = doubt(wrong, small, image, landmarks)
    assert "tells faces apart better with --identity-range 0..1 --identity-alignment arcface" in said
