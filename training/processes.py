"""What several training processes do together, so that they compute what one process would. Each waits for all."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as distributed
from lightning.fabric import Fabric
from torch import Tensor, nn

from training.layers.norms import share_batch_norms
from training.step import Step


def join(step: Step, world: int) -> None:
    """Make the processes one training: equal weights at the beginning, gradients and batch norms in common."""
    if world == 1:
        return
    for network in step.networks.values():
        for tensor in network.state_dict().values():
            distributed.broadcast(tensor, 0)
        share_batch_norms(network)
    step.gather = sum_gradients


@torch.no_grad()
def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Each gradient becomes the sum over all processes; those that no process has stay absent."""
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    present = torch.tensor([float(parameter.grad is not None) for parameter in learning], device=learning[0].device)
    distributed.all_reduce(present)
    wanted = [parameter for parameter, count in zip(learning, present.tolist(), strict=True) if count]
    for parameter in wanted:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in wanted if parameter.grad is not None]
    if gradients:
        together = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(together)
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, summed in zip(gradients, together.split(sizes), strict=True):
            gradient.copy_(summed.view(gradient.shape))


def part_ways() -> None:
    """At the end of a program: wait for all, since one that ends while another still talks to it takes it along."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def any_process(fabric: Fabric, answer: bool) -> bool:
    """Whether any process says yes."""
    return float(total(fabric, torch.tensor(float(answer)))) > 0


def total(fabric: Fabric, value: Tensor) -> Tensor:
    """The sum over all processes."""
    if fabric.world_size == 1:
        return value
    summed = fabric.all_reduce(value.to(fabric.device), reduce_op="sum")
    assert isinstance(summed, Tensor)
    return summed
