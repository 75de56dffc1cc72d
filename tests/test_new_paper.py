"""Follows "How to add a paper" of CONTRIBUTING for a room of a few lines, in a copy of the tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECTION = (ROOT / "CONTRIBUTING.md").read_text().partition("## How to add a paper")[2]

ROOM = {
    "__init__.py": '"""Grey."""\n',
    "networks.py": """
from torch import Tensor, nn

class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.paint = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, masked: Tensor) -> Tensor:
        return self.paint(masked)
""",
    "losses.py": """
from torch import Tensor

def l1(raw: Tensor, image: Tensor) -> Tensor:
    return (raw - image).abs().mean()
""",
    "step.py": """
import torch

from training.masking import complete, mask_image
from training.papers.grey.losses import l1
from training.step import Step

class GreyStep(Step):
    shipped = ("generator",)
    columns = ("masked image", "completed", "image")

    def __init__(self, generator):
        super().__init__({"generator": generator}, {"generator": torch.optim.Adam(generator.parameters(), 1e-3)})

    def turns(self):
        return (("generator", self.generator_loss),)

    def raw(self, generator, batch):
        return generator(torch.cat((mask_image(batch.image, batch.hole), batch.hole), dim=1))

    def generator_loss(self, batch):
        loss = l1(self.raw(self.networks["generator"], batch), batch.image)
        return loss, {"l1": loss}

    def sheet(self, networks, batch):
        raw = self.raw(networks["generator"], batch)
        masked = mask_image(batch.image, batch.hole)
        return torch.stack((masked, complete(raw, batch.image, batch.hole), batch.image), dim=1)
""",
    "recipe.py": """
from dataclasses import replace

from training.data.holes import Mixture
from training.papers.grey.networks import Generator
from training.papers.grey.step import GreyStep
from training.recipe import Part, Recipe, Stage, tiny

def build(files):
    return GreyStep(Generator())

def grey():
    stages = (Stage(until_images=1_000_000, pixels=256, batch_size=4),)
    return Recipe("grey", (Part("generator", build, stages, Mixture(((1.0, "block"),))),))

def grey_demo():
    return replace(grey(), name="grey_demo")

def grey_tiny():
    part = tiny(grey().part("generator"), build, (Stage(until_images=8, pixels=32, batch_size=2),))
    return Recipe("grey_tiny", (part,))
""",
    "serving.py": """
import torch
from torch import Tensor

from training.deployed import Deployed, Port, Served
from training.given import Answer
from training.masking import mask_image
from training.papers.grey.networks import Generator

class ServedGenerator(Served):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        missing = hole.float()
        masked = torch.cat((mask_image(image.float() / 255, missing, 1.0), missing), dim=1)
        return (self.generator(masked.to(self.dtype)).float() * 255).round().clamp(0, 255).to(torch.uint8)

def load_generator(state):
    generator = Generator()
    generator.load_state_dict(state)
    return ServedGenerator(generator).eval()

IMAGE, HOLE = Port("UINT8", (3, 256, 256)), Port("UINT8", (1, 256, 256))
DEPLOYED = {
    "grey_generator": Deployed(
        part="generator", load=load_generator, inputs=(IMAGE, HOLE), outputs=(IMAGE,), output_tolerance=1.0
    )
}

def grey(open_model):
    generator = open_model("grey_generator")
    return lambda given: Answer(raw=generator(given.image, given.hole))

SYSTEMS = {"grey": grey}
""",
    "README.md": """# Grey

## Train

```
python -m training.train grey --data FOLDER --run runs/grey
python -m training.export --repository model_repository --run runs/grey
```
""",
}

# Where a line goes: behind the first text, in the file of that name.
LINES = {
    "training/papers/__init__.py": [
        ("from training.papers.finder import recipe as finder\n", "from training.papers.grey import recipe as grey\n"),
        ("from training.recipe import Recipe\n", "from training.papers.grey import serving as grey_serving\n"),
        (" = {\n", '    "grey": grey.grey, "grey_demo": grey.grey_demo, "grey_tiny": grey.grey_tiny,\n'),
        ("DEPLOYED: dict[str, Deployed] = {\n", "    **grey_serving.DEPLOYED,\n"),
        ("SYSTEMS: dict[str, BuildSystem] = {\n", "    **grey_serving.SYSTEMS,\n"),
    ],
    "service/engine/specs.py": [
        (
            "SPECS: dict[str, ModelSpec] = {\n",
            """    "grey_generator": ModelSpec(
        name="grey_generator",
        inputs=(TensorSpec("image", "INPUT__0", "UINT8", IMAGE), TensorSpec("hole", "INPUT__1", "UINT8", HOLE)),
        outputs=(TensorSpec("raw", "OUTPUT__0", "UINT8", IMAGE),),
    ),
