"""Instance norm that keeps channels-last."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class InstanceNorm(nn.Module):
    """Each channel of each picture to mean 0 and variance 1; no parameters, eps 1e-5. [B,C,H,W] -> [B,C,H,W].

    torch's own instance norm copies what comes in channels-last and gives back the plain layout. A group norm of one
    channel a group computes the same and keeps the layout, on a CPU only.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_cpu:
            return F.instance_norm(x)
        if x.dtype == torch.float32:
            # The group norm takes the variance from sums of squares, which a large mean drowns. The difference has no
            # gradient: what comes after does not depend on the mean.
            x = x - x.mean(dim=(2, 3), keepdim=True).detach()
        return F.group_norm(x, self.channels)
