"""Which methods an evaluation measures, under which holes: what its options say, and what a table brings along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training import options
from training.baselines import BASELINES
from training.blending import BLENDS
from training.checkpoint import CheckpointError
from training.errors import OptionError
from training.methods import (
    Method,
    Record,
    all_of_repository,
    at_frame,
    blended,
    of_baselines,
    of_repository,
    of_runs,
)
from training.metrics.profiles import PROFILES
from training.papers import TABLES
from training.printed import PrintedTable, Variant
from training.remote import RemoteService
from training.systems import Repository, frame_pixels

KINDS = "10-20,20-40,40-60,center,eyes"
ALL = "all"  # what --all calls itself
COMMON_FRAME_PIXELS = 256  # in which --all compares systems of different frames


@dataclass(frozen=True)
class Asked:
    """What the options of training.evaluate say of methods."""

    model: str | None = None
    table: str | None = None
    everything: bool = False
    runs: Path | None = None
    baselines_only: bool = False
    baseline: str | None = None
    service: str | None = None
    key_file: Path | None = None
    blend: str = "none"

    @property
    def system(self) -> str:
        return self.model or (TABLES[self.table].system if self.table else "lafin")

    def baselines(self) -> list[str]:
        """Those that are named."""
        return [name.strip() for name in (self.baseline or "").split(",") if name.strip()]


@dataclass(frozen=True)
class Chosen:
    """What is measured."""

    name: str  # of the system, or ALL
    methods: list[Method]
    kinds: list[str]  # of holes
    frame_pixels: int
    paper: str | None = None  # whose tables are laid beside

    def printed(self) -> list[tuple[str, PrintedTable]]:
        """Tables to lay the figures beside, with their paper: those asked for, else, of all systems, every paper's."""
        papers = [self.paper] if self.paper else list(TABLES) if self.name == ALL else []
        return [(paper, table) for paper in papers for table in TABLES[paper].tables]

    def about(self) -> Record:
        """For JSON: the system by its name and weights, and every method with its own."""
        main = self.methods[0].about
        weights = {} if "weights" not in main else {"weights": main["weights"]}
        methods = {method.name: method.about for method in self.methods}
        return {"model": self.name, "frame_pixels": self.frame_pixels, **weights, "methods": methods}


def choose(asked: Asked, models: Repository, holes: str | None, frame: int | None) -> Chosen:
    """Opens what is to be measured, last what takes long.

    Raises an error of the user's: OptionError, HoleError, OpeningError, CheckpointError, RunError, RemoteError.
    """
    tables = None if asked.table is None else TABLES[asked.table]
    kinds = tables.kinds() if tables else options.read_kinds(holes or KINDS)
    several = tables is not None or asked.baselines_only or asked.everything
    baselines = of_baselines(asked.baselines() or (list(BASELINES) if several else []))
    side = frame or (COMMON_FRAME_PIXELS if asked.everything else frame_pixels(asked.system))
    methods = [*learnt_methods(asked, models), *baselines]
    require_different(methods)
    return Chosen(
        name=ALL if asked.everything else asked.system,
        methods=[at_frame(method, side) for method in methods],
        kinds=kinds,
        frame_pixels=side,
        paper=asked.table,
    )


def choose_profile(asked: Asked, profile: str | None) -> str:
    """The paper's with its tables, else the one that is named. Raises OptionError."""
    options.require(profile or "standard", PROFILES, "profile")
    return TABLES[asked.table].profile if asked.table else profile or "standard"


def require_agreement(asked: Asked, holes: str | None, profile: str | None) -> None:
    """OptionError for options of which one makes another meaningless."""
    if asked.table is not None:
        options.require(asked.table, TABLES, "table")
    if not asked.service:
        options.require(asked.blend, BLENDS, "blend")
    against = {
        "--table and --all": asked.table is not None and asked.everything,
        "--table and --holes (the table brings its own)": asked.table is not None and holes is not None,
        "--table and --profile (the table brings its own)": asked.table is not None and profile is not None,
        "--all and --model": asked.everything and asked.model is not None,
        "--all and --service": asked.everything and asked.service is not None,
        "--baselines-only and --service": asked.baselines_only and asked.service is not None,
    }
    for words, both in against.items():
        if both:
            raise OptionError(f"{words} do not go together")


def learnt_methods(asked: Asked, models: Repository) -> list[Method]:
    """The system or systems, those of run folders, and what a table wants blended."""
    if asked.baselines_only:
        return []
    trained, lacking = ([], []) if asked.runs is None else of_runs(asked.runs, models)
    if asked.service is not None:
        own = [of_service(asked, asked.service)]
    elif asked.everything:
        own, without = all_of_repository(models)
        lacking = [*without, *lacking]
    else:
        own, without = own_system(asked, models, bool(trained))
        lacking = [*without, *lacking]
    for line in lacking:
        print(line)
    taken = {method.name for method in own}
    runs = [replace(one, name=f"{one.name} (run)") if one.name in taken else one for one in trained]
    methods = [*own, *runs]
    return [*methods, *([] if asked.service else wanted_blends(asked, methods))]


def own_system(asked: Asked, models: Repository, others: bool) -> tuple[list[Method], list[str]]:
    """The repository's system. Without its snapshot a paper's table is made of `others`, or refused with a hint."""
    try:
        return [of_repository(asked.system, models)], []
    except CheckpointError as error:
        if asked.table is None:
            raise
        if others:
            return [], [f"{asked.system} is left out: {error}"]
        raise OptionError(f"{error}; --runs takes a run's, --baselines-only makes the table without") from error


def wanted_blends(asked: Asked, methods: Sequence[Method]) -> list[Method]:
    """What a paper's table has blended besides: GFC's M5."""
    if asked.table is None:
        return []
    called = {ours for table in TABLES[asked.table].tables for ours in table.ours.values() if ours.blend != "none"}
    return [
        blended(method, ours.blend)
        for method in methods
        for ours in called
        if method.variant == replace(ours, blend="none")
    ]


def of_service(asked: Asked, url: str) -> Method:
    """A running service in the place of the system."""
    key = None if asked.key_file is None else asked.key_file.read_text()
    remote = RemoteService(url, asked.system, asked.blend, key)
    blend = asked.blend if asked.blend in BLENDS else "none"
    return Method(
        f"{asked.system} (service)", remote, frame_pixels(asked.system), Variant(asked.system, blend), remote.about()
    )


def require_different(methods: Sequence[Method]) -> None:
    """OptionError where nothing is left to measure, or two methods would share a row."""
    if not methods:
        raise OptionError("there is nothing to measure: no system has a snapshot")
    names = [method.name for method in methods]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"two methods are called {', '.join(twice)}; rename the run's folder")
