"""What a paper prints: its tables as data, so that figures from here can stand beside them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """Which of our recipes makes a row or column of a paper, and how its picture is put into the hole."""

    recipe: str
    blend: str = "none"


@dataclass(frozen=True)
class PrintedTable:
    """One table. Only numbers are the paper's; what it measured them with is named in `words`."""

    name: str  # "Table 1"
    data: str  # the paper's test set
    words: str  # how the paper measured, or what is not known of it
    holes: dict[str, str]  # our kind of holes -> the paper's name of it
    figures: dict[str, dict[str, tuple[float, ...]]]  # metric -> the paper's method -> a figure for each kind of holes
    ours: dict[str, Variant]  # the paper's method -> what makes it here

    def __post_init__(self) -> None:
        assert all(metric in HIGHER_IS_BETTER for metric in self.figures), list(self.figures)
        lengths = {len(row) for methods in self.figures.values() for row in methods.values()}
        assert lengths == {len(self.holes)}, f"{self.name}: rows of {sorted(lengths)} for {len(self.holes)} holes"

    def methods(self) -> list[str]:
        """The paper's methods, in its order."""
        return list(dict.fromkeys(method for methods in self.figures.values() for method in methods))


@dataclass(frozen=True)
class PaperTables:
    """The tables of one paper that compare completed pictures."""

    system: str  # of ours, that is the paper's own
    profile: str  # of metrics, as the paper measures
    tables: tuple[PrintedTable, ...]

    def kinds(self) -> list[str]:
        """Every kind of holes, once."""
        return list(dict.fromkeys(kind for table in self.tables for kind in table.holes))


HIGHER_IS_BETTER = {"PSNR": True, "SSIM": True, "L1 %": False, "LPIPS": False, "FID": False, "identity": False}
