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


Found = str | tuple[str]


async def read_keys(path: Path, keyring: Keyring) -> Found:
    """The first look, before anybody is answered."""
    found = await asyncio.to_thread(_read, path)
    _take(found, keyring)
    return found


async def watch_keys(path: Path, keyring: Keyring, last: Found) -> None:
    """Look at the file every second, until canceled. What cannot be read changes nothing, and is told once.

    It is the content that is compared: a file may be replaced, or a link turned, without a newer date.
    """
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        found = await asyncio.to_thread(_read, path)
        if found != last:
            last = found
            _take(found, keyring)


def _read(path: Path) -> Found:
    """The text of the file, or what is wrong with it, in a tuple."""
    try:
        return read_text(path, "API_KEYS_FILE")
    except SettingsError as error:
        return (str(error),)


def _take(found: Found, keyring: Keyring) -> None:
    try:
        if isinstance(found, tuple):
            raise ValueError(found[0])
        keys = parse_keys(found)
    except ValueError as error:
        logger.error("API keys stay as they were: %s", error)
        return
    keyring.replace(keys)
    logger.info("API keys read", extra={"fields": {"keys": [key.id for key in keys]}})
