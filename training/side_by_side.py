"""A sheet that compares methods: each row one face, masked, then completed by every method, then as it is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from training.blending import Blend, completed
from training.framed import FramedFaces
from training.masking import complete
from training.methods import Method

SIDE_PIXELS, TITLE_PIXELS, NUMBER_PIXELS = 128, 18, 90


@torch.no_grad()
def compare_pictures(
    methods: Sequence[Method], faces: FramedFaces, kinds: Sequence[str], seed: int, device: str, blend: Blend = complete
) -> np.ndarray:
    """[H,W,3] uint8 RGB; the kinds of holes take turns from face to face. What paints nothing stays white."""
    rows = []
    for batch in faces.batches(1, device):
        kind = kinds[batch.places.start % len(kinds)]
        given = batch.under(kind, seed)
        answers = [method.system(given).raw for method in methods]
        painted = [255 * completed(raw, given, blend) if raw is not None else None for raw in answers]
        blank = torch.full_like(batch.image, 255)
        pictures = [given.image + 255 * given.hole, *(blank if one is None else one for one in painted), batch.image]
        cells = [shrunk(picture[0], SIDE_PIXELS) for picture in pictures]
        rows.append(np.concatenate([titled(f"{batch.places.start} {kind}"), *cells], axis=1))
    heads = ["", "masked", *(method.name for method in methods), "true"]
    head = np.concatenate([title(heads[0], NUMBER_PIXELS), *(title(words, SIDE_PIXELS) for words in heads[1:])], axis=1)
    return np.concatenate([head, *rows], axis=0)


def titled(words: str) -> np.ndarray:
    """The cell at a row's left: its number and kind of holes."""
    cell = np.full((SIDE_PIXELS, NUMBER_PIXELS, 3), 255, np.uint8)
    return write(cell, words, SIDE_PIXELS // 2)


def title(words: str, width_pixels: int) -> np.ndarray:
    """The cell above a column."""
    return write(np.full((TITLE_PIXELS, width_pixels, 3), 255, np.uint8), words, TITLE_PIXELS - 5)


def write(cell: np.ndarray, words: str, bottom_pixels: int) -> np.ndarray:
    """Words in black, as many as there is room for."""
    cv2.putText(cell, words, (2, bottom_pixels), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 1, cv2.LINE_AA)
    return cell


def shrunk(picture: Tensor, side: int) -> np.ndarray:
    """[3,F,F] of bytes or of 0..255 -> [side,side,3] uint8."""
    whole = picture.float().round().clamp(0, 255).byte().cpu().permute(1, 2, 0).numpy()
    return cv2.resize(np.ascontiguousarray(whole), (side, side), interpolation=cv2.INTER_AREA)
