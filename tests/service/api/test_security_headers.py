from __future__ import annotations

import httpx


async def test_no_answer_may_be_framed_sniffed_kept_or_load_anything(client: httpx.AsyncClient, files: dict) -> None:
    for response in (
        await client.get("/livez"),
        await client.get("/nowhere"),
        await client.get("/metrics"),
        await client.post("/inpaint", files=files),
        await client.post("/inpaint"),
    ):
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "server" not in response.headers


async def test_the_documentation_may_load_its_own_parts_and_nothing_else(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self'" in policy
    assert "http" not in policy
