"""The attributes of a face by name: which there are, what the extractor sees, and what a caller may ask for.

The extractor's names stand in its `config.pbtxt` (`parameters`), for they belong to what it was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from service.completion.declared import declared_names
from service.completion.guidance import Guidance
from service.completion.pipelines.protocol import Pipeline
from service.completion.pipelines.reference import EXTRACTOR
from service.deadline import Deadline
from service.engine import Engine
from service.engine.specs import ATTRIBUTES
from service.errors import BadField, EngineGarbage

NAMES = "attributes"  # the parameter: names in the order of the vector, joined by commas


async def names_of(pipeline: Pipeline, engine: Engine, deadline: Deadline) -> tuple[str, ...]:
    """What the pipeline obeys: attributes that it names itself, or else the extractor's; none if it takes none."""
    if "attributes" not in pipeline.guidance or pipeline.attributes:
        return pipeline.attributes
    return await extractor_names(engine, deadline)


async def extractor_names(engine: Engine, deadline: Deadline) -> tuple[str, ...]:
    """In the order of the vector. Raises EngineGarbage where the configuration does not name them all."""
    names = tuple(await declared_names(engine, EXTRACTOR, NAMES, deadline))
    if not all(names) or len(set(names)) != ATTRIBUTES:
        raise EngineGarbage(f"The configuration of {EXTRACTOR} does not name its {ATTRIBUTES} attributes.")
    return names


def refuse_attributes(guidance: Guidance, pipeline: Pipeline, names: Sequence[str]) -> None:
    """Raises BadField for an attribute that is none of the names."""
    for attribute in sorted(set(guidance.attributes or ()) - set(names)):
        unknown = {"field": "attributes", "actual": attribute[:40], "allowed": list(names)}
        raise BadField(f"The model {pipeline.name!r} knows no such attribute.", errors=[unknown])


def by_name(names: Sequence[str], vector: NDArray[np.generic]) -> Mapping[str, float]:
    """A vector [A] as a table."""
    return {name: float(value) for name, value in zip(names, vector, strict=True)}
