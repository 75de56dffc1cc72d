from __future__ import annotations

import sys

import pytest

from service.misspelt import misspelt
from service.settings import Settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("JOBS_RESULTS_TTL_SECONDS", "JOBS_RESULT_TTL_SECONDS"),
        ("RESULT_TTL_SECONDS", "JOBS_RESULT_TTL_SECONDS"),
        ("API_KEY", "API_KEYS"),
        ("API_KEY_FILE", "API_KEYS_FILE"),
        ("REDIS_URI", "REDIS_URL"),
        ("FORWARDED_ALLOW_IPS", "TRUSTED_PROXIES"),
        ("max_bodybytes", "MAX_BODY_BYTES"),
    ],
)
def test_what_is_almost_a_setting_is_named_with_what_is_meant(name: str, meant: str) -> None:
    (complaint,) = misspelt([name], Settings.model_fields)
    assert complaint == f"{name.upper()}: there is no such setting; {meant} is meant, or unset it"


def test_settings_and_what_belongs_to_others_pass() -> None:
    """As a shell, a container and Kubernetes set them."""
    others = ["PATH", "HOME", "HOSTNAME", "HTTP_PROXY", "OTEL_SERVICE_NAME", "ENGINE_HOST", "REDIS_HOST"]
    others += ["REDIS_SERVICE_HOST", "REDIS_SERVICE_PORT", "REDIS_PORT_6379_TCP", "PYTHONPATH", "LOGNAME", "HOSTS"]
    ours = [name.upper() for name in Settings.model_fields]
    assert misspelt([*others, *ours, "API_KEYS_FILE", "ENGINE_PORT", "port"], Settings.model_fields) == []


def test_a_name_is_compared_with_all_settings_once() -> None:
    """Settings are read by every program and many tests, and the environment stays."""
    compared: list[str] = []
    for _ in range(2):
        sys.setprofile(lambda frame, event, what: compared.append(frame.f_code.co_name) if event == "call" else None)
        try:
            misspelt(["SOMEBODY_ELSES_NAME"], Settings.model_fields)
        finally:
            sys.setprofile(None)
    assert compared.count("get_close_matches") == 1