""",
        )
    ],
    "service/completion/pipelines/__init__.py": [
        ("import Gfc\n", "from service.completion.pipelines.grey import Grey\n"),
        ("PIPELINES: dict[str, Pipeline] = {\n", '    "grey": Grey(),\n'),
    ],
    "service/web/texts.js": [("    goodAt: {\n", '      grey: "Nothing much.",\n')],
    "tests/fakes/engine.py": [
        (
            '        batch = len(inputs["image"])\n',
            '        if model == "grey_generator":\n            return {"raw": 127 * (1 + 0 * inputs["image"])}\n',
        )
    ],
    "tests/training/conftest.py": [
        (
            "from training.papers.gfc.networks import Generator as GfcGenerator\n",
            "import training.papers.grey.networks\n",
        ),
        ("    networks = {\n", '        "grey_generator": training.papers.grey.networks.Generator(),\n'),
    ],
    "tests/training/papers/test_readmes.py": [("MODELS = {\n", '    "grey": {"grey_generator"},\n')],
    "README.md": [("Systems in the house:\n", "\n- `grey`, a room of a few lines.\n")],
}

CHECKS = """
import asyncio, sys
from pathlib import Path
import numpy as np
import tests.fakes.engine, tests.test_house, tests.training.conftest, tests.training.test_rooms
import tests.training.papers.test_readmes as readmes
from service.completion.pipelines import PIPELINES
from service.completion.pipelines.protocol import FaceFrame, SampleSeed
from service.deadline import Deadline
from tests.service.completion.pipelines import test_protocol
from tests.service.engine import test_specs
from training import export, load_model, train
from training.data.drawn import write_folder

data, run, repository = Path(sys.argv[1]) / "faces", Path(sys.argv[1]) / "run", Path("model_repository")
tests.test_house.test_a_paper_has_one_name_in_three_places()
for check in (name for name in dir(tests.training.test_rooms) if name.startswith("test_")):
    getattr(tests.training.test_rooms, check)()
readmes.test_every_room_is_tried()
test_protocol.test_every_pipeline_goes_by_its_own_name_and_calls_known_models("grey")
test_specs.test_every_deployed_model_has_a_spec()
test_specs.test_spec_equals_configuration("grey_generator")
test_specs.test_leaves_are_batched_bounded_and_warmed("grey_generator")
image, hole = np.zeros((256, 256, 3), np.uint8), np.ones((256, 256), np.uint8)
engine = tests.fakes.engine.FakeEngine()
completed = asyncio.run(PIPELINES["grey"].complete(engine, FaceFrame(image, hole), [SampleSeed(0)], Deadline(5)))
assert (completed[0].raw == 127).all()
write_folder(data, 6, 32)
train.main("grey_tiny", [data], run, accelerator="cpu", devices="1", threads=1, precision="32-true")
export.main(repository, run=run)
painted = load_model("grey", repository=repository)(image, hole)
assert painted.shape == image.shape
assert (repository / "grey_generator" / "1" / "model.pt").is_file()
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The project without what git does not keep, and without weights."""
    tree = tmp_path / "tree"
    left_out = shutil.ignore_patterns("__pycache__", "*.safetensors", "1", "samples", "*.png", "*.jpg")
    for name in ("training", "service", "tests", "deploy", "model_repository"):
        shutil.copytree(ROOT / name, tree / name, ignore=left_out)
    for name in ("README.md", "CONTRIBUTING.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tree / name)
    return tree


def add_room(tree: Path) -> set[str]:
    """What the section says, done; the names of what was touched. Model and pipeline are DSA's, under another name."""
    room = tree / "training" / "papers" / "grey"
    room.mkdir()
    for name, text in ROOM.items():
        (room / name).write_text(text)
    copies = {
        "model_repository/dsa_generator/config.pbtxt": "model_repository/grey_generator/config.pbtxt",
        "service/completion/pipelines/dsa.py": "service/completion/pipelines/grey.py",
    }
    for source, target in copies.items():
        (tree / target).parent.mkdir(exist_ok=True)
        (tree / target).write_text((tree / source).read_text().replace("dsa", "grey").replace("Dsa", "Grey"))
    for name, lines in LINES.items():
        text = (tree / name).read_text()
        for behind, line in lines:
            assert behind in text, (name, behind)
            text = text.replace(behind, behind + line, 1)
        (tree / name).write_text(text)
    return {"training/papers/grey/", *copies.values(), *LINES}


def test_the_section_names_all_that_a_new_room_touches(tree: Path, tmp_path: Path) -> None:
    first, _, second = SECTION.partition("The room has the same files")
    assert add_room(tree) == set(re.findall(r"^\| `([\w./]+)` \|", first, re.M))
    assert set(ROOM) == set(re.findall(r"^\| `([\w.]+)` \|", second, re.M))
    done = subprocess.run(
        [sys.executable, "-c", CHECKS, str(tmp_path)], cwd=tree, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
