"""TorchScript feature networks."""

import pytest
import torch

from training.frozen.features import FeatureFileError
from training.frozen.scripted import ScriptedFeatures, ScriptedParser
from training.metrics.perception import describe


class Means(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean(dim=[2, 3])


class Nothing(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.sum()


def test_vectors_become_one_pixel_maps_named_after_the_file(tmp_path):
    torch.jit.script(Means()).save(str(tmp_path / "means.pt"))
    features = ScriptedFeatures(tmp_path / "means.pt")
    image = torch.rand(2, 3, 4, 4)
    assert features.network == "means"
    assert features(image)["output"].shape == (2, 3, 1, 1)
    assert torch.allclose(describe(features, image), image.mean(dim=(2, 3)))


def test_a_module_of_another_kind_is_refused(tmp_path):
    torch.jit.script(Nothing()).save(str(tmp_path / "nothing.pt"))
    with pytest.raises(FeatureFileError, match="nothing returned no"):
        ScriptedFeatures(tmp_path / "nothing.pt")(torch.rand(2, 3, 4, 4))


def test_files_that_are_no_torchscript_are_refused(tmp_path):
    with pytest.raises(FeatureFileError, match="no feature network at"):
        ScriptedFeatures(tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("text")
    with pytest.raises(FeatureFileError, match="no TorchScript file"):
        ScriptedFeatures(tmp_path / "text.pt")


class Classes(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat((image, -image), dim=1)


def test_a_scripted_parser_is_frozen_and_differentiable(tmp_path):
    torch.jit.script(Classes()).save(str(tmp_path / "classes.pt"))
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    logits = ScriptedParser(tmp_path / "classes.pt")(image)
    assert logits.shape == (1, 6, 8, 8)
    logits[:, :3].sum().backward()
    assert torch.equal(image.grad, torch.ones(1, 3, 8, 8))
    torch.jit.script(Means()).save(str(tmp_path / "means.pt"))
    with pytest.raises(FeatureFileError, match="the parser returned no"):
        ScriptedParser(tmp_path / "means.pt")(image)
    with pytest.raises(FeatureFileError, match="no parser at"):
        ScriptedParser(tmp_path / "absent.pt")
