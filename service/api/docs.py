"""GET /docs: Swagger UI. Its scripts come from a package, so that the page works without the internet."""

from __future__ import annotations

from importlib.resources import as_file, files

from fastapi import APIRouter, HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response

PATH = "/docs"
PACKAGE, FOLDER = "fastapi_offline", "static"
MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def docs(request: Request) -> HTMLResponse:
    """The page, which reads /openapi.json."""
    root = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        title=f"{request.app.title}: the API",
        openapi_url=f"{root}{request.app.openapi_url}",
        swagger_js_url=f"{root}{PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{PATH}/swagger-ui.css",
        swagger_favicon_url=f"{root}{PATH}/favicon.png",
    )


@router.get(PATH + "/{name}")
def part(name: str) -> Response:
    """A file that the page loads."""
    if name not in MEDIA_TYPES:
        raise HTTPException(404)
    with as_file(files(PACKAGE) / FOLDER / name) as file:
        return Response(file.read_bytes(), media_type=MEDIA_TYPES[name])
