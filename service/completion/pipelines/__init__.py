"""The pipelines by name: one for each paper, named like its room in training and its models in the repository."""

from __future__ import annotations

from service.completion.pipelines.dsa import Dsa
from service.completion.pipelines.gfc import Gfc
from service.completion.pipelines.lafin import Lafin
from service.completion.pipelines.protocol import Pipeline
from service.completion.pipelines.reference import Reference
from service.completion.pipelines.showface import ShowFace
from service.errors import UnknownModel

PIPELINES: dict[str, Pipeline] = {
    "dsa": Dsa(),
    "gfc": Gfc(),
    "lafin": Lafin(),
    "reference": Reference(),
    "showface": ShowFace(),
}


DEFAULT_PIPELINE = "lafin"


def pipeline_named(name: str) -> Pipeline:
    """The pipeline that the HTTP field `model` names; raises UnknownModel."""
    if name not in PIPELINES:
        raise UnknownModel("There is no model of that name.", errors=[{"field": "model", "allowed": list(PIPELINES)}])
    return PIPELINES[name]
