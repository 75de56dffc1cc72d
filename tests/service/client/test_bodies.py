from __future__ import annotations

import typing

import pytest

import service.api.schemas as promised
from service.client import bodies

NAMES = [name for name, kind in vars(bodies).items() if isinstance(kind, type) and kind.__module__ == bodies.__name__]


def hints(kind: type) -> dict[str, str]:
    """{field: type} without the module that a nested type is of."""
    found = typing.get_type_hints(kind)
    return {name: repr(hint).replace(kind.__module__, "") for name, hint in found.items() if name != "model_config"}


@pytest.mark.parametrize("name", NAMES)
def test_a_body_is_what_the_service_promises(name: str) -> None:
    assert hints(getattr(bodies, name)) == hints(getattr(promised, name))
    optional = {field for field, known in getattr(promised, name).model_fields.items() if not known.is_required()}
    told = getattr(bodies, name)(
        **{field: None for field in getattr(promised, name).model_fields if field not in optional}
    )
    assert all(getattr(told, field) is not None for field in optional), "what an older service leaves out has a value"
