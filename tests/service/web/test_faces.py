"""Faces: found, edited by their landmarks, two at once, added by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from service.api.guidance import parse_faces, parse_landmarks
from service.completion.alignment import mirrored
from service.completion.guidance import FaceGiven
from service.imaging.faces import FaceBox
from service.imaging.geometry import FrameTransform, roll_degrees
from tests.fakes.engine import mean_shape
from tests.fakes.faces import group
from tests.fakes.pictures import scene
from tests.service.web.visits import Visit

CORNER = 48  # of the mouth


def found(visit: Visit) -> None:
    visit.page.click("#find-faces")
    visit.wait("state.faces.length > 0")


def corners(visit: Visit) -> NDArray[np.float64]:
    """The corners of the first face's frame as it is drawn, from the upper left one on."""
    path = visit.page.locator("#overlay .frame").first.get_attribute("d")
    return np.array([point.split(",") for point in (path or "").strip("MZ").split("L")], float)


def landmark(visit: Visit, face: int, index: int) -> tuple[float, float]:
    x, y = visit.state(f"return state.faces[{face}].landmarks[{index}];")
    return x, y


def test_a_corner_of_the_mouth_is_dragged_and_the_mouth_changes(visit: Visit) -> None:
    visit.open_sample()
    found(visit)
    x, y = landmark(visit, 0, CORNER)
    visit.tool("rectangle")
    visit.drag((x - 30, y - 25), (x + 60, y + 30))
    visit.complete()
    before = visit.result()
    assert "landmarks" not in visit.sent("jobs")[0]
    visit.tool("landmarks")
    visit.drag((x, y), (x - 12, y + 8))
    visit.wait("!state.busy && state.result && window.calls.filter((call) => call.path === 'jobs').length === 2")
    after = visit.result()
    (sent,) = parse_landmarks(visit.sent("jobs")[1]["landmarks"])
    assert np.abs(sent[CORNER] - (x - 12, y + 8)).max() < 1.5
    changed = np.argwhere((before != after).any(axis=2))
    assert len(changed)
    assert np.abs(changed - (y, x)).max() < 90, "only the mouth"
    for press, expected, jobs in (("#undo", before, 3), ("#redo", after, 4)):
        visit.page.click(press)
        visit.wait(f"!state.busy && window.calls.filter((call) => call.path === 'jobs').length === {jobs}")
        assert np.array_equal(visit.result(), expected), "the result follows here, too"
    visit.page.click("#undo")
    assert np.allclose(landmark(visit, 0, CORNER), (x, y))


def test_a_part_moves_as_one_also_by_keys(visit: Visit) -> None:
    visit.open_sample()
    found(visit)
    visit.page.locator("#stage").focus()
    visit.page.keyboard.press("m")
    visit.page.select_option("#grip", "part")
    before = np.array(visit.state("return state.faces[0].landmarks;"))
    visit.page.locator("#stage").focus()
    visit.page.keyboard.press("Shift+ArrowRight")
    visit.page.keyboard.press("ArrowUp")
    moved = np.array(visit.state("return state.faces[0].landmarks;")) - before
    assert np.allclose(moved[48:], (10, -1))
    assert np.allclose(moved[:48], 0)
    assert "Mouth of face 1" in visit.page.inner_text("#status")
    visit.page.keyboard.press(",")
    assert "Right eye of face 1" in visit.page.inner_text("#status")


@pytest.mark.parametrize(
    ("index", "part"),
    [(19, range(17, 22)), (24, range(22, 27)), (30, range(27, 36)), (37, range(36, 42)), (45, range(42, 48))],
)
def test_brows_nose_and_eyes_are_dragged_whole(visit: Visit, index: int, part: range) -> None:
    visit.open_sample()
    found(visit)
    assert visit.page.locator("#overlay .point").count() == 68
    visit.tool("landmarks")
    visit.page.select_option("#grip", "part")
    before = np.array(visit.state("return state.faces[0].landmarks;"))
    x, y = before[index]
    visit.drag((x, y), (x + 30, y - 20))
    moved = np.array(visit.state("return state.faces[0].landmarks;")) - before
    others = np.setdiff1d(np.arange(68), part)
    assert np.allclose(moved[part], (30, -20), atol=1.5)
    assert np.allclose(moved[others], 0)
    assert "Nothing is masked yet" in visit.said("faces")
    visit.page.uncheck("#show-landmarks")
    assert visit.page.locator("#overlay .point").count() == 0


def test_two_faces_are_found_framed_and_completed(visit: Visit) -> None:
    visit.open_picture(group()[:, :800])
    found(visit)
    assert visit.page.locator("#face-list li").count() == 2
    assert visit.page.locator("#overlay .frame").count() == 2
    visit.tool("rectangle")
    for left in (165, 565):
        visit.drag((left, 215), (left + 70, 275))
    visit.complete()
    assert visit.page.inner_text("#result-facts") == "lafin: 2 faces completed"
    assert {"landmarks", "faces"} & visit.sent("jobs")[0].keys() == set(), "what the service finds itself"


def test_a_face_is_added_turned_and_removed_by_hand(visit: Visit) -> None:
    visit.open_picture(scene(300, 400))
    visit.page.click("#find-faces")
    assert "No face was found" in visit.said("faces")
    visit.tool("rectangle")
    visit.drag((120, 80), (200, 140))
    visit.complete()
    assert "choose “Add a face”" in visit.page.inner_text("#result-facts")
    visit.tool("face")
    visit.drag((100, 60), (220, 160))
    visit.page.locator("#face-list input").fill("20")
    visit.page.locator("#face-list input").press("Enter")
    left, right = corners(visit)[:2]
    assert np.degrees(np.arctan2(*(right - left)[::-1])) == pytest.approx(20, abs=1)
    visit.complete()
    assert visit.page.inner_text("#result-facts") == "lafin: 1 face completed"
    (given,) = parse_faces(visit.sent("jobs")[1]["faces"])
    assert isinstance(given, FaceGiven)
    assert given.box == pytest.approx((100, 60, 220, 180), abs=1.5)
    assert given.roll_degrees == 20
    visit.page.click("#face-list button")
    assert visit.page.locator("#face-list li").count() == 0
    visit.page.click("#undo")
    assert visit.page.locator("#face-list li").count() == 1


@pytest.mark.parametrize("roll", [0, 40])
def test_the_face_that_nobody_has_seen_fills_its_box_as_a_face_would(visit: Visit, roll: int) -> None:
    box = (100.0, 50.0, 340.0, 290.0)
    points = np.array(
        visit.page.evaluate(
            "async ([box, roll]) => (await import('/web/landmarks.js')).averageFace(box, roll)", [list(box), roll]
        )
    )
    assert points.shape == (68, 2)
    assert roll_degrees(points) == pytest.approx(roll, abs=1)
    assert not mirrored(points)
    expected = FrameTransform.from_box(FaceBox(*box, 1.0, roll)).to_canvas(mean_shape())
    error = np.hypot(*(points - expected)[17:].T)
    assert error.max() < 0.1 * 240, json.dumps(error.round().tolist())
    framed = FrameTransform.from_landmarks(points)
    assert framed.scale == pytest.approx(FrameTransform.from_box(FaceBox(*box, 1.0, roll)).scale, rel=0.15)
