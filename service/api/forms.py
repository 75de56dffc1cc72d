"""Multipart forms: each is declared once, as a pydantic model. Unknown and repeated fields are refused by name."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

from fastapi import Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as Part
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from service.completion.pipelines import DEFAULT_PIPELINE
from service.errors import BadField, BrokenUpload, ClientGone, StorageFull, UnknownField

MAX_TEXT_BYTES = 1_000_000
MAX_PARTS = 64
MAX_FILES = 2 * 64 + 1  # of a batch, with a reference
ANY_SEED = -1  # as other services take it
SPEAKABLE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
LANDMARKS_EXAMPLE = "[[101.5, 140.2], [102.1, 158.0], ...]"


class MaskFields(BaseModel):
    """How a mask is read."""

    model_config = ConfigDict(extra="forbid")

    mask_mode: Literal["luminance", "alpha"] = Field(
        "luminance", description="luminance: white is missing. alpha: transparent is missing."
    )
    mask_invert: bool = Field(False, description="Swap missing and known.")
    mask_dilate: int = Field(
        0, ge=0, description="Grow the hole by this many pixels; GET /limits names the largest value."
    )


class LandmarksForm(MaskFields):
    """What POST /landmarks takes."""

    image: UploadFile = Field(description="The picture: JPEG, PNG or WEBP. EXIF orientation is respected.")
    mask: UploadFile | None = Field(
        None, description="Optional: which part of the picture is missing, white = missing."
    )


class ParsingForm(LandmarksForm):
    """What POST /parsing takes."""

    align: Literal["auto", "none"] = Field(
        "auto", description="auto: faces are found and aligned. none: the whole picture is the aligned face."
    )


class InpaintFields(MaskFields):
    """What fills a hole, and how the answer looks."""

    model: str = Field(DEFAULT_PIPELINE, max_length=64, description="A name from GET /models.")
    landmarks: str | None = Field(
        None,
        description=f"JSON: 68 points [x, y] in pixels of the upright image, iBUG order: {LANDMARKS_EXAMPLE}; "
        "for several faces a list of such lists.",
    )
    faces: str | None = Field(
        None,
        description="JSON: where the faces are, so that none is looked for. A list of boxes [x0, y0, x1, y1] around "
        "eyes, nose and mouth, in pixels of the upright image, or of objects: `box` and `roll` (clockwise degrees).",
    )
    reference: UploadFile | None = Field(
        None, description="A picture that guides the filling, for models that take one."
    )
    attributes: str | None = Field(None, description="JSON: attribute name -> -1..1, for models that take them.")
    samples: int = Field(
        1, ge=1, le=8, description="How many different results, for models that give several. More than one needs JSON."
    )
    seed: int | None = Field(
        None,
        ge=ANY_SEED,
        lt=2**31,
        description="Makes random results repeatable. If it is left out, or -1, a random one is used; `X-Seed` says "
        "which.",
    )
    align: Literal["auto", "none"] = Field(
        "auto", description="auto: faces are found and aligned. none: the whole picture is the aligned face."
    )
    blend: Literal["feather", "poisson", "none"] = Field(
        "feather",
        description="How the filling is joined to its surroundings. None of them changes a pixel outside the hole. "
        "none: what the network painted as it is; colours, lips and the second eye are not mended.",
    )
    output_format: Literal["png", "jpeg", "jpg", "webp"] | None = Field(
        None, description="Format of the picture, whatever `Accept` says. Default png; jpg is jpeg."
    )
    quality: int | None = Field(
        None,
        ge=1,
        le=100,
        description="For jpeg and webp. If it is left out: jpeg 95, webp lossless. At 100 webp is lossless too.",
    )
    include: str | None = Field(
        None,
        max_length=64,
        description="What the model made on its way, joined by commas, for the JSON answer, or the zip of a batch: "
        "`coarse,parsing` of the model showface.",
    )

    @field_validator("seed")
    @classmethod
    def _drawn(cls, seed: int | None) -> int | None:
        return None if seed == ANY_SEED else seed

    @field_validator("output_format")
    @classmethod
    def _by_its_name(cls, output_format: str | None) -> str | None:
        return "jpeg" if output_format == "jpg" else output_format

    @property
    def stages(self) -> tuple[str, ...]:
        """The names in `include`."""
        return tuple(name.strip() for name in (self.include or "").split(",") if name.strip())


class InpaintForm(InpaintFields):
    """What POST /inpaint takes."""

    image: UploadFile = Field(description="The picture: JPEG, PNG or WEBP. EXIF orientation is respected.")
    mask: UploadFile = Field(description="What to fill: a picture of the same size, white = fill.")


class JobForm(InpaintFields):
    """What POST /jobs takes: one pair of image and mask, or several in order. The other fields apply to all pairs."""

    image: list[UploadFile] = Field(min_length=1, description="The pictures, repeated for a batch: JPEG, PNG or WEBP.")
    mask: list[UploadFile] = Field(
        min_length=1, description="One mask for each image, in the same order, white = fill."
    )
    webhook_url: str | None = Field(None, description="This address gets a signed message when the job has ended.")
    delete_on_fetch: bool = Field(False, description="Delete the result as soon as it has been fetched.")
    priority: Literal["normal", "high"] = Field(
        "normal", description="high: goes before the jobs of others. Needs a key with the scope `priority`."
    )


F = TypeVar("F", bound=BaseModel)


@asynccontextmanager
async def read_form(request: Request, kind: type[F]) -> AsyncIterator[F]:
    """The request's form as `kind`. File parts over 1 MB lie in the temp folder until the block ends."""
    form = await _parse(request)
    try:
        yield _validated(await _fields(form, kind), kind)
    finally:
        await form.close()


