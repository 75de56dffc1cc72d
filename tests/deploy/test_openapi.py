from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from deploy.openapi import STORED, document
from service.keys import make_key
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import running, settings
from tests.fakes.worker import working

PROGRAMS = Path(sys.executable).parent
PACKAGE = "generated_client"
HOLE = box_mask() > 0


def test_the_stored_copy_is_what_the_service_says() -> None:
    """After a wanted change: python -m deploy.openapi, and a look at the difference."""
    said, stored = json.loads(json.dumps(document())), json.loads(STORED.read_text(encoding="utf-8"))
    for one in (said, stored):
        del one["info"]["version"]
    assert said == stored


def generate(*command: str) -> None:
    """Run a generator of clients, which must say neither a warning nor an error."""
    environment = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "error"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the path of imports with the client that openapi-python-client makes, without any configuration."""
    folder = tmp_path_factory.mktemp("generated")
    program = str(PROGRAMS / "openapi-python-client")
    generate(program, "generate", "--path", str(STORED), "--output-path", str(folder / PACKAGE), "--meta", "none")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


class Generated:
    """The generated package: a client with a key, and its modules by name."""

    def __init__(self, url: str, key: str) -> None:
        self.client = self.module("client").AuthenticatedClient(base_url=url, token=key)
        self.models, self.file = self.module("models"), self.module("types").File

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{name}")

    def picture(self, data: bytes) -> object:
        return self.file(payload=io.BytesIO(data), file_name="picture.png", mime_type="image/png")


@pytest.fixture(scope="module")
def address(generated: Path) -> Iterator[tuple[str, str]]:
    """The URL of the real service over an engine in memory, with a worker, and a key."""
    key, entry = make_key("app", frozenset({"inpaint", "analysis", "jobs"}))
    with RedisServer() as redis:
        engine, options = FakeEngine(), {"redis_url": redis.url, "api_keys": str(entry)}
        with running(engine, **options) as url, working(redis, settings(**options), engine):
            yield url, key


@pytest.fixture
def served(address: tuple[str, str]) -> Generated:
    return Generated(*address)


def test_a_generated_client_completes_a_picture(served: Generated) -> None:
    form = served.models.InpaintForm(image=served.picture(png(scene())), mask=served.picture(png(box_mask())), seed=7)
    completed = served.module("api.inpainting.inpaint").sync(client=served.client, body=form)
    assert isinstance(completed, served.file)
    assert (pixels(completed.payload.read())[~HOLE] == scene()[~HOLE]).all()


def test_a_generated_client_reads_json_by_its_type(served: Generated) -> None:
    form = served.models.InpaintForm(image=served.picture(png(scene())), mask=served.picture(png(box_mask())))
    client = served.client.with_headers({"Accept": "application/json"})
    answer = served.module("api.inpainting.inpaint").sync_detailed(client=client, body=form)
    body = served.models.InpaintAnswerBody.from_dict(json.loads(answer.content))
    assert (body.width, body.height, body.images[0].media_type) == (400, 300, "image/png")


def test_a_generated_client_submits_and_fetches_a_job(served: Generated) -> None:
    pair = {"image": [served.picture(png(scene()))], "mask": [served.picture(png(box_mask()))]}
    job = served.module("api.jobs.create_job").sync(client=served.client, body=served.models.JobForm(**pair))
    assert (type(job).__name__, str(job.state)) == ("JobBody", "queued")
    ended = served.module("api.jobs.get_job").sync(job.id, client=served.client, wait=20)
    assert str(ended.state) == "succeeded"
    assert ended.finished_at >= ended.created_at
    result = served.module("api.jobs.get_result").sync(job.id, client=served.client)
    assert isinstance(result, served.file)
    assert (pixels(result.payload.read())[~HOLE] == scene()[~HOLE]).all()


def test_a_generated_client_reads_what_is_wrong(served: Generated) -> None:
    black = served.models.InpaintForm(image=served.picture(png(scene())), mask=served.picture(png(box_mask() * 0)))
    problem = served.module("api.inpainting.inpaint").sync(client=served.client, body=black)
    assert isinstance(problem, served.models.Problem)
    assert (problem.status, problem.code, problem.errors[0].field) == (422, "empty_hole", "mask")


def test_models_are_generated_without_a_warning(tmp_path: Path) -> None:
    made = tmp_path / "generated_models.py"
    options = ("--output-model-type", "pydantic_v2.BaseModel", "--use-annotated", "--formatters", "builtin")
    generate(str(PROGRAMS / "datamodel-codegen"), "--input", str(STORED), "--output", str(made), *options)
    module: dict[str, object] = {"__name__": made.stem}
    exec(compile(made.read_text(encoding="utf-8"), made, "exec"), module)
    assert {"InpaintForm", "JobBody", "Problem", "WebhookMessage"} <= set(module)
