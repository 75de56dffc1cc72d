"""What is measured: the profile of pixel metrics, and the networks of the other figures, from files of the user."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from training.blending import Blend
from training.errors import OptionError
from training.framed import FramedFaces
from training.frozen.features import FeatureNetwork
from training.frozen.scripted import open_features
from training.masking import complete
from training.metrics.identity import ALIGNMENTS, RANGES, IdentityNetwork, doubt
from training.metrics.naming import hash_once, named
from training.metrics.perception import FeatureDistance, open_distance
from training.metrics.pixels import MS_SSIM_ABOVE_PIXELS
from training.metrics.profiles import MS_SSIM, PROFILES, Profile
from training.options import require

NME = "NME %"
SPREAD = "spread"
FRECHET, IDENTITY = "Frechet distance", "identity distance"
FEW_FACES = 1000  # of fewer the covariances behind a Frechet distance are mostly chance; papers take 2,000 and more
CHECKED_FACES = 16  # that an identity network's declaration is looked at with


@dataclass(frozen=True)
class Yardstick:
    """What is measured. A network that is None leaves its figures out."""

    profile: Profile
    distance: FeatureDistance | None = None
    frechet: FeatureNetwork | None = None
    identity: IdentityNetwork | None = None
    blend: Blend = complete  # how the raw picture is put into the hole before it is measured
    spread: bool = False  # complete every face twice, and measure how far both results are apart
    files: dict[str, Path] = field(default_factory=dict)  # option -> what the user named

    @property
    def frechet_column(self) -> str:
        if self.frechet is None:
            return ""
        files = [self.files[option] for option in ("frechet",) if option in self.files]
        return f"{FRECHET} ({named(self.frechet.network, *files)})"

    @property
    def identity_column(self) -> str:
        return "" if self.identity is None else f"{IDENTITY} ({self.identity.name})"

    def columns(self) -> list[str]:
        """Names of all figures, in the order of the table; those of networks name the network and its file's hash."""
        distance = "" if self.distance is None else self.distance.name
        names = (*self.profile.columns, distance, self.frechet_column, self.identity_column)
        return [name for name in (*names, SPREAD if self.spread else "", NME) if name]

    def require_enough(self, faces: int) -> None:
        """OptionError where a figure cannot be had of so few faces."""
        if self.frechet is not None and faces < 2:
            raise OptionError("--frechet compares sets of pictures; it needs two faces or more")

    def record(self) -> dict[str, dict[str, str]]:
        """The files behind the figures, by the name of their option."""
        return {option: {"name": file.name, "sha256": hash_once(file.resolve())} for option, file in self.files.items()}


@dataclass(frozen=True)
class NetworkFiles:
    """The files that figures other than those of pixels need; None leaves the figure out."""

    features: Path | None = None  # of the feature distance
    heads: Path | None = None  # learnt weights that make LPIPS of it
    frechet: Path | None = None
    identity: Path | None = None
    identity_range: str = "-1..1"
    identity_alignment: str = "frame"

    def given(self) -> dict[str, Path]:
        named = {"features": self.features, "heads": self.heads, "frechet": self.frechet, "identity": self.identity}
        return {option: file for option, file in named.items() if file is not None}


def open_yardstick(profile: str, files: NetworkFiles, device: str) -> Yardstick:
    """A figure whose file is not given is left out, with a line that says so. Raises OptionError, FeatureFileError."""
    if files.features is None and files.heads is not None:
        raise OptionError("--heads needs --features, the network that the heads belong to")
    given = files.given()
    for option, figure in (("features", "feature distance"), ("frechet", FRECHET), ("identity", IDENTITY)):
        if option not in given:
            print(f"no --{option} file: the {figure} is left out")
    return Yardstick(
        PROFILES[profile],
        None if files.features is None else open_distance(files.features, files.heads, device),
        None if files.frechet is None else open_features(files.frechet).to(device),
        None if files.identity is None else open_identity(files, device),
        files=given,
    )


def open_identity(files: NetworkFiles, device: str) -> IdentityNetwork:
    """The identity network as it is declared. Raises OptionError, FeatureFileError."""
    require(files.identity_range, RANGES, "--identity-range")
    require(files.identity_alignment, ALIGNMENTS, "--identity-alignment")
    assert files.identity is not None, "asked for where there is none"
    return IdentityNetwork(files.identity, device, values=files.identity_range, alignment=files.identity_alignment)


def warnings(yardstick: Yardstick, faces: FramedFaces, device: str) -> list[str]:
    """What these faces cannot say, or speak against, one line each."""
    said = []
    if yardstick.frechet is not None and len(faces) < FEW_FACES:
        said.append(f"the {FRECHET} of {len(faces)} faces says little, and nothing beside a paper's of 2,000 and more")
    if MS_SSIM in yardstick.profile.columns and faces.frame_pixels <= MS_SSIM_ABOVE_PIXELS:
        said.append(f"{MS_SSIM} needs more than {MS_SSIM_ABOVE_PIXELS} px; at {faces.frame_pixels} px it is left out")
    if yardstick.identity is not None:
        said.append(check_identity(yardstick.identity, yardstick.files["identity"], faces, device))
    return [f"warning: {words}" for words in said if words]


def check_identity(network: IdentityNetwork, file: Path, faces: FramedFaces, device: str) -> str:
    """What speaks against the declared range and alignment on the first faces, in words; one face says nothing."""
    batch = next(faces.batches(min(len(faces), CHECKED_FACES), device))
    if len(batch.image) < 2:
        return "one face does not show whether an identity network's range and alignment are right"
    return doubt(network, file, batch.image.float() / 255, batch.landmarks.float())
