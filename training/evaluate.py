"""Figures of systems on the faces of a prepared folder, and papers' tables: python -m training.evaluate --help."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from training import options
from training.baselines import BASELINES
from training.blending import BLENDS
from training.choosing import KINDS, Asked, choose, choose_profile, require_agreement
from training.data.drawings import open_drawings
from training.data.faces import FaceFolder, open_split
from training.errors import one_line
from training.evaluation import Evaluation, write_report
from training.finder_report import FINDERS, report_finder
from training.framed import frame_faces
from training.machine import keep_large_blocks
from training.masking import complete
from training.metrics.profiles import PROFILES
from training.options import Version
from training.papers import SYSTEMS, TABLES
from training.parsing_report import PARSERS, report_parser
from training.precision import PRECISIONS
from training.program import Program
from training.records import describe_data, describe_file
from training.report import write_json
from training.systems import Repository, about, read_snapshots
from training.yardstick import NetworkFiles, open_yardstick, warnings

app = Program("training.evaluate")


@app.command()
@one_line("training.evaluate")
def main(
    data: options.DataFolder,
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    model: Annotated[str | None, typer.Option(help=f"One of {', '.join((*SYSTEMS, *FINDERS))}; lafin if none.")] = None,
    table: Annotated[str | None, typer.Option(help=f"The tables of a paper: {', '.join(TABLES)}.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every system with a snapshot, at 256 px.")] = False,
    runs: Annotated[Path | None, typer.Option(help="Measure this run, or all runs of this folder, too.")] = None,
    service: Annotated[str | None, typer.Option(help="Address of a running service that completes instead.")] = None,
    service_key_file: Annotated[Path | None, typer.Option(help="File with the service's key.")] = None,
    snapshot: options.Snapshots = None,
    exports: Annotated[bool, typer.Option("--exports", help="Run 1/model.pt instead of the snapshots.")] = False,
    precision: Annotated[str, typer.Option(help=f"Of snapshots: auto, {', '.join(PRECISIONS)}.")] = "auto",
    holes: Annotated[str | None, typer.Option(help=f"Kinds, joined by commas; {KINDS} if none are named.")] = None,
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: Annotated[int | None, typer.Option("--limit", "--count", help="Only the first faces.", min=1)] = None,
    frame: Annotated[
        int | None, typer.Option(help="Pixels of the frame that is measured; the model's.", min=32)
    ] = None,
    profile: Annotated[str | None, typer.Option(help=f"How pixels are compared: {', '.join(PROFILES)}.")] = None,
    features: Annotated[Path | None, typer.Option(help="VGG or SqueezeNet weights for the feature distance.")] = None,
    heads: Annotated[Path | None, typer.Option(help="Learnt LPIPS heads for that network.")] = None,
    frechet: Annotated[
        Path | None, typer.Option(help="Network of the Frechet distance: weights or TorchScript.")
    ] = None,
    identity: Annotated[Path | None, options.IDENTITY_FILE] = None,
    identity_range: options.IdentityRange = "-1..1",
    identity_alignment: options.IdentityAlignment = "frame",
    blend: Annotated[str, typer.Option(help=f"{', '.join(BLENDS)}; of a service feather, too.")] = "none",
    spread: Annotated[
        bool, typer.Option("--spread", help="Complete every face twice: how far plural results differ in the hole.")
    ] = False,
    sketches: options.SketchesFile = None,
    baseline: Annotated[
        str | None, typer.Option(help=f"Measure these too: {','.join(BASELINES)}; of a finder: cascade.")
    ] = None,
    baselines_only: Annotated[bool, typer.Option("--baselines-only", help="Nothing that has learnt.")] = False,
    scenes: Annotated[Path | None, typer.Option(help="Of a finder: pictures without a face.")] = None,
    people: Annotated[Path | None, typer.Option(help="Of a finder: photographs of people with faces.json.")] = None,
    output: options.Output = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for figures.json, tables.md and sheet.jpg.", file_okay=False)
    ] = None,
    batch_size: options.BatchSize = 4,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Complete every face under every kind of hole, and print means over the faces, one row per kind and method.

    With --table: the paper's holes, metrics and rows, its figures beside ours, Telea and Navier-Stokes in the same run.
    Of a parser: F-score and IoU of each class on the folder's parsing maps; there are no holes then. Of the finder:
    recall on composed scenes and on photographs, and false faces; --count is the scenes of a row then.
    """
    torch.set_flush_denormal(True)  # before OpenMP starts threads, which inherit it
    keep_large_blocks()
    place = options.open_device(device)
    options.require(precision, ("auto", *PRECISIONS), "precision")
    models = Repository(repository, read_snapshots(snapshot), exports, place, precision)
    if model in FINDERS:
        figures = report_finder(model, models, open_split(data, split), scenes, people, count, baseline)
        write_json(output, {"split": split, **figures})
        return
    if model in PARSERS:
        figures = report_parser(model, models, open_split(data, split), count, batch_size)
        write_json(output, {**about(model, models), "split": split, **figures})
        return
    asked = Asked(model, table, everything, runs, baselines_only, baseline, service, service_key_file, blend)
    require_agreement(asked, holes, profile)
    files = NetworkFiles(features, heads, frechet, identity, identity_range, identity_alignment)
    yardstick = open_yardstick(choose_profile(asked, profile), files, place)
    yardstick = replace(yardstick, blend=complete if service else BLENDS[blend], spread=spread)
    drawings = None if sketches is None else open_drawings(sketches)
    folder = open_split(data, split)
    yardstick.require_enough(min(count or len(folder), len(folder)))
    chosen = choose(asked, models, holes, frame)
    faces = frame_faces(folder, chosen.frame_pixels, count, drawings)
    for line in warnings(yardstick, faces, place):
        print(line)
    evaluation = Evaluation(chosen, faces, seed, yardstick, batch_size, place)
    rows = evaluation.show()
    arithmetic = "of the exports" if exports else "of the service" if service else precision
    masks = None if sketches is None else describe_file(sketches)
    about_holes = {"blend": blend, "precision": arithmetic, "masks": masks}
    described = {**about_data(folder, data, split, len(faces)), **about_holes}
    figures = evaluation.record(rows, described)
    write_json(output, figures)
    if report is not None:
        write_report(report, evaluation, rows, figures)


def about_data(folder: FaceFolder, data: Path, split: str, count: int) -> dict[str, object]:
    """Which faces: the folder by name and content, the split, each face by name and the hash of its pixels."""
    pictures = [
        {"name": folder.name(index), "sha256": hashlib.sha256(folder.image(index).tobytes()).hexdigest()}
        for index in range(count)
    ]
    return {"split": split, "faces": count, "data": describe_data([data], split, folder), "pictures": pictures}


if __name__ == "__main__":
    app()
