"""What a config.pbtxt promises: tensors and largest batch of a deployed model."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from training.deployed import Deployed, Port
from training.errors import TrainingError


class SignatureError(TrainingError):
    """A config.pbtxt that cannot be read, or that differs from what would be exported."""


def read_config(folder: Path) -> model_config_pb2.ModelConfig:
    """The parsed config.pbtxt of a model folder."""
    path = folder / "config.pbtxt"
    if not path.is_file():
        raise SignatureError(f"{path} is missing")
    try:
        return text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        raise SignatureError(f"{path} cannot be parsed: {error}") from error


def ensembles_of(repository: Path) -> dict[str, list[str]]:
    """The ensembles of a model repository, each with the models of its steps, each model once."""
    configs = {path.parent.name: read_config(path.parent) for path in sorted(repository.glob("*/config.pbtxt"))}
    steps = {name: [step.model_name for step in config.ensemble_scheduling.step] for name, config in configs.items()}
    return {name: list(dict.fromkeys(models)) for name, models in steps.items() if models}


def require_signature(folder: Path, deployed: Deployed) -> int:
    """The largest batch of the model; SignatureError if config.pbtxt declares other tensors than `deployed` has."""
    config = read_config(folder)
    for kind, declared, ports in (
        ("INPUT", config.input, deployed.inputs),
        ("OUTPUT", config.output, deployed.outputs),
    ):
        expected = [describe(f"{kind}__{place}", port) for place, port in enumerate(ports)]
        found = [describe(tensor.name, as_port(tensor)) for tensor in declared]
        if expected != found:
            raise SignatureError(
                f"{folder / 'config.pbtxt'} declares {', '.join(found)}; the export has {', '.join(expected)}"
            )
    return max(1, config.max_batch_size)


def require_parameters(folder: Path, wanted: dict[str, str]) -> None:
    """SignatureError unless config.pbtxt declares these parameters with these values."""
    declared = read_config(folder).parameters
    for name, value in wanted.items():
        found = declared[name].string_value if name in declared else None
        if found != value:
            said = "does not say" if found is None else f"says {found!r}, not"
            raise SignatureError(
                f"{folder / 'config.pbtxt'} {said} what the snapshot is; write {parameter_text(name, value)}"
            )


def with_parameters(config: str, parameters: dict[str, str]) -> str:
    """The text of a config.pbtxt that declares parameters, one per line, instead of what it says about them."""
    lines = config.splitlines()
    for name, value in parameters.items():
        lines = [line for line in lines if not line.startswith(f'parameters {{ key: "{name}" ')]
        lines.append(parameter_text(name, value))
    return "\n".join(lines) + "\n"


def parameter_text(name: str, value: str) -> str:
    """A parameter as config.pbtxt writes it."""
    return f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'


def as_port(tensor: model_config_pb2.ModelInput | model_config_pb2.ModelOutput) -> Port:
    """A declared tensor in KServe's names."""
    name = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    return Port(name, tuple(tensor.dims))


def describe(name: str, port: Port) -> str:
    return f"{name} {port.data_type} {list(port.shape)}"
