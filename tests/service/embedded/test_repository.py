from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from service.embedded.repository import RepositoryError, read_repository
from tests.contract.repositories import REPOSITORY
from tests.service.embedded.models import LEAF, TWICE, write_model

LEAF_TENSOR = "dims: [ 2 ] } ]\noutput"


def write(root: Path, leaf: str = LEAF, ensemble: str | None = TWICE) -> Path:
    folder = write_model(root, "double", leaf)
    (folder / "1" / "model.pt").write_bytes(b"")
    if ensemble is not None:
        write_model(root, "twice", ensemble)
    return root


def test_leaves_come_before_the_ensembles_made_of_them(tmp_path: Path) -> None:
    models = read_repository(write(tmp_path))
    assert list(models) == ["double", "twice"]
    assert models["double"].steps == ()
    assert [step.model for step in models["twice"].steps] == ["double", "double"]
    assert models["double"].inputs[0].dims == (2,)
    assert models["double"].file == tmp_path / "double" / "1" / "model.pt"


def test_the_highest_version_is_served(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("10", "9", "notes"):
        (tmp_path / "double" / name).mkdir()
        (tmp_path / "double" / name / "model.pt").write_bytes(b"")
    assert read_repository(tmp_path)["double"].version == 10


def test_defaults_are_filled_in_as_triton_does(tmp_path: Path) -> None:
    config = read_repository(write(tmp_path))["double"].config
    assert config.platform == "pytorch_libtorch"
    assert config.default_model_filename == "model.pt"
    assert config.version_policy.latest.num_versions == 1
    assert config.instance_group[0].count == 1
    assert list(config.dynamic_batching.preferred_batch_size) == [4]


BROKEN_LEAVES = {
    "cannot be read": LEAF.replace("max_batch_size: 4", "max_batch_size: four"),
    'name is "other"': LEAF.replace('"double"', '"other"'),
    "sequence_batching needs Triton": LEAF.split("dynamic_batching")[0] + "sequence_batching { }",
    "response_cache needs Triton": LEAF + "response_cache { enable: true }",
    "model_transaction_policy needs Triton": LEAF + "model_transaction_policy { decoupled: true }",
    "parameters INFERENCE_MODE needs Triton": LEAF
    + 'parameters { key: "INFERENCE_MODE" value { string_value: "true" } }',
    "version_policy needs Triton": LEAF + "version_policy { all { } }",
    "timeout_action: DELAY needs Triton": LEAF.replace(
        "default_timeout_microseconds", "timeout_action: DELAY default_timeout_microseconds"
    ),
    "priority_levels needs Triton": LEAF.replace("max_queue_delay_microseconds: 0", "priority_levels: 2"),
    'backend is "onnxruntime"': LEAF.replace('"pytorch"', '"onnxruntime"'),
    "max_batch_size must be 1 or more": LEAF.replace("max_batch_size: 4", "max_batch_size: 0"),
    "at least one input and one output": 'backend: "pytorch" max_batch_size: 4',
    "TYPE_STRING, which is not served": LEAF.replace("TYPE_FP32", "TYPE_STRING"),
    "needs fixed dims": LEAF.replace("dims: [ 2 ]", "dims: [ -1 ]"),
    "sets reshape, which needs Triton": LEAF.replace(LEAF_TENSOR, "dims: [ 2 ] reshape { shape: [ 2 ] } } ]\noutput"),
    "sets optional, which needs Triton": LEAF.replace(LEAF_TENSOR, "dims: [ 2 ] optional: true } ]\noutput"),
}


@pytest.mark.parametrize("reason", BROKEN_LEAVES)
def test_a_leaf_that_cannot_be_served(reason: str, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as raised:
        read_repository(write(tmp_path, leaf=BROKEN_LEAVES[reason], ensemble=None))
    assert reason in str(raised.value)
    assert "config.pbtxt" in str(raised.value)


BROKEN_ENSEMBLES = {
    "calls nobody, which is not there": TWICE.replace('"double"', '"nobody"'),
    "max_batch_size is larger than that of double": TWICE.replace("max_batch_size: 4", "max_batch_size: 8"),
    "must map INPUT__0, not INPUT__9": TWICE.replace("INPUT__0", "INPUT__9"),
    "nothing makes half": TWICE.replace('"OUTPUT__0" value: "half"', '"OUTPUT__0" value: "third"'),
    "which differ in data_type or dims": TWICE.replace("dims: [ 2 ]", "dims: [ 3 ]"),
}


@pytest.mark.parametrize("reason", BROKEN_ENSEMBLES)
def test_an_ensemble_that_cannot_be_served(reason: str, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as raised:
        read_repository(write(tmp_path, ensemble=BROKEN_ENSEMBLES[reason]))
    assert reason in str(raised.value)


def test_ensembles_in_a_circle(tmp_path: Path) -> None:
    circle = TWICE.replace('"double"', '"other"').replace("INPUT__0", "number").replace("OUTPUT__0", "answer")
    circle = circle.replace('{ name: "half" data_type: TYPE_FP32 dims: [ 2 ] }, ', "")
    write_model(tmp_path, "twice", circle)
    write_model(tmp_path, "other", circle.replace('"other"', '"twice"').replace('name: "twice" platform', "platform"))
    with pytest.raises(RepositoryError, match="call each other in a circle"):
        read_repository(tmp_path)


def test_missing_things_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="--repository"):
        read_repository(tmp_path / "nowhere")
    with pytest.raises(RepositoryError, match="holds no model"):
        read_repository(tmp_path)
    folder = write_model(tmp_path, "double", LEAF)
    with pytest.raises(RepositoryError, match=r"model.pt is missing: make it with `make models`"):
        read_repository(tmp_path)
    (folder / "1").rmdir()
    (folder / "card.md").write_text("weights that were lost")
    with pytest.raises(RepositoryError, match="no version folder"):
        read_repository(tmp_path)


def test_what_was_never_trained_is_left_out_with_all_that_calls_it(tmp_path: Path) -> None:
    write(tmp_path)
    for name, config in (("later", LEAF), ("later_twice", TWICE.replace('"double"', '"later"', 1))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.pbtxt").write_text(config.replace('"double" b', f'"{name}" b'))
    assert list(read_repository(tmp_path)) == ["double", "twice"]
    shutil.rmtree(tmp_path / "double" / "1")
    with pytest.raises(RepositoryError, match=r"holds no model: .*with a config.pbtxt and weights"):
        read_repository(tmp_path)


@pytest.mark.parametrize("name", ["attributes", "classes"])
def test_a_parameter_that_only_describes_is_kept(tmp_path: Path, name: str) -> None:
    described = LEAF + f'parameters {{ key: "{name}" value {{ string_value: "background,skin" }} }}'
    model = read_repository(write(tmp_path, leaf=described, ensemble=None))["double"]
    assert model.config.parameters[name].string_value == "background,skin"


def test_the_projects_own_configurations(tmp_path: Path) -> None:
    for path in REPOSITORY.glob("*/config.pbtxt"):
        folder = write_model(tmp_path, path.parent.name, path.read_text())
        (folder / "1" / "model.pt").write_bytes(b"")
    assert "lafin" in read_repository(tmp_path)
