from training.data.importers.splits import settle_splits

NAMES = [f"face{index}" for index in range(100)]


def test_splits_of_the_data_set_stay() -> None:
    stated = ["train"] * 90 + ["validation"] * 6 + ["test"] * 4
    assert settle_splits(NAMES, stated) == stated


def test_without_any_a_twentieth_is_for_validation_chosen_by_name() -> None:
    chosen = settle_splits(NAMES, [None] * 100)
    assert chosen.count("validation") == 5
    assert chosen.count("train") == 95
    assert settle_splits(NAMES[::-1], [None] * 100) == chosen[::-1], "whatever their order"


def test_faces_for_tests_stay_when_validation_is_chosen() -> None:
    settled = settle_splits(NAMES, ["train"] * 60 + ["test"] * 40)
    assert settled[60:] == ["test"] * 40
    assert settled[:60].count("validation") == 3
    assert settle_splits(NAMES[:4], ["test"] * 4) == ["test"] * 4


def test_of_few_faces() -> None:
    assert sorted(settle_splits(NAMES[:2], ["train"] * 2)) == ["train", "validation"]
    assert settle_splits(NAMES[:1], [None]) == ["train"]
