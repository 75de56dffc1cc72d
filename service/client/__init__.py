"""The service's Python client, synchronous and asynchronous, and the command `inpaint`.

`Client` and `AsyncClient` have the same calls, written once in calls.py. Loads neither torch nor a web framework.
"""

from service.client.answers import InpaintAnswer, ParsingAnswer
from service.client.clients import AsyncClient, AsyncJob, Client, Job
from service.client.jobs import JobStatus
from service.client.retries import NO_RETRIES, Retries

__all__ = [
    "NO_RETRIES",
    "AsyncClient",
    "AsyncJob",
    "Client",
    "InpaintAnswer",
    "Job",
    "JobStatus",
    "ParsingAnswer",
    "Retries",
]
