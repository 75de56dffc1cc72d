"""Tries, pauses and time-outs of both clients, against a server that answers what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from service.client import NO_RETRIES, Retries
from service.client.errors import Garbled, OtherProblem, TimedOut, Unreachable
from service.client.flows import Call, Pause, Send, Work, exchange
from service.errors import EmptyHole, EngineUnavailable, Overloaded
from tests.fakes.pictures import png, scene
from tests.fakes.ports import free_port
from tests.fakes.scripted import Answer, Script, problem
from tests.fakes.waiting import FOREVER_SECONDS
from tests.service.client.conftest import Connect

QUICK = Retries(max_attempts=4, max_seconds=20, first_pause_seconds=0.01)
FINE = Answer(body=b'{"models": []}')


@pytest.fixture
def client(connect: Connect, script: Script) -> Any:
    return connect(script.url, retries=QUICK)


def test_a_retryable_refusal_is_tried_again_and_the_picture_is_sent_whole_each_time(
    client: Any, script: Script, tmp_path: Path
) -> None:
    file = tmp_path / "private name.png"
    file.write_bytes(png(scene()))
    body = b'{"model": "m", "width": 1, "height": 2, "faces": []}'
    script.answers = [problem(429, "overloaded", retry_after="0"), problem(503, "draining"), Answer(body=body)]
    assert client.landmarks(file).width == 1
    assert len(script.asked) == 3
    for asked in script.asked:
        assert png(scene()) in asked.body
        assert b"private" not in asked.body
        assert asked.headers["content-length"] == str(len(asked.body))


def test_retry_after_is_obeyed(client: Any, script: Script) -> None:
    script.answers = [problem(429, "overloaded", retry_after="1"), FINE]
    assert client.models() == []
    assert script.asked[1].at_seconds - script.asked[0].at_seconds >= 1


def test_a_longer_retry_after_than_may_be_waited_gives_up_at_once(connect: Connect, script: Script) -> None:
    script.answers = [problem(429, "overloaded", retry_after="100")]
    with pytest.raises(Overloaded) as refusal:
        connect(script.url, retries=QUICK).models()
    assert refusal.value.retry_after_seconds == 100
    assert len(script.asked) == 1


def test_the_number_of_tries_is_bounded(client: Any, script: Script) -> None:
    script.answers = [problem(503, "engine_unavailable", retry_after="0")]
    with pytest.raises(EngineUnavailable):
        client.models()
    assert len(script.asked) == QUICK.max_attempts


def test_the_time_of_tries_is_bounded(connect: Connect, script: Script) -> None:
    script.answers = [problem(503, "engine_unavailable")]
    with pytest.raises(EngineUnavailable):
        connect(script.url, retries=Retries(100, 0.3, 0.05, 0.05)).models()
    assert len(script.asked) < 20, "each pause takes 0.05 seconds or more"


def test_what_cannot_get_better_is_not_tried_again(client: Any, script: Script) -> None:
    script.answers = [problem(422, "empty_hole")]
    with pytest.raises(EmptyHole):
        client.models()
    assert len(script.asked) == 1


def test_a_broken_connection_is_tried_again(client: Any, script: Script) -> None:
    script.answers = [Answer(hang_up=True), FINE]
    assert client.models() == []


def test_nobody_there(connect: Connect) -> None:
    with pytest.raises(Unreachable, match="No connection"):
        connect(f"http://127.0.0.1:{free_port()}", retries=QUICK).models()


def test_an_answer_that_does_not_come_is_not_waited_for(connect: Connect, script: Script) -> None:
    script.answers = [Answer(delay_seconds=FOREVER_SECONDS)]
    with pytest.raises(TimedOut):
        connect(script.url, timeout_seconds=0.2, retries=NO_RETRIES).models()


@pytest.mark.parametrize(
    "answer",
    [Answer(body=b"no json"), Answer(body=b'{"models": 1}'), Answer(body=b"x", headers={"Content-Encoding": "gzip"})],
)
def test_a_good_status_with_something_else_in_it(client: Any, script: Script, answer: Answer) -> None:
    script.answers = [answer]
    with pytest.raises(Garbled):
        client.models()
    assert len(script.asked) == 1


def test_a_redirect_is_not_followed(client: Any, script: Script) -> None:
    script.answers = [Answer(307, b"", {"Location": "http://other.example/models"})]
    with pytest.raises(OtherProblem, match="redirects to http://other"):
        client.models()


def test_the_key_is_sent(connect: Connect, script: Script) -> None:
    script.answers = [FINE]
    connect(script.url, " id.secret\n").models()
    connect(script.url).models()
    assert script.asked[0].headers["authorization"] == "Bearer id.secret"
    assert "authorization" not in script.asked[1].headers


def test_a_flow_says_what_to_do_and_closes_what_it_opened() -> None:
    flow = exchange(Call("POST", "/x", form={"image": b"data", "seed": 3}), lambda response: response.text, QUICK)
    work = next(flow)
    assert isinstance(work, Work)
    first = flow.send(work.function())
    assert isinstance(first, Send)
    assert (first.texts, first.files[0][1].read()) == ({"seed": "3"}, b"data")
    assert isinstance(flow.throw(httpx.ConnectError("no")), Pause)
    assert first.files[0][1].closed
    second = flow.send(None)
    assert isinstance(second, Send)
    flow.close()
    assert second.files[0][1].closed
