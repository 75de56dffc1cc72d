"""A running service as a system: the real application over loopback, with an engine in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.fakes.engine import FakeEngine
from tests.fakes.ports import free_port
from tests.fakes.server import running
from training.data.drawn import DrawnFaces
from training.errors import OptionError
from training.evaluate import app
from training.framed import frame_faces
from training.given import Given
from training.remote import RemoteError, RemoteService, from_png, service_seed


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def url(engine: FakeEngine) -> Iterator[str]:
    with running(engine) as address:
        yield address


@pytest.fixture(scope="module")
def given() -> Given:
    return next(frame_faces(DrawnFaces(2, 128, seed=2), 256).batches(2)).under("center", 0)


def test_a_picture_comes_back_whole_outside_the_hole_and_painted_inside(url: str, given: Given) -> None:
    raw = RemoteService(url, "lafin")(given).raw
    assert (raw.dtype, raw.shape) == (torch.uint8, given.image.shape)
    assert torch.equal(raw * (1 - given.hole), given.image)
    assert (raw * given.hole).flatten(1).any(dim=1).all()
    assert torch.equal(RemoteService(url, "lafin")(given).raw, raw)


def test_what_is_sent_holds_nothing_of_the_hole(
    url: str, given: Given, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, sent = RemoteService(url, "lafin", "feather"), []
    asked = service.ask

    def watching(*words, **request):
        sent.append(request)
        return asked(*words, **request)

    monkeypatch.setattr(service, "ask", watching)
    service(Given(given.image + 99 * given.hole, given.hole, given.landmarks, given.noise_seeds))
    for place, request in enumerate(sent):
        picture, mask = (from_png(request["files"][name][1]) for name in ("image", "mask"))
        assert not (picture * given.hole[place]).any()
        assert torch.equal(picture, given.image[place])
        assert torch.equal(mask, 255 * given.hole[place].expand_as(mask))
        assert (request["data"]["align"], request["data"]["blend"]) == ("none", "feather")
    assert len({request["data"]["seed"] for request in sent}) == len(given.image)


def test_faces_have_seeds_of_their_own(given: Given) -> None:
    seeds = {service_seed(one) for one in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))}
    assert len(seeds) == 4
    assert max(seeds) < 2**31


def test_a_service_that_refuses_is_quoted(url: str, given: Given) -> None:
    with pytest.raises(RemoteError, match=r"answered 404: unknown_model, "):
        RemoteService(url, "other")(given)


def test_nobody_there_no_address_and_an_unknown_blend_are_said(given: Given) -> None:
    with pytest.raises(RemoteError, match="cannot be asked"):
        RemoteService(f"http://127.0.0.1:{free_port()}", "lafin")(given)
    with pytest.raises(OptionError, match="write an address such as"):
        RemoteService("localhost", "lafin")
    with pytest.raises(OptionError, match="there are none, feather, poisson"):
        RemoteService("http://127.0.0.1:1", "lafin", "glue")


def test_the_command_measures_a_service_under_the_holes_of_a_local_run(
    url: str, drawn_folder: Path, tmp_path: Path
) -> None:
    command = ["--data", drawn_folder, "--holes", "center,20-40", "--model", "lafin"]
    for name, options in {
        "served": ("--service", url, "--blend", "feather", "--baseline", "telea"),
        "local": ("--baselines-only", "--baseline", "telea"),
    }.items():
        words = [*command, *options, "--output", tmp_path / name]
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
    served, local = (json.loads((tmp_path / name).read_text()) for name in ("served", "local"))
    assert [row["method"] for row in served["rows"]] == ["lafin (service)", "telea"] * 2
    assert served["methods"]["lafin (service)"]["said"]["name"] == "lafin"
    assert served["precision"] == "of the service"
    assert [row["holes_sha256"] for row in served["rows"][1::2]] == [row["holes_sha256"] for row in local["rows"]]
    assert served["rows"][1]["values"] == local["rows"][0]["values"]


def test_a_picture_of_another_size_is_no_answer(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    service = RemoteService("http://127.0.0.1:1", "lafin")
    small = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for content in (small, b"no picture", b""):
        answer = type("Answer", (), {"content": content})
        monkeypatch.setattr(service, "ask", lambda *_, answer=answer, **__: answer)
        with pytest.raises(RemoteError, match="another picture"):
            service(given)
