from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from tests.contract.repositories import standin_repository
from tests.faults.apart import Apart
from tests.faults.campaign import Tally, campaign, report


def test_a_lost_job_or_an_undocumented_answer_is_not_sound() -> None:
    tally = Tally(answers=Counter({("pictures", 200): 3, ("hostile", 415): 2}), jobs=["a"])
    assert tally.sound
    tally.answers["pictures", 500] += 1
    assert not tally.sound
    assert not Tally(ends=Counter({"lost": 1})).sound
    assert not Tally(answers=Counter({("pictures", 0): 1})).sound, "the API was not killed: it has to answer"


def test_the_report_names_every_figure() -> None:
    tally = Tally(
        sent=Counter(pictures=5, jobs=2),
        answers=Counter({("pictures", 200): 4, ("pictures", 503): 1, ("jobs", 202): 2, ("slow", -1): 1}),
        faults=Counter({"kill -9 redis": 2}),
        jobs=["a", "b"],
        livez_seconds=[0.01, 0.03],
        ends=Counter({"succeeded": 1, "failed (job_crashed)": 1}),
    )
    text = report(
        tally, SimpleNamespace(peak_bytes={"api": 100 * 2**20}, first_and_last=lambda: [("api", 2 * 2**20, 4 * 2**20)])
    )
    for words in ("7:", "{200: 4, 202: 2, 503: 1}", "'kill -9 redis': 2", "2: 1 failed (job_crashed), 1 succeeded"):
        assert words in text, text
    assert "lost 0" in text
    assert "api 100 MiB" in text
    assert "api 2 to 4 MiB" in text
    assert "2 times, p50 20 ms" in text
    assert "-1" not in text.split("problems")[0].split("answers by status")[1].split("\n")[0]


async def test_half_a_minute_of_faults_loses_no_job(tmp_path: Path) -> None:
    with Apart(standin_repository(tmp_path / "model_repository"), tmp_path) as service:
        tally = await campaign(service, minutes=0.4, every_seconds=2, seed=1, clients=9)
        assert set(service.peak_bytes) >= {"api", "worker", "engine", "redis"}
        assert tally.faults.total() >= 2
        assert tally.jobs
        assert tally.sound, report(tally, service)
