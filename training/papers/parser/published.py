"""The best-known public checkpoint of a face parser: a bare table of weights, trained on CelebAMask-HQ at 512 px.

This package's network has its key names. Keys may carry `module.`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from training.papers.parser.networks import Parser
from training.papers.parser.serving import ENLARGE
from training.published_keys import bare_keys, require_keys

CLASSES = 19
PIXELS_TIMES_FRAME = 2  # 512 px, twice the face frame


def convert_parser(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights to a snapshot of `Parser` that sees the face frame enlarged. Raises PublishedKeysError."""
    with torch.device("meta"):
        network = Parser(CLASSES)
    found = bare_keys(weights)
    require_keys(found, {key: tuple(weight.shape) for key, weight in network.state_dict().items()})
    return {**found, ENLARGE: torch.tensor(PIXELS_TIMES_FRAME)}
