"""The client against a scripted gRPC server: what it sends, what it reads, what it raises, when it tries again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from service.deadline import Deadline
from service.engine.client import EngineClient, target
from service.errors import (
    DeadlineExceeded,
    Draining,
    EngineContractBroken,
    EngineError,
    EngineGarbage,
    EngineQueueFull,
    EngineUnavailable,
)
from service.trace import begin_trace
from tests.fakes.ports import free_port
from tests.fakes.waiting import FOREVER_SECONDS
from tests.service.engine.scripted import Answer, ScriptedEngine, gives, lafin_answer, refuses

Code = grpc.StatusCode

RAW = np.zeros((1, 3, 256, 256), np.uint8)
LANDMARKS = np.zeros((1, 68, 2), np.float32)


def inputs(batch: int = 1) -> dict[str, Any]:
    image = np.arange(batch * 3 * 256 * 256, dtype=np.uint64).reshape(batch, 3, 256, 256).astype(np.uint8)
    return {"image": image, "hole": np.ones((batch, 1, 256, 256), np.uint8)}


class Played:
    """A scripted engine and the client that speaks to it."""

    def __init__(self, engine: ScriptedEngine, client: EngineClient) -> None:
        self.engine, self.client = engine, client

    def play(self, *script: Answer) -> None:
        self.engine.script = list(script)

    async def infer(self, seconds: float = 10, batch: int = 1) -> dict[str, Any]:
        return await self.client.infer("lafin", inputs(batch), deadline=Deadline(seconds))


@pytest.fixture
async def played() -> AsyncIterator[Played]:
    engine = ScriptedEngine(lafin_answer())
    async with EngineClient(await engine.start()) as client:
        yield Played(engine, client)
    await engine.stop()


async def test_sends_and_reads_tensors(played: Played) -> None:
    played.play(lafin_answer(2))
    answer = await played.infer(batch=2)
    (request,) = played.engine.requests
    assert request.model_name == "lafin"
    assert [(one.name, one.datatype, list(one.shape)) for one in request.inputs] == [
        ("image", "UINT8", [2, 3, 256, 256]),
        ("hole", "UINT8", [2, 1, 256, 256]),
    ]
    assert list(request.raw_input_contents) == [array.tobytes() for array in inputs(2).values()]
    assert list(request.outputs) == []
    assert answer["raw"].shape == (2, 3, 256, 256)
    assert answer["landmarks"].shape == (2, 68, 2)
    assert (answer["landmarks"] == 1.5).all()


async def test_leaf_models_go_by_wire_names(played: Played) -> None:
    played.play(gives(OUTPUT__0=LANDMARKS))
    answer = await played.client.infer("lafin_predictor", inputs(), deadline=Deadline(10))
    assert [one.name for one in played.engine.requests[0].inputs] == ["INPUT__0", "INPUT__1"]
    assert list(answer) == ["landmarks"]


async def test_both_timeouts_come_from_the_deadline(played: Played) -> None:
    await played.infer(seconds=7000)
    assert 6000 < played.engine.seconds_left[0] <= 7000
    assert 6000e6 < played.engine.requests[0].parameters["timeout"].int64_param <= 7000e6


async def test_the_trace_is_handed_on(played: Played) -> None:
    made = begin_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    await played.infer()
    assert played.engine.metadata[0]["traceparent"] == made


async def test_no_call_after_the_deadline(played: Played) -> None:
    with pytest.raises(DeadlineExceeded):
        await played.infer(seconds=0)
    assert played.engine.requests == []


async def test_a_slow_engine_meets_the_deadline(played: Played) -> None:
    async def never(request: Any, context: Any) -> Any:
        await asyncio.sleep(FOREVER_SECONDS)

    played.play(never)
    with pytest.raises(DeadlineExceeded):
        await played.infer(seconds=0.3)


RETRIED = [
    (Code.UNAVAILABLE, "Server is stopping, scheduler for model has stopped accepting new inference requests"),
    (Code.UNAVAILABLE, "Server exiting"),
    (Code.UNAVAILABLE, "failed to connect to all addresses"),
    (Code.UNAVAILABLE, "Socket closed"),
    (Code.CANCELLED, "CANCELLED"),
    (Code.NOT_FOUND, "Request for unknown model: 'lafin' is not found"),
    (Code.NOT_FOUND, "Request for unknown model: 'lafin' has no available versions"),
]


@pytest.mark.parametrize(("code", "text"), RETRIED)
async def test_retried_once(code: grpc.StatusCode, text: str, played: Played) -> None:
    played.play(refuses(code, text), lafin_answer())
    assert sorted(await played.infer()) == ["landmarks", "raw"]
    assert len(played.engine.requests) == 2


@pytest.mark.parametrize(("code", "text"), RETRIED)
async def test_never_retried_twice(code: grpc.StatusCode, text: str, played: Played) -> None:
    played.play(refuses(code, text))
    with pytest.raises(EngineUnavailable):
        await played.infer()
    assert len(played.engine.requests) == 2


async def test_no_retry_without_time(played: Played) -> None:
    played.play(refuses(Code.UNAVAILABLE, "Server exiting"))
    with pytest.raises(EngineUnavailable):
        await played.infer(seconds=0.15)
    assert len(played.engine.requests) == 1


FINAL: list[tuple[grpc.StatusCode, str, type[EngineError]]] = [
    (Code.UNAVAILABLE, "[request id: <id_unknown>] Exceeds maximum queue size", EngineQueueFull),
    (Code.UNAVAILABLE, "Request timeout expired", EngineUnavailable),
    (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", DeadlineExceeded),
    (Code.INVALID_ARGUMENT, "unexpected shape for input 'image'", EngineContractBroken),
    (Code.INTERNAL, "it broke", EngineGarbage),
    (Code.UNKNOWN, "it broke", EngineGarbage),
]


@pytest.mark.parametrize(("code", "text", "error"), FINAL)
async def test_not_retried(code: grpc.StatusCode, text: str, error: type[EngineError], played: Played) -> None:
    played.play(refuses(code, text), lafin_answer())
    with pytest.raises(error) as raised:
        await played.infer()
    assert type(raised.value) is error
    assert text not in raised.value.detail
    assert len(played.engine.requests) == 1


GARBAGE = {
    "an output is missing": gives(raw=RAW),
    "no output at all": gives(),
    "wrong shape": gives(raw=RAW, landmarks=LANDMARKS[:, :67]),
    "another batch": gives(raw=np.repeat(RAW, 2, 0), landmarks=np.repeat(LANDMARKS, 2, 0)),
    "wrong type": gives(raw=RAW, landmarks=LANDMARKS.astype(np.float64)),
    "not a number": gives(raw=RAW, landmarks=LANDMARKS * np.nan),
}


@pytest.mark.parametrize("case", GARBAGE)
async def test_garbage_is_refused(case: str, played: Played) -> None:
    played.play(GARBAGE[case])
    with pytest.raises(EngineGarbage):
        await played.infer()


@pytest.mark.parametrize("datatype", ["UINT8", "FP32", "BYTES", "NOISE"])
@pytest.mark.parametrize("contents", [[], [b""], [b"12345"], [bytes(3 * 256 * 256 + 1)]])
async def test_broken_bytes_are_refused(datatype: str, contents: list[bytes], played: Played) -> None:
    async def broken(request: Any, context: Any) -> Any:
        response = service_pb2.ModelInferResponse(model_name="lafin", raw_output_contents=contents)
        response.outputs.add(name="raw", datatype=datatype, shape=[1, 3, 256, 256])
        return response

    played.play(broken)
    with pytest.raises(EngineGarbage):
        await played.infer()


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": inputs()["image"]},
        {**inputs(), "landmarks": LANDMARKS},
        {**inputs(), "hole": np.ones((2, 1, 256, 256), np.uint8)},
        {**inputs(), "hole": np.ones((1, 1, 256, 256), np.float32)},
        {"image": RAW[:0], "hole": RAW[:0, :1]},
    ],
)
async def test_wrong_inputs_are_a_programmers_mistake(wrong: dict[str, Any], played: Played) -> None:
    with pytest.raises(AssertionError):
        await played.client.infer("lafin", wrong, deadline=Deadline(10))
    assert played.engine.requests == []


async def test_cancelling_the_task_cancels_the_call(played: Played) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait(request: Any, context: Any) -> Any:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    played.play(wait)
    task = asyncio.create_task(played.infer())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 5)


async def test_closing_the_client_ends_its_calls(played: Played) -> None:
    began = asyncio.Event()

    async def wait(request: Any, context: Any) -> Any:
        began.set()
        await asyncio.sleep(60)

    played.play(wait)
    task = asyncio.create_task(played.infer())
    await began.wait()
    await played.client.close()
    with pytest.raises(Draining):
        await task


async def test_a_restarted_engine_is_found_again() -> None:
    """Down: 503. Up again on the same port: reached within seconds, by the same client."""
    engine = ScriptedEngine(lafin_answer())
    async with EngineClient(await engine.start()) as client:
        await client.infer("lafin", inputs(), deadline=Deadline(10))
        await engine.stop()
        for _ in range(3):
            with pytest.raises(EngineUnavailable):
                await client.infer("lafin", inputs(), deadline=Deadline(10))
        assert not await client.live()
        again = ScriptedEngine(lafin_answer())
        await again.start(engine.port)
        assert await reached(client, within_seconds=4)
        await again.stop()


async def reached(client: EngineClient, within_seconds: float) -> bool:
    end = time.monotonic() + within_seconds
    while time.monotonic() < end:
        if await client.live():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_nobody_there() -> None:
    async with EngineClient(f"grpc://127.0.0.1:{free_port()}") as client:
        assert not await client.live()
        assert not await client.ready()
        assert not await client.ready("lafin")
        with pytest.raises(EngineUnavailable) as raised:
            await client.infer("lafin", inputs(), deadline=Deadline(5))
        assert raised.value.retry_after_seconds
        with pytest.raises(EngineUnavailable):
            await client.statistics()


async def test_several_engines_take_turns_and_one_may_go() -> None:
    """Two addresses, apart by commas: half of the calls each; when one is gone, all go to the other."""
    first, second = ScriptedEngine(lafin_answer()), ScriptedEngine(lafin_answer())
    addresses = [await first.start(), await second.start()]
    async with EngineClient(",".join(addresses)) as client:
        for _ in range(8):
            await client.infer("lafin", inputs(), deadline=Deadline(10))
        await asyncio.sleep(0.5)
        for _ in range(8):
            await client.infer("lafin", inputs(), deadline=Deadline(10))
        assert min(len(first.requests), len(second.requests)) >= 4
        await first.stop()
        seen = len(second.requests)
        for _ in range(8):
            await client.infer("lafin", inputs(), deadline=Deadline(10))
        assert len(second.requests) == seen + 8
    await second.stop()


@pytest.mark.parametrize(
    ("address", "called"),
    [
        ("engine:8001", "dns:///engine:8001"),
        ("[::1]:8001", "dns:///[::1]:8001"),
        ("10.0.0.7:8001,10.0.0.8:8001", "ipv4:10.0.0.7:8001,10.0.0.8:8001"),
        ("10.0.0.2:53/engine:8001", "dns://10.0.0.2:53/engine:8001"),
    ],
)
def test_what_grpc_calls_an_address(address: str, called: str) -> None:
    assert target(address) == called


async def test_probes(played: Played) -> None:
    assert await played.client.live()
    assert not await played.client.ready()
    assert not await played.client.ready("lafin")  # the scripted engine does not know the call


async def test_statistics(played: Played) -> None:
    counts = (await played.client.statistics())["lafin"]
    assert (counts.inferences, counts.executions, counts.failures) == (5, 2, 1)
    assert (counts.queue_seconds, counts.compute_seconds) == (1.5, 0.25)


async def test_use_before_open_is_a_programmers_mistake() -> None:
    with pytest.raises(AssertionError):
        await EngineClient("127.0.0.1:1").infer("lafin", inputs(), deadline=Deadline(1))
    with pytest.raises(AssertionError):
        EngineClient("http://127.0.0.1:1")


def test_the_client_loads_no_torch() -> None:
    program = "import sys, service.engine, service.engine.client; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


async def test_parameters_are_read_from_the_configuration(played: Played) -> None:
    assert await played.client.parameters("parser", deadline=Deadline(10)) == {"classes": "background,skin"}


async def test_parameters_fail_as_calls_do(played: Played) -> None:
    with pytest.raises(EngineUnavailable) as refused:
        await played.client.parameters("other", deadline=Deadline(10))
    assert refused.value.errors == [{"model": "other"}]
    with pytest.raises(DeadlineExceeded):
        await played.client.parameters("parser", deadline=Deadline(0))
    await played.engine.stop()
    with pytest.raises(EngineUnavailable):
        await played.client.parameters("parser", deadline=Deadline(5))
