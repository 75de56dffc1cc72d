"""What guides a completion, read from files and arguments. Raises BadUsage for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.client.command.usage import BadUsage


def read_landmarks(file: Path) -> list[Any]:
    """68 points [x, y], or a list of such faces. An answer of POST /landmarks is taken too, with all of its faces."""
    content = _faces_in(_json_of(file))
    if isinstance(content, list) and content and all(isinstance(face, dict) for face in content):
        described = [face.get("landmarks") for face in content]
        content = described[0] if len(described) == 1 else described
    if not _is_points(content) and not (isinstance(content, list) and content and all(map(_is_points, content))):
        raise BadUsage(f"{file} must hold a JSON list of 68 points [x, y], or of such faces.")
    points: list[Any] = content
    return points


def read_faces(file: Path) -> list[Any]:
    """Boxes [x0, y0, x1, y1], or objects with `box` and perhaps `roll`; or an answer of POST /landmarks."""
    content = _faces_in(_json_of(file))
    if not isinstance(content, list) or not content or not all(map(_is_face, content)):
        raise BadUsage(f"{file} must hold a JSON list of boxes [x0, y0, x1, y1].")
    return [face if isinstance(face, list) else _without_landmarks(face) for face in content]


def _faces_in(content: Any) -> Any:
    """What an answer of POST /landmarks holds; other content as it is."""
    return content["faces"] if isinstance(content, dict) and "faces" in content else content


def _is_face(face: Any) -> bool:
    box = face.get("box") if isinstance(face, dict) else face
    return isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))


def _without_landmarks(face: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in face.items() if name in ("box", "roll")}


def read_attributes(text: str) -> dict[str, float]:
    """`name=value,name=value`, a JSON object, or the name of a file that holds one; values from -1 to 1."""
    if text.lstrip().startswith("{"):
        return _checked(_parsed(text, "--attributes"))
    if "=" in text:
        return _checked(dict(_assignment(part) for part in text.split(",")))
    return _checked(_json_of(Path(text)))


def _is_points(content: Any) -> bool:
    return isinstance(content, list) and len(content) == 68 and all(_is_point(point) for point in content)


def _is_point(point: Any) -> bool:
    return isinstance(point, list) and len(point) == 2 and all(_is_number(value) for value in point)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _assignment(part: str) -> tuple[str, Any]:
    name, _, value = part.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise BadUsage(f"--attributes: {part.strip()!r} is not name=value with a number.") from None


def _checked(attributes: Any) -> dict[str, float]:
    if not isinstance(attributes, dict) or not all(_is_number(value) for value in attributes.values()):
        raise BadUsage('--attributes must be a JSON object of numbers, such as {"smiling": 0.5}.')
    beyond = [name for name, value in attributes.items() if not -1 <= value <= 1]
    if beyond:
        raise BadUsage(f"--attributes: {beyond[0]} must lie between -1 and 1.")
    return attributes


def _json_of(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadUsage(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadUsage(f"{file} is not UTF-8 text.") from None
    return _parsed(text, str(file))


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadUsage(f"{where} is not JSON: {error}.") from None
