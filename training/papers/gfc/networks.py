"""The networks of GFC (section 3.1 and 3.2): generator, local and global discriminator.

Pictures are RGB in [-1,1]; in the generator's input the hole is uniform noise in [-1,1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.attention import positions

FRAME_PIXELS = 128
HOLE_PIXELS = 64  # side of the square that the local discriminator sees
POOLS = 4
SMALLEST_DEVIATION = 1e-3
BOTTLENECK_PIXELS = FRAME_PIXELS // 2**POOLS  # 8

# Section 3.1: VGG-19 from conv1 to pool3, "two more convolutions and one more pooling". Both stand at the front, so
# the convolutions of the four blocks have these outputs, in units of the width (32 in the paper).
ENCODER_BLOCKS = ((1, 1), (2, 2), (4, 4), (8, 8, 8, 8))
# The mirror of it, from 16 px to 128 px: each block ends with the width that the indices of the next un-pooling have.
DECODER_BLOCKS = ((2, 2, 2, 4), (2, 2), (2, 1), (1, 1))


class Generator(nn.Module):
    """Encoder, fully connected bottleneck, and a decoder that un-pools with the encoder's own indices (Figure 2).

    filled [B,3,128,128] in [-1,1], noise inside the hole -> raw [B,3,128,128], not clamped (the output is linear).
    `width` is 32 and `bottleneck` 4096 in the paper: 137,071,331 parameters. `norm` puts a batch norm behind every
    layer but the last while a network is trained; `folded` takes it out again, and what is shipped has none.
    """

    def __init__(self, width: int = 32, bottleneck: int = 4096, *, norm: bool = False) -> None:
        super().__init__()
        self.frame_pixels = FRAME_PIXELS
        encoder, channels = [], 3
        for block in ENCODER_BLOCKS:
            encoder.append(convolutions(channels, [factor * width for factor in block], norm=norm))
            channels = block[-1] * width
        self.encoder = nn.ModuleList(encoder)
        flat = channels * BOTTLENECK_PIXELS**2
        self.squeeze = nn.Linear(flat, bottleneck)
        self.expand = nn.Linear(bottleneck, flat)
        decoder = []
        for block in DECODER_BLOCKS:
            decoder.append(convolutions(channels, [factor * width for factor in block], norm=norm))
            channels = block[-1] * width
        self.decoder = nn.ModuleList(decoder)
        self.output = nn.Conv2d(channels, 3, 3, padding=1)
        self.start()

    def start(self) -> None:
        """First weights: He's for ReLU. Un-pooling leaves three of four values at 0: the layer after it gets double."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            for block in self.decoder:
                first = next(layer for layer in block.modules() if isinstance(layer, nn.Conv2d))
                first.weight.mul_(2)
            self.output.weight.mul_(math.sqrt(0.1))

    @torch.no_grad()
    def calibrate(self, filled: Tensor) -> None:
        """Scale and shift the first weights so that every layer's values have mean 0 and deviation 1 over `filled`.

        Without it, what the 22 layers, which have no norm, give hardly depends on the picture, and they learn slowly.
        """

        def centre(layer: nn.Module, inputs: tuple[Tensor, ...], values: Tensor) -> Tensor:
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            assert layer.bias is not None
            places = [0, *range(2, values.ndim)]
            mean, deviation = values.mean(places), values.std(places) + SMALLEST_DEVIATION
            layer.weight.div_(deviation.view(-1, *[1] * (layer.weight.ndim - 1)))
            layer.bias.copy_((layer.bias - mean) / deviation)
            shape = (1, -1, *[1] * (values.ndim - 2))
            return (values - mean.view(shape)) / deviation.view(shape)

        layers = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        hooks = [layer.register_forward_hook(centre) for layer in layers if layer is not self.output]
        self(filled)
        for hook in hooks:
            hook.remove()

    def forward(self, filled: Tensor) -> Tensor:
        assert filled.shape[2] == self.frame_pixels, "a fixed bottleneck: 128 px"
        assert filled.shape[3] == self.frame_pixels, "a fixed bottleneck: 128 px"
        x = filled
        places: list[Tensor] = []
        for block in self.encoder:
            x, place = F.max_pool2d_with_indices(block(x), [2, 2])
            places.append(place)
        shape = x.shape
        x = F.relu(self.squeeze(x.flatten(1)))
        x = F.relu(self.expand(x)).reshape(shape)
        for block in self.decoder:
            x = block(unpool(x, places.pop()))
        raw: Tensor = self.output(x)
        return raw.float()


