"""The settings: everything that can be set from outside, read once at the start.

The environment wins over a file `.env` in the working folder. NAME_FILE=path instead of NAME=value reads the value from
a file, as container secrets come. A bad value stops the start and names its setting.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import DirectoryPath, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from service.keys import parse_keys, parse_rate
from service.misspelt import misspelt
from service.settings.files import FileSource
from service.settings.jobs import JobSettings
from service.settings.order import not_above, not_below

AT_MOST = {"request_deadline_seconds": "idempotency_ttl_seconds", "min_side_pixels": "max_side_pixels"}
ENGINE_URL = re.compile(r"(grpcs?://)?([^\s/,]+:\d+|\d+\.\d+\.\d+\.\d+:\d+(,\d+\.\d+\.\d+\.\d+:\d+)+)")
ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
PASSWORD = re.compile(r"//[^/@\s]*@")


class BadSettings(Exception):
    """One line that names every bad setting and what is wrong with it; never its value."""


class Settings(JobSettings):
    """The names are those of the environment variables, in upper case."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, allow_inf_nan=False
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    root_path: str = Field(
        "",
        validate_default=True,
        description="Prefix under which a proxy shows the API, such as /faces. Default: the path of PUBLIC_URL.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks whose X-Forwarded-For and -Proto count, separated by commas."
    )
    log_client_address: bool = Field(False, description="Write the address of the client into its log line.")
    engine_url: str = Field(
        "127.0.0.1:8001",
        description="host:port of the KServe v2 gRPC; of several engines one name, or IPv4 addresses apart by commas.",
    )
    engine_start_seconds: float = Field(120, gt=0, description="How long the start waits for the engine.")
    model_repository: Path = Field(Path("model_repository"), description="Folder of the models' cards and files.")

    max_body_bytes: int = Field(50_000_000, ge=1024, description="Largest request body.")
    max_image_pixels: int = Field(25_000_000, ge=4096, le=89_000_000, description="Most pixels of one picture.")
    max_samples_pixels: int = Field(
        50_000_000, ge=4096, validate_default=True, description="Most pixels of all samples of one picture together."
    )
    max_side_pixels: int = Field(10_000, ge=64, le=32_000, description="Longest side of a picture.")
    min_side_pixels: int = Field(32, ge=1, validate_default=True, description="Shortest side of a picture.")
    max_mask_dilate_pixels: int = Field(128, ge=0, description="Largest `mask_dilate`.")
    max_faces: int = Field(
        8, ge=1, description="Most faces completed in one picture; the most certain ones come first."
    )
    max_holes: int = Field(8, ge=1, description="Most parts of a background filled one by one; near ones are joined.")
    feather_pixels: int = Field(16, ge=0, description="Width of the soft seam, in a face frame of 256 pixels.")

    request_deadline_seconds: float = Field(
        60, gt=0, validate_default=True, description="A request is answered within this time."
    )
    upload_timeout_seconds: float = Field(30, gt=0, description="A body has arrived within this time.")
    head_timeout_seconds: float = Field(10, gt=0, description="The head of a request has arrived within this time.")
    download_timeout_seconds: float = Field(60, gt=0, description="A client has read its answer within this time.")
    max_concurrent_requests: int = Field(8, ge=1, description="Requests worked on at once.")
    max_waiting_requests: int = Field(32, ge=0, description="Requests that may wait beyond those.")
    max_connections: int = Field(512, ge=1, description="Open connections. Further ones get 429, except for probes.")
    imaging_threads: int = Field(max(1, min(4, os.cpu_count() or 1)), ge=1, description="Threads for image work.")
    drain_seconds: float = Field(20, ge=0, description="How long a stop waits for running requests.")
    drain_delay_seconds: float = Field(
        0, ge=0, description="How long a stop goes on taking requests while /readyz says no."
    )
    readiness_cache_seconds: float = Field(1.5, ge=0, description="How long an answer of /readyz is kept.")

    api_keys: SecretStr = Field(SecretStr(""), description="Keys as `python -m service.keys` writes them; empty: open.")
    api_keys_file: Path | None = Field(None, description="File that holds API_KEYS; it is read again when it changes.")
    allow_anonymous: bool = Field(False, validate_default=True, description="Let other machines call without keys.")
    open_metrics: bool = Field(False, description="Serve /metrics without a key even when keys are configured.")
    rate_limit: str = Field("", description="requests/seconds for keys without a rate of their own; empty: no limit.")
    rate_limit_headers: bool = Field(False, description="Send RateLimit and RateLimit-Policy.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose pages may call, separated by commas; empty: none."
    )

    prometheus_multiproc_dir: DirectoryPath | None = Field(
        None, description="Empty folder in which several workers behind one port count together; not from .env."
    )

    @field_validator("prometheus_multiproc_dir")
    @classmethod
    def _library_sees_it(cls, value: Path | None) -> Path | None:
        if value is not None and os.environ.get("PROMETHEUS_MULTIPROC_DIR") != str(value):
            raise ValueError("prometheus_client reads it too, so it must come from the environment itself")
        return value

    @field_validator("root_path")
    @classmethod
    def _is_the_public_one(cls, value: str, info: ValidationInfo) -> str:
        if value and not ROOT_PATH.fullmatch(value):
            raise ValueError("must begin with / and not end with it, such as /faces")
        public_url = info.data.get("public_url")
        public_path = "" if public_url is None else urlsplit(public_url).path
        if value and public_url is not None and value != public_path:
            raise ValueError("must be the path of PUBLIC_URL, or unset")
        return value or public_path

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError("a proxy is an address or a network, such as 10.0.0.7 or 10.0.0.0/8") from None
        return value

    @field_validator("engine_url")
    @classmethod
    def _is_an_engine(cls, value: str) -> str:
        if not ENGINE_URL.fullmatch(value):
            raise ValueError(
                "must be host:port, such as 127.0.0.1:8001, with or without grpc:// or grpcs:// before it; "
                "of several engines one name, or IPv4 addresses with ports, apart by commas"
            )
        return value

    @field_validator("request_deadline_seconds", "min_side_pixels")
    @classmethod
    def _at_most(cls, value: float, info: ValidationInfo) -> float:
        other = AT_MOST[info.field_name or ""]
        return not_above(value, other, info.data.get(other))

    @field_validator("max_samples_pixels")
    @classmethod
    def _at_least_one_picture(cls, value: int, info: ValidationInfo) -> int:
        return not_below(value, "max_image_pixels", info.data.get("max_image_pixels"))

    @field_validator("api_keys_file", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("api_keys")
    @classmethod
    def _readable_keys(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    @field_validator("rate_limit")
    @classmethod
    def _readable_rate(cls, value: str) -> str:
        if value:
            parse_rate(value)
        return value

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(origin != "*" and not ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("an origin is scheme://host or scheme://host:port, without a path")
        return value

    @field_validator("allow_anonymous")
    @classmethod
    def _not_open_by_accident(cls, value: bool, info: ValidationInfo) -> bool:
        keys, host = info.data.get("api_keys"), info.data.get("host")
        if keys is None or host is None:
            return value  # one of them is bad itself, and is complained about
        if not (value or is_loopback(host) or parse_keys(keys.get_secret_value())):
            raise ValueError(
                "HOST is not of this machine alone and API_KEYS is empty; set API_KEYS, or set this to true"
            )
        return value

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [(name, redacted(value)) for name, value in super().__repr_args__()]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = FileSource(settings_cls, env_settings, dotenv_settings)
        if complaints := misspelt(files.variables, settings_cls.model_fields):
            raise SettingsError("; ".join(complaints))
        return init_settings, files, env_settings, dotenv_settings


def is_loopback(host: str) -> bool:
    """Whether an address to listen on reaches this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as they may be logged: those that are set at all, without secrets."""
    values = settings.model_dump(mode="json")
    return {name: redacted(value) for name, value in values.items() if value not in ("", [], None)}


def redacted(value: Any) -> Any:
    """A value without the password of the address that it may be."""
    return PASSWORD.sub("//**********@", value) if isinstance(value, str) else value


def traces_endpoint() -> str | None:
    """Where spans of OpenTelemetry go, by its own variables and with the API's meaning of them; None: nowhere."""
    named = {name.removeprefix("OTEL_"): value for name, value in os.environ.items() if name.startswith("OTEL_")}
    whole, traces = "EXPORTER_OTLP_ENDPOINT", "EXPORTER_OTLP_TRACES_ENDPOINT"
    protocol = named.get("EXPORTER_OTLP_TRACES_PROTOCOL") or named.get("EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    off = named.get("SDK_DISABLED", "").lower() == "true" or protocol != "http/protobuf"
    if off or (named.get("TRACES_EXPORTER") or "otlp").strip().lower() != "otlp":
        return None
    return named.get(traces) or (f"{named[whole].removesuffix('/')}/v1/traces" if named.get(whole) else None)


def load_settings(**overrides: object) -> Settings:
    """Read the environment and `.env`; raise BadSettings with one line that names each bad setting."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them, and says so by name
    except SettingsError as error:
        raise BadSettings(f"Bad setting {error}") from None
    except ValidationError as error:
        complaints = [
            f"{str(item['loc'][0]).upper()}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_input=False)
        ]
        raise BadSettings("Bad setting " + "; ".join(complaints)) from None
