"""GET /: the page in service/web. Plain files, nothing from elsewhere; its parts lie under /web."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

FOLDER = files("service") / "web"
PARTS = "/web"
MEDIA_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "jpg": "image/jpeg",
    "png": "image/png",
}
BASE = '<base href="/">'
MODULES = "<!-- modules -->"
WORDS = ("boot.js", "dom.js", "texts.js")  # what it takes to write the page's words

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request) -> HTMLResponse:
    """The page, told under which prefix it is shown."""
    base = f'<base href="{request.scope.get("root_path", "")}/">'
    return HTMLResponse(_text().replace(BASE, base))


@router.get(PARTS + "/{path:path}")
async def part(path: str) -> Response:
    """A module, style sheet, icon or sample. What does not lie in the folder, or is of another type, is not found."""
    found = _parts().get(path)
    if found is None:
        raise HTTPException(404)
    return Response(found[0], media_type=found[1])


@cache
def _text() -> str:
    """The page, with its modules named, so that browsers ask for all of them at once, for the words first."""
    names = sorted((name for name in _parts() if name.endswith(".js")), key=lambda name: (name not in WORDS, name))
    preloads = "\n".join(f'<link rel="modulepreload" href="{PARTS.lstrip("/")}/{name}">' for name in names)
    return (FOLDER / "index.html").read_text(encoding="utf-8").replace(MODULES, preloads)


@cache
def _parts() -> dict[str, tuple[bytes, str]]:
    """Path below /web -> bytes and media type of every file that the page may load, less than a megabyte in all."""
    return {
        f"{prefix}{file.name}": (file.read_bytes(), MEDIA_TYPES[kind])
        for prefix, folder in (("", FOLDER), ("samples/", FOLDER / "samples"))
        for file in folder.iterdir()
        if (kind := file.name.rpartition(".")[2]) in MEDIA_TYPES
    }
