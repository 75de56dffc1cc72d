"""What losses of several rooms look through: a frozen face parser."""

from __future__ import annotations

from torch import nn


class FaceParser(nn.Module):
    """RGB [B,3,P,P] in [0,1] -> logits [B,classes,P,P], differentiable in the picture.

    `pixels` is the side P of the face frame that the parser was trained on: losses show it pictures of that size.
    None = unknown, and it sees pictures as they come.
    """

    def __init__(self, pixels: int | None = None) -> None:
        super().__init__()
        self.pixels = pixels
