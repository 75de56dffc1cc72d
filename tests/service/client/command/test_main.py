"""The command from its arguments to its exit code, against the real service."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from service.client import Retries
from service.client.command import run as running_part
from service.client.command.main import app
from service.client.command.outcomes import EXIT_CODES
from service.completion.pipelines import PIPELINES
from service.keys import SCOPES, make_key
from service.version import service_version
from tests.contract.engines import ROOT
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.pictures import box_mask, encoded, pixels, png, scene
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted import Answer, Script, problem
from tests.fakes.server import running, settings
from tests.fakes.waiting import until
from tests.fakes.worker import working

HOLE = box_mask() > 0
MODELS = Answer(
    body=json.dumps(
        {
            "models": [
                {
                    "name": "lafin",
                    "summary": "",
                    "guidance": ["landmarks"],
                    "plural": False,
                    "frame_pixels": 256,
                    "deployed_models": [],
                    "ready": True,
                }
            ]
        }
    ).encode()
)
Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three photos, their masks, and no settings of the caller's."""
    monkeypatch.chdir(tmp_path)
    for name in ("INPAINT_URL", "INPAINT_KEY", "INPAINT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    for folder in ("in", "masks"):
        (tmp_path / folder).mkdir()
    for seed, name in enumerate("abc"):
        (tmp_path / "in" / f"{name}.jpg").write_bytes(encoded(scene(seed=seed), "JPEG"))
        (tmp_path / "masks" / f"{name}_mask.png").write_bytes(png(box_mask()))
    return tmp_path


@pytest.fixture
def inpaint(url: str) -> Command:
    """inpaint("in/a.jpg", ...) calls the command; the service is at INPAINT_URL."""
    return lambda *arguments, **environment: call(*arguments, INPAINT_URL=url, **environment)


def call(*arguments: object, input: bytes = b"", **environment: str) -> Result:
    return CliRunner(env=environment).invoke(app, [str(argument) for argument in arguments], input=input)


def said(result: Result) -> list[str]:
    assert result.stdout == ""
    return result.stderr.splitlines()


def test_a_pipe(inpaint: Command) -> None:
    photo = Path("in/a.jpg").read_bytes()
    result = inpaint("-", "masks/a_mask.png", "-o", "-", input=photo)
    assert (result.exit_code, result.stderr) == (0, "")
    assert inpaint("in/a.jpg", "masks/a_mask.png", "-o", "out.png").exit_code == 0
    assert result.stdout_bytes == Path("out.png").read_bytes()
    assert not Path("-").exists()


def test_a_mask_from_standard_input_and_another_format(inpaint: Command) -> None:
    mask = Path("masks/a_mask.png").read_bytes()
    result = inpaint("in/a.jpg", "-", "-o", "-", "--format", "webp", input=mask)
    assert result.exit_code == 0
    with Image.open(BytesIO(result.stdout_bytes)) as completed:
        assert (completed.format, completed.size) == ("WEBP", (400, 300))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("-", "-", "-o", "out.png"), "Only PHOTO or MASK may be -"),
        (("in/a.jpg", "masks", "-o", "out.png", "--landmarks", "-"), "Only PHOTO or MASK may be -"),
        (("-", "masks/a_mask.png", "-o", "out.png"), "Standard input is empty"),
        (("-", "masks/a_mask.png", "-o", "out/"), "has no name; give the file"),
        (("in", "masks", "-o", "-"), "Several photos need a folder"),
        (("in/a.jpg", "masks", "-o", "-", "--samples", "2", "--model", "gfc"), "takes one picture"),
    ],
)
def test_a_pipe_that_cannot_be(inpaint: Command, arguments: tuple[str, ...], line: str) -> None:
    result = inpaint(*arguments)
    assert result.exit_code == 2
    assert line in said(result)[0]


def test_the_version() -> None:
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"inpaint {service_version()}\n")


