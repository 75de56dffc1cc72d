"""Published checkpoints to snapshots of a model repository: python -m training.convert ROOM --help."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from training.checkpoint import save_snapshot
from training.errors import TrainingError, one_line
from training.exchange import Exchange, exchanged
from training.hashing import file_hash
from training.options import Version
from training.papers.lafin import published as lafin_published
from training.papers.parser import published as parser_published
from training.papers.parser import serving as parser_serving
from training.papers.reference import published as reference_published
from training.program import Program
from training.published_keys import PublishedKeysError
from training.signature import with_parameters
from training.taking import prepare_ensemble_cards

SHIPPED_REPOSITORY = Path(__file__).resolve().parent.parent / "model_repository"

NOTES = {  # for the card
    "parser": "Trained on CelebAMask-HQ at 512 px: the exported model enlarges the face frame. "
    "Left and right brows, eyes and ears are unreliable.\n\n",
    "reference_generator": "The backbone LBAM. Its weights for attributes are 0, so it obeys none until it is "
    "trained.\n\n",
}
UNTRAINED = (  # of `reference`, which nobody has published
    "untrained: the attributes' rows of decoder.0.weight in reference_generator, which are 0",
    "untrained: reference_extractor, which the service needs beside it",
)

app = Program("training.convert")


class ConvertError(TrainingError):
    """A file that cannot be converted; the message names it and says why."""


@dataclass(frozen=True)
class Converted:
    """A snapshot that is ready to be written."""

    model: str
    weights: dict[str, Tensor]
    source: Path
    command: str  # of this program
    iteration: int | None  # of the published training; None = the file does not say


@app.callback()
def convert(version: Version = False) -> None:
    """Read published checkpoints into a model repository; training.export then makes its 1/model.pt files."""


@app.command()
@one_line("training.convert")
def lafin(
    repository: Annotated[Path, typer.Option(help="Model repository to write; it may be a new folder.")],
    generator: Annotated[Path | None, typer.Option(help="Published InpaintingModel_gen.pth.")] = None,
    landmarks: Annotated[Path | None, typer.Option(help="Published landmark_detector.pth.")] = None,
) -> None:
    """LaFIn: snapshots of lafin_generator and lafin_predictor; nothing is written unless every file is good."""
    if generator is None and landmarks is None:
        raise ConvertError("name --generator, --landmarks or both")
    converted = []
    if generator is not None:
        rules, change = lafin_published.GENERATOR, lafin_published.convert_generator
        converted.append(read_published("lafin_generator", generator, rules.entry, change))
    if landmarks is not None:
        rules, change = lafin_published.PREDICTOR, lafin_published.convert_predictor
        converted.append(read_published("lafin_predictor", landmarks, rules.entry, change))
    with exchanged(repository) as exchange:
        for name in ("lafin", "lafin_predictor", "lafin_generator"):
            prepare_config(exchange, name)
        said = prepare(exchange, converted)
    for line in said:
        print(line)
    print(f"now run: python -m training.export --repository {repository}")


@app.command()
@one_line("training.convert")
def parser(
    repository: Annotated[Path, typer.Option(help="Model repository to write; it may be a new folder.")],
    weights: Annotated[Path, typer.Option(help="Published BiSeNet weights of 19 classes, a bare table.")],
) -> None:
    """Face parser: the snapshot of `parser`, with the 19 class names in its config.pbtxt."""
    converted = read_published("parser", weights, None, parser_published.convert_parser)
    with exchanged(repository) as exchange:
        prepare_config(exchange, "parser", parser_serving.describe(converted.weights))
        said = prepare(exchange, [converted])
    for line in said:
        print(line)
    print(f"now run: python -m training.export --repository {repository} --model parser")


@app.command()
@one_line("training.convert")
def reference(
    repository: Annotated[Path, typer.Option(help="Model repository to write; it may be a new folder.")],
    weights: Annotated[Path, typer.Option(help="Published weights of LBAM, a bare table.")],
) -> None:
    """Reference: the snapshot of reference_generator from its backbone LBAM; says what stays untrained."""
    change = reference_published.convert_generator
    converted = read_published("reference_generator", weights, None, change)
    with exchanged(repository) as exchange:
        for name in ("reference", "reference_extractor", "reference_generator"):
            prepare_config(exchange, name)
        said = prepare(exchange, [converted])
    for line in (*said, *UNTRAINED):
        print(line)
    print(f"now run: python -m training.export --repository {repository} --model reference_generator")
    print(f"or train what is missing: training.train reference --start {repository / 'reference_generator'} --help")


def read_published(
    model: str, path: Path, entry: str | None, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> Converted:
    """One published file to a snapshot; `entry` None: the file is the table of weights itself. Raises ConvertError."""
    content = load_tensors(path)
    weights = content if entry is None else content.get(entry)
    if not isinstance(weights, dict):
        raise ConvertError(f"{path} has no entry {entry!r}, as the file of {model} has; it has {sorted(content)[:5]}")
    wrong = [str(key) for key, value in weights.items() if not isinstance(value, Tensor)]
    if wrong:
        raise ConvertError(f"{path}: these entries are no tensors: {', '.join(wrong)}")
    try:
        changed = change(weights)
    except PublishedKeysError as error:
        raise ConvertError(f"{path} is no published {model}\n{error}") from error
    iteration = content.get("iteration")
    command = model.partition("_")[0]
    return Converted(model, changed, path, command, iteration if isinstance(iteration, int) else None)


def load_tensors(path: Path) -> dict[str, Any]:
    """A pickle of tensors, numbers and tables of them. Nothing else is unpickled."""
    if not path.is_file():
        raise ConvertError(f"there is no file {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ConvertError(
            f"{path} is refused: it is no file of weights, or it holds more than tensors, and reading that could run "
            "code stored in it"
        ) from error
    except Exception as error:  # a damaged pickle raises whatever its next byte happens to cause
        raise ConvertError(f"{path} is no file of weights, or a damaged one") from error
    if not isinstance(content, dict):
        raise ConvertError(f"{path} holds a {type(content).__name__}, not a table of weights")
    return content


def prepare_config(exchange: Exchange, model: str, parameters: dict[str, str] | None = None) -> None:
    """Give a fresh folder the reviewed config.pbtxt; one that stands there is left alone, except for `parameters`."""
    target = exchange.folder / model / "config.pbtxt"
    (target.parent / "1").mkdir(parents=True, exist_ok=True)  # the version folder: an ensemble needs it, though empty
    before = (target if target.is_file() else SHIPPED_REPOSITORY / model / "config.pbtxt").read_text()
    text = with_parameters(before, parameters) if parameters else before
    if not target.is_file() or text != before:
        exchange.prepare(target, lambda beside: beside.write_text(text))


def prepare(exchange: Exchange, converted: Sequence[Converted]) -> list[str]:
    """Snapshots, in full precision, and the cards that say where they came from; lines to print."""
    for one in converted:
        folder = exchange.folder / one.model
        digest = file_hash(one.source)
        iteration = "unknown" if one.iteration is None else str(one.iteration)
        metadata = {"source": one.source.name, "sha256": digest, "iteration": iteration}
        exchange.prepare(folder / "snapshot.safetensors", writer(one.weights, metadata))
        exchange.prepare(folder / "card.md", text_writer(card(one, digest, iteration)))
    cards = prepare_ensemble_cards(exchange, [one.model for one in converted])
    return [*(f"wrote {exchange.folder / one.model / 'snapshot.safetensors'}" for one in converted), *cards]


def writer(weights: dict[str, Tensor], metadata: dict[str, str]) -> Callable[[Path], object]:
    return lambda beside: save_snapshot(beside, weights, metadata, half=False)


def text_writer(text: str) -> Callable[[Path], object]:
    return lambda beside: beside.write_text(text)


def card(converted: Converted, digest: str, iteration: str) -> str:
    """Markdown: where the weights came from."""
    return (
        f"# {converted.model}\n\n"
        f"Converted from a published checkpoint with `python -m training.convert {converted.command}`.\n\n"
        f"- file: `{converted.source.name}`\n- sha256: `{digest}`\n- iteration: {iteration}\n\n"
        f"{NOTES.get(converted.model, '')}"
        "The weights carry the licence of those who published them, not this project's.\n"
    )


if __name__ == "__main__":
    app()
