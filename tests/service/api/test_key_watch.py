from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.keys import make_key
from service.settings import load_settings
from tests.service.api.conftest import Served

SOON_SECONDS = 10.0
OLD, OLD_ENTRY = make_key("old", frozenset({"inpaint"}))
NEW, NEW_ENTRY = make_key("new", frozenset({"inpaint"}))


class Keyed:
    """A running application, and the file of its keys."""

    def __init__(self, client: httpx.AsyncClient, path: Path) -> None:
        self.client, self.path = client, path

    async def status(self, key: str) -> int:
        return (await self.client.get("/limits", headers={"x-api-key": key})).status_code

    async def until(self, key: str, status: int) -> None:
        end_seconds = time.monotonic() + SOON_SECONDS
        while await self.status(key) != status:
            assert time.monotonic() < end_seconds, f"{key} is not answered {status}"
            await asyncio.sleep(0.05)


@pytest.fixture
async def keyed(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Keyed]:
    path = tmp_path / "keys"
    path.write_text(str(OLD_ENTRY))
    monkeypatch.setenv("API_KEYS_FILE", str(path))
    monkeypatch.setattr("service.api.key_watch.WATCH_SECONDS", 0.05)
    async with served() as client:
        yield Keyed(client, path)


async def test_keys_come_and_go_without_a_restart(keyed: Keyed) -> None:
    assert (await keyed.status(OLD), await keyed.status(NEW)) == (200, 401)
    keyed.path.write_text(f"{OLD_ENTRY}\n{NEW_ENTRY}\n")
    await keyed.until(NEW, 200)
    assert await keyed.status(OLD) == 200
    keyed.path.write_text(str(NEW_ENTRY))
    await keyed.until(OLD, 401)
    assert await keyed.status(NEW) == 200


async def test_a_link_that_is_turned_is_seen(keyed: Keyed, tmp_path: Path) -> None:
    """As Kubernetes brings new secrets."""
    other, turned = tmp_path / "other", tmp_path / "turned"
    other.write_text(str(NEW_ENTRY))
    turned.symlink_to(other)
    turned.rename(keyed.path)
    await keyed.until(OLD, 401)
    assert await keyed.status(NEW) == 200


@pytest.mark.parametrize("spoil", ["mobile:the-secret-itself:inpaint", None])
async def test_a_file_that_cannot_be_read_changes_nothing_and_is_told_once(
    keyed: Keyed, spoil: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    keyed.path.unlink() if spoil is None else keyed.path.write_text(spoil)
    end_seconds = time.monotonic() + SOON_SECONDS
    while "stay as they were" not in caplog.text and time.monotonic() < end_seconds:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    assert caplog.text.count("API keys stay as they were") == 1
    assert "secret-itself" not in caplog.text
    assert await keyed.status(OLD) == 200
    keyed.path.write_text(str(NEW_ENTRY))
    await keyed.until(NEW, 200)


async def test_an_emptied_file_revokes_all_keys_and_opens_nothing(keyed: Keyed) -> None:
    keyed.path.write_text("# nobody\n")
    await keyed.until(OLD, 401)
    assert (await keyed.client.get("/limits")).status_code == 401


def test_a_file_that_is_not_named_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS_FILE", "")
    assert load_settings().api_keys_file is None