def test_one_photo_without_a_word(inpaint: Command) -> None:
    result = inpaint("in/a.jpg", "masks/a_mask.png", "-o", "out.png")
    assert (result.exit_code, said(result)) == (0, [])
    completed, photo = pixels(Path("out.png").read_bytes()), pixels(Path("in/a.jpg").read_bytes())
    assert np.array_equal(completed[~HOLE], photo[~HOLE])
    assert (completed[HOLE] != photo[HOLE]).any()


def test_a_folder_pairs_by_name(inpaint: Command) -> None:
    result = inpaint("in", "masks", "-o", "out", "--concurrency", 2)
    assert (result.exit_code, said(result)) == (0, ["3 completed"])
    for seed, name in enumerate("abc"):
        completed = pixels(Path(f"out/{name}.png").read_bytes())
        assert np.abs(completed[~HOLE].astype(int) - scene(seed=seed)[~HOLE]).mean() < 5
    assert sorted(os.listdir("out")) == ["a.png", "b.png", "c.png"]


def test_a_pattern_and_one_mask_for_all(inpaint: Command) -> None:
    result = inpaint("in/[ab].jpg", "masks/a_mask.png", "-o", "out", "--format", "webp", "--quiet")
    assert (result.exit_code, said(result)) == (0, [])
    assert sorted(os.listdir("out")) == ["a.webp", "b.webp"]


def test_a_photo_that_fails_does_not_stop_the_others(inpaint: Command) -> None:
    Path("masks/b_mask.png").write_bytes(png(np.zeros((300, 400), np.uint8)))
    Path("masks/c_mask.png").unlink()
    Path("in/d.jpg").write_bytes(b"no picture")
    Path("masks/d.png").write_bytes(png(box_mask()))
    result = inpaint("in", "masks", "-o", "out")
    assert result.exit_code == 1
    lines = said(result)
    assert lines[0] == "inpaint: in/c.jpg: masks holds nothing named c.* or c_mask.* or c-mask.*."
    assert {line.partition(".jpg")[0] for line in lines[1:3]} == {"inpaint: in/b", "inpaint: in/d"}
    assert {line.rpartition(" ")[2] for line in lines[1:3]} == {"(empty_hole)", "(unsupported_image)"}
    assert lines[3:] == ["1 completed, 3 failed"]
    assert os.listdir("out") == ["a.png"]


def test_what_exists_is_not_overwritten_without_force(inpaint: Command) -> None:
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"mine")
    result = inpaint("in", "masks", "-o", "out")
    assert (result.exit_code, said(result)) == (
        1,
        ["inpaint: in/a.jpg: out/a.png exists; --force overwrites it.", "2 completed, 1 failed"],
    )
    assert Path("out/a.png").read_bytes() == b"mine"
    assert inpaint("in/a.jpg", "masks", "-o", "out").exit_code == 2
    assert inpaint("in/a.jpg", "masks", "-o", "out", "--force").exit_code == 0
    assert pixels(Path("out/a.png").read_bytes()).shape == (300, 400, 3)