class _WholeForm(MultiPartParser):
    """Knows whether the closing boundary came: the parser itself takes a cut body for a whole one."""

    whole = False

    def on_end(self) -> None:
        self.whole = True


async def _parse(request: Request) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise BrokenUpload("The body must be multipart/form-data.")
    parser = _WholeForm(
        request.headers, request.stream(), max_files=MAX_FILES, max_fields=MAX_PARTS, max_part_size=MAX_TEXT_BYTES
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BrokenUpload(f"The multipart body cannot be read: {error.message}") from None
    except ClientDisconnect:
        raise ClientGone() from None
    except OSError:
        raise StorageFull("There is no room for the upload right now.", retry_after_seconds=5) from None
    if not parser.whole:
        await form.close()
        raise BrokenUpload("The multipart body ends before its closing boundary.")
    return form


async def _fields(form: FormData, kind: type[BaseModel]) -> dict[str, Any]:
    _refuse_unknown((name for name, _ in form.multi_items()), kind)
    items = [(name, value) for name, value in form.multi_items() if not _left_empty(value)]
    lists = list_fields(kind)
    _refuse_repeated(name for name, _ in items if name not in lists)
    single = {name: await _value(name, value, kind) for name, value in items if name not in lists}
    return single | {name: values for name in lists if (values := [value for other, value in items if other == name])}


def _left_empty(value: Part | str) -> bool:
    """A field that a page's form sends though nobody filled it in: it means what leaving it out means."""
    return value == "" if isinstance(value, str) else not value.filename and not value.size


def _refuse_unknown(names: Iterable[str], kind: type[BaseModel]) -> None:
    known = list(kind.model_fields)
    unknown = sorted(set(names) - set(known))
    if not unknown:
        return
    errors = [{"field": speakable(name), "allowed": known} for name in unknown]
    raise UnknownField(f"There is no field {speakable(unknown[0])!r}.{did_you_mean(unknown[0], known)}", errors=errors)


def _refuse_repeated(names: Iterable[str]) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        errors = [{"field": name, "message": "sent more than once"} for name in repeated]
        raise BadField(f"The field {repeated[0]!r} was sent more than once.", errors=errors)


async def _value(name: str, value: Part | str, kind: type[BaseModel]) -> Part | str:
    """A text field may also come as a file, as `curl -F landmarks=@points.json` sends it."""
    if isinstance(value, str) or name in file_fields(kind):
        return value
    data = await value.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        errors = [{"field": name, "allowed_bytes": MAX_TEXT_BYTES}]
        raise BadField(f"The field {name!r} is longer than {MAX_TEXT_BYTES} bytes.", errors=errors)
    try:
        return data.decode()
    except UnicodeDecodeError:
        errors = [{"field": name, "message": "not UTF-8"}]
        raise BadField(f"The field {name!r} is not UTF-8 text.", errors=errors) from None


def file_fields(kind: type[BaseModel]) -> frozenset[str]:
    """The fields of a form that are files."""
    return frozenset(name for name, field in kind.model_fields.items() if "UploadFile" in str(field.annotation))


def list_fields(kind: type[BaseModel]) -> frozenset[str]:
    """The fields of a form that may be sent more than once."""
    return frozenset(name for name, field in kind.model_fields.items() if str(field.annotation).startswith("list["))


def _validated(fields: dict[str, Any], kind: type[F]) -> F:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        errors = [_complaint(dict(item), kind) for item in error.errors(include_input=False, include_url=False)]
        detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors)
        raise BadField(f"{detail}.", errors=errors) from None


def _complaint(item: dict[str, Any], kind: type[BaseModel]) -> dict[str, Any]:
    field, *where = item["loc"]
    if item["type"] == "missing":
        return {"field": field, "message": "is needed"}
    if field in file_fields(kind):
        index = {"index": where[0]} if where else {}
        return {"field": field, **index, "message": "must be a file part (with a filename)"}
    return {"field": field, "message": item["msg"][:1].lower() + item["msg"][1:]}


def did_you_mean(name: str, known: list[str]) -> str:
    """A sentence that names the known name that is most like `name`; empty where none is."""
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def speakable(name: str) -> str:
    """A name as it may be repeated in an answer."""
    return name if SPEAKABLE.fullmatch(name) else "(an unreadable name)"


def form_body(name: str) -> dict[str, Any]:
    """The OpenAPI request body of a route that reads the form `name`."""
    return {"required": True, "content": {"multipart/form-data": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
