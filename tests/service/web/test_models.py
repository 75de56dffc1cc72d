"""Models by their cards, with their guidance only; samples; the call as curl."""

from __future__ import annotations

import json
import shlex
from base64 import b64decode

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.fakes.http import http
from tests.fakes.pictures import png, scene
from tests.fakes.waiting import until
from tests.service.web.visits import Visit

GUIDED = {
    "name": "guided",
    "summary": "Reference guided.",
    "route": "/inpaint",
    "guidance": ["attributes", "reference"],
    "attributes": ["Smiling", "Big_Nose"],
    "plural": False,
    "frame_pixels": 256,
    "deployed_models": [],
    "precision": {},
    "ready": True,
}


def labels(visit: Visit) -> list[str]:
    return visit.page.locator("#guidance .field > span:first-child").all_inner_texts()


def test_samples_come_from_a_seed_and_one_is_picked(visit: Visit) -> None:
    visit.open_sample()
    assert labels(visit) == ["Blend"]
    visit.page.check("input[name=model][value=gfc]")
    assert labels(visit) == ["Samples", "Seed", "Blend"]
    visit.page.get_by_role("spinbutton", name="Samples").fill("3")
    visit.page.get_by_label("Seed").fill("7")
    visit.page.get_by_label("Blend").select_option("poisson")
    visit.drag((205, 145), (240, 150))
    visit.complete()
    sent = visit.sent("jobs")[0]
    assert {name: sent[name] for name in ("model", "samples", "seed", "blend")} == {
        "model": "gfc",
        "samples": "3",
        "seed": "7",
        "blend": "poisson",
    }
    assert visit.page.inner_text("#result-facts") == "gfc: 1 face completed, seed 7"
    first = visit.result()
    visit.page.get_by_label("Sample 3").click()
    assert visit.page.get_by_label("Sample 3").get_attribute("aria-pressed") == "true"
    assert not np.array_equal(visit.result(), first)


def test_a_card_tells_of_its_model(visit: Visit) -> None:
    card = visit.page.locator(".card", has_text="lafin")
    card.locator("summary").click()
    card.locator("table").first.wait_for()
    assert "not for commercial use" in card.inner_text()


def guided_page(page: Page, url: str) -> None:
    """The models of this service, and one more."""
    models = [*http.get(f"{url}/models").json()["models"], GUIDED]
    page.route("**/models", lambda route: route.fulfill(json={"models": models}))


def test_a_reference_and_attributes_are_asked_for_where_they_count(visit: Visit) -> None:
    guided_page(visit.page, visit.url)
    visit.go()
    visit.page.check("input[name=model][value=guided]")
    assert labels(visit) == ["Reference picture", "Smiling", "Big Nose", "Blend"]
    visit.open_sample()
    visit.drag((205, 145), (240, 150))
    picture = png(scene())
    reference = {"name": "aunt.png", "mimeType": "image/png", "buffer": picture}
    visit.page.get_by_label("Reference picture").set_input_files(reference)
    visit.page.get_by_text("aunt.png").wait_for()
    visit.page.get_by_label("Smiling").fill("0.75")
    visit.page.click("#complete")
    assert "There is no model of that name" in visit.said("model")
    sent = visit.sent("jobs")[0]
    assert json.loads(sent["attributes"]) == {"Smiling": 0.75}
    assert b64decode(sent["reference"]) == picture
    visit.page.check("input[name=model][value=lafin]")
    visit.page.check("input[name=model][value=guided]")
    assert visit.page.get_by_text("aunt.png").is_visible(), "it is kept for the model"
    visit.page.locator("#guidance").get_by_text("Remove").click()
    visit.page.get_by_text("All as found").click()
    assert visit.page.get_by_text("as found", exact=True).count() == 2
    visit.page.click("#complete")
    visit.wait("window.calls.filter((call) => call.path === 'jobs').length === 2 && !state.busy")
    assert {"reference", "attributes"} & visit.sent("jobs")[1].keys() == set()


def test_models_that_are_loaded_later_are_offered_then_and_stand_first(visit: Visit) -> None:
    models = http.get(f"{visit.url}/models").json()["models"]
    later = [{**model, "ready": model["name"] == "lafin"} for model in models]
    answers = iter([[{**model, "ready": False} for model in models]])
    visit.page.route("**/models", lambda route: route.fulfill(json={"models": next(answers, later)}))
    visit.go()
    cards = visit.page.locator(".card")
    until(lambda: cards.count() and cards.first.inner_text().startswith("dsa"))
    assert cards.get_by_text("not loaded now").count() == cards.count()
    until(lambda: cards.first.inner_text().startswith("lafin"))
    assert cards.get_by_text("not loaded now").count() == cards.count() - 1


@pytest.mark.parametrize("name", ["it's $HOME.png", '"quoted";x.png'])
def test_copied_as_curl_it_is_the_call_that_a_shell_would_make(visit: Visit, name: str) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open_picture(scene(), name)
    visit.drag((50, 50), (90, 90))
    visit.page.click("#copy-curl")
    until(lambda: visit.page.inner_text("#status") == "Copied")
    assert visit.page.inner_text("#copy-curl") == "Copied"
    until(lambda: visit.page.inner_text("#copy-curl") == "Copy as curl")
    line = visit.page.evaluate("navigator.clipboard.readText()")
    words = shlex.split(line.replace("\\\n", " "))
    escaped = name.replace('"', '\\"')
    assert words[:3] == ["curl", "-F", f'image=@"{escaped}"']
    assert words[-1] == f"{visit.url}/inpaint"
    assert words[words.index("-o") + 1] == name.replace(".png", "_completed.png")
    assert "model=lafin" in words
    visit.complete()
    names = visit.page.locator("#call-list code").all_text_contents()
    assert "POST /jobs" in names
    visit.page.locator("#calls summary").click()
    visit.page.get_by_label("Copy POST /jobs as curl").click()
    until(lambda: "Idempotency-Key" in visit.page.evaluate("navigator.clipboard.readText()"))
    visit.page.locator("#call-list li", has_text="/result").get_by_role("button").click()
    until(lambda: " -o " in visit.page.evaluate("navigator.clipboard.readText()"), "pictures go into a file")
