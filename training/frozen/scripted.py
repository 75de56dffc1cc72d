"""Feature networks from TorchScript files, such as an Inception for the Frechet distance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from training.frozen.features import FeatureFileError


class ScriptedFeatures(nn.Module):
    """A TorchScript module that takes [B,3,H,W] in [0,1] and returns one map [B,C,h,w] or one vector [B,C] a picture.

    The module resizes and normalises by itself. `network` is the name of its file.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        path = Path(path)
        if not path.is_file():
            raise FeatureFileError(f"no feature network at {path}")
        try:
            load: Callable[..., nn.Module] = torch.jit.load
            self.module = load(path, map_location="cpu").eval()
        except RuntimeError as error:
            first_line = str(error).strip().partition("\n")[0]
            raise FeatureFileError(f"{path} is no TorchScript file: {first_line}") from error
        for parameter in self.module.parameters():
            parameter.requires_grad = False
        self.network = path.stem
        self.layers = ("output",)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        features = self.module(image)
        if not isinstance(features, Tensor) or features.ndim not in (2, 4) or len(features) != len(image):
            raise FeatureFileError(f"{self.network} returned no [B,C] or [B,C,h,w] for {list(image.shape)}")
        return {"output": features if features.ndim == 4 else features[:, :, None, None]}
