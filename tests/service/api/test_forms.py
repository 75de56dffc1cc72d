from __future__ import annotations

import errno
from tempfile import SpooledTemporaryFile

import httpx
import pytest

from tests.service.api.conftest import Served

BOUNDARY = {"content-type": "multipart/form-data; boundary=x"}


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value + b"\r\n"


def problem(response: httpx.Response, status: int, code: str) -> dict:
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return response.json()


async def test_an_unknown_field_is_refused_by_name_with_a_hint(client: httpx.AsyncClient, files: dict) -> None:
    body = problem(await client.post("/inpaint", files=files, data={"sede": "3"}), 422, "unknown_field")
    assert body["detail"] == "There is no field 'sede'. Did you mean 'seed'?"
    assert body["errors"][0]["field"] == "sede"
    assert "quality" in body["errors"][0]["allowed"]


async def test_an_unspeakable_name_is_not_repeated(client: httpx.AsyncClient, files: dict) -> None:
    response = await client.post("/inpaint", files=files, data={"<script>": "1"})
    problem(response, 422, "unknown_field")
    assert "script" not in response.text


async def test_a_field_sent_twice_is_refused(client: httpx.AsyncClient, files: dict) -> None:
    body = problem(await client.post("/inpaint", files=files, data={"seed": ["1", "2"]}), 422, "bad_field")
    assert body["errors"] == [{"field": "seed", "message": "sent more than once"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mask_mode", "red"),
        ("mask_invert", "perhaps"),
        ("mask_dilate", "-1"),
        ("mask_dilate", "129"),
        ("samples", "0"),
        ("samples", "9"),
        ("samples", "2"),
        ("seed", "-2"),
        ("seed", "secret-text"),
        ("align", "maybe"),
        ("blend", "laplace"),
        ("output_format", "gif"),
        ("quality", "0"),
        ("quality", "101"),
    ],
)
async def test_a_bad_value_is_refused_by_field_and_not_repeated(
    client: httpx.AsyncClient, files: dict, field: str, value: str
) -> None:
    response = await client.post("/inpaint", files=files, data={field: value})
    assert problem(response, 422, "bad_field")["errors"][0]["field"] == field
    assert "secret-text" not in response.text


async def test_missing_files_and_text_in_their_place_are_told_apart(client: httpx.AsyncClient, files: dict) -> None:
    only_image = {"image": files["image"]}
    body = problem(await client.post("/inpaint", files=only_image), 422, "bad_field")
    assert body["errors"] == [{"field": "mask", "message": "is needed"}]
    body = problem(await client.post("/inpaint", files=only_image, data={"mask": "text"}), 422, "bad_field")
    assert body["errors"] == [{"field": "mask", "message": "must be a file part (with a filename)"}]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "application/json"}, b"{}"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"image=1"),
        ({"content-type": "multipart/form-data"}, b"--x\r\n"),
        (BOUNDARY, b""),
        (BOUNDARY, b"this is not multipart"),
        (BOUNDARY, part("seed", b"1")[:-10]),
        (BOUNDARY, part("image", b"abc", "a.png") + part("mask", b"abc", "b.png")),
        (BOUNDARY, b"--x\r\nContent-Type: text/plain\r\n\r\nnameless\r\n--x--\r\n"),
        (BOUNDARY, b"".join(part(f"f{i}", b"") for i in range(70)) + b"--x--\r\n"),
        (BOUNDARY, part("landmarks", b"1" * 1_100_000) + b"--x--\r\n"),
    ],
    ids=["json", "urlencoded", "no boundary", "empty", "text", "cut part", "no end", "nameless", "many", "long text"],
)
async def test_a_broken_body_is_400(client: httpx.AsyncClient, headers: dict, body: bytes) -> None:
    problem(await client.post("/inpaint", content=body, headers=headers), 400, "broken_upload")


async def test_a_text_field_may_come_as_a_file(client: httpx.AsyncClient, files: dict) -> None:
    response = await client.post("/inpaint", files={**files, "seed": ("seed.txt", b"7", "text/plain")})
    assert (response.status_code, response.headers["x-seed"]) == (200, "7")


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd", b"1" * 1_000_001], ids=["not utf-8", "too long"])
async def test_a_file_that_is_no_text_is_refused(client: httpx.AsyncClient, files: dict, content: bytes) -> None:
    response = await client.post("/inpaint", files={**files, "landmarks": ("l.json", content, "application/json")})
    assert problem(response, 422, "bad_field")["errors"][0]["field"] == "landmarks"


async def test_a_full_disk_is_503_and_can_be_retried(
    served: Served, files: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: SpooledTemporaryFile, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with served() as client:
        with monkeypatch.context() as patched:
            patched.setattr(SpooledTemporaryFile, "write", full)
            response = await client.post("/inpaint", files=files)
        problem(response, 503, "storage_full")
        assert int(response.headers["retry-after"]) >= 1
        assert (await client.post("/inpaint", files=files)).status_code == 200


async def test_a_field_left_empty_is_as_good_as_absent(client: httpx.AsyncClient, files: dict) -> None:
    """As a page's form sends all of its fields, those of files too."""
    empty = dict.fromkeys(("model", "seed", "samples", "quality", "output_format", "landmarks", "mask_dilate"), "")
    response = await client.post("/inpaint", files={**files, "reference": (None, b"")}, data=empty)
    assert (response.status_code, response.headers["x-model"]) == (200, "lafin")
    body = part("image", files["image"][1], "a.png") + part("mask", files["mask"][1], "b.png")
    unchosen = b'--x\r\nContent-Disposition: form-data; name="reference"; filename=""\r\n\r\n\r\n--x--\r\n'
    response = await client.post("/inpaint", content=body + unchosen, headers=BOUNDARY)
    assert response.status_code == 200


async def test_a_file_that_is_needed_and_left_empty_is_missing(client: httpx.AsyncClient, files: dict) -> None:
    body = problem(await client.post("/inpaint", files={"image": files["image"]}, data={"mask": ""}), 422, "bad_field")
    assert body["errors"] == [{"field": "mask", "message": "is needed"}]


async def test_a_seed_of_minus_one_is_a_random_one(client: httpx.AsyncClient, files: dict) -> None:
    data = {"model": "gfc", "seed": "-1"}
    seeds = [(await client.post("/inpaint", files=files, data=data)).headers["x-seed"] for _ in range(3)]
    assert len(set(seeds)) == 3
    assert min(map(int, seeds)) >= 0


async def test_jpg_is_jpeg(client: httpx.AsyncClient, files: dict) -> None:
    response = await client.post("/inpaint", files=files, data={"output_format": "jpg"})
    assert response.headers["content-type"] == "image/jpeg"
    response = await client.post("/inpaint", files=files, headers={"accept": "image/jpg"})
    assert response.headers["content-type"] == "image/jpeg"
