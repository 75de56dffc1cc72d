"""Sends the photos, several at a time, and writes what comes back. When one photo fails, the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service.client.answers import InpaintAnswer
from service.client.clients import AsyncClient, AsyncJob
from service.client.command.guidance import read_faces, read_landmarks
from service.client.command.outcomes import NotTried, Outcome, ends_everything
from service.client.command.outputs import Destination, write, write_out
from service.client.command.pairs import STANDARD_INPUT, Item
from service.client.errors import Garbled
from service.client.forms import FillOptions
from service.errors import ServiceError

LAST_WORD_SECONDS = 5.0  # for a submission that an interruption finds half-way
Report = Callable[[Outcome], None]


@dataclass(frozen=True)
class SendOptions:
    """What is the same for every photo."""

    destination: Destination
    form: FillOptions
    concurrency: int = 4
    as_jobs: bool = False
    force: bool = False
    standard_input: bytes = b""  # the picture of an item whose photo or mask is STANDARD_INPUT

    @property
    def samples(self) -> int:
        return self.form.get("samples", 1)


class Sender:
    """Sends every photo. `report` is called with each outcome as soon as it is known."""

    def __init__(self, client: AsyncClient, options: SendOptions, report: Report) -> None:
        self._client = client
        self._options = options
        self._report = report
        self._outcomes: list[Outcome] = []
        self._lost = False

    async def complete(self, items: Sequence[Item]) -> list[Outcome]:
        """Every item's outcome, in the order in which they were done."""
        waiting = iter(items)
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._options.concurrency, len(items))):
                workers.create_task(self._work_through(waiting))
        return self._outcomes

    async def _work_through(self, waiting: Iterator[Item]) -> None:
        for item in waiting:
            outcome = Outcome(item.photo, await self._error_of(item))
            self._outcomes.append(outcome)
            self._report(outcome)

    async def _error_of(self, item: Item) -> Exception | None:
        """None when the item is written. Whatever else happens to one item ends with it."""
        if self._lost:
            return NotTried("Not sent any more.")
        try:
            await self._complete(item)
        except Exception as error:
            self._lost = self._lost or ends_everything(error)
            return error
        return None

    def _picture(self, file: Path) -> Path | bytes:
        return self._options.standard_input if file == STANDARD_INPUT else file

    async def _complete(self, item: Item) -> None:
        files = self._options.destination.files(item.photo, self._options.samples)
        pictures = (await self._completed(item)).pictures
        if len(pictures) != len(files):
            raise Garbled(f"{len(pictures)} pictures came for {len(files)} samples.")
        if self._options.destination.is_output:
            await asyncio.to_thread(write_out, pictures[0])
            return
        for file, picture in zip(files, pictures, strict=True):
            await asyncio.to_thread(write, file, picture, force=self._options.force)

    async def _completed(self, item: Item) -> InpaintAnswer:
        form = self._options.form.copy()
        if item.landmarks is not None:
            form["landmarks"] = read_landmarks(item.landmarks)
        if item.faces is not None:
            form["faces"] = read_faces(item.faces)
        if item.reference is not None:
            form["reference"] = item.reference
        photo, mask = self._picture(item.photo), self._picture(item.mask)
        if not self._options.as_jobs:
            return await self._client.inpaint(photo, mask, **form)
        submission = self._client.submit(photo, mask, **form, delete_on_fetch=True)
        async with await _certain(asyncio.create_task(submission)) as job:
            return await job.result()


async def _certain(submission: asyncio.Task[AsyncJob]) -> AsyncJob:
    """The job. When the command is interrupted on the way, a job that was accepted all the same is canceled."""
    try:
        return await asyncio.shield(submission)
    except asyncio.CancelledError:
        with suppress(ServiceError, TimeoutError, OSError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await (await submission).cancel()
        submission.cancel()
        raise
