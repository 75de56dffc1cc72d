"""Figures of a system on the faces of a prepared folder: python -m training.evaluate --help."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from training import options
from training.baselines import BASELINES
from training.blending import BLENDS
from training.data.drawings import open_drawings
from training.data.faces import open_split
from training.errors import OptionError, one_line
from training.finder_report import FINDERS, report_finder
from training.framed import FramedFaces, frame_faces
from training.frozen.scripted import open_features
from training.given import System
from training.measuring import NME, SPREAD, Row, Yardstick, measure
from training.metrics.identity import IdentityNetwork
from training.metrics.perception import open_distance
from training.metrics.profiles import PROFILES
from training.options import Version
from training.papers import DEPLOYED, SYSTEMS
from training.parsing_report import PARSERS, report_parser
from training.report import Table, number, progress_bar, write_json
from training.systems import Repository, about, frame_pixels, open_system

DECIMALS = {"PSNR": 2, "SSIM": 4, "L1 %": 3, NME: 2, SPREAD: 2}
OTHER_DECIMALS = 4

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@one_line("training.evaluate")
def main(
    data: options.DataFolder,
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    model: Annotated[str, typer.Option(help=f"What to measure: {', '.join((*SYSTEMS, *FINDERS))}.")] = "lafin",
    snapshot: Annotated[
        list[str] | None, typer.Option(help="MODEL=FILE: take these weights instead; may be repeated.")
    ] = None,
    exports: Annotated[bool, typer.Option("--exports", help="Run 1/model.pt instead of the snapshots.")] = False,
    holes: options.Holes = "10-20,20-40,40-60,center,eyes",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: options.Count = None,
    profile: Annotated[str, typer.Option(help=f"How pixels are compared: {', '.join(PROFILES)}.")] = "standard",
    features: Annotated[Path | None, typer.Option(help="VGG or SqueezeNet weights for the feature distance.")] = None,
    heads: Annotated[Path | None, typer.Option(help="Learnt LPIPS heads for that network.")] = None,
    frechet: Annotated[
        Path | None, typer.Option(help="Network of the Frechet distance: weights or TorchScript.")
    ] = None,
    identity: Annotated[Path | None, options.IDENTITY_FILE] = None,
    blend: options.BlendName = "none",
    spread: Annotated[
        bool, typer.Option("--spread", help="Complete every face twice: how far plural results differ in the hole.")
    ] = False,
    sketches: options.SketchesFile = None,
    baseline: Annotated[str | None, typer.Option(help=f"Measure this too: {', '.join(BASELINES)}.")] = None,
    scenes: Annotated[Path | None, typer.Option(help="Of a finder: pictures without a face.")] = None,
    people: Annotated[Path | None, typer.Option(help="Of a finder: photographs of people with faces.json.")] = None,
    output: options.Output = None,
    batch_size: options.BatchSize = 4,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Complete every face under every kind of hole, and print means over the faces, one row per kind and method.

    Of a parser: F-score and IoU of each class on the folder's parsing maps; there are no holes then. Of the finder:
    recall on composed scenes and on photographs, and false faces; --count is the scenes of a row then.
    """
    kinds, place = options.read_kinds(holes), options.open_device(device)
    models = Repository(repository, read_snapshots(snapshot or []), exports, place)
    if model in FINDERS:
        figures = report_finder(model, models, open_split(data, split), scenes, people, count)
        write_json(output, {"split": split, **figures})
        return
    if model in PARSERS:
        figures = report_parser(model, models, open_split(data, split), count, batch_size)
        write_json(output, {**about(model, models), "split": split, **figures})
        return
    systems = {model: open_system(model, models)}
    if baseline is not None:
        systems[baseline] = options.pick(BASELINES, baseline, "baseline")
    options.require(profile, PROFILES, "profile")
    blender = options.pick(BLENDS, blend, "blend")
    yardstick = open_yardstick(profile, features, heads, frechet, identity, place)
    yardstick = replace(yardstick, blend=blender, spread=spread)
    drawings = None if sketches is None else open_drawings(sketches)
    faces = frame_faces(open_split(data, split), frame_pixels(model), count, drawings)
    if frechet is not None and len(faces) < 2:
        raise OptionError("--frechet compares sets of pictures; it needs two faces or more")
    rows = show(systems, kinds, seed, yardstick, faces, batch_size, place)
    measured = {"split": split, "faces": len(faces), "holes_seed": seed, "profile": profile, "blend": blend}
    write_json(output, {**about(model, models), **measured, "rows": rows})


def show(
    systems: dict[str, System],
    kinds: list[str],
    seed: int,
    yardstick: Yardstick,
    faces: FramedFaces,
    batch_size: int,
    device: str,
) -> list[Row]:
    """Print the table row by row, with a progress bar beside it; all rows."""
    columns = yardstick.columns()
    print(f"{len(faces)} faces at {faces.frame_pixels} px; {yardstick.profile.words}; holes from seed {seed}")
    table, rows = Table("holes", "hole ratio", "method", *columns), []
    with progress_bar(len(faces) * len(kinds)) as bar:
        for row in measure(
            systems, faces, kinds, seed, yardstick, batch_size=batch_size, device=device, progress=bar.update
        ):
            cells = (number(row.figures.get(name), DECIMALS.get(name, OTHER_DECIMALS)) for name in columns)
            table.row(row.holes, f"{row.hole_ratio:.3f}", row.method, *cells)
            rows.append(row)
    return rows


def open_yardstick(
    profile: str, features: Path | None, heads: Path | None, frechet: Path | None, identity: Path | None, device: str
) -> Yardstick:
    """What is measured; a figure whose file is not given is left out, with a line that says so."""
    if features is None and heads is not None:
        raise OptionError("--heads needs --features, the network that the heads belong to")
    for option, file, figure in (
        ("features", features, "feature distance"),
        ("frechet", frechet, "Frechet distance"),
        ("identity", identity, "identity distance"),
    ):
        if file is None:
            print(f"no --{option} file: the {figure} is left out")
    return Yardstick(
        PROFILES[profile],
        None if features is None else open_distance(features, heads, device),
        None if frechet is None else open_features(frechet).to(device),
        None if identity is None else IdentityNetwork(identity, device),
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


if __name__ == "__main__":
    app()
