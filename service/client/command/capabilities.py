"""Before any photo is sent: is the service there, and can it do what is asked for?"""

from __future__ import annotations

from service.client.bodies import ModelBody
from service.client.clients import AsyncClient
from service.client.command.outcomes import KEY_STATUSES
from service.client.command.usage import Service
from service.client.errors import Unreachable
from service.client.forms import FillOptions
from service.client.retries import Retries
from service.errors import BadField, GuidanceNotAccepted, ServiceError, UnknownModel

RETRIES = Retries(max_attempts=3, max_seconds=10)
DEFAULT_MODEL = "lafin"
GUIDANCE = ("landmarks", "faces", "reference", "attributes")


async def check_capabilities(service: Service, options: FillOptions, guidance: frozenset[str]) -> None:
    """Raise what the service would answer to every photo: nobody there, a bad key, no such model, no such guidance."""
    async with AsyncClient(service.url, service.key, retries=RETRIES) as client:
        models = [model for model in await client.models() if model.route == "/inpaint"]
    name = options.get("model", DEFAULT_MODEL)
    model = next((model for model in models if model.name == name), None)
    if model is None:
        raise UnknownModel(f"There is no model {name!r}; the service has {_listed([one.name for one in models])}.")
    _require_guidance(model, guidance)
    if options.get("samples", 1) > 1 and not model.plural:
        raise BadField(f"{name} gives one result per photo; --samples must be 1.")


def advice(error: ServiceError, service: Service) -> str:
    """What to do about it."""
    if isinstance(error, Unreachable):
        return f"{error.detail} Is {service.url} the address? --url or INPAINT_URL names another."
    if error.status in KEY_STATUSES and service.key is None:
        return f"{error.detail} Give a key: --key-file FILE, or INPAINT_KEY in the environment."
    return error.detail


def _require_guidance(model: ModelBody, guidance: frozenset[str]) -> None:
    for name in GUIDANCE:
        if name in guidance and name not in model.guidance:
            raise GuidanceNotAccepted(f"{model.name} does not take {name}; it takes {_listed(model.guidance)}.")


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
