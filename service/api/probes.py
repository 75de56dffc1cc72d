"""Probes for orchestrators, which need no key, and the metrics for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import choose_encoder

from service.api.dependencies import ServiceDep
from service.api.problems import documented
from service.api.readiness import Found, Readiness
from service.api.schemas import ProbeBody, ReadyBody
from service.errors import Draining, EngineUnavailable

router = APIRouter(tags=["operation"])
metrics_router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> ProbeBody:
    return ProbeBody(status="alive")


@router.get("/startupz", summary="Has the service been ready once?", responses=documented(EngineUnavailable))
async def startupz(service: ServiceDep) -> ProbeBody:
    if not service.readiness.started:
        await _require_models(service.readiness)
    return ProbeBody(status="started")


@router.get("/readyz", summary="Can requests be answered now?", responses=documented(EngineUnavailable, Draining))
@router.get(
    "/healthz",
    operation_id="healthz",
    summary="The same as /readyz.",
    responses=documented(EngineUnavailable, Draining),
)
async def readyz(service: ServiceDep) -> ReadyBody:
    """`jobs` says whether jobs are accepted and worked on. POST /inpaint needs neither, so the status stays 200, as it
    does when some models have no snapshot."""
    if service.readiness.draining or service.admission.draining:
        raise Draining("The service is shutting down.")
    found = await _require_models(service.readiness)
    jobs, detail = await service.jobs.condition()
    lacking = list(found.without_snapshot)
    return ReadyBody(status="ready", jobs=jobs, jobs_detail=detail, models_without_snapshot=lacking)


@metrics_router.get(
    "/metrics", operation_id="get_metrics", summary="Prometheus metrics.", response_class=PlainTextResponse
)
async def metrics(request: Request, service: ServiceDep) -> Response:
    """In Prometheus' text format, or as OpenMetrics if `Accept` asks for it. The engine is looked at too."""
    await service.readiness.look()  # else inpaint_engine_ready would be as old as the last look at /readyz
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    families = await service.jobs.metrics()
    return Response(service.metrics.text(families, encode), headers={"Content-Type": media_type})


async def _require_models(readiness: Readiness) -> Found:
    found = await readiness.look()
    if found.missing:
        errors = [{"model": name, "ready": False} for name in found.missing]
        raise EngineUnavailable("The engine does not answer for every model.", errors=errors)
    return found
