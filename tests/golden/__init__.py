"""What service and training must agree on, though neither may import the other: both sides' tests read faces.json.

alignments   landmarks [68,2] -> FFHQ's frame, and a detector's box -> its frame, as matrices [2,3]
classes      the class sets of parsing maps
colours      of every class in a parsing map that is shown
poisson      raw, image, hole -> completed, bytes [16,20,3], as the service blends and as evaluation does

reference_judge.safetensors is a network that reads attributes, for the tests of the shipped `reference` alone. It
learned from 12,000 faces by ratings, apart from what is shipped, and is stored in half precision: `python -m
training.train reference_judge --data FACES --run RUN`, then RUN/judge/auxiliary.safetensors. FACES are those of the One
Million Impressions data that the card of `reference` names: CC BY-NC-SA 4.0, not for commercial use.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("faces.json").read_text(encoding="utf-8"))
