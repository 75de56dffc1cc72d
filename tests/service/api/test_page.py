from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from service.api.page import FOLDER
from service.keys import make_key
from tests.service.api.conftest import Served

MOST_BYTES = 150_000  # of everything but photographs
FILES = [file for file in Path(str(FOLDER)).iterdir() if file.is_file()]


async def test_the_page_and_all_its_parts_are_served(client: httpx.AsyncClient) -> None:
    start = await client.get("/")
    assert (start.status_code, start.headers["content-type"]) == (200, "text/html; charset=utf-8")
    loaded = re.findall(r'(?:src|href)="(web/[^"]+)"', start.text)
    named = {f"web/{file.name}" for file in FILES if file.suffix in (".js", ".css", ".svg")}
    assert set(loaded) == named
    sizes = [len(start.content)]
    for path in sorted(named):
        part = await client.get(f"/{path}")
        assert part.status_code == 200
        assert part.headers["content-type"].partition(";")[0] in ("text/javascript", "text/css", "image/svg+xml")
        sizes.append(len(part.content))
    assert sum(sizes) < MOST_BYTES


async def test_the_samples_are_served(client: httpx.AsyncClient) -> None:
    for name, kind in (("astronaut.jpg", "image/jpeg"), ("astronaut_mask.png", "image/png")):
        sample = await client.get(f"/web/samples/{name}")
        assert (sample.status_code, sample.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize(
    "name", ["index.html", "samples/README.md", "samples", "x.js", "../app.py", "..%2fapp.py", "samples/%2e%2e/main.js"]
)
async def test_nothing_else_is(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/web/{name}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_it_may_load_its_own_parts_and_run_no_text(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy


def test_it_names_no_other_place() -> None:
    for file in FILES:
        for url in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", file.read_text()):
            assert url == "http://www.w3.org/2000/svg", file.name


async def test_under_a_prefix_it_knows_where_it_is(served: Served) -> None:
    async with served(root_path="/faces") as client:
        assert '<base href="/faces/">' in (await client.get("/faces/")).text


async def test_no_key_is_needed_to_look_at_it(served: Served) -> None:
    async with served(api_keys=str(make_key("someone", frozenset({"inpaint"}))[1])) as client:
        assert (await client.get("/models")).status_code == 401
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/web/main.js")).status_code == 200


def test_all_words_stand_in_one_file() -> None:
    """But the name of the page, and what is said to a browser that runs no modules."""
    markup = (Path(str(FOLDER)) / "index.html").read_text()
    words = re.findall(r">([^<>]*\w[^<>]*)<", re.sub(r"<noscript>.*?</noscript>", "", markup))
    assert set(words) == {"Face inpainting"}
