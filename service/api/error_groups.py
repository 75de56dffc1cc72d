"""The errors of the routes in groups, for the OpenAPI document."""

from __future__ import annotations

from service.errors import (
    AnimatedImage,
    BadField,
    BadLandmarks,
    BodyTooLarge,
    BrokenUpload,
    DeadlineExceeded,
    Draining,
    EmptyHole,
    EngineContractBroken,
    EngineGarbage,
    EngineQueueFull,
    EngineUnavailable,
    FullHole,
    GuidanceNotAccepted,
    IdempotencyKeyBusy,
    IdempotencyKeyReused,
    JobsUnavailable,
    ModelWithoutSnapshot,
    NoFaceInReference,
    NotAcceptable,
    Overloaded,
    SideTooLong,
    SideTooShort,
    SizesDiffer,
    StorageFull,
    TooManyConnections,
    TooManyPixels,
    TooManyScans,
    UnknownField,
    UnknownModel,
    UnsupportedImage,
    UploadTimeout,
)

UPLOAD_ERRORS = (BrokenUpload, UploadTimeout, BodyTooLarge, UnsupportedImage, UnknownField, BadField, StorageFull)
PICTURE_ERRORS = (
    TooManyPixels,
    TooManyScans,
    SideTooLong,
    SideTooShort,
    AnimatedImage,
    SizesDiffer,
    EmptyHole,
    FullHole,
)
ENGINE_ERRORS = (
    EngineContractBroken,
    EngineGarbage,
    EngineUnavailable,
    EngineQueueFull,
    Draining,
    DeadlineExceeded,
    Overloaded,
    TooManyConnections,
)
INPAINT_ERRORS = (
    UnknownModel,
    ModelWithoutSnapshot,
    NotAcceptable,
    BadLandmarks,
    GuidanceNotAccepted,
    NoFaceInReference,
)
JOB_ERRORS = (IdempotencyKeyBusy, IdempotencyKeyReused, JobsUnavailable)
BUSY_ERRORS = (Overloaded, TooManyConnections, Draining, DeadlineExceeded)
