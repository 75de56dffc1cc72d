"""Reads a model repository: `<model>/config.pbtxt` and the highest numbered version folder beside it.

What Triton would refuse is refused, and so is every setting that this engine does not carry out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import triton_to_np_dtype

from service.embedded.refusals import CannotStart
from service.unshipped import served

MODEL_FILE = "model.pt"
NUMBERS = ("BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64")

NOT_CARRIED_OUT = (  # fields of ModelConfig that would change answers, and that only Triton knows
    "batch_input",
    "batch_output",
    "cc_model_filenames",
    "model_operations",
    "model_repository_agents",
    "model_transaction_policy",
    "response_cache",
    "sequence_batching",
)

MOST_CORES = "MOST_CORES"  # a parameter: how many cores a forward can use well; Triton passes over it
TOLD = ("attributes", "classes")  # parameters that tell callers what a model's numbers mean
KNOWN_PARAMETERS = (*TOLD, MOST_CORES)


class RepositoryError(CannotStart):
    """The repository cannot be served."""


@dataclass(frozen=True)
class Tensor:
    name: str
    datatype: str  # KServe: UINT8, FP32, ...
    dims: tuple[int, ...]  # without the batch dimension

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(triton_to_np_dtype(self.datatype))
        return dtype


@dataclass(frozen=True)
class Step:
    """One call inside an ensemble: the called model's tensor name -> the ensemble's tensor name."""

    model: str
    inputs: dict[str, str]
    outputs: dict[str, str]


@dataclass(frozen=True)
class DeployedModel:
    name: str
    version: int
    folder: Path  # the version folder
    config: Any  # ModelConfig, with Triton's defaults filled in
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    steps: tuple[Step, ...]  # of an ensemble; empty for a leaf

    @property
    def max_batch_size(self) -> int:
        return int(self.config.max_batch_size)

    @property
    def file(self) -> Path:
        return self.folder / str(self.config.default_model_filename)


def read_repository(root: Path) -> dict[str, DeployedModel]:
    """Every model under `root` that has weights, each after the models it is made of. Raises RepositoryError."""
    if not root.is_dir():
        raise RepositoryError(f"{root} is not a folder: name the model repository with --repository.")
    folders = [root / name for name in served(root)]
    if not folders:
        raise RepositoryError(f"{root} holds no model: every model is a folder with a config.pbtxt and weights.")
    models = {folder.name: read_model(folder) for folder in folders}
    for model in models.values():
        check_steps(model, models)
    return in_order(models)


def read_model(folder: Path) -> DeployedModel:
    path = folder / "config.pbtxt"
    config = parse(path)
    if config.name and config.name != folder.name:
        raise RepositoryError(f'{path}: name is "{config.name}" but the folder is "{folder.name}": make them equal.')
    config.name = folder.name
    ensemble = config.HasField("ensemble_scheduling") or config.platform == "ensemble"
    refuse_unknown(path, config, ensemble)
    version = newest_version(folder)
    model = DeployedModel(
        name=folder.name,
        version=version,
        folder=folder / str(version),
        config=complete(config, ensemble),
        inputs=tuple(read_tensor(path, tensor) for tensor in config.input),
        outputs=tuple(read_tensor(path, tensor) for tensor in config.output),
        steps=tuple(read_step(step) for step in config.ensemble_scheduling.step),
    )
    if not ensemble and not model.file.is_file():
        raise RepositoryError(f"{model.file} is missing: make it with `make models` (python -m training.export).")
    return model


def parse(path: Path) -> Any:
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise RepositoryError(f"{path} cannot be read: {error}. Mend the file.") from None


def newest_version(folder: Path) -> int:
    versions = [int(path.name) for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not any(versions):
        raise RepositoryError(f"{folder} has no version folder such as {folder.name}/1: make it with `make models`.")
    return max(versions)


def refuse_unknown(path: Path, config: Any, ensemble: bool) -> None:
    """Refuse what this engine would otherwise pass over in silence."""
    fields = {field.name for field, _ in config.ListFields()}
    found = sorted(fields.intersection(NOT_CARRIED_OUT))
    found.extend(f"parameters {name}" for name in sorted(config.parameters) if name not in KNOWN_PARAMETERS)
    if config.version_policy.ListFields() and not config.version_policy.HasField("latest"):
        found.append("version_policy")
    if config.dynamic_batching.priority_levels or config.dynamic_batching.priority_queue_policy:
        found.append("priority_levels")
    if config.dynamic_batching.default_queue_policy.timeout_action:
        found.append("timeout_action: DELAY")
    if found:
        raise RepositoryError(f"{path}: {', '.join(found)} needs Triton: take it out or serve with Triton.")
    if not ensemble and config.backend != "pytorch" and config.platform != "pytorch_libtorch":
        raise RepositoryError(
            f'{path}: backend is "{config.backend}" but only "pytorch" and ensembles are served here.'
        )
    if config.max_batch_size < 1:
        raise RepositoryError(f"{path}: max_batch_size must be 1 or more here, not {config.max_batch_size}.")
    if not config.input or not config.output:
        raise RepositoryError(f"{path}: a model needs at least one input and one output.")


def read_tensor(path: Path, tensor: Any) -> Tensor:
    datatype = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    if datatype not in NUMBERS:
        raise RepositoryError(f"{path}: {tensor.name} has data_type TYPE_{datatype}, which is not served here.")
    if not tensor.dims or any(size < 1 for size in tensor.dims):
        raise RepositoryError(f"{path}: {tensor.name} needs fixed dims, without -1, so that requests can be batched.")
    extras = sorted({field.name for field, _ in tensor.ListFields()} - {"name", "data_type", "dims", "format"})
    if extras:
        raise RepositoryError(f"{path}: {tensor.name} sets {', '.join(extras)}, which needs Triton.")
    return Tensor(tensor.name, datatype, tuple(tensor.dims))


def read_step(step: Any) -> Step:
    return Step(step.model_name, dict(step.input_map), dict(step.output_map))


def complete(config: Any, ensemble: bool) -> Any:
    """A copy with the defaults that Triton fills in, so that both answer ModelConfig alike."""
    full = model_config_pb2.ModelConfig()
    full.CopyFrom(config)
    if not full.version_policy.ListFields():
        full.version_policy.latest.num_versions = 1
    if ensemble:
        full.platform = "ensemble"
        return full
    full.platform, full.backend = "pytorch_libtorch", "pytorch"
    full.default_model_filename = full.default_model_filename or MODEL_FILE
    if not full.instance_group:
        full.instance_group.add()
    for index, group in enumerate(full.instance_group):
        group.name = group.name or f"{full.name}_{index}"
        group.count = group.count or 1
        group.kind = model_config_pb2.ModelInstanceGroup.KIND_CPU
    if full.HasField("dynamic_batching") and not full.dynamic_batching.preferred_batch_size:
        full.dynamic_batching.preferred_batch_size.append(full.max_batch_size)
    return full


def check_steps(model: DeployedModel, models: dict[str, DeployedModel]) -> None:
    """Every step names a known model and all of its tensors, and equal tensors are equal on both sides."""
    known = {tensor.name: tensor for tensor in (*model.inputs, *model.outputs)}
    made = {tensor.name for tensor in model.inputs}
    for step in model.steps:
        called = models.get(step.model)
        if called is None:
            raise RepositoryError(f"{model.name}/config.pbtxt: a step calls {step.model}, which is not there.")
        if called.max_batch_size < model.max_batch_size:
            raise RepositoryError(f"{model.name}/config.pbtxt: max_batch_size is larger than that of {step.model}.")
        check_map(model, step, step.inputs, called.inputs, known)
        check_map(model, step, step.outputs, called.outputs, known)
        made.update(step.outputs.values())
    wanted = {tensor.name for tensor in model.outputs} if model.steps else set()
    wanted.update(name for step in model.steps for name in step.inputs.values())
    if wanted - made:
        raise RepositoryError(f"{model.name}/config.pbtxt: nothing makes {', '.join(sorted(wanted - made))}.")


def check_map(
    model: DeployedModel, step: Step, names: dict[str, str], tensors: Iterable[Tensor], known: dict[str, Tensor]
) -> None:
    """`known` grows with the tensors that run between steps."""
    where = f"{model.name}/config.pbtxt: the step {step.model}"
    by_name = {tensor.name: tensor for tensor in tensors}
    if set(names) != set(by_name):
        raise RepositoryError(f"{where} must map {', '.join(sorted(by_name))}, not {', '.join(sorted(names))}.")
    for inner, outer in names.items():
        other = known.setdefault(outer, by_name[inner])
        if (other.datatype, other.dims) != (by_name[inner].datatype, by_name[inner].dims):
            raise RepositoryError(f"{where} joins {inner} and {outer}, which differ in data_type or dims.")


def in_order(models: dict[str, DeployedModel]) -> dict[str, DeployedModel]:
    """Leaves first, then ensembles, each after its steps."""
    ordered: dict[str, DeployedModel] = {}
    while len(ordered) < len(models):
        ready = [
            model
            for model in models.values()
            if model.name not in ordered and all(step.model in ordered for step in model.steps)
        ]
        if not ready:
            left = sorted(set(models) - set(ordered))
            raise RepositoryError(f"the ensembles {', '.join(left)} call each other in a circle.")
        ordered.update({model.name: model for model in ready})
    return ordered
