"""Figures of a system on the faces of a prepared folder: python -m training.evaluate --help."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from training.blending import BLENDS, Blend
from training.checkpoint import write_atomically
from training.data.faces import open_split
from training.errors import OptionError, one_line
from training.frozen.scripted import open_features
from training.measuring import BASELINES, NME, SPREAD, Prepared, Row, Yardstick, measure, prepare
from training.metrics.identity import IdentityNetwork
from training.metrics.perception import open_distance
from training.metrics.profiles import PROFILES, Profile
from training.options import (
    IDENTITY_FILE,
    SHIPPED_REPOSITORY,
    BatchSize,
    BlendName,
    Count,
    DataFolder,
    Device,
    Holes,
    Output,
    RepositoryFolder,
    Seed,
    Split,
    open_device,
    pick,
    read_kinds,
)
from training.papers import DEPLOYED
from training.papers.parser.serving import FRAME_PIXELS as PARSER_PIXELS
from training.parsing_report import PARSERS, report_parser
from training.systems import MODELS, SYSTEMS, Repository, System, frame_pixels, open_system

DECIMALS = {"PSNR": 2, "SSIM": 4, "L1 %": 3, NME: 2, SPREAD: 2}
OTHER_DECIMALS = 4

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@one_line("training.evaluate")
def main(
    data: DataFolder,
    repository: RepositoryFolder = SHIPPED_REPOSITORY,
    model: Annotated[str, typer.Option(help=f"What to measure: {', '.join((*SYSTEMS, *PARSERS))}.")] = "lafin",
    snapshot: Annotated[
        list[str] | None, typer.Option(help="MODEL=FILE: take these weights instead; may be repeated.")
    ] = None,
    exports: Annotated[bool, typer.Option("--exports", help="Run 1/model.pt instead of the snapshots.")] = False,
    holes: Holes = "10-20,20-40,40-60,center,eyes",
    seed: Seed = 0,
    split: Split = "validation",
    count: Count = None,
    profile: Annotated[str, typer.Option(help=f"How pixels are compared: {', '.join(PROFILES)}.")] = "standard",
    features: Annotated[Path | None, typer.Option(help="VGG or SqueezeNet weights for the feature distance.")] = None,
    heads: Annotated[Path | None, typer.Option(help="Learnt LPIPS heads for that network.")] = None,
    frechet: Annotated[
        Path | None, typer.Option(help="Network of the Frechet distance: weights or TorchScript.")
    ] = None,
    identity: Annotated[Path | None, IDENTITY_FILE] = None,
    blend: BlendName = "none",
    spread: Annotated[
        bool, typer.Option("--spread", help="Complete every face twice: how far plural results differ in the hole.")
    ] = False,
    baseline: Annotated[str | None, typer.Option(help=f"Measure this too: {', '.join(BASELINES)}.")] = None,
    output: Output = None,
    batch_size: BatchSize = 4,
    device: Device = "auto",
) -> None:
    """Complete every face under every kind of hole, and print means over the faces, one row a kind and method.

    Of a parser: F-score and IoU of each class on the folder's parsing maps; there are no holes then.
    """
    place = open_device(device)
    kinds = read_kinds(holes)
    models = Repository(repository, read_snapshots(snapshot or []), exports, place)
    if model in PARSERS:
        figures = report_parser(model, models, open_split(data, split), count=count, batch_size=batch_size)
        if output is not None:
            write_json(output, {"model": model, "split": split, "frame_pixels": PARSER_PIXELS, **figures})
        return
    systems = {model: open_system(model, models)}
    if baseline is not None:
        systems[baseline] = pick(BASELINES, baseline, "baseline")
    chosen = pick(PROFILES, profile, "profile"), pick(BLENDS, blend, "blend")
    yardstick = replace(open_yardstick(*chosen, features, heads, frechet, identity, place), spread=spread)
    faces = prepare(open_split(data, split), count, frame_pixels(model))
    rows = show(systems, kinds, seed, yardstick, faces, batch_size, place)
    if output is not None:
        head = {"model": model, "faces": len(faces.images), "split": split, "holes_seed": seed, "profile": profile}
        more = {"blend": blend, "frame_pixels": faces.frame_pixels, "weights": models.fingerprints(MODELS[model])}
        save(output, {**head, **more}, rows)


def show(
    systems: dict[str, System],
    kinds: list[str],
    seed: int,
    yardstick: Yardstick,
    faces: Prepared,
    batch_size: int,
    device: str,
) -> list[Row]:
    """Print the table row by row, with a progress bar beside it; all rows."""
    columns = yardstick.columns()
    print(f"{len(faces.images)} faces at {faces.frame_pixels} px; {yardstick.profile.words}; holes from seed {seed}")
    print_line("holes", "hole ratio", "method", *columns)
    print_line(*["---"] * (3 + len(columns)))
    rows = []
    with tqdm(total=len(faces.images) * len(kinds), unit="face", leave=False) as bar:
        for row in measure(
            systems, faces, kinds, seed, yardstick, batch_size=batch_size, device=device, progress=bar.update
        ):
            bar.clear()
            print_line(row.holes, f"{row.hole_ratio:.3f}", row.method, *(cell(row, column) for column in columns))
            rows.append(row)
    return rows


def print_line(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def cell(row: Row, column: str) -> str:
    if column not in row.figures:
        return "-"
    return f"{row.figures[column]:.{DECIMALS.get(column, OTHER_DECIMALS)}f}"


def open_yardstick(
    profile: Profile,
    blend: Blend,
    features: Path | None,
    heads: Path | None,
    frechet: Path | None,
    identity: Path | None,
    device: str,
) -> Yardstick:
    """What is measured; a figure whose file is not given is left out, with a line that says so."""
    if features is None and heads is not None:
        raise OptionError("--heads needs --features, the network that the heads belong to")
    if features is None:
        print("no --features file: the feature distance is left out")
    if frechet is None:
        print("no --frechet file: the Frechet distance is left out")
    if identity is None:
        print("no --identity file: the identity distance is left out")
    return Yardstick(
        profile,
        None if features is None else open_distance(features, heads, device),
        None if frechet is None else open_features(frechet).to(device),
        None if identity is None else IdentityNetwork(identity, device),
        blend,
    )


def read_snapshots(pairs: list[str]) -> dict[str, Path]:
    """`MODEL=FILE` of --snapshot."""
    snapshots = {}
    for pair in pairs:
        model, equals, file = pair.partition("=")
        if not equals or model not in DEPLOYED:
            raise OptionError(f"--snapshot {pair}: write MODEL=FILE, MODEL one of {', '.join(DEPLOYED)}")
        snapshots[model] = Path(file)
    return snapshots


def save(path: Path, head: dict[str, object], rows: list[Row]) -> None:
    """Figures as JSON; one that is not finite, such as the PSNR of equal pictures, is null."""
    listed = [
        {
            "holes": row.holes,
            "hole_ratio": row.hole_ratio,
            "method": row.method,
            "figures": {name: value if math.isfinite(value) else None for name, value in row.figures.items()},
        }
        for row in rows
    ]
    write_json(path, {**head, "rows": listed})


def write_json(path: Path, figures: dict[str, object]) -> None:
    """Readable, in one step."""
    text = json.dumps(figures, indent=1) + "\n"
    write_atomically(path, lambda beside: beside.write_text(text))


if __name__ == "__main__":
    app()
