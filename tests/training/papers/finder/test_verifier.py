from pathlib import Path

import pytest
import torch
from torch import Tensor

from training.checkpoint import save_snapshot
from training.frozen.features import FeatureFileError, FrozenFeatures
from training.papers.finder.networks import Finder
from training.papers.finder.points import centre_of, roll_of, size_of
from training.papers.finder.serving import load_finder, load_verified, maps_of
from training.papers.finder.verifier import MOST_PLACES, VerifiedFinder, Verifier, joined, places_of, points_at

SIDE = 128


@pytest.fixture(scope="module")
def verified() -> VerifiedFinder:
    """Nobody trained it; its maps see faces in many cells."""
    torch.manual_seed(0)
    finder = Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1))
    finder.head[-1].bias.data[0] = 0.0
    return VerifiedFinder(finder, Verifier(4, 8)).eval().requires_grad_(False)


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def hole() -> Tensor:
    hole = torch.zeros(2, 1, SIDE, SIDE)
    hole[..., 30:70, 40:90] = 1
    return hole


def test_places_of_points_are_as_points_say_them() -> None:
    points = torch.rand(6, 5, 2) * 100
    places = places_of(points.flatten(1), 1.0)
    assert torch.allclose(places[:, :2], centre_of(points), atol=1e-4)
    assert torch.allclose(places[:, 2], size_of(points), atol=1e-4)
    assert torch.allclose(places[:, 3:], roll_of(points), atol=1e-4)


def test_points_stand_where_their_place_turns_them() -> None:
    place = torch.tensor([[10.0, 20, 4, 1, 0]])  # on its side, clockwise: right is down
    shape = torch.tensor([[1.0, 0, 0, 1, 0, 0, 0, 0, 0, 0]])
    assert points_at(shape, place)[0, :6].tolist() == [10, 24, 6, 20, 10, 20]


def test_the_maps_are_asked_at_both_sizes(verified: VerifiedFinder, image: Tensor, hole: Tensor) -> None:
    likely = verified.likely(image, hole)
    assert likely.shape == (2, MOST_PLACES, 16)
    assert (likely[:, :-1, 0] >= likely[:, 1:, 0]).all()
    whole = verified.peaks(verified.finder(image, hole))[..., 0]
    assert not torch.isin(likely[..., 0], whole).all(), "half of the size names places, too"


def test_what_is_found_is_listed_best_first_and_once(verified: VerifiedFinder, image: Tensor, hole: Tensor) -> None:
    faces = verified(image, hole)
    assert faces.shape == (2, 64, 16)
    assert (faces[..., 0] > 0).any()
    assert (faces[:, :-1, 0] >= faces[:, 1:, 0]).all()
    for listed in faces:
        found = listed[listed[:, 0] > 0]
        away = torch.cdist(found[:, 1:3], found[:, 1:3]) + 1e6 * torch.eye(len(found))
        assert (away >= 0.5 * torch.maximum(found[:, None, 3], found[:, 3]) - 1e-3).all()


