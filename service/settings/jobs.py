"""The settings of jobs, Redis and webhooks; `Settings` in service.py inherits them."""

from __future__ import annotations

import base64
import re
import ssl
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from service.settings.order import not_below

REDIS_URL = re.compile(r"(rediss?://[^\s/]+|unix://)\S*")
PUBLIC_URL = re.compile(r"https?://[^\s/?#][^\s?#]*(?<!/)")
SIGNING_KEY_BYTES = range(24, 65)


class JobSettings(BaseSettings):
    """The names are those of the environment variables, in upper case."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged at least; probes are logged at debug."
    )
    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="redis://, rediss:// or unix://; jobs live there."
    )
    jobs_queue_depth: int = Field(100, ge=1, description="Jobs that may wait.")
    jobs_caller_share: float = Field(0.5, gt=0, le=1, description="Most of JOBS_QUEUE_DEPTH that one caller may take.")
    jobs_max_bytes: int = Field(
        3_000_000_000, ge=1024, description="Bytes of pictures in Redis at once: of jobs, and answers kept for a key."
    )
    jobs_max_items: int = Field(64, ge=1, le=64, description="Most pairs of image and mask in one job.")
    jobs_max_tries: int = Field(3, ge=1, description="How often a job is begun whose worker died.")
    jobs_max_wait_seconds: float = Field(60, ge=0, description="Longest `?wait=` of GET /jobs/{id}.")
    jobs_max_waiting_requests: int = Field(256, ge=0, description="Requests with `?wait=` that are held at once.")
    jobs_queue_ttl_seconds: float = Field(3600, ge=1, description="A job that has not begun by then expires.")
    jobs_result_ttl_seconds: float = Field(3600, ge=1, description="How long a result is kept.")
    jobs_record_ttl_seconds: float = Field(
        86_400, ge=1, validate_default=True, description="How long the end of a job is remembered."
    )
    jobs_engine_wait_seconds: float = Field(300, ge=0, description="How long a job waits for an engine that is away.")
    jobs_heartbeat_seconds: float = Field(10, ge=1, description="A worker silent for three times this counts as dead.")
    worker_grace_seconds: float = Field(90, ge=0, description="How long a stopping worker lets its job run.")
    idempotency_ttl_seconds: float = Field(600, ge=1, description="How long POST /inpaint keeps an answer for its key.")

    public_url: str | None = Field(
        None,
        description="Address of the API in links and webhooks. Default: paths alone; in webhooks the request's own.",
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="whsec_ and base64 of 24 to 64 bytes; signs webhooks. Two, apart by a blank, during a rotation.",
    )
    webhook_max_connections: int = Field(16, ge=1, description="Webhooks delivered at once; of one receiver a quarter.")
    webhook_timeout_seconds: float = Field(10, gt=0, description="A receiver has answered within this time.")
    webhook_allow_http: bool = Field(False, description="Webhooks may go to http:// addresses.")
    webhook_allow_private: bool = Field(False, description="Webhooks may go to addresses that are not public.")

    webhook_authorities: str = Field(
        "", description="PEM certificates of further authorities that may vouch for receivers."
    )

    @property
    def jobs_caller_places(self) -> int:
        """How many jobs of one caller may wait."""
        return max(1, int(self.jobs_queue_depth * self.jobs_caller_share))

    @field_validator("jobs_record_ttl_seconds")
    @classmethod
    def _outlives_the_result(cls, value: float, info: ValidationInfo) -> float:
        return not_below(value, "jobs_result_ttl_seconds", info.data.get("jobs_result_ttl_seconds"))

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None and not PUBLIC_URL.fullmatch(url):
            raise ValueError("must be http://host or https://host, perhaps with a path, and no / at its end")
        return url

    @field_validator("webhook_authorities")
    @classmethod
    def _are_certificates(cls, text: str) -> str:
        if not text:
            return text  # the system's own vouch alone; reading those takes a while
        try:
            ssl.create_default_context(cadata=text)
        except (ssl.SSLError, ValueError):
            raise ValueError("must be certificates in PEM") from None
        return text

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr) -> SecretStr:
        if not REDIS_URL.fullmatch(url.get_secret_value()):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url

    @field_validator("webhook_secret")
    @classmethod
    def _is_signing_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        keys = [] if secret is None else signing_keys(secret)
        if secret is not None and (len(keys) not in (1, 2) or any(len(key) not in SIGNING_KEY_BYTES for key in keys)):
            raise ValueError("must be whsec_ and base64 of 24 to 64 bytes, or two of them apart by a blank")
        return secret


def signing_keys(secret: SecretStr) -> list[bytes]:
    """The bytes that each webhook secret stands for; none for one that is malformed."""
    return [_signing_key(text) for text in secret.get_secret_value().split()]


def _signing_key(secret: str) -> bytes:
    prefix, _, text = secret.partition("_")
    try:
        return base64.b64decode(text, validate=True) if prefix == "whsec" else b""
    except ValueError:
        return b""
