from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene

Served = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def in_memory(engine: FakeEngine, **settings: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with these settings, without a socket between them."""
    app = create_app(Settings(_env_file=None, **settings), engine)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def served(engine: FakeEngine) -> Served:
    """served(max_body_bytes=...) opens a client of an application with those settings."""
    return lambda **settings: in_memory(engine, **settings)


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[httpx.AsyncClient]:
    async with in_memory(engine) as client:
        yield client


@pytest.fixture
def files() -> dict[str, tuple[str, bytes, str]]:
    """A picture without a face and a mask in its middle, as the form's file parts: no network has anything to do."""
    return form_files(png(scene()), png(box_mask()))


def form_files(image: bytes, mask: bytes) -> dict[str, tuple[str, bytes, str]]:
    return {"image": ("a.png", image, "image/png"), "mask": ("b.png", mask, "image/png")}


def framed(files: dict[str, tuple]) -> dict[str, tuple]:
    """The same form with `align=none`: the picture is the face frame, and a network fills the hole."""
    return {**files, "align": (None, b"none")}


def multipart(image: bytes, mask: bytes) -> tuple[bytes, str]:
    """The body of a request and its content-type line, for bare connections."""
    request = httpx.Request("POST", "http://test", files=framed(form_files(image, mask)))
    return request.read(), f"Content-Type: {request.headers['content-type']}"
