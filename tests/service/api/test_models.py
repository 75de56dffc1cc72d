from __future__ import annotations

import zipfile
from pathlib import Path

import httpx
import pytest

from tests.fakes.engine import FakeEngine
from tests.service.api.conftest import Served


async def test_the_catalogue_says_what_each_model_takes(client: httpx.AsyncClient) -> None:
    listed = {model["name"]: model for model in (await client.get("/models")).json()["models"]}
    dsa, gfc, lafin, showface, parser = (listed[name] for name in ("dsa", "gfc", "lafin", "showface", "parser"))
    assert (dsa["name"], dsa["guidance"], dsa["plural"], dsa["frame_pixels"]) == ("dsa", ["faces"], False, 256)
    assert (gfc["name"], gfc["guidance"], gfc["plural"], gfc["frame_pixels"]) == ("gfc", ["faces"], True, 128)
    assert (parser["name"], parser["route"], parser["guidance"], parser["ready"]) == ("parser", "/parsing", [], True)
    assert (parser["deployed_models"], lafin["route"]) == (["parser", "finder", "lafin_predictor"], "/inpaint")
    assert (lafin["name"], lafin["guidance"], lafin["plural"]) == ("lafin", ["faces", "landmarks"], False)
    assert (lafin["frame_pixels"], lafin["ready"]) == (256, True)
    assert (showface["name"], showface["guidance"], showface["plural"]) == ("showface", ["faces"], False)
    assert showface["deployed_models"][:4] == ["showface", "showface_coarse", "parser", "showface_refiner"]


async def test_a_model_shows_its_card(served: Served, tmp_path: Path) -> None:
    (tmp_path / "lafin_generator").mkdir()
    (tmp_path / "lafin_generator" / "card.md").write_text("# Card ä", encoding="utf-8")
    async with served(model_repository=tmp_path) as client:
        assert (await client.get("/models/lafin")).json()["card"] == "# Card ä"


async def test_the_parser_shows_its_card_too(served: Served, tmp_path: Path) -> None:
    (tmp_path / "parser").mkdir()
    (tmp_path / "parser" / "card.md").write_text("# Parser", encoding="utf-8")
    async with served(model_repository=tmp_path) as client:
        shown = (await client.get("/models/parser")).json()
    assert (shown["name"], shown["card"]) == ("parser", "# Parser")


async def test_a_model_does_not_show_the_card_of_one_that_serves_several(served: Served, tmp_path: Path) -> None:
    for name in ("finder", "lafin_predictor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.md").write_text("# Another", encoding="utf-8")
    async with served(model_repository=tmp_path) as client:
        assert (await client.get("/models/dsa")).json()["card"] is None


async def test_a_model_without_a_card_has_none(served: Served, tmp_path: Path) -> None:
    async with served(model_repository=tmp_path) as client:
        assert (await client.get("/models/lafin")).json()["card"] is None


async def test_a_model_shows_in_what_it_computes(served: Served, tmp_path: Path) -> None:
    for name, precision in (("lafin_generator", "bfloat16"), ("parser", "float32")):
        (tmp_path / name / "1").mkdir(parents=True)
        with zipfile.ZipFile(tmp_path / name / "1" / "model.pt", "w") as archive:
            archive.writestr("model/extra/precision", precision)
    async with served(model_repository=tmp_path) as client:
        listed = {model["name"]: model["precision"] for model in (await client.get("/models")).json()["models"]}
    assert (listed["gfc"], listed["dsa"]) == ({}, {})
    assert (listed["lafin"], listed["parser"]) == ({"lafin_generator": "bfloat16"}, {"parser": "float32"})
    assert listed["showface"] == {"parser": "float32"}


async def test_a_model_that_the_engine_lacks_is_not_ready(served: Served, engine: FakeEngine) -> None:
    engine.up = False
    async with served() as client:
        assert (await client.get("/models/lafin")).json()["ready"] is False


