"""Settings whose value lies in a file: NAME_FILE=/run/secrets/name instead of NAME=value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsError

MAX_FILE_BYTES = 1_000_000


class FileSource(PydanticBaseSettingsSource):
    """Looks for NAME_FILE where the other sources look for NAME. Raises SettingsError with the setting's name."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self.variables: dict[str, str] = {}  # of all sources, in lower case
        for source in reversed(sources):
            assert isinstance(source, EnvSettingsSource)
            self.variables |= _lower(source.env_vars)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{field_name}_file"
        path = self.variables.get(variable)
        if not path:
            return None, field_name, False
        if self.variables.get(field_name):
            raise SettingsError(f"{variable.upper()}: {field_name.upper()} is set too; set one of them")
        return read_text(Path(path), variable.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def _lower(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name.lower(): value for name, value in variables.items() if value is not None}


def read_text(path: Path, variable: str) -> str:
    """What the file that `variable` names holds. Raises SettingsError with the variable's name."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SettingsError(f"{variable}: the file cannot be read ({reason})") from None
    if len(text) > MAX_FILE_BYTES:
        raise SettingsError(f"{variable}: the file is larger than {MAX_FILE_BYTES} bytes")
    return text.rstrip("\r\n")
