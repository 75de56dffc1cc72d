"""Headers that protect browsers: on every answer, and on the pages that the service shows."""

from __future__ import annotations

from collections.abc import Mapping

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING_LOADS = "default-src 'none'; frame-ancestors 'none'"
# Swagger UI begins with a script in the page, and draws with styles and pictures of its own.
DOCUMENTATION_LOADS = (
    "default-src 'none'; connect-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; frame-ancestors 'none'"
)
# The page: its own modules, styles and calls; pictures that were opened are blobs. No text becomes markup or script.
PAGE_LOADS = (
    "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
PAGES = {"/": PAGE_LOADS, "/docs": DOCUMENTATION_LOADS}


def security_headers(path: str) -> Mapping[str, str]:
    """The headers of the answer at `path`."""
    return SECURITY_HEADERS | {"Content-Security-Policy": PAGES.get(path, NOTHING_LOADS)}
