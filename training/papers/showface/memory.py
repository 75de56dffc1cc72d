"""The disentangled memory (section 3.2): a block of slots for each class, written in training only."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.denormals import softmax

SMALLEST_NORM = 1e-6


class Memory(nn.Module):
    """Blocks of slots: [classes,slots,C], or one block for all classes if it is not `disentangled`.

    The slots are a buffer, which no gradient reaches. A block is filled by the first vectors of its class that come;
    from then on Eq. 3 moves its slots. Slots that hold nothing are not read.
    """

    bank: Tensor
    filled: Tensor
    writes: Tensor

    def __init__(self, classes: int, slots: int, channels: int, *, decay: float, disentangled: bool = True) -> None:
        super().__init__()
        self.classes = classes
        self.slots = slots
        self.decay = decay
        blocks = classes if disentangled else 1
        self.register_buffer("bank", torch.zeros(blocks, slots, channels))
        self.register_buffer("filled", torch.zeros(blocks, dtype=torch.int64))  # slots that hold something
        self.register_buffer(
            "writes", torch.zeros(blocks, slots, dtype=torch.int64)
        )  # how often each was chosen, to be looked at

    def scores(self, queries: Tensor) -> Tensor:
        """Eq. 1: cosines of each class's query with the slots of its block; -inf where a slot holds nothing.

        [B,n,C] -> [B,n,slots].
        """
        bank = unit(self.bank).to(queries.dtype)
        asked = unit(queries)
        cosines = torch.einsum("bnc,nmc->bnm", asked, bank.expand(self.classes, -1, -1))
        return cosines.masked_fill(self.empty(), float("-inf"))

    def empty(self) -> Tensor:
        """bool [1,blocks,slots]: the slots that hold nothing."""
        places = torch.arange(self.slots, device=self.filled.device)
        return (places.view(1, -1) >= self.filled.view(-1, 1)).unsqueeze(0)

    def read(self, queries: Tensor) -> Tensor:
        """Eq. 4 and 5: slots weighed by the softmax of their scores. [B,n,C] -> [B,n,C].

        A block that holds nothing answers with the question.
        """
        nothing = (self.filled == 0).view(1, -1, 1)
        scores = self.scores(queries).masked_fill(nothing, 0.0)
        weights = softmax(scores.float())
        slots = self.bank.expand(self.classes, -1, -1)
        answer = torch.einsum("bnm,nmc->bnc", weights, slots)
        return torch.where(nothing, queries.to(answer.dtype), answer)

    @torch.no_grad()
    def write(self, queries: Tensor, values: Tensor, present: Tensor) -> None:
        """Eq. 2 and 3, picture by picture in the order in which they stand. All [B,n,C]; present bool [B,n].

        The best slot of the query takes up the value of the same class; absent classes are passed over. With one
        block for all, the classes of a picture follow one another.
        """
        together = len(self.bank) == self.classes
        for place in range(len(queries)):
            classes = torch.arange(self.classes, device=queries.device)
            for chosen in (classes,) if together else classes.split(1):
                here = chosen[present[place, chosen]]
                if len(here):
                    blocks = here if together else torch.zeros_like(here)
                    self._put(blocks, queries[place, here].float(), values[place, here].float())

    def _put(self, blocks: Tensor, queries: Tensor, values: Tensor) -> None:
        """One vector into each of these blocks, [k], [k,C], [k,C]; no block stands there twice."""
        cosines = unit(self.bank[blocks]) @ queries.unsqueeze(2)
        cosines = cosines.squeeze(2).masked_fill(self.empty()[0, blocks], float("-inf"))
        best = cosines.argmax(dim=1)  # Eq. 2; the query's own length changes nothing
        free = self.filled[blocks] < self.slots
        slots = torch.where(free, self.filled[blocks], best)
        before = self.bank[blocks, slots]
        moved = self.decay * before + (1 - self.decay) * values  # Eq. 3
        self.bank[blocks, slots] = torch.where(free.unsqueeze(1), values, moved)
        self.writes[blocks, slots] += 1
        self.filled[blocks] += free.long()


def unit(vectors: Tensor, smallest: float = SMALLEST_NORM) -> Tensor:
    """Vectors [...,C] at length 1; nothing stays nothing."""
    return F.normalize(vectors, dim=-1, eps=smallest)
