from __future__ import annotations

import re

import httpx


async def test_the_page_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sorted(loaded) == ["/docs/favicon.png", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]
    assert "url: '/openapi.json'" in page.text
    assert "//" not in page.text.replace("://", "").replace("<!--", "")


async def test_its_parts_are_served(client: httpx.AsyncClient) -> None:
    script = await client.get("/docs/swagger-ui-bundle.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "SwaggerUIBundle" in script.text
    assert (await client.get("/docs/swagger-ui.css")).headers["content-type"].startswith("text/css")
    assert (await client.get("/docs/favicon.png")).content.startswith(b"\x89PNG")


async def test_other_files_of_the_package_are_not(client: httpx.AsyncClient) -> None:
    for name in ("redoc.standalone.js", "..%2fcore.py", "x"):
        response = await client.get(f"/docs/{name}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
