from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.client.command.guidance import read_attributes, read_faces, read_landmarks
from service.client.command.usage import BadUsage

POINTS = [[float(number), 2 * number] for number in range(68)]


@pytest.mark.parametrize("content", [POINTS, {"model": "m", "faces": [{"box": [0, 0, 1, 1], "landmarks": POINTS}]}])
def test_landmarks_are_a_list_or_an_answer_of_the_service(tmp_path: Path, content: object) -> None:
    file = tmp_path / "l.json"
    file.write_text(json.dumps(content))
    assert read_landmarks(file) == POINTS


@pytest.mark.parametrize(
    "content", [[POINTS, POINTS], {"faces": [{"landmarks": POINTS, "box": [0, 0, 1, 1]}, {"landmarks": POINTS}]}]
)
def test_landmarks_of_several_faces(tmp_path: Path, content: object) -> None:
    file = tmp_path / "l.json"
    file.write_text(json.dumps(content))
    assert read_landmarks(file) == [POINTS, POINTS]


@pytest.mark.parametrize(
    ("content", "faces"),
    [
        ([[1, 2, 3, 4]], [[1, 2, 3, 4]]),
        ({"faces": [{"box": [1, 2, 3, 4], "roll": 5, "landmarks": POINTS}]}, [{"box": [1, 2, 3, 4], "roll": 5}]),
    ],
)
def test_faces_are_boxes_or_an_answer_of_the_service(tmp_path: Path, content: object, faces: object) -> None:
    file = tmp_path / "f.json"
    file.write_text(json.dumps(content))
    assert read_faces(file) == faces


@pytest.mark.parametrize("text", ["[", "[]", "{}", "[[1, 2, 3]]", '[{"roll": 1}]', '[["a", 1, 2, 3]]'])
def test_other_files_are_no_faces(tmp_path: Path, text: str) -> None:
    file = tmp_path / "f.json"
    file.write_text(text)
    with pytest.raises(BadUsage):
        read_faces(file)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "is not JSON"),
        ("[[1, 2]]", "must hold a JSON list of 68 points"),
        (json.dumps([[1, "2"]] * 68), "68 points"),
        (json.dumps([[1, True]] * 68), "68 points"),
        ('{"faces": []}', "68 points"),
        ('{"faces": [{}, {}]}', "68 points"),
        ('{"faces": [1]}', "68 points"),
        ("3", "68 points"),
        ("\xff", "is not UTF-8"),
    ],
)
def test_other_files_are_no_landmarks(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "l.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadUsage, match=complaint):
        read_landmarks(file)


@pytest.mark.parametrize("text", ["smiling=0.5,age=-1", ' {"smiling": 0.5, "age": -1}', "file.json"])
def test_attributes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.json").write_text('{"smiling": 0.5, "age": -1}')
    assert read_attributes(text) == {"smiling": 0.5, "age": -1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("smiling=much", "'smiling=much' is not name=value"),
        ("smiling=1,age", "'age' is not name=value"),
        ("smiling=1.5", "smiling must lie between -1 and 1"),
        ("smiling=nan", "smiling must lie between -1 and 1"),
        ('{"smiling": "x"}', "a JSON object of numbers"),
        ("{", "is not JSON"),
        ("nowhere.json", r"nowhere\.json cannot be read: No such file"),
    ],
)
def test_other_texts_are_no_attributes(text: str, complaint: str) -> None:
    with pytest.raises(BadUsage, match=complaint):
        read_attributes(text)
