"""Run folders as a training leaves them, of untrained networks."""

from pathlib import Path

from torch import nn

from training.checkpoint import save_snapshot
from training.papers import RECIPES
from training.records import describe, session
from training.runs import write_json


def write_run(run: Path, recipe: str, *networks: nn.Module) -> Path:
    """Snapshot and record of every part of `recipe`, one network for each; the folder."""
    for part, network in zip(RECIPES[recipe]().parts, networks, strict=True):
        metadata = {"part": part.name, "network": part.name, "images_seen": "12000"}
        save_snapshot(run / part.name / f"{part.name}.safetensors", network.state_dict(), metadata)
        data = {"name": "faces", "split": "train", "faces": 1000, "sha256": "d" * 64}
        record = describe(recipe, part, data, {"features": None})
        write_json(run / part.name / "run.json", record | {"sessions": [session()]})
    write_json(run / "run.json", {"recipe": recipe})
    return run
