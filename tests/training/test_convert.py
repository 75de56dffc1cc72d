"""Published checkpoints: the converted networks compute what the published ones do; wrong files are refused."""

import os
import resource
import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from tests.training import published
from training.checkpoint import load_snapshot
from training.convert import SHIPPED_REPOSITORY, app
from training.export import export
from training.papers import DEPLOYED
from training.papers.lafin.serving import load_generator, load_predictor
from training.papers.parser.networks import normalise, spread
from training.papers.parser.serving import freeze
from training.signature import read_config

SEED = torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def generator_weights() -> published.Weights:
    return published.published_weights("lafin_generator")


@pytest.fixture(scope="module")
def detector_weights() -> published.Weights:
    return published.published_weights("lafin_detector")


@pytest.fixture(scope="module")
def good_files(tmp_path_factory, generator_weights, detector_weights) -> Path:
    folder = tmp_path_factory.mktemp("published")
    legacy = {"_use_new_zipfile_serialization": False}  # as files of that time are
    torch.save(published.generator_file(generator_weights), folder / "gen.pth", **legacy)
    torch.save(published.detector_file(detector_weights, "module."), folder / "landmarks.pth", **legacy)
    return folder


def convert(folder: Path, repository: Path, *, generator: str = "gen.pth", landmarks: str = "landmarks.pth"):
    files = ["--generator", str(folder / generator), "--landmarks", str(folder / landmarks)]
    return CliRunner().invoke(app, ["lafin", *files, "--repository", str(repository)])


@pytest.fixture(scope="module")
def repository(tmp_path_factory, good_files) -> Path:
    repository = tmp_path_factory.mktemp("repository") / "new"
    result = convert(good_files, repository)
    assert result.exit_code == 0, result.output
    return repository


def message_of(result) -> str:
    """What sys.exit printed."""
    assert isinstance(result.exception, SystemExit)
    return str(result.exception.code) + result.output


def refuse(folder: Path, tmp_path: Path, content: object) -> str:
    """The message for a generator file with this content; nothing may have been written."""
    shutil.copy(folder / "landmarks.pth", tmp_path)
    torch.save(content, tmp_path / "gen.pth")
    result = convert(tmp_path, tmp_path / "repository")
    assert result.exit_code == 1
    assert not (tmp_path / "repository").exists()
    return message_of(result)


def test_generator_computes_what_the_published_one_does(repository, generator_weights):
    state, metadata = load_snapshot(repository / "lafin_generator" / "snapshot.safetensors")
    image = torch.rand(2, 3, 64, 64, generator=SEED)
    dots = (torch.rand(2, 1, 64, 64, generator=SEED) > 0.98).float()
    hole = torch.zeros(2, 1, 64, 64)
    hole[:, :, 20:47, 13:41] = 1
    masked = image * (1 - hole) + hole
    with torch.no_grad():
        expected = published.published_generator(generator_weights, masked, dots, hole)
        computed = load_generator(state).generator(masked, dots, hole)
    assert expected.std() > 0.05, "a constant picture would prove nothing"
    assert (computed - expected).abs().max() < 1e-4
    assert metadata["iteration"] == "1800000"


def test_a_published_predictor_of_98_points_is_read_too(tmp_path, good_files, detector_weights):
    many = detector_weights | {
        key: weight.repeat(2, *[1] * (weight.ndim - 1))[:196]
        for key, weight in detector_weights.items()
        if key.startswith("fc_landmark.")
    }
    torch.save(published.detector_file(many), tmp_path / "landmarks.pth")
    shutil.copy(good_files / "gen.pth", tmp_path)
    assert convert(tmp_path, tmp_path / "repository").exit_code == 0
    state, _ = load_snapshot(tmp_path / "repository" / "lafin_predictor" / "snapshot.safetensors")
    assert load_predictor(state).predictor.landmarks == 98


def test_predictor_computes_what_the_published_one_does(repository, detector_weights):
    state, _ = load_snapshot(repository / "lafin_predictor" / "snapshot.safetensors")
    masked = torch.rand(2, 3, 256, 256, generator=SEED)
    with torch.no_grad():
        expected = published.published_detector(detector_weights, masked)
        computed = load_predictor(state).predictor(masked)
    assert expected.std() > 1
    assert (expected[0] - expected[1]).abs().max() > 1e-2
    assert (computed - expected).abs().max() < 1e-2


