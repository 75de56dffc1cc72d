"""Own values for a recipe's fields, without editing the house: `--set learning_rate=2e-4 --set batch_size=8 --seed 3`.

    report_every_images, seed, ...   a field of the part
    batch_size, decay_to, ...        a field of every stage; until_images ends the training earlier, or later
    jitter.colour, ...               how far faces are moved
    learning_rate, muon_length       of the networks that are shipped
    discriminator.learning_rate      of the network that is named
    weights.style, ...               a loss's weight, where the recipe has that loss

A value holds for every part that is trained, so each must have the field; --part trains one alone. Values are part of
a run's record, since they change the recipe's content: a run goes on only with those that it was begun with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any

from training.errors import OptionError
from training.recipe import Files, Part, Stage
from training.step import Step

Settings = Mapping[str, str]  # name of a field -> its value as it was written

KINDS = {"int": int, "float": float}  # as annotations are written
FIXED = {"pixels"}  # networks fit the frames of their recipe
MAY_BE_ZERO = {"seed", "ema_half_life_images", "validate_every_images"}
RATE, LENGTH, WEIGHTS, JITTER = "learning_rate", "muon_length", "weights.", "jitter."


def read_settings(pairs: Iterable[str], seed: int | None = None, batch: int | None = None) -> dict[str, str]:
    """`NAME=VALUE` of --set, with those that have options of their own. Raises OptionError."""
    named = {"seed": seed, "batch_size": batch}
    settings = {name: str(value) for name, value in named.items() if value is not None}
    for pair in pairs:
        name, equals, value = (word.strip() for word in pair.partition("="))
        if not equals or not name or not value:
            raise OptionError(f"--set {pair}: write NAME=VALUE, such as --set learning_rate=2e-4")
        if name in settings:
            raise OptionError(f"--set {pair}: {name} is given twice")
        settings[name] = value
    return settings


def with_settings(part: Part, settings: Settings) -> Part:
    """The part with other values; those of its step are set when it is built. Raises OptionError."""
    of_part, of_stages, later = fields_of(part), fields_of(part.stages[0]), {}
    for name, text in settings.items():
        if name == "until_images":
            part = replace(part, stages=ended_at(part.stages, number(name, text, int)))
        elif name in of_part:
            part = replace(part, **{name: number(name, text, of_part[name])})
        elif name in of_stages:
            value = number(name, text, of_stages[name])
            part = replace(part, stages=tuple(replace(stage, **{name: value}) for stage in part.stages))
        elif name.removeprefix(JITTER) in fields_of(part.jitter) and name.startswith(JITTER):
            part = replace(part, jitter=replace(part.jitter, **{name.removeprefix(JITTER): number(name, text, float)}))
        elif name.startswith(WEIGHTS) or name.rpartition(".")[2] in (RATE, LENGTH):
            later[name] = text
            number(name, text, float)
        else:
            raise unknown(part.name, name, known_names(part))
    return replace(part, build=adjusted(part, later)) if later else part


def fields_of(value: object) -> dict[str, type[int | float]]:
    """Fields of a dataclass that hold a number, but the fixed ones, and what kind of number."""
    assert is_dataclass(value)
    named = {field.name: str(field.type) for field in fields(value)}
    return {name: KINDS[kind] for name, kind in named.items() if kind in KINDS and name not in FIXED}


def known_names(part: Part, step: Step | None = None) -> list[str]:
    """Everything that can be set; of the step what all have, before it is built."""
    names = [*fields_of(part), *fields_of(part.stages[0]), *(JITTER + name for name in fields_of(part.jitter)), RATE]
    if step is not None:
        names += [*(f"{name}.{RATE}" for name in step.optimizers), *(WEIGHTS + name for name in weights_of(step))]
    return names


def unknown(part: str, name: str, known: list[str]) -> OptionError:
    near = get_close_matches(name, known, 3, 0.5)
    told = f"near it: {', '.join(near)}" if near else f"there are {', '.join(known)}"
    return OptionError(f"--set {name}: part {part} has no such field; {told}")


def number(name: str, text: str, kind: type) -> Any:
    """A value as its field takes it: a count, or a number, neither below 0. Raises OptionError."""
    try:
        value = kind(text)
    except ValueError:
        raise OptionError(f"--set {name}={text}: write {'a whole number' if kind is int else 'a number'}") from None
    if not math.isfinite(value) or value < 0 or (kind is int and value == 0 and name not in MAY_BE_ZERO):
        raise OptionError(f"--set {name}={text}: the number is too small, or none")
    return value


def ended_at(stages: tuple[Stage, ...], until_images: int) -> tuple[Stage, ...]:
    """Stages up to a number of images: later ones are left out, the last one is cut or goes on."""
    begun = [stage for place, stage in enumerate(stages) if not place or stages[place - 1].until_images < until_images]
    return (*begun[:-1], replace(begun[-1], until_images=until_images))


def adjusted(part: Part, settings: Settings) -> Callable[[Files], Step]:
    """The part's `build`, with other rates and weights. It raises OptionError for what its step does not have."""

    def build(files: Files) -> Step:
        step = part.build(files)
        for name, text in settings.items():
            setter = set_weight if name.startswith(WEIGHTS) else set_rate
            if not setter(step, name, float(text)):
                raise unknown(part.name, name, known_names(part, step))
        return step

    return build


def set_rate(step: Step, name: str, value: float) -> bool:
    """Of one network, or of all that are shipped; groups keep their proportions. Whether there is one to set."""
    owner, _, field = name.rpartition(".")
    networks = [owner] if owner else list(step.shipped)
    groups = [
        (group, float(optimizer.defaults["lr"]))
        for name, optimizer in step.optimizers.items()
        if name in networks
        for group in optimizer.param_groups
        if bool(group.get("orthogonal")) == (field == LENGTH)
    ]
    for group, rate in groups:
        group["lr"] = value if field == LENGTH else value * (group["lr"] / rate)
    return bool(groups)


def weights_of(step: Step) -> dict[str, type[int | float]]:
    """Weights of losses that the step has, by name: a loss of weight 0 has no network, and cannot be switched on."""
    weights = vars(step).get("weights")  # where a room has them
    known = {} if weights is None else fields_of(weights)
    return {name: kind for name, kind in known.items() if getattr(weights, name)}


def set_weight(step: Step, name: str, value: float) -> bool:
    """Whether the step has such a loss."""
    term = name.removeprefix(WEIGHTS)
    if term not in weights_of(step):
        return False
    vars(step)["weights"] = replace(vars(step)["weights"], **{term: value})
    return True
