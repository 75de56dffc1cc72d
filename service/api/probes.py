"""Probes for orchestrators, which need no key, and the metrics for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.api.problems import documented
from service.api.schemas import ProbeBody, ReadyBody
from service.api.state import service_of
from service.errors import Draining, EngineUnavailable

router = APIRouter(tags=["operation"])
metrics_router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> ProbeBody:
    return ProbeBody(status="alive")


@router.get("/startupz", summary="Has the service been ready once?", responses=documented(EngineUnavailable))
async def startupz(request: Request) -> ProbeBody:
    readiness = service_of(request).readiness
    if not readiness.started:
        await _require_models(request)
    return ProbeBody(status="started")


@router.get("/readyz", summary="Can requests be answered now?", responses=documented(EngineUnavailable, Draining))
@router.get("/healthz", summary="The same as /readyz.", responses=documented(EngineUnavailable, Draining))
async def readyz(request: Request) -> ReadyBody:
    """`jobs` tells whether Redis can be reached. Without it POST /inpaint answers as ever, so this stays 200."""
    service = service_of(request)
    if service.readiness.draining or service.admission.draining:
        raise Draining("The service is shutting down.")
    await _require_models(request)
    return ReadyBody(status="ready", jobs="ready" if await service.jobs.reachable() else "unavailable")


@metrics_router.get("/metrics", summary="Prometheus metrics.", response_class=Response)
async def metrics(request: Request) -> Response:
    service = service_of(request)
    return Response(service.metrics.text() + await service.jobs.metrics(), media_type=CONTENT_TYPE_LATEST)


async def _require_models(request: Request) -> None:
    missing = await service_of(request).readiness.missing()
    if missing:
        raise EngineUnavailable(
            "The engine does not answer for every model.", errors=[{"model": name, "ready": False} for name in missing]
        )
