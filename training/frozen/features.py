"""VGG-16, VGG-19 and SqueezeNet 1.1 as frozen feature networks, from a file that the user names.

The file carries torchvision's key names, as `.pth` or `.safetensors`; which network it is follows from its keys.
A classifier in the file is ignored.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import safetensors.torch
import torch
from torch import Tensor, nn

from training.errors import TrainingError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

VGG_DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # convolutions of each block
VGG_WIDTHS = (64, 128, 256, 512, 512)

# Index in `features` -> (name of the layer, input, squeeze, expand); the concatenation has 2 * expand channels.
SQUEEZENET_FIRES = {
    3: ("fire2", 64, 16, 64),
    4: ("fire3", 128, 16, 64),
    6: ("fire4", 128, 32, 128),
    7: ("fire5", 256, 32, 128),
    9: ("fire6", 256, 48, 192),
    10: ("fire7", 384, 48, 192),
    11: ("fire8", 384, 64, 256),
    12: ("fire9", 512, 64, 256),
}
SQUEEZENET_POOLS = (2, 5, 8)

# What losses use when the recipe names no layers. VGG: LaFIn, below Eq. 3.
LOSS_LAYERS = {
    "vgg16": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "squeezenet1_1": ("relu1", "fire3", "fire5", "fire7", "fire9"),
}
# Layers that LaFIn's public code takes for the style loss.
LAFIN_CODE_STYLE_LAYERS = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")
# Layers of the LPIPS distance.
DISTANCE_LAYERS = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "vgg19": ("relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4"),
    "squeezenet1_1": ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"),
}


class FeatureFileError(TrainingError):
    """The file is missing, unreadable, or no feature network that is known here."""


class FeatureNetwork(Protocol):
    """Anything that turns pictures into named feature maps."""

    network: str
    layers: tuple[str, ...]

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """[B,3,H,W] in [0,1] -> layer name -> [B,C,h,w], in the order of `layers`."""


class Fire(nn.Module):
    """SqueezeNet's fire module: 1x1 squeeze, then 1x1 and 3x3 expand side by side. [B,C,H,W] -> [B,2*expand,H,W]."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], dim=1)


class FrozenFeatures(nn.Module):
    """Feature maps of a frozen network; gradients flow to the picture, never into the weights.

    `network` names the network for every figure made with it, `layers` the maps that are returned.
    forward: [B,3,H,W] in [0,1] -> layer name -> [B,C,h,w] after its ReLU, in the order of `layers`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: str, layers: Sequence[str] | None = None, *, normalise: bool = True) -> None:
        """`normalise=False` feeds [0,1] as it is, as LaFIn's public code does."""
        super().__init__()
        self.network = network
        self.features, names = NETWORKS[network]()
        self.layers = tuple(layers or LOSS_LAYERS[network])
        unknown = set(self.layers) - set(names.values())
        assert not unknown, f"{network} has no layers {sorted(unknown)}"
        self._wanted = {index: name for index, name in names.items() if name in self.layers}
        self.normalise = normalise
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "FrozenFeatures":
        """Stays in evaluation mode whatever the parent module does."""
        return super().train(False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        assert image.ndim == 4, image.shape
        assert image.shape[1] == 3, image.shape
        x = (image - self.mean) / self.deviation if self.normalise else image
        found: dict[str, Tensor] = {}
        last = max(self._wanted)
        for index, (_, module) in enumerate(self.features.named_children()):
            x = module(x)
            if index in self._wanted:
                found[self._wanted[index]] = x
            if index == last:
                break
        return {layer: found[layer] for layer in self.layers}


def _vgg(depths: Sequence[int]) -> tuple[nn.Sequential, dict[int, str]]:
    modules: list[nn.Module] = []
    names: dict[int, str] = {}
    channels = 3
    for block, (depth, width) in enumerate(zip(depths, VGG_WIDTHS, strict=True), start=1):
        for step in range(1, depth + 1):
            modules += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            names[len(modules) - 1] = f"relu{block}_{step}"
            channels = width
        modules.append(nn.MaxPool2d(2))
    return nn.Sequential(*modules), names


def squeezenet1_1(channels: int = 3) -> tuple[nn.Sequential, dict[int, str]]:
    """The network without its classifier, for pictures of so many channels, and index -> name of each layer."""
    modules: list[nn.Module] = [nn.Conv2d(channels, 64, 3, stride=2), nn.ReLU()]
    names = {1: "relu1"}
    while len(modules) <= max(SQUEEZENET_FIRES):
        index = len(modules)
        if index in SQUEEZENET_POOLS:
            modules.append(nn.MaxPool2d(3, stride=2))
        else:
            name, channels, squeeze, expand = SQUEEZENET_FIRES[index]
            modules.append(Fire(channels, squeeze, expand))
            names[index] = name
    return nn.Sequential(*modules), names


NETWORKS = {
    "vgg16": lambda: _vgg(VGG_DEPTHS["vgg16"]),
    "vgg19": lambda: _vgg(VGG_DEPTHS["vgg19"]),
    "squeezenet1_1": squeezenet1_1,
}


def load_features(
    path: str | Path, layers: Sequence[str] | Mapping[str, Sequence[str]] | None = None, *, normalise: bool = True
) -> FrozenFeatures:
    """A frozen feature network from a weight file. Raises FeatureFileError, one line, when the file does not serve.

    `layers` may be a table by network, such as DISTANCE_LAYERS; None means LOSS_LAYERS.
    """
    state = read_weights(Path(path))
    network = _name_network(state, path)
    chosen = layers[network] if isinstance(layers, Mapping) else layers
    frozen = FrozenFeatures(network, chosen, normalise=normalise)
    problems = []
    expected = frozen.state_dict()
    for key, weight in expected.items():
        if key not in state:
            problems.append(f"{key} is missing")
        elif state[key].shape != weight.shape:
            problems.append(f"{key} is {list(state[key].shape)}, not {list(weight.shape)}")
    if problems:
        raise FeatureFileError(f"{path} looks like {frozen.network}, but {'; '.join(problems)}")
    frozen.load_state_dict({key: state[key].float() for key in expected})
    return frozen


def read_weights(path: Path) -> dict[str, Tensor]:
    """A table of tensors from `.safetensors` or a pickle of tensors; nothing in it is executed."""
    if not path.is_file():
        raise FeatureFileError(f"no feature network at {path}")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises whatever its next byte happens to cause
        first_line = str(error).strip().partition("\n")[0]
        raise FeatureFileError(f"{path} is not a file of weights: {first_line}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise FeatureFileError(f"{path} holds no plain table of tensors")
    return state


def _name_network(state: dict[str, Tensor], path: str | Path) -> str:
    if "features.3.squeeze.weight" in state:
        return "squeezenet1_1"
    if "features.34.weight" in state:
        return "vgg19"
    if "features.28.weight" in state:
        return "vgg16"
    raise FeatureFileError(f"{path} has the keys of none of {', '.join(NETWORKS)}; its first keys: {list(state)[:3]}")
