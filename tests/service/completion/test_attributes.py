from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.completion.attributes import by_name, extractor_names, names_of, refuse_attributes
from service.completion.guidance import Guidance
from service.completion.pipelines.gfc import Gfc
from service.completion.pipelines.reference import EXTRACTOR, GENERATOR, Reference
from service.deadline import Deadline
from service.embedded.repository import parse
from service.errors import BadField, EngineGarbage
from tests.fakes.engine import ATTRIBUTES, FakeEngine
from tests.fakes.guided import Guided

REPOSITORY = Path(__file__).parents[3] / "model_repository"


class Naming(FakeEngine):
    """Its extractor is configured with these names."""

    def __init__(self, names: str) -> None:
        super().__init__()
        self.names = names

    async def parameters(self, model: str, *, deadline: Deadline) -> dict[str, str]:
        return {"attributes": self.names} if model == EXTRACTOR else {}


async def test_names_are_the_pipelines_own_or_those_of_the_extractors_configuration() -> None:
    engine, deadline = FakeEngine(), Deadline(5)
    assert await names_of(Gfc(), engine, deadline) == ()
    assert await names_of(Guided(), engine, deadline) == ("Smiling", "Young")
    assert await names_of(Reference(), engine, deadline) == ATTRIBUTES
    assert await extractor_names(Naming("a, b,c,d,e,f,g,h"), deadline) == tuple("abcdefgh")


@pytest.mark.parametrize("names", ["", "a,b", "a,b,c,d,e,f,g,", "a,a,b,c,d,e,f,g", "a,b,c,d,e,f,g,h,i"])
async def test_a_configuration_that_does_not_name_them_is_the_engines_fault(names: str) -> None:
    with pytest.raises(EngineGarbage, match=EXTRACTOR):
        await extractor_names(Naming(names), Deadline(5))


def test_the_shipped_configurations_name_the_same_eight() -> None:
    declared = {
        model: parse(REPOSITORY / model / "config.pbtxt").parameters["attributes"].string_value
        for model in (EXTRACTOR, GENERATOR)
    }
    assert declared == dict.fromkeys((EXTRACTOR, GENERATOR), ",".join(ATTRIBUTES))


def test_an_unknown_attribute_is_refused_with_the_list() -> None:
    refuse_attributes(Guidance(attributes={"happy": 1.0}), Reference(), ATTRIBUTES)
    refuse_attributes(Guidance(), Reference(), ATTRIBUTES)
    with pytest.raises(BadField) as raised:
        refuse_attributes(Guidance(attributes={"happy": 1.0, "Smiling": 1.0}), Reference(), ATTRIBUTES)
    assert raised.value.errors == [{"field": "attributes", "actual": "Smiling", "allowed": list(ATTRIBUTES)}]


def test_a_vector_as_a_table() -> None:
    assert by_name(("a", "b"), np.array([0.5, -1], np.float32)) == {"a": 0.5, "b": -1.0}
