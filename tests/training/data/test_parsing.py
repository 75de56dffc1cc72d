import numpy as np
import pytest

from tests.golden import GOLDEN
from training.data.drawn import DrawnFaces
from training.data.parsing import (
    CELEBAMASK_HQ,
    CLASS_SETS,
    HELEN,
    IGNORE,
    MERGES,
    SHOWFACE,
    as_helen,
    colour_table,
    facial_parts,
    flip,
    merge_table,
    mirror_table,
)


def test_every_set_has_as_many_names_as_its_number_says() -> None:
    for count, names in CLASS_SETS.items():
        assert len(names) == len(set(names)) == count
        assert names[0] == "background"


def test_merge_tables_name_every_class_and_reach_every_class() -> None:
    for (larger, smaller), joined in MERGES.items():
        names, table = CLASS_SETS[smaller], merge_table(larger, smaller)
        assert table is not None
        assert set(joined) == set(CLASS_SETS[larger]) - set(names)
        reached = {int(index) for index in table[:larger]} - {IGNORE}
        assert reached == set(range(smaller))
        assert [CLASS_SETS[larger][index] for index in np.flatnonzero(table[:larger] == IGNORE)] == [
            name for name, merged in joined.items() if merged is None
        ]


@pytest.mark.parametrize(
    ("wanted", "name", "merged"),
    [
        (14, "right_brow", "brows"),
        (14, "left_eye", "eyes"),
        (14, "earring", "ears"),
        (14, "necklace", "neck"),
        (14, "hat", "hat"),
        (11, "inner_mouth", "inner_mouth"),
        (11, "left_brow", "left_brow"),
        (11, "neck", "background"),
        (11, "hat", "background"),
    ],
)
def test_nineteen_classes_become_fewer(wanted: int, name: str, merged: str) -> None:
    table = merge_table(19, wanted)
    assert table is not None
    assert CLASS_SETS[wanted][table[CELEBAMASK_HQ.index(name)]] == merged


def test_what_is_ignored_stays_ignored_and_what_no_set_knows_becomes_it() -> None:
    table = merge_table(19, 11)
    assert table is not None
    assert table[IGNORE] == IGNORE
    assert table[CELEBAMASK_HQ.index("glasses")] == IGNORE
    same = merge_table(11, 11)
    assert same is not None
    assert same[:11].tolist() == list(range(11))
    assert set(same[11:]) == {IGNORE}


def test_there_is_no_way_back() -> None:
    assert merge_table(11, 19) is None
    assert merge_table(14, 11) is None


@pytest.mark.parametrize("classes", CLASS_SETS)
def test_mirrors_swap_left_and_right_alone(classes: int) -> None:
    table, names = mirror_table(classes), CLASS_SETS[classes]
    assert np.array_equal(table[table], np.arange(256))
    for index, name in enumerate(names):
        swapped = name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        assert names[table[index]] == swapped
    assert (table[:classes] != np.arange(classes)).sum() == sum("left" in n or "right" in n for n in names)


def test_flipping_twice_is_nothing() -> None:
    parsing = np.random.default_rng(0).integers(0, 11, (8, 9)).astype(np.uint8)
    assert np.array_equal(flip(flip(parsing, 11), 11), parsing)
    assert flip(np.array([[HELEN.index("left_eye"), 0, IGNORE]], np.uint8), 11).tolist() == [[255, 0, 5]]


def test_facial_parts_are_brows_eyes_nose_lips_and_inner_mouth() -> None:
    assert facial_parts(11) == tuple(range(2, 10))
    assert [SHOWFACE[index] for index in facial_parts(14)] == [
        "brows", "eyes", "nose", "inner_mouth", "upper_lip", "lower_lip",
    ]  # fmt: skip


@pytest.mark.parametrize("classes", CLASS_SETS)
def test_every_class_has_its_own_colour(classes: int) -> None:
    colours = colour_table(classes)
    assert colours.shape == (256, 3)
    assert len({tuple(colour) for colour in colours[:classes]}) == classes
    assert colours[0].tolist() == [0, 0, 0]
    assert (colours[classes:] == 128).all()


def test_a_class_has_the_same_colour_in_every_set() -> None:
    seen: dict[str, set[tuple[int, ...]]] = {}
    for classes, names in CLASS_SETS.items():
        for index, name in enumerate(names):
            seen.setdefault(name, set()).add(tuple(colour_table(classes)[index].tolist()))
    assert {len(colours) for colours in seen.values()} == {1}


def test_the_classes_are_those_that_the_service_has_colours_for() -> None:
    assert {str(count): list(names) for count, names in CLASS_SETS.items()} == GOLDEN["classes"]


def test_fourteen_classes_become_eleven_with_sides_by_the_nose() -> None:
    """A nose left of the middle parts what lies on both sides of it; the subject's left is on the right."""
    parsing = np.full((4, 9), SHOWFACE.index("skin"), np.uint8)
    parsing[2, 2:4] = SHOWFACE.index("nose")
    parsing[0, 1], parsing[0, 4] = SHOWFACE.index("brows"), SHOWFACE.index("brows")
    parsing[1, 1], parsing[1, 4] = SHOWFACE.index("eyes"), SHOWFACE.index("eyes")
    parsing[3, 0], parsing[3, 1], parsing[3, 2], parsing[3, 3] = (
        SHOWFACE.index(name) for name in ("ears", "hat", "hair", "glasses")
    )
    found = as_helen(parsing)
    assert [HELEN[found[row, 1]] for row in (0, 1)] == ["right_brow", "right_eye"]
    assert [HELEN[found[row, 4]] for row in (0, 1)] == ["left_brow", "left_eye"]
    assert [HELEN[found[3, column]] for column in (0, 1, 2)] == ["background", "background", "hair"]
    assert found[3, 3] == IGNORE
    assert (found[:, 5:] == HELEN.index("skin")).all()
    assert HELEN[found[2, 2]] == "nose"


def test_without_a_nose_the_middle_of_the_map_parts_the_sides() -> None:
    parsing = np.full((1, 6), SHOWFACE.index("eyes"), np.uint8)
    assert [HELEN[index] for index in as_helen(parsing)[0]] == ["right_eye"] * 3 + ["left_eye"] * 3


def test_both_ways_from_nineteen_to_eleven_agree() -> None:
    """Drawn faces in nineteen classes: over fourteen as straight on."""
    straight, between = merge_table(19, 11), merge_table(19, 14)
    assert straight is not None
    assert between is not None
    ids = np.array([CELEBAMASK_HQ.index(name) for name in HELEN], np.uint8)
    for face in range(3):
        parsing = ids[DrawnFaces(3, 96).parsing(face)]
        assert np.array_equal(as_helen(between[parsing]), straight[parsing])
