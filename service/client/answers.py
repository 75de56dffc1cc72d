"""The service's answers as types. Their fields are those of service/api/schemas.py."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError, field_validator

from service.api.schemas import EncodedPicture, InpaintAnswerBody, ParsingBody
from service.client.errors import Garbled, error_of

B = TypeVar("B", bound=BaseModel)


class InpaintAnswer(InpaintAnswerBody):
    """A completed picture, or several samples of it, with what was found on the way."""

    @field_validator("images")
    @classmethod
    def _at_least_one(cls, images: list[EncodedPicture]) -> list[EncodedPicture]:
        if not images:
            raise ValueError("no picture came")
        return images

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


class ParsingAnswer(ParsingBody):
    """A parsing map with the classes and the faces that were found."""

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
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, item["loc"])) or item["type"] for item in error.errors()[:3])
        raise Garbled(f"The service answered something that is no {kind.__name__} ({where}).") from None


def require_success(response: httpx.Response) -> None:
    """Raise the error that an answer other than 2xx stands for."""
    if not response.is_success:
        raise error_of(response)
