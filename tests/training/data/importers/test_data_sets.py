from pathlib import Path

from training.data.importers.data_sets import IMPORTS
from training.landmarking import OWN, LandmarkOptions, open_points


def test_every_data_set_says_its_licence_and_opens(tmp_path: Path) -> None:
    for name, one in IMPORTS.items():
        source = one.open(tmp_path)
        assert source.licence, name
        assert source.folder == tmp_path
        assert one.pixels >= 64
        assert one.whole >= (one.tests or 0)
        if source.own_points is not None:
            assert open_points(LandmarkOptions(OWN, None, tmp_path, "cpu"), source, []).description == OWN


def test_only_photographs_may_show_no_face(tmp_path: Path) -> None:
    assert [name for name, one in IMPORTS.items() if one.open(tmp_path).doubtful] == ["folder"]
