"""One update of the face parser: all heads together."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from training.data.parsing import IGNORE, colour_table
from training.data.stream import Batch
from training.papers.parser.losses import parser_losses
from training.papers.parser.networks import Parser, normalise, spread
from training.papers.parser.serving import enlarge_in, with_enlarge, without_enlarge
from training.step import Figures, State, Step, Turn

WRONG = "wrong_pixels_percent"


class ParserStep(Step):
    """The sum of three cross entropies (BiSeNet, Eq. 4), one optimiser.

    `enlarge` is the side of the last stage's pictures, in the service's frames: the snapshot says it.
    """

    shipped = ("parser",)
    columns = ("image", "labels", "prediction")

    def __init__(
        self,
        parser: Parser,
        optimizer: torch.optim.Optimizer,
        *,
        classes: int,
        class_weights: tuple[float, ...] | None = None,
        enlarge: float = 1.0,
    ) -> None:
        assert class_weights is None or len(class_weights) == classes, class_weights
        super().__init__({"parser": parser}, {"parser": optimizer})
        self.classes, self.enlarge = classes, enlarge
        self.class_weights = None if class_weights is None else torch.tensor(class_weights)

    def turns(self) -> tuple[Turn, ...]:
        return (("parser", self.parser_loss),)

    def parser_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        assert batch.parsing is not None, "the part must ask for parsing maps"
        logits = self.networks["parser"](normalise(batch.image))
        weights = None if self.class_weights is None else self.class_weights.to(batch.image.device)
        losses = parser_losses(logits, batch.parsing, weights)
        accuracy = pixel_accuracy(logits[0].detach(), batch.parsing)
        return torch.stack(list(losses.values())).sum(), {**losses, "pixel_accuracy": accuracy}

    def judge(self, networks: dict[str, nn.Module], batch: Batch) -> Figures:
        """Pixels of a wrong class, in percent of the known ones."""
        assert batch.parsing is not None
        logits = networks["parser"](normalise(batch.image))[0]
        pairs = zip(logits.split(1), batch.parsing.split(1), strict=True)
        return {WRONG: torch.stack([100 * (1 - pixel_accuracy(one, parsing)) for one, parsing in pairs])}

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: image, labels, prediction."""
        assert batch.parsing is not None
        parser = networks["parser"]
        logits = parser(normalise(batch.image))[0]
        predicted = spread(logits, *batch.image.shape[2:]).argmax(dim=1)
        columns = (batch.image, self.coloured(batch.parsing), self.coloured(predicted))
        return torch.stack(columns, dim=1)

    def freeze(self, networks: Mapping[str, nn.Module]) -> dict[str, State]:
        return {name: with_enlarge(state, self.enlarge) for name, state in super().freeze(networks).items()}

    def thaw(self, name: str, state: State) -> None:
        """RuntimeError also where the snapshot wants to see pictures of another size."""
        if (found := enlarge_in(state)) != self.enlarge:
            raise RuntimeError(f"it sees pictures {found:g} times as large as the frame, not {self.enlarge:g} times")
        super().thaw(name, without_enlarge(state))

    def coloured(self, parsing: Tensor) -> Tensor:
        """Class ids [B,H,W] -> colours [B,3,H,W] in [0,1]."""
        table = torch.from_numpy(colour_table(self.classes)).to(parsing.device).float() / 255
        coloured: Tensor = table[parsing].permute(0, 3, 1, 2)
        return coloured


def pixel_accuracy(logits: Tensor, parsing: Tensor) -> Tensor:
    """Share of the known pixels whose class is right, looked at where the logits stand; mean over the pictures.

    logits [B,classes,h,w], parsing [B,H,W] -> scalar.
    """
    (height, width), (rows, columns) = parsing.shape[1:], logits.shape[2:]
    y = torch.linspace(0, height - 1, rows, device=parsing.device).round().long()  # aligned corners, as in `spread`
    x = torch.linspace(0, width - 1, columns, device=parsing.device).round().long()
    seen = parsing[:, y[:, None], x]
    known = seen != IGNORE
    right = (logits.argmax(dim=1) == seen) & known
    return (right.sum(dim=(1, 2)) / known.sum(dim=(1, 2)).clamp(min=1)).mean()
