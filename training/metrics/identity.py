"""How different two faces are as persons: GFC, Table 3 and section 4.4. The identity network is the user's.

What such a network expects cannot be read from its file, so it is declared, and looked at: a face and its mirrored,
softened copy should be more alike than two faces, and no other declaration should tell them apart far better.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.landmarks import LEFT_EYE, RIGHT_EYE, flip, to_68
from training.frozen.features import FeatureFileError
from training.frozen.scripted import ScriptedFeatures
from training.metrics.naming import named

RANGES: dict[str, Callable[[Tensor], Tensor]] = {"-1..1": lambda image: 2 * image - 1, "0..1": lambda image: image}
ALIGNMENTS = ("frame", "arcface")  # the face frame as it is; or 112 x 112 px with five points in their places
# Eyes, nose tip, corners of the mouth, as they stand in the picture, in pixels of 112 (ArcFace, Deng et al. 2019).
ARCFACE_PIXELS = 112
ARCFACE_POINTS = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
NOSE_TIP, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER = 30, 48, 54
CLEARLY_BETTER = 0.15  # in cosine: by how much another declaration has to win before it is named


class IdentityNetwork:
    """A TorchScript file: pictures in the declared range and alignment -> embeddings [B,D].

    With the alignment `frame` it gets the face frame as it is and resizes by itself. `name` is that of its file, with
    its hash.
    """

    def __init__(
        self, path: str | Path, device: str = "cpu", *, values: str = "-1..1", alignment: str = "frame"
    ) -> None:
        assert values in RANGES, values
        assert alignment in ALIGNMENTS, alignment
        self.network = ScriptedFeatures(path).to(device)
        self.values, self.alignment = values, alignment
        self.name = named(self.network.network, path)

    @torch.no_grad()
    def __call__(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """Pictures [B,3,H,W] in [0,1], landmarks [B,68 or 98,2] in their pixels -> identities [B,D] of unit length."""
        embedding = self.run(RANGES[self.values](self.aligned(image, landmarks)))
        if embedding.shape[2:] != (1, 1):
            raise FeatureFileError(f"{self.name} returned maps; an identity network returns vectors [B,D]")
        return F.normalize(embedding.flatten(1).float(), dim=1)

    def run(self, pictures: Tensor) -> Tensor:
        """What the network says. FeatureFileError where it does not take such pictures."""
        try:
            return self.network(pictures)["output"]
        except (RuntimeError, torch.jit.Error) as error:
            size = "x".join(str(side) for side in pictures.shape[2:])
            raise FeatureFileError(
                f"{self.name} takes no pictures of {size} px, the alignment {self.alignment!r}; there are "
                f"{', '.join(ALIGNMENTS)} (--identity-alignment)"
            ) from error

    def aligned(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """As the network wants faces to lie."""
        if self.alignment == "frame":
            return image
        places = landmarks.float().cpu().numpy()
        pictures = image.float().permute(0, 2, 3, 1).cpu().numpy()
        faces = [align(picture, points) for picture, points in zip(pictures, places, strict=True)]
        return torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).to(image)

    def distance(self, completed: Tensor, image: Tensor, landmarks: Tensor) -> Tensor:
        """The squared distance of both identities, as OpenFace reports it: [B], 0 (the same) to 4."""
        return (self(completed, landmarks) - self(image, landmarks)).square().sum(dim=1)


def align(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """[H,W,3] turned, scaled and moved so that its five points come to lie nearest to ArcFace's: [112,112,3]."""
    matrix = similarity(five_points(landmarks), np.array(ARCFACE_POINTS))
    return cv2.warpAffine(picture, matrix, (ARCFACE_PIXELS, ARCFACE_PIXELS), flags=cv2.INTER_LINEAR)


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """[68 or 98,2] -> [5,2]: middles of the eyes, nose tip, corners of the mouth."""
    landmarks = to_68(landmarks)
    eyes = [landmarks[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)]
    return np.stack([*eyes, *landmarks[[NOSE_TIP, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER]]]).astype(np.float64)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """[2,3] of the turn, scale and shift that bring points [N,2] nearest to others, in least squares.

    With points as complex numbers it is target = a * source + b, and a, b are linear regression's.
    """
    x, y = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    centred = x - x.mean()
    a = (centred.conj() * (y - y.mean())).sum() / (np.abs(centred) ** 2).sum()
    b = y.mean() - a * x.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def doubt(network: IdentityNetwork, path: str | Path, image: Tensor, landmarks: Tensor) -> str:
    """In words, what speaks against the declared range and alignment on these faces; empty if nothing does.

    image [B,3,H,W] in [0,1], of different people. FeatureFileError where the network takes no such pictures.
    """
    declared = separation(network, image, landmarks)
    best, where = declared, ""
    for values in RANGES:
        for alignment in ALIGNMENTS:
            other = IdentityNetwork(path, str(image.device), values=values, alignment=alignment)
            try:
                apart = separation(other, image, landmarks)
            except FeatureFileError:
                continue  # a network of a fixed size
            if apart > best:
                best, where = apart, f"--identity-range {values} --identity-alignment {alignment}"
    if best < declared + CLEARLY_BETTER:
        return ""
    return f"{network.name} tells faces apart better with {where} ({best:.2f}) than as declared ({declared:.2f})"


def separation(network: IdentityNetwork, image: Tensor, landmarks: Tensor) -> float:
    """How much more alike, in cosine, a face and its mirrored, softened copy are than two faces. At least two faces."""
    softened = F.avg_pool2d(F.pad(image.flip(3), (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    one, other = network(image, landmarks), network(softened, flip(landmarks, image.shape[3]))
    cosines = one @ other.T
    own = cosines.diagonal()
    return float(own.mean() - (cosines.sum() - own.sum()) / (len(own) * (len(own) - 1)))


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