def test_a_score_is_both_looks_and_what_the_maps_said(
    verified: VerifiedFinder, image: Tensor, hole: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = float(verified.likely(image, hole)[0, 0, 0])
    chances = iter((torch.tensor(0.9), torch.tensor(0.4)) * 2)
    points = torch.tensor([40.0, 50, 80, 50, 60, 70, 45, 90, 75, 90])

    def look(levels: list[Tensor], places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return next(chances).expand(len(places)), points.expand(len(places), -1), torch.ones(len(places))

    monkeypatch.setattr(verified, "look", look)
    faces = verified(image, hole)[0]
    assert float(faces[0, 0]) == pytest.approx((0.9 * 0.4 * best) ** 0.5, abs=1e-5)
    assert faces[0, 1:6].tolist() == pytest.approx([60, 70, 80, 0, 1], abs=1e-4)
    assert not faces[1:].any(), "all of them are one face"


def test_points_are_the_mean_of_both_where_they_agree(
    verified: VerifiedFinder, image: Tensor, hole: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    likely = torch.zeros(1, MOST_PLACES, 16)
    said = torch.tensor([40.0, 50, 80, 50, 60, 70, 45, 90, 75, 90])
    for place, (by, turned) in enumerate(((4.0, 1.0), (60.0, 1.0), (0.0, -1.0))):  # near, far, on its head
        likely[0, place] = torch.cat((torch.tensor([0.9 - 0.1 * place, 60 + by, 70, 80, 0, turned]), said + by))
    for place, points in ((0, said + 2), (1, said), (2, said)):
        monkeypatch.setattr(
            verified, "look", lambda levels, places: (torch.ones(len(places)), said[None], torch.ones(1))
        )
        face = verified.verified(image[:1], hole[:1], likely[0, place : place + 1])[0]
        assert torch.allclose(face[6:], points, atol=1e-4)
        assert face[1:4].tolist() == pytest.approx([float(points[0]) + 20, float(points[1]) + 20, 80], abs=1e-3)


@pytest.mark.parametrize(
    ("known", "size"), [(0.0, 80.0), (0.5, 80.0), (0.75, 80**0.75 * 64**0.25), (1.0, (80 * 64) ** 0.5)]
)
def test_where_little_is_known_the_size_is_the_maps(known: float, size: float) -> None:
    mapped = torch.tensor([[40.0, 50, 80, 50, 60, 70, 45, 90, 75, 90]])
    centre = torch.tensor([60.0, 70.0]).repeat(5)
    smaller = centre + 0.8 * (mapped - centre)
    found = places_of(joined(places_of(mapped, 1.0), mapped, smaller, torch.tensor([known]), 1.0), 1.0)
    assert found[0].tolist() == pytest.approx([60, 70, size, 0, 1], abs=1e-3)


@pytest.mark.parametrize(("known", "size"), [(0.0, 80.0), (1.0, 48.0)])
def test_sizes_may_differ_more_where_little_is_known(known: float, size: float) -> None:
    mapped = torch.tensor([[40.0, 50, 80, 50, 60, 70, 45, 90, 75, 90]])
    centre = torch.tensor([60.0, 70.0]).repeat(5)
    smaller = centre + 0.6 * (mapped - centre)
    found = places_of(joined(places_of(mapped, 1.0), mapped, smaller, torch.tensor([known]), 1.0), 1.0)
    assert float(found[0, 2]) == pytest.approx(size, abs=1e-3)


def test_the_share_that_is_known_is_that_of_the_face_alone(verified: VerifiedFinder) -> None:
    image, hole = torch.rand(1, 3, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    hole[..., 44:64, 44:84] = 1  # the upper half of a face of 40 px around (64, 64)
    _, _, known = verified.look(verified.pyramid(image, hole), torch.tensor([[63.5, 63.5, 40, 0, 1]]))
    assert known.tolist() == pytest.approx([0.5], abs=0.03)


@pytest.mark.parametrize("hidden", [True, False])
def test_a_face_that_can_hardly_be_seen_scores_the_same_in_the_mirror(
    verified: VerifiedFinder, image: Tensor, hidden: bool
) -> None:
    """A picture and its mirror image, the place in the middle: their windows are each other's mirror."""
    hole = torch.zeros(1, 1, SIDE, SIDE)
    hole[..., 40:88, 40:88] = float(hidden)
    place = torch.tensor([[63.5, 63.5, 40, 0, 1]])
    one, other = (
        float(verified.look(verified.pyramid(picture, hole), place)[0]) for picture in (image[:1], image[:1].flip(3))
    )
    assert (abs(one - other) < 1e-6) == hidden, (one, other)


def test_others_of_a_batch_and_what_lies_under_the_hole_change_nothing(
    verified: VerifiedFinder, image: Tensor, hole: Tensor
) -> None:
    both = verified(image, hole)
    assert torch.allclose(verified(image[:1], hole[:1]), both[:1], atol=1e-4)
    assert torch.equal(verified(torch.where(hole > 0, 1.0, image), hole), both)


def test_the_frame_is_looked_at_up_to_where_the_hole_reaches_on_to_its_border(
    verified: VerifiedFinder, image: Tensor, hole: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hole[0, :, 60:], hole[1, :, :, 65:] = 1, 1
    seen: list[tuple[int, ...]] = []
    likely = verified.likely

    def looked(image: Tensor, hole: Tensor) -> Tensor:
        seen.append(tuple(image.shape))
        return likely(image, hole)

    monkeypatch.setattr(verified, "likely", looked)
    faces = verified(image, hole)
    assert seen == [(1, 3, 64, SIDE), (1, 3, SIDE, SIDE)]
    assert (faces[0, 0, 0], faces[0, 0, 2]) < (1, SIDE)
    assert torch.equal(verified(image[:1, :, :64], hole[:1, :, :64])[0], faces[0])


def test_of_a_frame_that_is_all_hole_nothing_is_said(verified: VerifiedFinder, image: Tensor) -> None:
    assert not verified(image, torch.ones(2, 1, SIDE, SIDE)).any()


def test_what_can_only_score_little_is_not_looked_at_twice(
    verified: VerifiedFinder, image: Tensor, hole: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look(levels: list[Tensor], places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        looks.append(len(places))
        return torch.full((len(places),), 0.01), torch.zeros(len(places), 10), torch.ones(len(places))

    monkeypatch.setattr(verified, "look", look)
    assert not verified(image[:1], hole[:1]).any()
    assert len(looks) == 1


def test_where_the_maps_name_nothing_there_is_no_face(image: Tensor, hole: Tensor) -> None:
    blind = VerifiedFinder(Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1)), Verifier(4, 8)).eval()
    blind.finder.head[-1].bias.data[0] = -20
    assert not blind(image, hole).any()


def test_it_begins_with_imagenet_s_weights(tmp_path: Path) -> None:
    torch.manual_seed(3)
    features = FrozenFeatures("squeezenet1_1").state_dict()
    save_snapshot(tmp_path / "features.safetensors", features, {}, half=False)
    verifier = Verifier(4, 8)
    verifier.begin_with(tmp_path / "features.safetensors")
    assert torch.equal(verifier.features[0].weight[:, :3], features["features.0.weight"])
    assert not verifier.features[0].weight[:, 3].any()
    assert torch.equal(verifier.features[12].squeeze.weight, features["features.12.squeeze.weight"])


def test_another_network_s_weights_are_refused(tmp_path: Path) -> None:
    vgg = {f"features.{key}": value for key, value in FrozenFeatures("vgg16").features.state_dict().items()}
    save_snapshot(tmp_path / "vgg16.safetensors", vgg, {})
    with pytest.raises(FeatureFileError, match="is vgg16: the finder's second look begins with squeezenet1_1"):
        Verifier(4, 8).begin_with(tmp_path / "vgg16.safetensors")


def test_a_snapshot_holds_both_and_the_maps_can_be_taken_out(
    verified: VerifiedFinder, image: Tensor, hole: Tensor
) -> None:
    state = verified.state_dict()
    again = load_verified(state).eval()
    assert torch.equal(again(image, hole), verified(image, hole))
    assert maps_of(state).keys() == verified.finder.state_dict().keys()
    assert maps_of(maps_of(state)).keys() == maps_of(state).keys()
    broken = {key: value for key, value in state.items() if key != "verifier.narrow.weight"}
    with pytest.raises(RuntimeError, match=r"no finder with a second look:\nverifier\.narrow\.weight"):
        load_finder(broken)


def test_learning_leaves_the_maps_as_they_are(verified: VerifiedFinder) -> None:
    verified.train()
    assert not any(module.training for module in verified.finder.modules())
    assert verified.verifier.training
    verified.eval()
