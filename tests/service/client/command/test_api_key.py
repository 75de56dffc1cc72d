from __future__ import annotations

from pathlib import Path

import pytest

from service.client.command.api_key import key_from
from service.client.command.usage import BadUsage


def test_a_key_is_given_or_read_or_not_wanted(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("id.secret\n")
    assert key_from("id.secret", None) == "id.secret" == key_from(None, file)
    assert key_from(None, None) is None is key_from("", None)


def test_two_keys_or_a_lost_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="not both"):
        key_from("id.secret", tmp_path)
    with pytest.raises(BadUsage, match="cannot be read: No such file"):
        key_from(None, tmp_path / "nowhere")
