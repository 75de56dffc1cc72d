"""What the command says while it works: a bar on a terminal, a line for every failure, one line at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.client.command.outcomes import NotTried, Outcome, error_line


class Reporter:
    """Everything goes to stderr; the bar only where somebody watches."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._quiet = quiet
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("Completing", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """One line above the bar."""
        self._console.print(f"inpaint: {text}")

    def report(self, outcome: Outcome) -> None:
        """One more photo is through."""
        if outcome.error is not None and not isinstance(outcome.error, NotTried):
            self.say(f"{outcome.photo}: {error_line(outcome.error)}")
        self._bar.advance(self._task)

    def sum_up(self, outcomes: Sequence[Outcome]) -> None:
        """The last line, when there was more than one photo."""
        if self._quiet or len(outcomes) < 2:
            return
        kinds = Counter(_kind(outcome) for outcome in outcomes)
        self._console.print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))


def _kind(outcome: Outcome) -> str:
    if outcome.error is None:
        return "completed"
    return "not sent" if isinstance(outcome.error, NotTried) else "failed"
