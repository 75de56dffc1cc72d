"""Identity distance and top-k on a scripted network whose identities are mean colours."""

from pathlib import Path

import pytest
import torch

from training.frozen.features import FeatureFileError
from training.metrics.identity import IdentityNetwork, top_k


class Colour(torch.nn.Module):
    """[B,3,H,W] in [-1,1] -> mean colour [B,3]."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 5 * image.mean(dim=(2, 3))


@pytest.fixture
def network(tmp_path: Path) -> IdentityNetwork:
    torch.jit.script(Colour()).save(str(tmp_path / "colour.pt"))
    return IdentityNetwork(tmp_path / "colour.pt")


def test_identities_have_unit_length_and_pictures_go_in_from_minus_one(network: IdentityNetwork) -> None:
    assert network.name == "colour"
    red = torch.zeros(1, 3, 4, 4)
    red[:, 0] = 1
    assert torch.allclose(network(red), torch.tensor([[1.0, -1.0, -1.0]]) / 3**0.5)


def test_distances_run_from_0_to_4(network: IdentityNetwork) -> None:
    white, black, grey = torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.7)
    assert network.distance(white, grey).item() == pytest.approx(0, abs=1e-6)
    assert network.distance(white, black).item() == pytest.approx(4)


def test_a_network_of_maps_is_refused(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Identity()).save(str(tmp_path / "maps.pt"))
    with pytest.raises(FeatureFileError, match="returned maps"):
        IdentityNetwork(tmp_path / "maps.pt")(torch.zeros(1, 3, 4, 4))


def test_top_k_by_hand() -> None:
    gallery = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0]]), dim=1)
    probes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    names = ["ann", "ben", "cay"]
    asked = ["ben", "cay", "cay"]
    assert top_k(probes, asked, gallery, names, 1).tolist() == [0, 1, 0]
    assert top_k(probes, asked, gallery, names, 2).tolist() == [1, 1, 0]
    assert top_k(probes, asked, gallery, names, 5).tolist() == [1, 1, 1]
