"""Measures, in one run on one machine: the bare forward, the same through the engine, and the whole POST /inpaint.

The three take turns of a few calls each, so that a drift of the machine's speed touches all alike; what counts are
the ratios. The service is asked by 1, 8 and 64 clients; it runs with room for 64 to wait, and what it refuses all the
same is counted apart. Then a long run of requests shows whether memory grows. At last LaFIn's generator at the paper's
width is measured in three kinds of arithmetic (tests/bench/wide.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from service.engine.client import EngineClient
from tests.bench import wide
from tests.bench.calls import CALL_SECONDS, CROWD_CLIENTS, MANY_CLIENTS, Requests, Times, engine_calls
from tests.bench.denormals import measured
from tests.bench.forward import BareForward
from tests.bench.report import REQUESTS_BEFORE_MEMORY, Memory, report, results
from tests.bench.stack import ROOT, Stack

CROWD_EVERY = 3  # rounds: one turn of a crowd takes as long as all others together
ROOM = {"MAX_WAITING_REQUESTS": str(CROWD_CLIENTS), "REQUEST_DEADLINE_SECONDS": str(CALL_SECONDS)}
SAMPLES = ROOT / "service" / "web" / "samples"


async def take_turns(
    bare: BareForward, engine: EngineClient, requests: Requests, rounds: int, calls: int, end: float
) -> dict[str, Times]:
    """Rounds of `calls` calls of each kind; after the first, rounds that would begin after `end` are left out."""
    times = {name: Times() for name in ("forward", "engine", "inpaint", "inpaint_many", "inpaint_crowd")}
    for done in range(rounds):
        if done and time.monotonic() > end:
            print(f"out of time after {done} of {rounds} rounds", file=sys.stderr)
            break
        forward = bare.run(calls)
        times["forward"].add(forward, sum(forward))
        await engine_calls(engine, calls, times["engine"])
        await requests.run(calls, 1, times["inpaint"])
        await requests.run(calls * MANY_CLIENTS // 2, MANY_CLIENTS, times["inpaint_many"])
        if done % CROWD_EVERY == 0:
            await requests.run(CROWD_CLIENTS, CROWD_CLIENTS, times["inpaint_crowd"])
    return times


async def grow(stack: Stack, requests: Requests, count: int, sent: int, end: float) -> Memory:
    """Send `count` requests after the first REQUESTS_BEFORE_MEMORY, of which `sent` went out already."""
    await requests.run(max(0, REQUESTS_BEFORE_MEMORY - sent), MANY_CLIENTS, Times(), end)
    before = stack.resident_bytes()
    made = await requests.run(count, MANY_CLIENTS, Times(), end)
    return Memory(made, before, stack.resident_bytes())


async def bench(options: argparse.Namespace) -> dict[str, float]:
    """The whole run, on a service of its own."""
    end = time.monotonic() + 60 * options.minutes
    denormals = measured()
    with Stack(options.repository, **ROOM) as stack, BareForward(options.repository) as bare:
        requests = Requests(stack.address, options.image, options.mask)
        async with EngineClient(stack.engine_url) as engine:
            faces = await requests.faces()
            await requests.run(MANY_CLIENTS, MANY_CLIENTS, Times())
            turns_end = time.monotonic() + 60 * options.minutes / 2
            times = await take_turns(bare, engine, requests, options.rounds, options.calls, turns_end)
        sent = sum(len(times[name].seconds) for name in ("inpaint", "inpaint_many", "inpaint_crowd"))
        memory = await grow(stack, requests, options.requests, sent, end)
        await requests.close()
    numbers = results(times, memory, faces, stack.seconds_to_ready) | denormals
    if options.wide_rounds:
        turns_end = time.monotonic() + 60 * options.minutes / 4
        turns = wide.take_turns(options.repository, options.image, options.mask, options.wide_rounds, turns_end)
        numbers |= wide.results(await turns)
    return numbers


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository", help="model repository")
    parser.add_argument("--image", type=Path, default=SAMPLES / "astronaut.jpg", help="picture to complete")
    parser.add_argument("--mask", type=Path, default=SAMPLES / "astronaut_mask.png", help="its mask")
    parser.add_argument("--rounds", type=int, default=10, help="turns of every kind of call (default 10)")
    parser.add_argument("--calls", type=int, default=5, help="calls of a turn (default 5)")
    parser.add_argument("--requests", type=int, default=2000, help="requests over which memory is watched")
    parser.add_argument("--minutes", type=float, default=20, help="no new requests after this time (default 20)")
    parser.add_argument("--wide-rounds", type=int, default=5, help="turns at the paper's width (default 5; 0: none)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args(arguments)
    for file in (options.image, options.mask, options.repository / "lafin" / "config.pbtxt"):
        if not file.is_file():
            parser.error(f"{file} is missing")
    if min(options.rounds, options.calls) < 1 or min(options.requests, options.wide_rounds) < 0:
        parser.error("--rounds and --calls are at least 1, --requests and --wide-rounds at least 0")
    return options


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever was started is ended
    options = parse()
    numbers = asyncio.run(bench(options))
    print(report(numbers))
    if options.wide_rounds:
        print(wide.report(numbers))
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
