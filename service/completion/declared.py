"""What a deployed model's configuration declares in its parameters: another snapshot may stand there tomorrow."""

from __future__ import annotations

from service.deadline import Deadline
from service.engine import Engine


async def declared_names(engine: Engine, model: str, parameter: str, deadline: Deadline) -> list[str]:
    """The names that a parameter lists, joined by commas, in their order; one empty name where it lists none."""
    parameters = await engine.parameters(model, deadline=deadline)
    return [name.strip() for name in parameters.get(parameter, "").split(",")]
