"""What every command of the training package is made with: whatever is typed wrong is told in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from training.errors import in_one_line

USAGE_STATUS = 2  # as shells say it of a command line that cannot be meant
UsageError: type[Any] = typer.BadParameter.__mro__[1]  # the family of all such errors, which typer does not name

PLAIN = {  # typer's words for kinds of values -> plain ones
    "a valid integer range": "a whole number",
    "a valid integer": "a whole number",
    "a valid float range": "a number",
    "a valid float": "a number",
    "unexpected extra argument(s)": "unexpected arguments",
}


class Program(typer.Typer):
    """A program such as `training.evaluate`, of one command or of several named ones."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, cls=Commands, add_completion=False, pretty_exceptions_enable=False)

    def command(self, name: str | None = None, **settings: Any) -> Callable[..., Any]:
        """Without a name: the function's among several commands, which follow a callback; the program's of one."""
        alone = self.info.name if self.registered_callback is None else None
        return super().command(name or alone, cls=Command, **settings)


class Command(TyperCommand):
    """One command."""

    def main(self, *arguments: Any, **settings: Any) -> Any:
        return run_plainly(super().main, self.name, *arguments, **settings)


class Commands(TyperGroup):
    """Several, each by its name."""

    def main(self, *arguments: Any, **settings: Any) -> Any:
        return run_plainly(super().main, self.name, *arguments, **settings)


def run_plainly(main: Callable[..., Any], program: str | None, *arguments: Any, **settings: Any) -> None:
    """Run typer's `main` and end the process: a command line that cannot be meant with `program: what` and 2."""
    settings["standalone_mode"] = False  # else typer tells it in a box of several lines
    try:
        status = main(*arguments, **settings)
    except UsageError as error:
        print(f"{program}: {in_words(error.format_message())}; see --help", file=sys.stderr)
        status = USAGE_STATUS
    sys.exit(status)


def in_words(message: str) -> str:
    """typer's message as the end of a line: `Missing option '--data'.` -> `missing option '--data'`."""
    line = in_one_line(message).rstrip(".")
    line = line[:1].lower() + line[1:]
    for theirs, plain in PLAIN.items():
        line = line.replace(theirs, plain)
    return line
