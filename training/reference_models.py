"""The networks of the system `reference`, as the commands open them that measure how attributes are read and obeyed."""

from __future__ import annotations

from torch import nn

from training.errors import OptionError
from training.papers.reference.serving import NAMES_PARAMETER, ServedGenerator
from training.systems import Repository

SYSTEM, EXTRACTOR, GENERATOR = "reference", "reference_extractor", "reference_generator"


def open_extractor(models: Repository) -> tuple[nn.Module, tuple[str, ...]]:
    """The extractor, bytes in, attributes out, and their names in order. Raises OptionError and what opening raises."""
    extractor, names = models.open(EXTRACTOR), names_of(models, EXTRACTOR)
    if not names:
        raise OptionError(f"{models.file(EXTRACTOR)} does not name its attributes")
    return extractor, names


def open_generator(models: Repository, names: tuple[str, ...]) -> ServedGenerator:
    """The generator that obeys these attributes; one that obeys none has no names. Raises OptionError."""
    generator, known = models.open(GENERATOR), names_of(models, GENERATOR)
    assert isinstance(generator, ServedGenerator)
    if known and known != names:
        file = models.file(GENERATOR)
        raise OptionError(f"{file} obeys {', '.join(known)}; the extractor reads {', '.join(names)}")
    return generator


def names_of(models: Repository, model: str) -> tuple[str, ...]:
    """What a snapshot says."""
    told = models.parameters(model).get(NAMES_PARAMETER, "")
    return tuple(told.split(",")) if told else ()
