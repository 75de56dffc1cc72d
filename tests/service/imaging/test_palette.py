from service.imaging.palette import COLOURS, palette
from tests.golden import GOLDEN
from training.data.parsing import CLASS_SETS


def test_every_set_of_classes_has_its_own_colours() -> None:
    for names in CLASS_SETS.values():
        colours = palette(names)
        assert [COLOURS[name] for name in names] == colours
        assert len(set(colours)) == len(names)


def test_unknown_names_get_different_colours() -> None:
    colours = palette([f"class{index}" for index in range(30)])
    assert len(set(colours)) == 30
    assert all(0 <= channel <= 255 for colour in colours for channel in colour)


def test_neighbours_are_far_apart() -> None:
    beside = [("skin", "background"), ("skin", "hair"), ("skin", "nose"), ("skin", "left_brow"), ("skin", "right_brow")]
    beside += [("skin", "upper_lip"), ("skin", "lower_lip"), ("upper_lip", "inner_mouth"), ("inner_mouth", "lower_lip")]
    beside += [("hair", "background"), ("hair", "left_brow"), ("neck", "clothes"), ("skin", "neck"), ("hair", "hat")]
    for one, other in beside:
        difference = sum(abs(a - b) for a, b in zip(COLOURS[one], COLOURS[other], strict=True))
        assert difference >= 120, (one, other)


def test_the_colours_are_those_that_were_agreed_on() -> None:
    assert {name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in COLOURS.items()} == GOLDEN["colours"]
    assert {name for names in GOLDEN["classes"].values() for name in names} <= COLOURS.keys()
