"""Everything that can be set from outside, read once at the start. No other module reads the environment.

The environment wins over a file `.env` in the working folder. A bad value stops the start and names its setting.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class BadSettings(Exception):
    """One line that names every bad setting and what is wrong with it; never its value."""


class Settings(BaseSettings):
    """The names are those of the environment variables, in upper case."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    engine_url: str = Field(
        "127.0.0.1:8001", pattern=r"^(grpcs?://)?[^\s/]+:\d+$", description="host:port of the KServe v2 gRPC."
    )
    engine_start_seconds: float = Field(120, gt=0, description="How long the start waits for the engine.")
    model_repository: Path = Field(Path("model_repository"), description="Folder of the models' cards.")

    max_body_bytes: int = Field(50_000_000, ge=1024, description="Largest request body.")
    max_image_pixels: int = Field(25_000_000, ge=4096, le=89_000_000, description="Most pixels of one picture.")
    max_side_pixels: int = Field(10_000, ge=64, le=32_000, description="Longest side of a picture.")
    min_side_pixels: int = Field(32, ge=1, description="Shortest side of a picture.")
    max_mask_dilate_pixels: int = Field(128, ge=0, description="Largest `mask_dilate`.")
    max_faces: int = Field(8, ge=1, description="Most faces completed in one picture; the surest come first.")
    max_holes: int = Field(8, ge=1, description="Most squares completed outside faces; near holes share one.")
    feather_pixels: int = Field(16, ge=0, description="Width of the soft seam inside the hole.")

    request_deadline_seconds: float = Field(60, gt=0, description="A request is answered within this time.")
    upload_timeout_seconds: float = Field(30, gt=0, description="A body has arrived within this time.")
    max_concurrent_requests: int = Field(8, ge=1, description="Requests worked on at once.")
    max_waiting_requests: int = Field(32, ge=0, description="Requests that may wait beyond those.")
    imaging_threads: int = Field(max(1, min(4, os.cpu_count() or 1)), ge=1, description="Threads for image work.")
    drain_seconds: float = Field(20, ge=0, description="How long a stop waits for running requests.")
    readiness_cache_seconds: float = Field(1.5, ge=0, description="How long an answer of /readyz is kept.")


def load_settings(**overrides: object) -> Settings:
    """Read the environment and `.env`; raise BadSettings with one line that names each bad setting."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them, and says so by name
    except ValidationError as error:
        complaints = [f"{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors(include_input=False)]
        raise BadSettings("Bad setting " + "; ".join(complaints)) from None
