"""Whatever the OpenAPI document allows or forbids, the answer is one that it names. Schemathesis makes the requests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from deploy.openapi import document
from service.app import create_app
from service.keys import make_key
from tests.fakes.engine import FakeEngine
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import serving
from tests.fakes.server import settings as service_settings

KEY, ENTRY = make_key("tester", frozenset({"inpaint", "analysis", "jobs", "metrics"}))
# Random bytes are a valid file to the document, and no picture to the service.
UNFIT = [positive_data_acceptance]
load_all_checks()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with RedisServer() as redis:
        options = service_settings(api_keys=str(ENTRY), redis_url=redis.url, drain_seconds=1, jobs_max_wait_seconds=0.1)
        with serving(create_app(options, FakeEngine()), options) as address:
            yield address


EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "12"))  # of each operation
schema = schemathesis.openapi.from_dict(document())


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_of_the_documented_ones(url: str, case: Any) -> None:
    case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, excluded_checks=UNFIT, timeout=30)
