from __future__ import annotations

import pytest

from service.settings import BadSettings, load_settings


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))


def test_defaults_are_valid() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.engine_url) == ("127.0.0.1", 8000, "127.0.0.1:8001")


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    with open(".env", "w", encoding="utf-8") as file:
        file.write("PORT=8100\nMAX_FACES=3\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("PORT", "8200")
    settings = load_settings()
    assert (settings.port, settings.max_faces) == (8200, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "http"),
        ("ENGINE_URL", "localhost"),
        ("MAX_IMAGE_PIXELS", "-1"),
        ("REQUEST_DEADLINE_SECONDS", "0"),
        ("IMAGING_THREADS", "0"),
    ],
)
def test_a_bad_value_is_one_line_with_its_name_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as raised:
        load_settings()
    line = str(raised.value)
    assert line.startswith(f"Bad setting {name}: ")
    assert "\n" not in line


def test_every_number_has_its_unit_or_counts_something() -> None:
    units = ("_seconds", "_bytes", "_pixels", "_requests", "_threads", "_faces", "_holes")
    plain = {"host", "port", "engine_url", "model_repository"}
    assert [name for name in type(load_settings()).model_fields if not name.endswith(units) and name not in plain] == []
