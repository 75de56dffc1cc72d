from __future__ import annotations

import pytest

from service.api.accept import negotiate
from service.errors import NotAcceptable


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "image/png"),
        ("", "image/png"),
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/WEBP", "image/webp"),
        ("image/jpg", "image/jpeg"),
        ("image/png;q=0.5, image/jpg", "image/jpeg"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("image/png;q=0.2, image/webp;q=0.9", "image/webp"),
        ("image/*;q=0.5, application/json", "application/json"),
        ("*/*;q=0.1, image/jpeg;q=0.2", "image/jpeg"),
        ("image/png;q=0, image/*", "image/jpeg"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "image/png"),
        ("image/avif, image/webp, image/png", "image/png"),
        ("image/jpeg;q=high, image/webp;q=0.1", "image/webp"),
        ("application/octet-stream", "image/png"),  # any bytes, but no JSON
        ("application/octet-stream;q=0.5, image/webp", "image/webp"),
    ],
)
def test_the_best_liked_type_is_chosen(accept: str | None, expected: str) -> None:
    assert negotiate(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", "image/gif", "image/png;q=0", "*/*;q=0", "image/png;q=2", "nonsense"])
def test_what_cannot_be_made_is_refused_with_the_list_of_what_can(accept: str) -> None:
    with pytest.raises(NotAcceptable) as raised:
        negotiate(accept)
    assert raised.value.errors[0]["allowed"] == ["image/png", "image/jpeg", "image/webp", "application/json"]
