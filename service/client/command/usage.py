"""What was asked for on the command line, and the error for arguments that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Format = Literal["png", "jpeg", "webp"]


class BadUsage(Exception):
    """The arguments, or the files they name, cannot be used. One sentence that says what would help."""


@dataclass(frozen=True)
class Files:
    """What was named: a file, a folder or a pattern each."""

    photo: str
    mask: str
    out: str
    landmarks: str | None = None
    faces: str | None = None
    reference: str | None = None
    picture_format: Format | None = None
    force: bool = False  # overwrite what exists


@dataclass(frozen=True)
class Service:
    """The service to ask, and how."""

    url: str
    key: str | None = field(default=None, repr=False)
    concurrency: int = 4
    as_jobs: bool = False