def test_every_option_is_sent(script: Script) -> None:
    Path("l.json").write_text(json.dumps(mean_shape().tolist()))
    content = json.loads(MODELS.body)
    content["models"][0] |= {"guidance": ["landmarks", "attributes", "reference"], "plural": True}
    picture = {"media_type": "image/jpeg", "data": "eHk="}
    body = {"model": "lafin", "seed": 3, "width": 1, "height": 1, "hole_ratio": 1.0, "faces": [], "timings": {}}
    script.answers = [
        Answer(body=json.dumps(content).encode()),
        Answer(body=json.dumps(body | {"images": [picture] * 2}).encode()),
    ]
    options = {
        "model": "lafin",
        "landmarks": "l.json",
        "reference": "in/c.jpg",
        "attributes": "smiling=0.5",
        "seed": 3,
        "samples": 2,
        "align": "none",
        "blend": "poisson",
        "mask-mode": "alpha",
        "mask-dilate": 4,
        "format": "jpeg",
        "quality": 80,
        "url": script.url,
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    result = call("in/a.jpg", "masks", "-o", "out/", "--mask-invert", *flags)
    assert (result.exit_code, said(result)) == (0, [])
    sent = script.asked[1].body
    expected = options | {"mask-invert": "true", "output-format": "jpeg", "attributes": '{"smiling": 0.5}'}
    for name in expected.keys() - {"url", "format", "landmarks", "reference"}:
        field = f'name="{name.replace("-", "_")}"\r\n\r\n{expected[name]}\r\n'
        assert field.encode() in sent, field
    assert f'name="landmarks"\r\n\r\n{json.dumps(mean_shape().tolist())}'.encode() in sent
    for name, path in (("image", "in/a.jpg"), ("mask", "masks/a_mask.png"), ("reference", "in/c.jpg")):
        assert f'name="{name}"; filename="{name}"'.encode() in sent
        assert Path(path).read_bytes() in sent
    assert [Path(f"out/a-{number}.jpg").read_bytes() for number in (1, 2)] == [b"xy", b"xy"]


def test_what_is_left_out_the_service_decides(script: Script) -> None:
    script.answers = [MODELS, problem(422, "empty_hole")]
    call("in/a.jpg", "masks", "-o", "out.png", "--url", script.url)
    names = {part.split(b'"')[1] for part in script.asked[1].body.split(b"form-data; name=")[1:]}
    assert names == {b"image", b"mask", b"output_format"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["in/a.jpg", "masks", "-o", "out"], "out must end in"),
        (["in/x.jpg", "masks", "-o", "out/"], "There is no file or folder in/x.jpg."),
        (["in/a.jpg", "in/b.jpg", "in/c.jpg", "-o", "out/"], "in/c.jpg is one argument too many. Quote a pattern"),
        (["in/a.jpg", "in", "-o", "out/"], "No photo can be sent. in/a.jpg: in holds nothing named"),
        (["in", "masks", "-o", "out/", "--attributes", "x"], "x cannot be read"),
        (["in", "masks", "-o", "out/", "--landmarks", "in/a.jpg"], "in/a.jpg is not UTF-8"),
        (["in", "masks", "-o", "out/", "--url", "localhost:8000"], "is no address of a service"),
        (["in", "masks", "-o", "out/", "--key", "a b"], "the key is empty or holds something other"),
        (["in", "masks", "-o", "out/", "--key", "a", "--key-file", "k"], "not both"),
    ],
)
def test_usage_is_one_line_that_helps(inpaint: Command, arguments: list[str], complaint: str) -> None:
    result = inpaint(*arguments)
    (line,) = said(result)
    assert result.exit_code == 2
    assert line.startswith("inpaint: ")
    assert complaint in line
    assert "a b" not in line


@pytest.mark.parametrize("arguments", [["in"], ["in", "masks"], ["in", "masks", "-o", "out", "--samples", "9"]])
def test_the_parser_has_the_same_exit_code(inpaint: Command, arguments: list[str]) -> None:
    assert inpaint(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model", "gan"], f"inpaint: There is no model 'gan'; the service has {', '.join(PIPELINES)}."),
        (["--reference", "in/b.jpg"], "inpaint: lafin does not take reference; it takes faces, landmarks."),
        (["--attributes", "smiling=1"], "inpaint: lafin does not take attributes; it takes faces, landmarks."),
        (["--samples", "2"], "inpaint: lafin gives one result per photo; --samples must be 1."),
    ],
)
def test_what_the_service_does_not_have_is_said_once_and_nothing_is_sent(
    inpaint: Command, engine: FakeEngine, arguments: list[str], complaint: str
) -> None:
    before = engine.calls.total()
    result = inpaint("in", "masks", "-o", "out", *arguments)
    assert (result.exit_code, said(result)) == (4, [complaint])
    assert engine.calls.total() == before


def test_every_photo_refused(inpaint: Command) -> None:
    Path("masks/all.png").write_bytes(png(np.zeros((300, 400), np.uint8)))
    result = inpaint("in", "masks/all.png", "-o", "out")
    assert (result.exit_code, said(result)[-1]) == (4, "3 failed")


def test_nobody_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = call("in", "masks", "-o", "out", "--url", url)
    (line,) = said(result)
    assert result.exit_code == 3
    assert f"Is {url} the address? --url or INPAINT_URL names another." in line


