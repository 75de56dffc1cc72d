"""The API key: given, or read from a file."""

from __future__ import annotations

from pathlib import Path

from service.client.command.usage import BadUsage


def key_from(key: str | None, file: Path | None) -> str | None:
    """The key to send; None where no key is wanted. An empty one counts as none, as an empty variable does."""
    if key and file:
        raise BadUsage("Give --key (INPAINT_KEY) or --key-file (INPAINT_KEY_FILE), not both.")
    if file is None:
        return key or None
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"The key file {file} cannot be read: {getattr(error, 'strerror', error)}.") from None
