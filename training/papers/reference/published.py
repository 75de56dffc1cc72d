"""Published weights of LBAM: their key names, and the way to this package's snapshot of the generator.

The file is a bare table; keys may carry `module.`. Its masks are 1 = valid, as those of `attention.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from training.papers.reference.networks import Generator
from training.papers.reference.serving import ATTRIBUTES
from training.papers.reference.snapshots import BOTTLENECK
from training.published_keys import bare_keys, require_keys

# Our key, with the level from 0 -> theirs, with the level from 1.
KEYS = (
    (r"forward_branch\.levels\.(\d)\.convolution\.weight", "ec{}.conv.maskConv.weight"),
    (r"forward_branch\.levels\.(\d)\.gaussian\.(\w+)", "ec{}.conv.activationFuncG_A.{}"),
    (r"reverse_branch\.levels\.(\d)\.convolution\.weight", "reverseConv{}.reverseMaskConv.weight"),
    (r"reverse_branch\.levels\.(\d)\.gaussian\.(\w+)", "reverseConv{}.activationFuncG_A.{}"),
    (r"encoder\.(\d)\.weight", "ec{}.conv.conv.weight"),
    (r"decoder\.([0-5])\.weight", "dc{}.conv.weight"),
    (r"decoder\.(6)\.weight", "dc{}.weight"),
)


def convert_generator(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights to a snapshot of `Generator`. Raises PublishedKeysError.

    Of the bottleneck [512 + attributes, 512, 4, 4] LBAM has the first 512 rows. Those of the attributes are 0: until
    they are trained, the generator obeys no attribute.
    """
    found = bare_keys(weights)
    with torch.device("meta"):
        backbone, whole = Generator(attributes=0), Generator(attributes=ATTRIBUTES)
    require_keys(found, {published_key(key): tuple(t.shape) for key, t in backbone.state_dict().items()})
    snapshot = {key: found[published_key(key)] for key in backbone.state_dict()}
    learnt = snapshot[BOTTLENECK]
    rows = len(whole.state_dict()[BOTTLENECK]) - len(learnt)
    return {**snapshot, BOTTLENECK: torch.cat((learnt, learnt.new_zeros(rows, *learnt.shape[1:])))}


def published_key(ours: str) -> str:
    """The published name of one of this package's keys."""
    for pattern, theirs in KEYS:
        if match := re.fullmatch(pattern, ours):
            level, *rest = match.groups()
            return theirs.format(int(level) + 1, *rest)
    raise AssertionError(f"{ours} has no published name")
