"""What the routes share: made once with the application, found through the request."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastapi import Request

from service.api.admission import Admission
from service.api.rate_limit import Rates
from service.completion.inpaint import Inpainter
from service.completion.parsing import PARSER, PictureParser
from service.completion.pipelines import PIPELINES
from service.engine import Engine
from service.jobs.job_service import JobDesk
from service.keys import Keyring
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.record import RequestRecord

MISSING_CACHE_SECONDS = 0.2  # a start or a recovery is seen at once


@dataclass
class ServiceState:
    settings: Settings
    metrics: Metrics
    engine: Engine
    inpainter: Inpainter
    picture_parser: PictureParser
    admission: Admission
    keyring: Keyring
    rates: Rates
    readiness: Readiness
    jobs: JobDesk


class Readiness:
    """Whether the engine can run every pipeline and the parser. The answer is kept for a moment, for probes."""

    def __init__(self, engine: Engine, cache_seconds: float) -> None:
        self.started = False
        self.draining = False  # told to stop; requests are answered a little longer
        self._engine = engine
        self._cache_seconds = cache_seconds
        self._missing: list[str] = []
        self._asked_seconds = float("-inf")

    async def missing(self) -> list[str]:
        """Deployed models that are needed and not ready, in the order of the pipelines; empty means ready."""
        kept_seconds = min(self._cache_seconds, MISSING_CACHE_SECONDS) if self._missing else self._cache_seconds
        if time.monotonic() - self._asked_seconds >= kept_seconds:
            needed = dict.fromkeys([model for pipeline in PIPELINES.values() for model in pipeline.models] + [PARSER])
            self._missing = [model for model in needed if not await self._engine.ready(model)]
            self._asked_seconds = time.monotonic()
            self.started = self.started or not self._missing
        return self._missing


def service_of(request: Request) -> ServiceState:
    """The application's state."""
    state: ServiceState = request.app.state.service
    return state


def record_of(request: Request) -> RequestRecord:
    """The record that the door opened for this request."""
    record: RequestRecord = request.scope["state"]["record"]
    return record
