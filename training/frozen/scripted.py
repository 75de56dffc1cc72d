"""Feature networks from TorchScript files, such as an Inception for the Frechet distance."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor, nn

from training.frozen.features import FeatureFileError, FrozenFeatures, load_features
from training.frozen.parsers import FaceParser


class ScriptedFeatures(nn.Module):
    """A TorchScript module that takes [B,3,H,W] in [0,1] and returns one map [B,C,h,w] or one vector [B,C] per picture.

    The module resizes and normalises by itself. `network` is the name of its file.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        path = Path(path)
        self.module = load_scripted(path, "feature network")
        self.network = path.stem
        self.layers: tuple[str, ...] = ("output",)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        features = self.module(image)
        if not isinstance(features, Tensor) or features.ndim not in (2, 4) or len(features) != len(image):
            raise FeatureFileError(f"{self.network} returned no [B,C] or [B,C,h,w] for {list(image.shape)}")
        return {"output": features if features.ndim == 4 else features[:, :, None, None]}


class ScriptedParser(FaceParser):
    """A frozen face parser in TorchScript: RGB [B,3,H,W] in [0,1] -> logits [B,classes,H,W]; differentiable."""

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.module = load_scripted(Path(path), "parser")

    def forward(self, image: Tensor) -> Tensor:
        logits = self.module(image)
        if not isinstance(logits, Tensor) or logits.ndim != 4 or logits.shape[2:] != image.shape[2:]:
            raise FeatureFileError(f"the parser returned no [B,classes,H,W] for {list(image.shape)}")
        return logits


def load_scripted(path: Path, what: str) -> nn.Module:
    """A frozen TorchScript module. Raises FeatureFileError."""
    if not path.is_file():
        raise FeatureFileError(f"no {what} at {path}")
    try:
        load: Callable[..., nn.Module] = torch.jit.load
        module = load(path, map_location="cpu").eval()
    except RuntimeError as error:
        first_line = str(error).strip().partition("\n")[0]
        raise FeatureFileError(f"{path} is no TorchScript file: {first_line}") from error
    for parameter in module.parameters():
        parameter.requires_grad = False
    return module


def open_features(path: str | Path) -> FrozenFeatures | ScriptedFeatures:
    """The feature network in a file of torchvision's weights or in a TorchScript file. Raises FeatureFileError."""
    return ScriptedFeatures(path) if is_torchscript(Path(path)) else load_features(path)


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive; a file of weights has no constants.pkl."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(PurePosixPath(name).name == "constants.pkl" for name in archive.namelist())
