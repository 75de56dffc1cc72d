"""Reads the file of API keys again when it has changed, so that keys come, change and go without a restart."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from pydantic_settings import SettingsError

from service.keys import Keyring, parse_keys
from service.settings.files import read_text

WATCH_SECONDS = 1.0

logger = logging.getLogger(__name__)


async def watch_keys(path: Path, keyring: Keyring) -> None:
    """Look at the file every second, until canceled. What cannot be read changes nothing, and is told once.

    It is the content that is compared: a file may be replaced, or a link turned, without a newer date.
    """
    last: object = None
    while True:
        found = await asyncio.to_thread(_read, path)
        if found != last:
            last = found
            _take(found, keyring)
        await asyncio.sleep(WATCH_SECONDS)


def _read(path: Path) -> str | tuple[str]:
    """The text of the file, or what is wrong with it, in a tuple."""
    try:
        return read_text(path, "API_KEYS_FILE")
    except SettingsError as error:
        return (str(error),)


def _take(found: str | tuple[str], keyring: Keyring) -> None:
    try:
        if isinstance(found, tuple):
            raise ValueError(found[0])
        keys = parse_keys(found)
    except ValueError as error:
        logger.error("API keys stay as they were: %s", error)
        return
    keyring.replace(keys)
    logger.info("API keys read", extra={"fields": {"keys": [key.id for key in keys]}})
