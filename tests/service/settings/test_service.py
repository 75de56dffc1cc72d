from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import BadSettings, load_settings, redacted, shown


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


def test_answers_are_not_kept_for_less_than_a_request_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDEMPOTENCY_TTL_SECONDS", "59")
    with pytest.raises(BadSettings, match="REQUEST_DEADLINE_SECONDS: is more than IDEMPOTENCY_TTL_SECONDS"):
        load_settings()
    monkeypatch.setenv("REQUEST_DEADLINE_SECONDS", "59")
    assert load_settings().request_deadline_seconds == 59


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "http"),
        ("ENGINE_URL", "localhost"),
        ("MAX_IMAGE_PIXELS", "-1"),
        ("REQUEST_DEADLINE_SECONDS", "0"),
        ("REQUEST_DEADLINE_SECONDS", "601"),
        ("IMAGING_THREADS", "0"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("WEBHOOK_SECRET", "whsec_short"),
        ("PUBLIC_URL", "faces.example"),
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


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "Infinity"])
def test_no_number_is_without_end(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    fields = type(load_settings()).model_fields
    numbers = [name for name, field in fields.items() if field.annotation is float]
    for name in numbers:
        monkeypatch.setenv(name.upper(), text)
        assert complaint().startswith(f"Bad setting {name.upper()}: ")
        monkeypatch.delenv(name.upper())


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"MIN_SIDE_PIXELS": "500", "MAX_SIDE_PIXELS": "400"}, "MIN_SIDE_PIXELS: is more than MAX_SIDE_PIXELS"),
        (
            {"JOBS_RECORD_TTL_SECONDS": "5", "JOBS_RESULT_TTL_SECONDS": "6"},
            "JOBS_RECORD_TTL_SECONDS: is less than JOBS_RESULT_TTL_SECONDS",
        ),
        ({"JOBS_RESULT_TTL_SECONDS": "90000"}, "JOBS_RECORD_TTL_SECONDS: is less than JOBS_RESULT_TTL_SECONDS"),
        ({"MAX_IMAGE_PIXELS": "60000000"}, "MAX_SAMPLES_PIXELS: is less than MAX_IMAGE_PIXELS"),
    ],
)
def test_settings_that_contradict_each_other_are_both_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], line: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert complaint().startswith(f"Bad setting {line}, which is ")


@pytest.mark.parametrize("name", ["ENGINE_URL", "PUBLIC_URL", "REDIS_URL", "API_KEYS", "RATE_LIMIT", "CORS_ORIGINS"])
def test_what_a_text_must_be_is_said_in_words(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "?")
    assert not set(complaint()) & set("^$\\*[]")


def test_a_misspelt_setting_is_refused_wherever_it_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("JOBS_RESULTS_TTL_SECONDS=5\n")
    assert complaint().startswith("Bad setting JOBS_RESULTS_TTL_SECONDS: there is no such setting; JOBS_RESULT_TTL")
    (tmp_path / ".env").unlink()
    monkeypatch.setenv("API_KEY", KEY)
    assert complaint() == "Bad setting API_KEY: there is no such setting; API_KEYS is meant, or unset it"


def test_every_number_has_its_unit_or_counts_something() -> None:
    units = (
        "_seconds",
        "_bytes",
        "_pixels",
        "_requests",
        "_connections",
        "_threads",
        "_faces",
        "_holes",
        "_items",
        "_depth",
        "_share",
        "_tries",
    )
    fields = type(load_settings()).model_fields
    numbers = [name for name, field in fields.items() if field.annotation in (int, float) and name != "port"]
    assert numbers
    assert [name for name in numbers if not name.endswith(units)] == []


KEY = "mobile:" + "a" * 64 + ":inpaint"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_value_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str) -> None:
    (tmp_path / "keys").write_text(KEY + ending)
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys"))
    assert load_settings().api_keys.get_secret_value() == KEY


def test_a_file_may_be_named_in_the_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / "faces").write_text("3\n")
    (tmp_path / ".env").write_text(f"MAX_FACES_FILE={tmp_path / 'faces'}\n")
    assert load_settings().max_faces == 3


def test_a_value_and_a_file_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path))
    monkeypatch.setenv("API_KEYS", KEY)
    assert complaint() == "Bad setting API_KEYS_FILE: API_KEYS is set too; set one of them"


@pytest.mark.parametrize(
    ("make", "reason"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8"), (b"x" * 2**20, "larger")]
)
def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: bytes | None, reason: str
) -> None:
    if make is not None:
        (tmp_path / "keys").write_bytes(make)
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys"))
    assert complaint().startswith("Bad setting API_KEYS_FILE: ")
    assert reason in complaint()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "api.example"])
def test_beyond_this_machine_it_is_not_open_by_accident(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HOST", host)
    assert complaint().startswith("Bad setting ALLOW_ANONYMOUS: HOST is not of this machine alone")
    assert load_settings(allow_anonymous=True).host == host
    assert load_settings(api_keys=KEY).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_this_machine_it_may_be_open(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HOST", host)
    assert load_settings().allow_anonymous is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEYS", "mobile.a-secret"),
        ("API_KEYS", "mobile:a-secret:inpaint"),
        ("RATE_LIMIT", "many"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("CORS_ORIGINS", "a.example"),
    ],
)
def test_a_bad_text_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert complaint().startswith(f"Bad setting {name}: ")
    assert value not in complaint()


def test_origins_stand_apart_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, http://localhost:3000,")
    assert load_settings().cors_origins == ("https://a.example", "http://localhost:3000")


def test_the_prefix_is_that_of_the_public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(public_url="https://a.example/faces/v1").root_path == "/faces/v1"
    assert load_settings(public_url="https://a.example").root_path == ""
    assert load_settings(root_path="/faces").root_path == "/faces"
    monkeypatch.setenv("PUBLIC_URL", "https://a.example")
    monkeypatch.setenv("ROOT_PATH", "/faces")
    assert complaint() == "Bad setting ROOT_PATH: must be the path of PUBLIC_URL, or unset"


@pytest.mark.parametrize("value", ["faces", "/faces/", "/", "/a b", "//"])
def test_a_prefix_begins_with_a_slash_and_does_not_end_with_one(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ROOT_PATH", value)
    assert complaint().startswith("Bad setting ROOT_PATH: must begin with /")


def test_proxies_are_named_by_address_or_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.7, fd00::/8,")
    assert load_settings().trusted_proxies == ("10.0.0.7", "fd00::/8")
    for value in ("*", "proxy.example", "10.0.0.7/8"):
        monkeypatch.setenv("TRUSTED_PROXIES", value)
        assert complaint().startswith("Bad setting TRUSTED_PROXIES: a proxy is an address or a network")


def test_no_secret_is_printed() -> None:
    settings = load_settings(api_keys=KEY, engine_url="grpcs://engine:1")
    for text in (repr(settings), str(settings), str(shown(settings))):
        assert "a" * 64 not in text
        assert "grpcs://engine:1" in text
    assert redacted("redis://:secret@redis:6379/0") == "redis://**********@redis:6379/0"


def complaint() -> str:
    with pytest.raises(BadSettings) as raised:
        load_settings()
    return str(raised.value)