@pytest.mark.parametrize(
    ("missing", "ready"),
    [
        ("dsa_generator", {"dsa": False, "gfc": True, "lafin": True, "showface": True, "parser": True}),
        ("dsa_generator_1024", {"dsa": True, "gfc": True, "lafin": True, "showface": True, "parser": True}),
        ("gfc_generator", {"dsa": True, "gfc": False, "lafin": True, "showface": True, "parser": True}),
        ("lafin_generator", {"dsa": True, "gfc": True, "lafin": False, "showface": True, "parser": True}),
        ("lafin_predictor", {"dsa": False, "gfc": False, "lafin": False, "showface": False, "parser": False}),
        ("showface_refiner", {"dsa": True, "gfc": True, "lafin": True, "showface": False, "parser": True}),
        ("parser", {"dsa": True, "gfc": True, "lafin": True, "showface": False, "parser": False}),
        ("reference_extractor", {"reference": False, "lafin": True, "showface": True}),
        ("reference", {"reference": False, "lafin": True, "showface": True}),
    ],
)
async def test_a_model_is_ready_when_all_that_it_calls_is(
    served: Served, engine: FakeEngine, missing: str, ready: dict[str, bool]
) -> None:
    engine.missing.add(missing)
    async with served() as client:
        models = (await client.get("/models")).json()["models"]
    found = {model["name"]: model["ready"] for model in models}
    assert {name: found[name] for name in ready} == ready


@pytest.mark.parametrize(
    ("missing", "sizes"),
    [
        (None, [(256, True), (1024, True)]),
        ("dsa_generator_1024", [(256, True), (1024, False)]),
        ("dsa_generator", [(256, False), (1024, False)]),
    ],
)
async def test_a_model_says_which_of_its_sizes_are_ready(
    served: Served, engine: FakeEngine, missing: str | None, sizes: list[tuple[int, bool]]
) -> None:
    engine.missing |= {missing} - {None}
    async with served() as client:
        dsa, lafin = [(await client.get(f"/models/{name}")).json()["frame_sizes"] for name in ("dsa", "lafin")]
    assert [(size["frame_pixels"], size["ready"]) for size in dsa] == sizes
    assert lafin == [{"frame_pixels": 256, "ready": True}]


async def test_a_model_without_a_snapshot_is_refused_by_name(served: Served, engine: FakeEngine, files: dict) -> None:
    """As the only thing that is asked for, as a job, and before anybody looks at the pictures."""
    engine.missing.add("gfc_generator")
    form = {**files, "model": (None, b"gfc")}
    async with served() as client:
        listed = {model["name"]: model["ready"] for model in (await client.get("/models")).json()["models"]}
        assert (listed["gfc"], listed["lafin"]) == (False, True)
        asked = [await client.post("/inpaint", files=form), await client.post("/jobs", files=form)]
        asked.append(await client.post("/inpaint", files=form, headers={"Prefer": "respond-async"}))
    for response in asked:
        problem = response.json()
        assert (response.status_code, problem["code"]) == (404, "model_without_snapshot")
        assert problem["detail"] == "The model 'gfc' has no snapshot here."
        assert [(error["field"], error["model"]) for error in problem["errors"]] == [("model", "gfc_generator")]
    assert not engine.calls


async def test_an_unknown_model_is_404_and_not_repeated(client: httpx.AsyncClient) -> None:
    response = await client.get("/models/..%2Fsecrets")
    assert response.status_code == 404
    assert "secrets" not in response.text


async def test_limits_are_the_settings(served: Served) -> None:
    async with served(max_body_bytes=123_456, max_faces=3) as client:
        limits = (await client.get("/limits")).json()
    assert (limits["max_body_bytes"], limits["max_faces"]) == (123_456, 3)
    assert (limits["jobs_max_items"], limits["jobs_max_wait_seconds"]) == (64, 60)
    assert limits["output_media_types"] == ["image/png", "image/jpeg", "image/webp", "application/json"]