def test_a_service_that_goes_away_is_not_asked_for_every_photo(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_part, "PATIENT", Retries(max_attempts=2, first_pause_seconds=0.01))
    script.answers = [MODELS, Answer(hang_up=True)]
    result = call("in", "masks", "-o", "out", "--concurrency", 1, "--url", script.url)
    assert result.exit_code == 3
    assert said(result)[-1] == "1 failed, 2 not sent"
    assert len(script.asked) == 3


def test_a_key_that_is_missing_wrong_or_right(redis_server: RedisServer) -> None:
    key, entry = make_key("studio", frozenset(SCOPES))
    with running(FakeEngine(), api_keys=str(entry), redis_url=redis_server.url) as url:
        start = ("in/a.jpg", "masks", "-o", "out/", "--url", url)
        missing = call(*start)
        assert (missing.exit_code, said(missing)[0].endswith("or INPAINT_KEY in the environment.")) == (4, True)
        wrong = call(*start, "--key", "studio.wrong")
        assert (wrong.exit_code, "wrong" in wrong.stderr) == (4, False)
        Path("key").write_text(f"{key}\n")
        assert call(*start, "--key-file", "key").exit_code == 0
        assert call(*start, "--force", INPAINT_KEY=key).exit_code == 0


@pytest.fixture
def jobs_url(redis_server: RedisServer) -> Iterator[str]:
    with running(FakeEngine(), redis_url=redis_server.url) as url:
        yield url


def test_async_queues_jobs_and_leaves_no_picture_behind(jobs_url: str, redis_server: RedisServer) -> None:
    Path("masks/c_mask.png").write_bytes(png(np.zeros((300, 400), np.uint8)))
    with working(redis_server, settings(redis_url=redis_server.url), FakeEngine()):
        result = call("in", "masks", "-o", "out", "--async", "--url", jobs_url)
    assert result.exit_code == 1
    assert said(result)[-1] == "2 completed, 1 failed"
    assert sorted(os.listdir("out")) == ["a.png", "b.png"]
    with redis_server.client() as redis:
        assert redis.keys("inpaint:inputs:*") + redis.keys("inpaint:results:*") == []


def launch(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "service.client", *arguments], env=environment, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_cancels_the_jobs(jobs_url: str, redis_server: RedisServer, number: signal.Signals) -> None:
    process = launch("in", "masks", "-o", "out", "--async", "--url", jobs_url, stderr=subprocess.PIPE)
    with redis_server.client() as redis:
        until(lambda: len(redis.keys("inpaint:job:*")) == 3, "the queueing of three jobs")
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (130, b"inpaint: Interrupted.\n")
        assert [redis.hget(key, "state") for key in redis.keys("inpaint:job:*")] == [b"canceled"] * 3
    assert not Path("out").exists()


def test_a_terminal_gets_a_bar(url: str) -> None:
    terminal, end = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(terminal, 4096):
                shown.append(chunk)
        except OSError:  # the other end is closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    with launch("in", "masks", "-o", "out", "--url", url, stderr=end) as process:
        os.close(end)
    reader.join(10)
    os.close(terminal)
    assert process.returncode == 0
    assert b"Completing" in b"".join(shown)
    assert b"3/3" in b"".join(shown)


def test_help_names_every_exit_code() -> None:
    shown = call("--help").stdout
    for code, meaning in EXIT_CODES.items():
        assert f"{code}  {meaning}" in shown


def test_the_console_script_is_this_command() -> None:
    target = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["inpaint"]
    module, _, name = target.partition(":")
    command = import_module(module)
    with pytest.MonkeyPatch.context() as patch:
        called: list[bool] = []
        patch.setattr("service.client.command.main.main", lambda: called.append(True))
        getattr(command, name)()
    assert called


def test_an_image_opened_from_the_output_is_whole(inpaint: Command) -> None:
    inpaint("in/a.jpg", "masks", "-o", "out.jpg", "--quality", "50")
    with Image.open("out.jpg") as image:
        image.load()
        assert (image.format, image.size) == ("JPEG", (400, 300))
