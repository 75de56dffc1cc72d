"""Results of jobs: a picture, or the zip of a batch, which is sent piece by piece and never whole in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from io import RawIOBase
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from service.api.job_schemas import job_body
from service.api.links import link_base
from service.api.middleware.head import IS_HEAD
from service.api.pieces import PiecesResponse, cut
from service.completion.including import MEDIA_TYPE
from service.jobs.job_service import JobService
from service.jobs.request_records import included_in, pictures_of_record
from service.jobs.states import Item, Job
from service.threads import ImagingThreads

ZIP = "application/zip"
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def fetched(request: Request, jobs: JobService, job: Job, response: PiecesResponse) -> Response:
    """`response`, after which the result is gone if the job was asked for that way."""
    if not _is_taken(request, job):
        return response

    async def pieces() -> AsyncIterator[bytes]:
        for piece in response.pieces:
            yield piece

    return StreamingResponse(_then_delete(request, jobs, job, pieces()), headers=dict(response.headers))


def zipped(request: Request, jobs: JobService, threads: ImagingThreads, job: Job) -> Response:
    """Every item's picture by its number, its included stages, and `job.json`: the job with its items' states."""
    headers = {"Content-Disposition": f'attachment; filename="{job.id}.zip"', "X-Model": job.request["model"]}
    chunks = _zip(jobs, threads, job, link_base(request))
    stream = _then_delete(request, jobs, job, chunks) if _is_taken(request, job) else chunks
    return StreamingResponse(stream, media_type=ZIP, headers=headers)


def _is_taken(request: Request, job: Job) -> bool:
    """Whether the result goes with this answer. Asking for its headers takes nothing."""
    return job.delete_on_fetch and not getattr(request.state, IS_HEAD, False)


async def _then_delete(
    request: Request, jobs: JobService, job: Job, chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
    if not await request.is_disconnected():
        await jobs.cancel(job.id)


class _Sink(RawIOBase):
    """Collects what the writer of the zip writes, until `taken` is called."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]  # whatever holds bytes
        self._chunks.append(chunk)
        return len(chunk)

    def taken(self) -> list[bytes]:
        """What came since the last time, in pieces."""
        chunks, self._chunks = self._chunks, []
        return [piece for chunk in chunks for piece in cut(chunk)]


async def _zip(jobs: JobService, threads: ImagingThreads, job: Job, base: str) -> AsyncIterator[bytes]:
    sink, blobs = _Sink(), jobs.store.blobs
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        archive.writestr(ZipInfo("job.json"), json.dumps(job_body(job, base).model_dump(), indent=2))
        for chunk in sink.taken():
            yield chunk
        for index, item in enumerate(job.items()):
            kept = await blobs.results(job.id, index, pictures_of_record(item.answer)) if item.answer else None
            for name, picture in zip(file_names(index, item), kept, strict=True) if kept else ():
                await threads.run(archive.writestr, ZipInfo(name), picture)
                for chunk in sink.taken():
                    yield chunk
    for chunk in sink.taken():
        yield chunk


def file_names(index: int, item: Item) -> list[str]:
    """An item's files in the zip: its picture, and the stages of each face in a folder of its own."""
    assert item.answer is not None
    stages = [f"{face}-{stage}" for face, names in enumerate(included_in(item.answer)) for stage in names]
    picture = f"{index:03d}.{SUFFIXES[item.answer['media_type']]}"
    return [picture, *(f"{index:03d}/{stage}.{SUFFIXES[MEDIA_TYPE]}" for stage in stages)]
