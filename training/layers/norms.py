"""Batch norms whose statistics are those of all processes together."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        return summed(tensor)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return summed(gradients[0])


def summed(tensor: Tensor) -> Tensor:
    total = tensor.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total


class SharedBatchNorm(nn.BatchNorm2d):
    """A batch norm over the pictures of every process: equal to one process that has them all.

    Works with every backend, where `torch.nn.SyncBatchNorm` needs CUDA, and with shares of different sizes. `counts`
    is off where this process only repeats pictures of another one. [B,C,H,W] -> [B,C,H,W].
    """

    counts: bool = True

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        assert x.ndim == 4, x.shape
        mean, variance, number = self.statistics(x if x.dtype == torch.float64 else x.float())
        self.follow(mean.detach(), variance.detach() * number / (number - 1).clamp(min=1))
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (x * scale.to(x.dtype).view(1, -1, 1, 1) + shift.to(x.dtype).view(1, -1, 1, 1)).to(x.dtype)

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean [C], variance [C] and number of values of a channel, over all processes; differentiable."""
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        number = torch.full_like(mean[:1], x.numel() / x.shape[1] if self.counts else 0)
        rank, world = distributed.get_rank(), distributed.get_world_size()
        own = torch.cat((mean, variance, number))
        rows = torch.zeros(world, len(own), dtype=own.dtype, device=own.device)
        every = SumOverProcesses.apply(torch.cat((rows[:rank], own[None], rows[rank + 1 :])))
        means, variances, numbers = every.split((len(mean), len(mean), 1), dim=1)
        total = numbers.sum().detach()
        shares = numbers.detach() / total
        whole = (shares * means).sum(dim=0)
        return whole, (shares * (variances + (means - whole).square())).sum(dim=0), total

    @torch.no_grad()
    def follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics, as torch's batch norm does: not at all where it is told to track none."""
        if not self.track_running_stats:
            return
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def share_batch_norms(network: nn.Module) -> None:
    """Put a `SharedBatchNorm` with the same tensors in the place of every batch norm of `network`."""
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(network, name, shared(child))
        else:
            share_batch_norms(child)


def shared(norm: nn.BatchNorm2d) -> SharedBatchNorm:
    """The same parameters and buffers, not copies: optimisers go on with them."""
    assert norm.affine, "a norm without parameters is not in use here"
    assert norm.track_running_stats, "a norm without running statistics is not in use here"
    found = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum)
    found.weight, found.bias = norm.weight, norm.bias
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        found.register_buffer(name, getattr(norm, name))
    return found.train(norm.training)
