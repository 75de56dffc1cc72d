"""How different two faces are as persons: GFC, Table 3 and section 4.4. The identity network is the user's."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.frozen.features import FeatureFileError
from training.frozen.scripted import ScriptedFeatures


class IdentityNetwork:
    """A TorchScript file: [B,3,H,W] in [-1,1] -> embeddings [B,D]. It resizes by itself. `name` is that of its file."""

    def __init__(self, path: str | Path, device: str = "cpu") -> None:
        self.network = ScriptedFeatures(path).to(device)
        self.name = self.network.network

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Pictures [B,3,H,W] in [0,1] -> identities [B,D] of unit length."""
        embedding = self.network(2 * image - 1)["output"]
        if embedding.shape[2:] != (1, 1):
            raise FeatureFileError(f"{self.name} returned maps; an identity network returns vectors [B,D]")
        return F.normalize(embedding.flatten(1).float(), dim=1)

    def distance(self, completed: Tensor, image: Tensor) -> Tensor:
        """The squared distance of both identities, as OpenFace reports it: [B], 0 (the same) to 4."""
        return (self(completed) - self(image)).square().sum(dim=1)


def top_k(probes: Tensor, probe_names: list[str], gallery: Tensor, gallery_names: list[str], k: int) -> Tensor:
    """Whether a probe's own identity is among its k nearest of the gallery, by cosine: [P] of 0 and 1.

    probes [P,D], gallery [G,D], of unit length; the names are the identities of their rows.
    """
    nearest = (probes @ gallery.T).topk(min(k, len(gallery)), dim=1).indices
    hits = [
        any(gallery_names[place] == name for place in places)
        for name, places in zip(probe_names, nearest.tolist(), strict=True)
    ]
    return torch.tensor(hits, dtype=torch.float32)
