"""Everything that can go wrong, as types. One handler (service/api/problems.py) turns them into RFC 9457 answers.

ServiceError
├── InputError                      the caller can mend it
│   ├── BrokenUpload            400 broken_upload
│   ├── UnknownModel            404 unknown_model
│   ├── NotAcceptable           406 not_acceptable
│   ├── UploadTimeout           408 upload_timeout          retryable
│   ├── BodyTooLarge            413 body_too_large
│   ├── UnsupportedImage        415 unsupported_image
│   └── IllegalInput            422 illegal_input
│       ├── TooManyPixels           too_many_pixels
│       ├── SideTooLong             side_too_long
│       ├── SideTooShort            side_too_short
│       ├── AnimatedImage           animated_image
│       ├── SizesDiffer             sizes_differ
│       ├── EmptyHole               empty_hole
│       ├── FullHole                full_hole
│       ├── BadLandmarks            bad_landmarks
│       ├── UnknownField            unknown_field
│       ├── BadField                bad_field
│       └── GuidanceNotAccepted     guidance_not_accepted
├── Overloaded                  429 overloaded              retryable
├── ClientGone                  499 client_gone             nobody reads this answer: for logs and metrics
├── StorageFull                 503 storage_full            retryable
└── EngineError                     the machine behind the service
    ├── EngineContractBroken    500 engine_contract_broken  our tensor was refused: an alarm
    ├── EngineGarbage           502 engine_garbage
    ├── EngineUnavailable       503 engine_unavailable      retryable
    │   ├── EngineQueueFull         engine_queue_full       retryable
    │   └── Draining                draining                retryable
    └── DeadlineExceeded        504 deadline_exceeded       retryable
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ServiceError(Exception):
    """The root. `detail` is one plain sentence for a person; it never repeats uploaded content."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = [dict(error) for error in errors]
        self.retry_after_seconds = retry_after_seconds
        self.headers = dict(headers or {})


class InputError(ServiceError):
    status, code, title = 400, "bad_request", "Bad request"


class BrokenUpload(InputError):
    status, code, title = 400, "broken_upload", "The upload cannot be read"


class UnknownModel(InputError):
    status, code, title = 404, "unknown_model", "No such model"


class NotAcceptable(InputError):
    status, code, title = 406, "not_acceptable", "No acceptable output type"


class UploadTimeout(InputError):
    status, code, title, retryable = 408, "upload_timeout", "The upload took too long", True


class BodyTooLarge(InputError):
    status, code, title = 413, "body_too_large", "The body is too large"


class UnsupportedImage(InputError):
    status, code, title = 415, "unsupported_image", "Not an allowed image format"


class IllegalInput(InputError):
    status, code, title = 422, "illegal_input", "The input cannot be processed"


class TooManyPixels(IllegalInput):
    code, title = "too_many_pixels", "Too many pixels"


class SideTooLong(IllegalInput):
    code, title = "side_too_long", "A side is too long"


class SideTooShort(IllegalInput):
    code, title = "side_too_short", "A side is too short"


class AnimatedImage(IllegalInput):
    code, title = "animated_image", "More than one frame"


class SizesDiffer(IllegalInput):
    code, title = "sizes_differ", "Image and mask differ in size"


class EmptyHole(IllegalInput):
    code, title = "empty_hole", "The mask marks nothing"


class FullHole(IllegalInput):
    code, title = "full_hole", "The mask marks everything"


class BadLandmarks(IllegalInput):
    code, title = "bad_landmarks", "The landmarks cannot be used"


class UnknownField(IllegalInput):
    code, title = "unknown_field", "Unknown form field"


class BadField(IllegalInput):
    code, title = "bad_field", "A form field has a bad value"


class GuidanceNotAccepted(IllegalInput):
    code, title = "guidance_not_accepted", "The model does not take this guidance"


class Overloaded(ServiceError):
    status, code, title, retryable = 429, "overloaded", "Too many requests at once", True


class ClientGone(ServiceError):
    status, code, title = 499, "client_gone", "The client went away"


class StorageFull(ServiceError):
    status, code, title, retryable = 503, "storage_full", "No room for the upload", True


class EngineError(ServiceError):
    status, code, title = 502, "engine_error", "The engine failed"


class EngineContractBroken(EngineError):
    status, code, title = 500, "engine_contract_broken", "The engine refused the service's own tensors"


class EngineGarbage(EngineError):
    status, code, title = 502, "engine_garbage", "The engine answered something that makes no sense"


class EngineUnavailable(EngineError):
    status, code, title, retryable = 503, "engine_unavailable", "The engine is not available", True


class EngineQueueFull(EngineUnavailable):
    code, title = "engine_queue_full", "The engine's queue is full"


class Draining(EngineUnavailable):
    code, title = "draining", "The service is shutting down"


class DeadlineExceeded(EngineError):
    status, code, title, retryable = 504, "deadline_exceeded", "The deadline has passed", True
