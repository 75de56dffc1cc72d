"""Synthetic published checkpoints, and what the published networks compute, written out plainly.

The key tables beside this file give one `key size size ...` a line.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]
SPECTRAL = ("auto_attn.model.conv1", "auto_attn.model.conv2", "auto_attn.model.bypass")
ALIASES = {"conv1": "model.1", "conv2": "model.3", "bypass": "shortcut.0"}


def published_weights(name: str, seed: int = 0) -> Weights:
    """Random weights of a realistic size under the keys of NAME.txt."""
    random = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    for line in (Path(__file__).parent / f"{name}.txt").read_text().splitlines():
        key, *sizes = line.split()
        weights[key] = random_weight(key, [int(size) for size in sizes], random)
    for original, alias in ALIASES.items():
        for key in [key for key in weights if key.startswith(f"auto_attn.model.{original}.")]:
            weights[key.replace(original, alias)] = weights[key]
    return weights


def random_weight(key: str, shape: list[int], random: torch.Generator) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.tensor(1000)
    if key.endswith("running_var"):
        return torch.rand(shape, generator=random) + 0.5
    if key.endswith(("gamma", "alpha", "prelu.weight")):
        return torch.full(shape, 0.3)
    if len(shape) == 1 and key.endswith(".weight"):  # batch norm's factor
        return torch.rand(shape, generator=random) + 0.5
    if len(shape) == 1 and key.endswith((".bias", "running_mean")):
        return 0.1 * torch.randn(shape, generator=random)
    fan_in = max(1, torch.Size(shape[1:]).numel())
    strength = 0.05 if key == "fc_landmark.weight" else 1.0  # points within a few hundred pixels
    return strength * torch.randn(shape, generator=random) * (2 / fan_in) ** 0.5


def generator_file(weights: Weights, prefix: str = "") -> dict[str, object]:
    return {"iteration": 1_800_000, "generator": {prefix + key: value for key, value in weights.items()}}


def detector_file(weights: Weights, prefix: str = "") -> dict[str, object]:
    return {"iteration": 500_000, "detector": {prefix + key: value for key, value in weights.items()}}


def published_generator(weights: Weights, masked: Tensor, dots: Tensor, hole: Tensor) -> Tensor:
    """masked [B,3,H,W], dots [B,1,H,W], hole [B,1,H,W] -> [B,3,H,W]; spectral norm is computed at run time."""

    def convolve(x: Tensor, name: str, **options: int) -> Tensor:
        if name in SPECTRAL:
            weight = weights[f"{name}.weight_orig"]
            sigma = torch.dot(weights[f"{name}.weight_u"], torch.mv(weight.flatten(1), weights[f"{name}.weight_v"]))
            weight = weight / sigma
        else:
            weight = weights[f"{name}.weight"]
        return F.conv2d(x, weight, weights[f"{name}.bias"], **options)

    def enlarge(x: Tensor, name: str) -> Tensor:
        x = F.conv_transpose2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=2, padding=1)
        return F.relu(F.instance_norm(x))

    def reflect(x: Tensor, width: int) -> Tensor:
        return F.pad(x, (width,) * 4, mode="reflect")

    def soft(size: int) -> Tensor:
        return F.interpolate(hole, size=(size, size), mode="bilinear", align_corners=True)

    side = hole.shape[-1]
    e1 = F.relu(F.instance_norm(convolve(reflect(torch.cat([masked, dots], 1), 3), "encoder1.1")))
    e2 = F.relu(F.instance_norm(convolve(e1, "encoder2.0", stride=2, padding=1)))
    e3 = F.relu(F.instance_norm(convolve(e2, "encoder3.0", stride=2, padding=1)))
    x = e3
    for block in range(7):
        name = f"middle.{block}.conv_block"
        y = F.relu(F.instance_norm(convolve(reflect(x, 2), f"{name}.1", dilation=2)))
        x = x + F.instance_norm(convolve(reflect(y, 1), f"{name}.5"))

    batch, channels, height, width = x.shape
    query = convolve(x, "auto_attn.query_conv").view(batch, -1, height * width)
    attention = torch.softmax(torch.bmm(query.permute(0, 2, 1), query), dim=-1)

    def read(values: Tensor) -> Tensor:
        return torch.bmm(values.view(batch, channels, -1), attention.permute(0, 2, 1)).view(values.shape)

    missing = soft(side // 4)
    short = weights["auto_attn.gamma"] * read(x) + x
    long = weights["auto_attn.alpha"] * missing * read(e3) + (1 - missing) * e3
    both = torch.cat([short, long], 1)
    inner = convolve(F.leaky_relu(both, 0.01), "auto_attn.model.conv1", padding=1)
    inner = convolve(F.leaky_relu(inner, 0.01), "auto_attn.model.conv2", padding=1)
    x = inner + convolve(both, "auto_attn.model.bypass")

    d1 = enlarge(x, "decoder1.0")
    x = torch.cat([e2 * (1 - soft(side // 2)), d1], 1)
    d2 = enlarge(F.relu(F.instance_norm(convolve(x, "fushion1.0"))), "decoder2.0")
    x = torch.cat([e1 * (1 - hole), d2], 1)
    x = F.relu(F.instance_norm(convolve(x, "fushion2.0")))
    return (torch.tanh(convolve(reflect(x, 3), "decoder3.1")) + 1) / 2


def published_detector(weights: Weights, masked: Tensor) -> Tensor:
    """masked [B,3,256,256] -> [B,68,2] in pixels."""

    def normalise(x: Tensor, name: str) -> Tensor:
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        return F.batch_norm(x, mean, variance, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def head(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    x = F.relu6(normalise(F.conv2d(masked, weights["features.0.0.weight"], stride=2, padding=1), "features.0.1"))
    block = 0
    for repetitions, first_stride in ((1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)):
        for repetition in range(repetitions):
            block += 1
            stride = first_stride if repetition == 0 else 1
            name, y, at = f"features.{block}.conv", x, 0
            if block > 1:
                y = F.relu6(normalise(F.conv2d(y, weights[f"{name}.0.weight"]), f"{name}.1"))
                at = 3
            depthwise = weights[f"{name}.{at}.weight"]
            y = F.conv2d(y, depthwise, stride=stride, padding=1, groups=len(depthwise))
            y = F.relu6(normalise(y, f"{name}.{at + 1}"))
            y = normalise(F.conv2d(y, weights[f"{name}.{at + 3}.weight"]), f"{name}.{at + 4}")
            x = x + y if repetition else y
    last = F.relu6(normalise(F.conv2d(x, weights["last_block.0.weight"]), "last_block.1"))
    s1 = head(x, "conv_node1").mean(dim=(2, 3))
    s2 = head(last, "conv_node2").mean(dim=(2, 3))
    s3 = F.prelu(head(F.avg_pool2d(last, 8), "conv1_after_mbnet"), weights["prelu.weight"]).flatten(1)
    points = F.linear(torch.cat([s1, s2, s3], 1), weights["fc_landmark.weight"], weights["fc_landmark.bias"])
    return points.view(-1, 68, 2) * 256


def published_parser(weights: Weights, image: Tensor) -> Tensor:
    """RGB [B,3,H,W] in [0,1] -> logits [B,19,H,W]."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        return F.batch_norm(x, mean, variance, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def convolve(x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = weights[f"{name}.weight"]
        return F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def unit(x: Tensor, name: str) -> Tensor:
        return F.relu(norm(convolve(x, f"{name}.conv"), f"{name}.bn"))

    def residual(x: Tensor, name: str, stride: int) -> Tensor:
        y = F.relu(norm(convolve(x, f"{name}.conv1", stride), f"{name}.bn1"))
        y = norm(convolve(y, f"{name}.conv2"), f"{name}.bn2")
        if f"{name}.downsample.0.weight" in weights:
            x = norm(convolve(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return F.relu(x + y)

    def refine(x: Tensor, name: str) -> Tensor:
        x = unit(x, f"{name}.conv")
        return x * torch.sigmoid(norm(convolve(F.adaptive_avg_pool2d(x, 1), f"{name}.conv_atten"), f"{name}.bn_atten"))

    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    x = (image - mean) / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = F.max_pool2d(F.relu(norm(convolve(x, "cp.resnet.conv1", 2), "cp.resnet.bn1")), 3, 2, 1)
    maps = []
    for layer in range(1, 5):
        x = residual(x, f"cp.resnet.layer{layer}.0", 1 if layer == 1 else 2)
        x = residual(x, f"cp.resnet.layer{layer}.1", 1)
        maps.append(x)
    _, eighth, sixteenth, last = maps
    whole = unit(F.adaptive_avg_pool2d(last, 1), "cp.conv_avg").expand(-1, -1, *last.shape[2:])
    context = F.interpolate(refine(last, "cp.arm32") + whole, size=sixteenth.shape[2:], mode="nearest")
    context = refine(sixteenth, "cp.arm16") + unit(context, "cp.conv_head32")
    context = unit(F.interpolate(context, size=eighth.shape[2:], mode="nearest"), "cp.conv_head16")
    fused = unit(torch.cat([eighth, context], 1), "ffm.convblk")
    gate = torch.sigmoid(convolve(F.relu(convolve(F.adaptive_avg_pool2d(fused, 1), "ffm.conv1")), "ffm.conv2"))
    logits = convolve(unit(fused * gate + fused, "conv_out.conv"), "conv_out.conv_out")
    return F.interpolate(logits, size=image.shape[2:], mode="bilinear", align_corners=True)
