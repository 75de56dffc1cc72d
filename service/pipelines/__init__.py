"""The pipelines by name: one a paper, named as its room in training and its models in the repository."""

from __future__ import annotations

from service.errors import UnknownModel
from service.pipelines.gfc import Gfc
from service.pipelines.lafin import Lafin
from service.pipelines.protocol import Pipeline

PIPELINES: dict[str, Pipeline] = {
    "gfc": Gfc(),
    "lafin": Lafin(),
}


def pipeline_named(name: str) -> Pipeline:
    """The pipeline that the HTTP field `model` names; raises UnknownModel."""
    if name not in PIPELINES:
        raise UnknownModel("There is no model of that name.", errors=[{"field": "model", "allowed": list(PIPELINES)}])
    return PIPELINES[name]
