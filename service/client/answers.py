"""The service's answers as types, and how they are read."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as BadBase64
from dataclasses import dataclass
from typing import TypeVar

import httpx

from service.client.bodies import EncodedPicture, InpaintAnswerBody, ParsingBody
from service.client.errors import Garbled, error_of
from service.client.reading import Unfit, read

B = TypeVar("B")


@dataclass(kw_only=True)
class InpaintAnswer(InpaintAnswerBody):
    """A completed picture, or several samples of it, with what was found on the way."""

    def __post_init__(self) -> None:
        if not self.images:
            raise ValueError("images")

    @property
    def picture(self) -> bytes:
        """The bytes of the (first) completed picture's file."""
        return self.pictures[0]

    @property
    def pictures(self) -> list[bytes]:
        """The bytes of every sample's file."""
        return decoded(self.images)

    @property
    def media_type(self) -> str:
        """image/png, image/jpeg or image/webp."""
        return self.images[0].media_type


@dataclass(kw_only=True)
class ParsingAnswer(ParsingBody):
    """A parsing map with the classes and the faces that were found."""

    def __post_init__(self) -> None:
        if not self.images:
            raise ValueError("images")

    @property
    def picture(self) -> bytes:
        """The bytes of the indexed PNG: each pixel's value is the index of its class."""
        return decoded(self.images)[0]


def decoded(images: list[EncodedPicture]) -> list[bytes]:
    """The bytes of every file. Raises Garbled."""
    try:
        return [b64decode(image.data, validate=True) for image in images]
    except BadBase64:
        raise Garbled("The answer's picture is not base64.") from None


def body_of(response: httpx.Response, kind: type[B]) -> B:
    """The JSON of a good answer as `kind`; raises the error that the answer stands for, or Garbled."""
    require_success(response)
    try:
        return read(kind, json.loads(response.content))
    except (Unfit, ValueError) as error:
        where = str(error) if isinstance(error, Unfit) else "no JSON"
        raise Garbled(f"The service answered something that is no {kind.__name__} ({where}).") from None


def require_success(response: httpx.Response) -> None:
    """Raise the error that an answer other than 2xx stands for."""
    if not response.is_success:
        raise error_of(response)
