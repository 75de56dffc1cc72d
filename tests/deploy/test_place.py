"""Where the service listens, read from the environment and .env."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deploy.place import (
    DEFAULT_WORKER_GRACE_SECONDS,
    CannotStart,
    check_port,
    free_port,
    read_dotenv,
    read_place,
)
from service.settings import Settings


def test_defaults(tmp_path: Path) -> None:
    place = read_place({}, tmp_path / ".env")
    assert (place.host, place.port, place.engine_port) == ("127.0.0.1", 8000, 8001)
    assert place.engine_url == "127.0.0.1:8001"
    assert (place.redis_port, place.redis_url) == (8002, "redis://127.0.0.1:8002/0")
    assert place.redis_folder == Path("var/redis")
    assert place.repository == Path("model_repository")


def test_the_engine_stands_beside_the_port(tmp_path: Path) -> None:
    place = read_place({"PORT": "9000"}, tmp_path / ".env")
    assert (place.engine_port, place.engine_url) == (9001, "127.0.0.1:9001")
    assert place.redis_url == "redis://127.0.0.1:9002/0"


def test_port_zero_takes_a_free_engine_port(tmp_path: Path) -> None:
    place = read_place({"PORT": "0"}, tmp_path / ".env")
    assert place.engine_port is not None
    assert place.engine_port > 1023


def test_an_engine_elsewhere_means_no_embedded_engine(tmp_path: Path) -> None:
    place = read_place({"ENGINE_URL": "triton:8001"}, tmp_path / ".env")
    assert (place.engine_port, place.engine_url) == (None, "triton:8001")


@pytest.mark.parametrize("name", ["REDIS_URL", "REDIS_URL_FILE"])
def test_a_redis_elsewhere_means_no_embedded_redis(tmp_path: Path, name: str) -> None:
    assert read_place({name: "redis://redis:6379/0"}, tmp_path / ".env").redis_port is None


def test_the_environment_wins_over_dotenv(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('# a comment\n\nexport PORT="9100"\nmodel_repository=elsewhere\nENGINE_URL=\n')
    assert read_dotenv(dotenv) == {"PORT": "9100", "MODEL_REPOSITORY": "elsewhere"}
    assert read_place({}, dotenv).port == 9100
    assert read_place({"PORT": "9200"}, dotenv).port == 9200
    assert read_place({"PORT": ""}, dotenv).port == 9100, "an empty variable is none"


@pytest.mark.parametrize("text", ["http", "-1", "65536", "80.0", "８０"])
def test_a_port_that_is_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(CannotStart, match=f"^PORT={text} is not a port"):
        read_place({"PORT": text}, tmp_path / ".env")


def test_a_busy_port_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"cannot listen on 127\.0\.0\.1:{port} .*make serve PORT="):
            check_port("PORT", "127.0.0.1", port)


def test_a_free_port_passes() -> None:
    check_port("PORT", "127.0.0.1", free_port())
    check_port("PORT", "127.0.0.1", 0)


def test_a_host_of_another_machine_is_named() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on 192\.0\.2\.1"):
        check_port("PORT", "192.0.2.1", 8000)


def test_a_stop_takes_as_long_as_the_service_says(tmp_path: Path) -> None:
    place, fields = read_place({}, tmp_path / ".env"), Settings.model_fields
    assert place.drain_seconds == fields["drain_delay_seconds"].default + fields["drain_seconds"].default
    assert fields["worker_grace_seconds"].default == DEFAULT_WORKER_GRACE_SECONDS
    assert place.worker_grace_seconds == place.drain_seconds, "no job outstays the stop"
    longer = {"DRAIN_SECONDS": "40", "DRAIN_DELAY_SECONDS": "2.5", "WORKER_GRACE_SECONDS": "30"}
    place = read_place(longer, tmp_path / ".env")
    assert (place.drain_seconds, place.worker_grace_seconds) == (42.5, 30)


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
@pytest.mark.parametrize("name", ["DRAIN_SECONDS", "DRAIN_DELAY_SECONDS", "WORKER_GRACE_SECONDS"])
def test_seconds_that_are_none(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(CannotStart, match=f"^{name}={text} is not a number of seconds"):
        read_place({name: text}, tmp_path / ".env")


def test_seconds_in_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"^DRAIN_SECONDS_FILE is set, but .* Set DRAIN_SECONDS instead"):
        read_place({"DRAIN_SECONDS_FILE": "/run/secrets/x"}, tmp_path / ".env")
