"""What all requests share: made once with the application."""

from __future__ import annotations

from dataclasses import dataclass

from service.api.admission import Admission
from service.api.rate_limit import RateLimiter
from service.api.readiness import Readiness
from service.completion.attribute_reading import AttributeReader
from service.completion.inpaint import Inpainter
from service.completion.parsing import PictureParser
from service.engine import Engine
from service.jobs.job_service import JobService
from service.keys import Keyring
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.threads import ImagingThreads


@dataclass
class ServiceState:
    settings: Settings
    metrics: Metrics
    engine: Engine
    threads: ImagingThreads
    inpainter: Inpainter
    picture_parser: PictureParser
    attribute_reader: AttributeReader
    admission: Admission
    keyring: Keyring
    rates: RateLimiter
    readiness: Readiness
    jobs: JobService