def test_fresh_repository_has_the_reviewed_configurations_and_cards(repository):
    for model in ("lafin", "lafin_generator", "lafin_predictor"):
        config = repository / model / "config.pbtxt"
        assert config.read_text() == (SHIPPED_REPOSITORY / model / "config.pbtxt").read_text()
    assert "iteration: 500000" in (repository / "lafin_predictor" / "card.md").read_text()
    leftovers = [name for _, _, names in os.walk(repository) for name in names if name.endswith(".part")]
    assert leftovers == []


def test_a_configuration_that_is_there_stays(good_files, tmp_path):
    config = tmp_path / "lafin_generator" / "config.pbtxt"
    config.parent.mkdir()
    config.write_text("# mine\n")
    assert convert(good_files, tmp_path).exit_code == 0
    assert config.read_text() == "# mine\n"


def test_missing_unexpected_and_misshapen_keys_are_named(good_files, tmp_path, generator_weights):
    weights = dict(generator_weights)
    del weights["encoder2.0.bias"]
    weights["encoder9.weight"] = torch.zeros(1)
    weights["decoder3.1.weight"] = torch.zeros(3, 64, 7, 7)
    message = refuse(good_files, tmp_path, published.generator_file(weights))
    assert "missing keys: encoder2.0.bias; unexpected keys: encoder9.weight; " in message
    assert "misshapen keys: decoder3.1.weight [3, 64, 7, 7] instead of [3, 128, 7, 7]" in message


def test_files_in_the_wrong_place_are_refused(good_files, tmp_path):
    result = convert(good_files, tmp_path / "repository", generator="landmarks.pth")
    assert result.exit_code == 1
    assert (
        "has no entry 'generator', as the file of lafin_generator has; it has ['detector', 'iteration']"
        in str(result.exception.code if isinstance(result.exception, SystemExit) else result.output) + result.output
    )
    assert not (tmp_path / "repository").exists()


def test_an_alias_with_other_values_is_refused(good_files, tmp_path, generator_weights):
    weights = {**generator_weights, "auto_attn.model.shortcut.0.bias": torch.zeros(256)}
    message = refuse(good_files, tmp_path, published.generator_file(weights))
    assert "auto_attn.model.shortcut.0.bias should repeat auto_attn.model.bypass.bias" in message


def test_a_file_without_aliases_is_good(good_files, tmp_path, generator_weights, repository):
    weights = {key: value for key, value in generator_weights.items() if ".model.model." not in key}
    torch.save(published.generator_file(weights), tmp_path / "gen.pth")
    shutil.copy(good_files / "landmarks.pth", tmp_path)
    assert convert(tmp_path, tmp_path / "repository").exit_code == 0
    first, _ = load_snapshot(tmp_path / "repository" / "lafin_generator" / "snapshot.safetensors")
    second, _ = load_snapshot(repository / "lafin_generator" / "snapshot.safetensors")
    assert all(torch.equal(first[key], second[key]) for key in second)


