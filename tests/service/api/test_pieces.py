from __future__ import annotations

import base64

import pytest
from fastapi import FastAPI

from service.api.pieces import PIECE_BYTES, PiecesResponse, cut, encoded, joined
from tests.fakes.http import http
from tests.fakes.server import serving

SIZES = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 7]


@pytest.mark.parametrize("size", SIZES)
def test_pieces_are_the_whole(size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    assert all(len(piece) <= PIECE_BYTES for piece in cut(data))
    assert bytes(joined(cut(data))) == data
    assert bytes(joined(cut(data, 100))) == data[100:]
    assert b"".join(encoded(data)) == base64.b64encode(data)


def test_a_response_in_pieces_arrives_whole_over_a_socket() -> None:
    app, data = FastAPI(), bytes(range(256)) * 10_000

    @app.get("/")
    async def whole() -> PiecesResponse:
        return PiecesResponse(cut(data), "image/png", {"X-Model": "m"})

    with serving(app) as url:
        response = http.get(url)
    assert response.content == data
    headers = response.headers
    assert (headers["content-length"], headers["content-type"]) == (str(len(data)), "image/png")
    assert headers["x-model"] == "m"
