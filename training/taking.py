"""What a run folder gives to a model repository: which models are its own, their snapshots, and cards that say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from training.budget import minutes
from training.cards import ensemble_card, leaf_card
from training.checkpoint import load_metadata
from training.exchange import Exchange
from training.hashing import file_hash
from training.papers import DEPLOYED, room_of
from training.records import Record
from training.runs import RunError, read_record
from training.signature import ensembles_of

NEWEST = ""  # where a part's newest snapshots lie, inside its folder


def models_of_run(
    run: Path, repository: Path, names: list[str] | None, inside: str = NEWEST
) -> dict[str, Record | None]:
    """Models to take from a run, each with the record of its part: those named, else all of the recipe's room.

    `inside` each part's folder lie the snapshots: best, snapshots/000012000, or where the newest are. Parts of two
    rooms may have one name, so only the record says whose a snapshot is. Raises RunError.
    """
    require_run(run)
    records = {name: read_record(run / DEPLOYED[name].part) for name in names or DEPLOYED}
    if names:
        for name, record in records.items():
            require_own(run, name, record, inside)
        return records
    found = {
        name: record
        for name, record in records.items()
        if makes(record, name)
        and snapshot_in(run, name, inside).is_file()
        and (repository / name / "config.pbtxt").is_file()
    }
    if not found:
        raise RunError(
            f"{run} has no recorded snapshot (PART/run.json) {f'in PART/{inside} ' if inside else ''}of a model of "
            f"{repository}; "
            "of a run without records, name the model with --model"
        )
    return found


def require_run(run: Path) -> None:
    """RunError unless it is the folder of a whole run."""
    if not run.is_dir():
        raise RunError(f"there is no run folder {run}")
    if (run / "checkpoint.pt").is_file() or "part" in (read_record(run) or {}):
        raise RunError(f"{run} is the folder of a part; name the run that it stands in: --run {run.parent}")


def require_own(run: Path, name: str, record: Record | None, inside: str = NEWEST) -> None:
    """RunError unless the run has trained `name`, as far as it is recorded."""
    if record is not None and not makes(record, name):
        raise RunError(f"{run} was trained with the recipe {record['recipe']}, which makes no {name}")
    if not snapshot_in(run, name, inside).is_file():
        raise RunError(f"{snapshot_in(run, name, inside)} is missing; train the part {DEPLOYED[name].part} first")


def makes(record: Record | None, name: str) -> bool:
    """Whether a part with this record trains the deployed model `name`."""
    return record is not None and room_of(record["recipe"]) == room_of(name) and record["part"] == DEPLOYED[name].part


def snapshot_in(run: Path, name: str, inside: str = NEWEST) -> Path:
    """Where a run folder has the snapshot of a deployed model, the newest, or one `inside` its part's folder."""
    return run / DEPLOYED[name].part / inside / f"{DEPLOYED[name].network or DEPLOYED[name].part}.safetensors"


def prepare_snapshots(
    exchange: Exchange, run: Path, records: dict[str, Record | None], inside: str = NEWEST
) -> tuple[dict[str, Path], list[str]]:
    """Copies of the snapshots, and cards where other weights stand now: each model's copy, lines to print.

    Everything later is made of the copies, since a running training replaces its own.
    """
    copies, replaced, said = {}, [], []
    for name, record in records.items():
        target = exchange.folder / name / "snapshot.safetensors"
        copies[name] = exchange.prepare(target, copy_of(snapshot_in(run, name, inside)))
        digest = file_hash(copies[name])
        if not target.is_file() or file_hash(target) != digest:
            replaced.append(name)
            spent = minutes(run / DEPLOYED[name].part)
            card = leaf_card(name, load_metadata(copies[name]), record, digest, spent)
            said.append(prepare_card(exchange, name, card))
    return copies, [*said, *prepare_ensemble_cards(exchange, replaced)]


def prepare_ensemble_cards(exchange: Exchange, replaced: Sequence[str]) -> list[str]:
    """Cards of the ensembles that call models whose weights are replaced; lines to print."""
    changed = {
        ensemble: (parts, [name for name in parts if name in replaced])
        for ensemble, parts in ensembles_of(exchange.folder).items()
    }
    return [
        prepare_card(exchange, ensemble, ensemble_card(ensemble, parts, others))
        for ensemble, (parts, others) in changed.items()
        if others
    ]


def copy_of(source: Path) -> Callable[[Path], object]:
    return lambda beside: shutil.copyfile(source, beside)


def prepare_card(exchange: Exchange, model: str, text: str) -> str:
    """Prepare the card of a model; the line that says so."""
    card = exchange.folder / model / "card.md"
    exchange.prepare(card, lambda beside: beside.write_text(text))
    return f"wrote {card} anew: what stood there described other weights"
