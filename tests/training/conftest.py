"""Small things that several tests of the training package share."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.training.deploying import copy_config
from tests.training.pictures import write_people, write_scenes
from tests.training.several import CPU, FACES
from training.checkpoint import save_snapshot
from training.data.drawn import write_folder
from training.frozen.features import FrozenFeatures
from training.loop import train
from training.papers.dsa.networks import Generator as DsaGenerator
from training.papers.finder.networks import Finder
from training.papers.gfc.networks import Generator as GfcGenerator
from training.papers.lafin.networks import Generator, Predictor
from training.papers.lafin.recipe import lafin_tiny
from training.papers.parser.networks import Parser
from training.papers.reference.recipe import build_tiny
from training.papers.showface.networks import Coarse, Refiner
from training.recipe import Files, Part


@pytest.fixture(scope="session")
def tiny_repository(tmp_path_factory) -> Path:
    """A model repository with untrained snapshots: narrow networks of every room."""
    repository = tmp_path_factory.mktemp("repository")
    torch.manual_seed(0)
    generator, predictor = Generator(8, spectral=False), Predictor()
    networks = {
        "dsa_generator": DsaGenerator(8, 4),
        "dsa_generator_1024": DsaGenerator(10, 2),
        "finder": Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1)),
        "gfc_generator": GfcGenerator(2, 16),
        "lafin_generator": generator,
        "lafin_predictor": predictor,
        "parser": Parser(11, width=4),
        "showface_coarse": Coarse(4, 4),
        "showface_refiner": Refiner(2, 4, 4, 1, slots=4),
    }
    states = {model: network.state_dict() for model, network in networks.items()}
    tiny = build_tiny(Files())
    frozen = tiny.freeze(tiny.networks)
    states |= {f"reference_{name}": frozen[name] for name in ("extractor", "generator")}
    for model, state in states.items():
        (repository / model).mkdir()
        copy_config(model, repository / model)
        save_snapshot(repository / model / "snapshot.safetensors", state, {}, half=False)
    return repository


@pytest.fixture(scope="session")
def drawn_folder(tmp_path_factory) -> Path:
    """A prepared folder of six drawn faces at 128 px; the last is the validation face."""
    folder = tmp_path_factory.mktemp("drawn")
    write_folder(folder, count=6, size=128, seed=1)
    return folder


@pytest.fixture(scope="session")
def scenes_folder(tmp_path_factory) -> Path:
    """Ten pictures without a face."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder)
    return folder


@pytest.fixture(scope="session")
def people_folder(tmp_path_factory) -> Path:
    """Five photographs of people, with the points of their faces."""
    folder = tmp_path_factory.mktemp("people")
    write_people(folder)
    return folder


@pytest.fixture(scope="session")
def features_file(tmp_path_factory) -> Path:
    """Weights of an untrained SqueezeNet, as a user would name them."""
    path = tmp_path_factory.mktemp("features") / "squeezenet.safetensors"
    torch.manual_seed(0)
    safetensors.torch.save_file(FrozenFeatures("squeezenet1_1").state_dict(), path)
    return path


@pytest.fixture(scope="module")
def part() -> Part:
    """LaFIn's tiny generator."""
    return lafin_tiny().part("generator")


@pytest.fixture(scope="module")
def unbroken(part: Part, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of that part, trained to its end without a stop."""
    run = tmp_path_factory.mktemp("unbroken")
    assert train(part, FACES, run, Files(), CPU) == 12
    return run


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 4 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
