"""Everything that can go wrong, as types. One handler (service/api/problems.py) turns them into RFC 9457 answers.

ServiceError
├── InputError                      the caller can mend it
│   ├── BrokenUpload            400 broken_upload
│   ├── Unauthorized            401 unauthorized
│   │   ├── KeyMissing              key_missing
│   │   ├── BadKey                  bad_key
│   │   └── ScopeMissing            scope_missing
│   ├── OriginNotAllowed        400 origin_not_allowed      answers the preflight of a browser
│   ├── UnknownModel            404 unknown_model
│   │   └── ModelWithoutSnapshot    model_without_snapshot  known, and trained by nobody yet
│   ├── UnknownJob              404 unknown_job             also somebody else's: nobody learns that it exists
│   ├── NotAcceptable           406 not_acceptable
│   ├── UploadTimeout           408 upload_timeout          retryable
│   ├── ResultNotReady          409 result_not_ready        retryable
│   ├── IdempotencyKeyBusy      409 idempotency_key_busy    retryable
│   ├── ResultExpired           410 result_expired
│   ├── JobCanceled             410 job_canceled
│   ├── JobExpired              410 job_expired             it was not finished in its time
│   ├── BodyTooLarge            413 body_too_large
│   ├── UnsupportedImage        415 unsupported_image
│   └── IllegalInput            422 illegal_input
│       ├── TooManyPixels           too_many_pixels
│       ├── SideTooLong             side_too_long
│       ├── SideTooShort            side_too_short
│       ├── AnimatedImage           animated_image
│       ├── TooManyScans            too_many_scans
│       ├── SizesDiffer             sizes_differ
│       ├── EmptyHole               empty_hole
│       ├── FullHole                full_hole
│       ├── BadLandmarks            bad_landmarks
│       ├── UnknownField            unknown_field
│       ├── UnknownParameter        unknown_parameter
│       ├── BadField                bad_field
│       ├── GuidanceNotAccepted     guidance_not_accepted
│       ├── NoFaceInReference       no_face_in_reference
│       ├── IdempotencyKeyReused    idempotency_key_reused
│       └── BadWebhook              bad_webhook
├── Overloaded                  429 overloaded              retryable
│   ├── RateLimited                 rate_limited            retryable
│   └── TooManyConnections          too_many_connections    retryable
├── ClientGone                  499 client_gone             nobody reads this answer: for logs and metrics
├── JobCrashed                  500 job_crashed             every try ended with the death of its worker
├── StorageFull                 503 storage_full            retryable
├── JobsUnavailable             503 jobs_unavailable        retryable
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


class OriginNotAllowed(InputError):
    status, code, title = 400, "origin_not_allowed", "Pages of this origin may not call"


class Unauthorized(InputError):
    """Carries the challenge that RFC 9110 asks for. A key without the scope is refused like a wrong one: with 401."""

    status, code, title = 401, "unauthorized", "A key is needed"
    challenge: ClassVar[str] = "Bearer"

    def __init__(self, detail: str = "", *, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(detail, errors=errors, headers={"WWW-Authenticate": self.challenge})


class KeyMissing(Unauthorized):
    code, title = "key_missing", "No key was sent"


class BadKey(Unauthorized):
    code, title = "bad_key", "The key is not known"
    challenge = 'Bearer error="invalid_token"'


class ScopeMissing(Unauthorized):
    code, title = "scope_missing", "The key does not allow this"
    challenge = 'Bearer error="insufficient_scope"'


class UnknownModel(InputError):
    status, code, title = 404, "unknown_model", "No such model"


class ModelWithoutSnapshot(UnknownModel):
    code, title = "model_without_snapshot", "The model has no snapshot here"


class UnknownJob(InputError):
    status, code, title = 404, "unknown_job", "No such job"


class NotAcceptable(InputError):
    status, code, title = 406, "not_acceptable", "No acceptable output type"


class UploadTimeout(InputError):
    status, code, title, retryable = 408, "upload_timeout", "The upload took too long", True


class ResultNotReady(InputError):
    status, code, title, retryable = 409, "result_not_ready", "The job is not done yet", True


class IdempotencyKeyBusy(InputError):
    status, code, title, retryable = 409, "idempotency_key_busy", "A request with this key is being answered", True


class ResultExpired(InputError):
    status, code, title = 410, "result_expired", "The result is no longer kept"


class JobCanceled(InputError):
    status, code, title = 410, "job_canceled", "The job was canceled"


class JobExpired(InputError):
    status, code, title = 410, "job_expired", "The job was not finished in its time"


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


class TooManyScans(IllegalInput):
    code, title = "too_many_scans", "Too many scans in a JPEG"


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


class UnknownParameter(IllegalInput):
    code, title = "unknown_parameter", "Unknown query parameter"


class BadField(IllegalInput):
    code, title = "bad_field", "A form field has a bad value"


class GuidanceNotAccepted(IllegalInput):
    code, title = "guidance_not_accepted", "The model does not take this guidance"


class NoFaceInReference(IllegalInput):
    code, title = "no_face_in_reference", "The reference shows no face"


class IdempotencyKeyReused(IllegalInput):
    code, title = "idempotency_key_reused", "The key was used for another request"


class BadWebhook(IllegalInput):
    code, title = "bad_webhook", "The webhook's address cannot be used"


class Overloaded(ServiceError):
    status, code, title, retryable = 429, "overloaded", "Too many requests at once", True


class RateLimited(Overloaded):
    code, title = "rate_limited", "Too many requests with this key"


class TooManyConnections(Overloaded):
    code, title = "too_many_connections", "Too many open connections"


class ClientGone(ServiceError):
    status, code, title = 499, "client_gone", "The client went away"


class JobCrashed(ServiceError):
    status, code, title = 500, "job_crashed", "The job could not be finished"


class StorageFull(ServiceError):
    status, code, title, retryable = 503, "storage_full", "There is no room for the upload", True


class JobsUnavailable(ServiceError):
    status, code, title, retryable = 503, "jobs_unavailable", "The store of jobs cannot be reached", True


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
