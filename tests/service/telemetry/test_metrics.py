from __future__ import annotations

from service.telemetry.metrics import Metrics
from service.telemetry.record import RequestRecord


def test_two_applications_do_not_share_counts() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.observe_request(RequestRecord("a"), method="GET", route="/x", status=200, duration_seconds=0.1)
    assert b'route="/x"' in one.text()
    assert b'route="/x"' not in other.text()


def test_a_refusal_is_counted_by_its_code_and_nothing_holds_an_id() -> None:
    metrics = Metrics("1.2.3")
    record = RequestRecord("a-request-id", code="empty_hole", input_pixels=640_000, hole_ratio=0.25)
    metrics.observe_request(record, method="POST", route="/inpaint", status=422, duration_seconds=0.2)
    text = metrics.text().decode()
    assert 'inpaint_rejections_total{reason="empty_hole"} 1.0' in text
    assert "inpaint_hole_ratio_sum 0.25" in text
    assert 'inpaint_build_info{version="1.2.3"} 1.0' in text
    assert "a-request-id" not in text


def test_every_metric_of_the_synchronous_path_is_there() -> None:
    text = Metrics("1").text().decode()
    for name in (
        "http_requests_total",
        "http_request_duration_seconds",
        "http_requests_in_flight",
        "stage_duration_seconds",
        "input_pixels",
        "hole_ratio",
        "rejections_total",
        "engine_requests_total",
        "engine_request_duration_seconds",
        "engine_ready",
        "build_info",
    ):
        assert f"# TYPE inpaint_{name} " in text