class RunsCode:
    """Unpickling this would make a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_a_file_that_would_run_code_is_refused_unread(good_files, tmp_path):
    trace = tmp_path / "ran"
    message = refuse(good_files, tmp_path, {"generator": {"weight": RunsCode(trace)}, "iteration": 1})
    assert "is refused" in message
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "holds a list, not a table"),
        ({"generator": {"encoder1.1.bias": 3}}, "these entries are no tensors: encoder1.1.bias"),
        ({"generator": torch.zeros(1)}, "has no entry 'generator'"),
    ],
)
def test_other_contents_are_refused(good_files, tmp_path, content, words: str):
    assert words in refuse(good_files, tmp_path, content)


def test_missing_and_damaged_files_are_refused(good_files, tmp_path):
    (tmp_path / "text.pth").write_text("not weights")
    (tmp_path / "cut.pth").write_bytes((good_files / "gen.pth").read_bytes()[:5000])
    for name in ("absent.pth", "text.pth", "cut.pth"):
        shutil.copy(good_files / "landmarks.pth", tmp_path)
        result = convert(tmp_path, tmp_path / "repository", generator=name)
        assert result.exit_code == 1
        assert name in message_of(result)
        assert not (tmp_path / "repository").exists()


def test_no_file_at_all_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["lafin", "--repository", str(tmp_path / "repository")])
    assert "name --generator, --landmarks or both" in message_of(result)
    assert not (tmp_path / "repository").exists()


@pytest.fixture(scope="module")
def parser_weights() -> published.Weights:
    return published.published_weights("parser")


def convert_parser(repository: Path, file: Path):
    return CliRunner().invoke(app, ["parser", "--weights", str(file), "--repository", str(repository)])


@pytest.fixture(scope="module")
def parser_repository(tmp_path_factory, parser_weights) -> Path:
    folder = tmp_path_factory.mktemp("parser")
    wrapped = {f"module.{key}": weight for key, weight in parser_weights.items()}
    torch.save(wrapped, folder / "bisenet.pth", _use_new_zipfile_serialization=False)
    result = convert_parser(folder / "new", folder / "bisenet.pth")
    assert result.exit_code == 0, result.output
    return folder / "new"


def test_parser_computes_what_the_published_one_does(parser_repository, parser_weights):
    state, _ = load_snapshot(parser_repository / "parser" / "snapshot.safetensors")
    image = torch.rand(1, 3, 64, 96, generator=SEED)
    with torch.no_grad():
        expected = published.published_parser(parser_weights, image)
        computed = spread(freeze(state).parser.parse(normalise(image)), 64, 96)
    assert expected.std() > 0.05, "constant logits would prove nothing"
    assert (computed - expected).abs().max() < 1e-3 * expected.abs().max()


def test_a_converted_parser_names_its_nineteen_classes_and_is_exported(parser_repository):
    config = read_config(parser_repository / "parser")
    names = config.parameters["classes"].string_value.split(",")
    assert len(names) == 19
    assert (names[6], names[17]) == ("glasses", "hair")
    assert "convert parser" in (parser_repository / "parser" / "card.md").read_text()
    export(parser_repository / "parser", DEPLOYED["parser"])
    image = torch.randint(0, 256, (1, 3, 256, 256), dtype=torch.uint8, generator=SEED)
    parsing = torch.jit.load(parser_repository / "parser" / "1" / "model.pt")(image)
    assert parsing.shape == (1, 1, 256, 256)
    assert parsing.max() < 19


def test_converting_beside_a_parser_of_fourteen_classes_changes_the_names_alone(parser_repository, tmp_path):
    (tmp_path / "parser").mkdir()
    shipped = SHIPPED_REPOSITORY / "parser" / "config.pbtxt"
    shutil.copy(shipped, tmp_path / "parser")
    assert convert_parser(tmp_path, parser_repository.parent / "bisenet.pth").exit_code == 0
    before, after = read_config(shipped.parent), read_config(tmp_path / "parser")
    assert len(before.parameters["classes"].string_value.split(",")) == 14
    assert len(after.parameters["classes"].string_value.split(",")) == 19
    before.parameters.clear()
    after.parameters.clear()
    assert before == after


def test_a_parser_with_missing_keys_is_refused_by_key(tmp_path, parser_weights):
    short = {key: weight for key, weight in parser_weights.items() if key != "conv_out.conv_out.weight"}
    torch.save({**short, "extra": torch.zeros(1)}, tmp_path / "short.pth")
    result = convert_parser(tmp_path / "new", tmp_path / "short.pth")
    assert result.exit_code == 1
    assert "missing keys: conv_out.conv_out.weight" in message_of(result)
    assert "unexpected keys: extra" in message_of(result)
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_the_repository_as_it_was(parser_repository, tmp_path):
    """There is room for the configuration with nineteen names, and none for the weights."""
    repository = shutil.copytree(SHIPPED_REPOSITORY / "parser", tmp_path / "repository" / "parser").parent
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        result = convert_parser(repository, parser_repository.parent / "bisenet.pth")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "the disk is full" in message_of(result)
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


def test_the_card_of_an_ensemble_no_longer_praises_other_weights(good_files, tmp_path):
    for name in ("lafin", "lafin_predictor", "lafin_generator"):
        (tmp_path / name).mkdir()
        for file in ("config.pbtxt", "card.md"):
            shutil.copy(SHIPPED_REPOSITORY / name / file, tmp_path / name)
    result = convert(good_files, tmp_path)
    assert f"wrote {tmp_path / 'lafin' / 'card.md'} anew" in result.output
    assert "PSNR" not in (tmp_path / "lafin" / "card.md").read_text()
