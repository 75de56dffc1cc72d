"""From the arguments to the exit code: pair the files, ask the service what it can, send, sum up."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from service.client.clients import AsyncClient
from service.client.command.capabilities import advice, check_capabilities
from service.client.command.guidance import read_faces, read_landmarks
from service.client.command.outcomes import INTERRUPTED, Outcome, exit_code
from service.client.command.outputs import destination, free, require_distinct
from service.client.command.pairs import DASH, Item, LeftOut, named_by, paired
from service.client.command.progress import Reporter
from service.client.command.sending import Sender, SendOptions
from service.client.command.usage import BadUsage, Files, Service
from service.client.connection import require_address, require_key
from service.client.forms import FillOptions
from service.client.retries import Retries
from service.errors import ServiceError

PATIENT = Retries(max_attempts=20, max_seconds=120)  # of a photo: a busy service is waited for
PHOTO_SECONDS = 210.0  # of all attempts; of a job each question
JSON_SUFFIXES = (".json",)


@dataclass(frozen=True)
class Plan:
    """Everything that is known before anything is sent."""

    items: list[Item]
    left_out: list[LeftOut]
    send_options: SendOptions
    guidance: frozenset[str]


def run(files: Files, options: FillOptions, service: Service, *, quiet: bool = False) -> int:
    """Do it all; the exit code. Raises BadUsage, before anything is sent."""
    _check(service)
    plan = planned(files, options, service)
    with Reporter(len(plan.items) + len(plan.left_out), quiet=quiet) as reporter:
        try:
            outcomes = asyncio.run(_sent(plan, service, reporter))
        except (KeyboardInterrupt, asyncio.CancelledError):
            reporter.say("Interrupted.")
            return INTERRUPTED
        except ServiceError as error:
            reporter.say(advice(error, service))
            return exit_code([Outcome(item.photo, error) for item in plan.items])
    reporter.sum_up(outcomes)
    return exit_code(outcomes)


def planned(files: Files, options: FillOptions, service: Service) -> Plan:
    """The photos with what goes with each, and where they go."""
    _check_dashes(files)
    photos, masks = named_by(files.photo), named_by(files.mask)
    landmarks = named_by(files.landmarks, JSON_SUFFIXES) if files.landmarks else None
    faces = named_by(files.faces, JSON_SUFFIXES) if files.faces else None
    references = named_by(files.reference) if files.reference else None
    if landmarks is not None and landmarks.alone:
        read_landmarks(landmarks.files[0])
    if faces is not None and faces.alone:
        read_faces(faces.files[0])
    target = destination(files.out, files.picture_format, many=not photos.alone)
    samples = options.get("samples", 1)
    pairs, unpaired = paired(photos, masks, landmarks, references, faces)
    require_distinct(target, pairs, samples)
    items, existing = free(target, pairs, samples, force=files.force)
    left_out = unpaired + existing
    if not items:
        raise BadUsage(f"No photo can be sent. {left_out[0].photo}: {left_out[0].reason}")
    complete: FillOptions = {**options, "output_format": target.format}
    send_options = SendOptions(
        target,
        complete,
        concurrency=service.concurrency,
        as_jobs=service.as_jobs,
        force=files.force,
        standard_input=_standard_input() if DASH in (files.photo, files.mask) else b"",
    )
    attributes = options.get("attributes")
    given = {"landmarks": landmarks, "faces": faces, "reference": references, "attributes": attributes}
    return Plan(items, left_out, send_options, frozenset(name for name, value in given.items() if value is not None))


def _check_dashes(files: Files) -> None:
    """Standard input is one picture."""
    if files.photo == files.mask == DASH or DASH in (files.landmarks, files.faces, files.reference):
        raise BadUsage("Only PHOTO or MASK may be -, and not both.")


def _standard_input() -> bytes:
    picture = sys.stdin.buffer.read()
    if not picture:
        raise BadUsage("Standard input is empty.")
    return picture


async def _sent(plan: Plan, service: Service, reporter: Reporter) -> Sequence[Outcome]:
    """Every photo's outcome. Raises ServiceError when the first question was answered badly."""
    _cancel_on_termination()
    await check_capabilities(service, plan.send_options.form, plan.guidance)
    left_out = [Outcome(one.photo, BadUsage(one.reason)) for one in plan.left_out]
    for outcome in left_out:
        reporter.report(outcome)
    async with AsyncClient(service.url, service.key, timeout_seconds=PHOTO_SECONDS, retries=PATIENT) as client:
        return left_out + await Sender(client, plan.send_options, reporter.report).complete(plan.items)


def _cancel_on_termination() -> None:
    """SIGTERM ends the work as Ctrl-C does, where the platform has it: jobs under way are canceled."""
    task = asyncio.current_task()
    assert task is not None
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _check(service: Service) -> None:
    try:
        require_address(service.url)
        require_key(service.key or "unused")
    except ValueError as error:
        raise BadUsage(f"{error}.") from None
