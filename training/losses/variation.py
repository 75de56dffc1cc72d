"""Total variation: LaFIn, Eq. 5."""

from torch import Tensor


def total_variation(image: Tensor) -> Tensor:
    """Sum of absolute differences of neighbours, over all channels, divided by the number of pixels.

    Eq. 5: |grad I|_1 / N_I with horizontal and vertical first differences; N_I = H * W; mean over the batch.
    [B,C,H,W], any range -> scalar, 0 for a flat picture.
    """
    assert image.ndim == 4, image.shape
    batch, _, height, width = image.shape
    horizontal = (image[..., :, 1:] - image[..., :, :-1]).abs().sum()
    vertical = (image[..., 1:, :] - image[..., :-1, :]).abs().sum()
    return (horizontal + vertical) / (batch * height * width)