class Discriminator(nn.Module):
    """One probability a picture, that it is real (section 3.2): 64 px for the local one, 128 px for the global.

    image [B,3,P,P] in [-1,1] -> logit [B,1]; its sigmoid is Eq. 1's D. Every stage is a 3x3 and a halving 4x4
    convolution with LeakyReLU 0.2, no norm, down to 4 px. `width` doubles with each stage, up to eightfold.
    """

    def __init__(self, pixels: int, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, side, out = 3, pixels, width
        while side > 4:
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.LeakyReLU(0.2)]
            layers += [nn.Conv2d(out, out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            channels, side, out = out, side // 2, min(2 * out, 8 * width)
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side**2, 1))

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.body(image)
        return logit.float()


def convolutions(channels: int, outputs: list[int], *, norm: bool) -> nn.Sequential:
    """3x3 convolutions with ReLU, one after another."""
    layers: list[nn.Module] = []
    for out in outputs:
        between = nn.BatchNorm2d(out) if norm else nn.Identity()
        layers += [nn.Conv2d(channels, out, 3, padding=1), between, nn.ReLU()]
        channels = out
    return nn.Sequential(*layers)


@torch.no_grad()
def folded(generator: Generator) -> dict[str, Tensor]:
    """The tensors of the same generator without norms: each norm, as in evaluation, goes into the layer before it."""
    state = {key: value for key, value in generator.state_dict().items() if "norm" not in key}
    layer = ""
    for name, module in generator.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            layer = name
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_var is not None
            assert module.running_mean is not None
            scale = module.weight / (module.running_var + module.eps).sqrt()
            weight = state[f"{layer}.weight"]
            state[f"{layer}.weight"] = weight * scale.view(-1, *[1] * (weight.ndim - 1))
            state[f"{layer}.bias"] = (state[f"{layer}.bias"] - module.running_mean) * scale + module.bias
            state = {key: value for key, value in state.items() if not key.startswith(f"{name}.")}
    return state


@torch.no_grad()
def unfold(generator: Generator, state: Mapping[str, Tensor], filled: Tensor) -> None:
    """The inverse of `folded`: load its tensors. RuntimeError that names the keys when they do not fit.

    A norm in the generator gets the statistics of its values over `filled` [N,3,128,128], and the scale and shift that
    undo them. So it changes nothing in evaluation, and in training as little as the pictures differ from `filled`.
    """

    def begin(norm: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)
        return inputs[0]

    plain = {key for key in generator.state_dict() if key in folded(generator)}
    if wrong := plain ^ set(state):
        raise RuntimeError(f"missing or unexpected keys: {', '.join(sorted(wrong)[:6])}")
    generator.load_state_dict(state, strict=False)
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_hook(begin) for norm in norms]
    generator.eval()(filled.to(generator.output.weight.device))
    for hook in hooks:
        hook.remove()


def unpool(x: Tensor, places: Tensor) -> Tensor:
    """Every value of [B,C,h,w] to the place its pool took it from, zeros elsewhere: [B,C,2h,2w], in channels-last."""
    batch, channels, height, width = x.shape
    flat = torch.zeros(batch, 4 * height * width, channels, dtype=x.dtype, device=x.device)
    flat.scatter_(1, positions(places), positions(x))
    return flat.reshape(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


def grained(noise: Tensor, grain: int) -> Tensor:
    """Noise [B,3,H,W] made smooth: every `grain`-th value, with straight lines between them; 1 leaves it as it is.

    In pixel noise the largest value of a pool may be anywhere, so the decoder un-pools a hole to random places. In
    smooth noise neighbours agree on the places, and a small decoder can paint sharply with them.
    """
    if grain == 1:
        return noise
    coarse = noise[:, :, ::grain, ::grain]
    return F.interpolate(coarse, size=[noise.shape[2], noise.shape[3]], mode="bilinear", align_corners=False)
