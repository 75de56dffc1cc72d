"""What every part's step is made of: its networks, optimisers and frozen judges, and how an update goes.

A room writes the order of its updates (`turns`), their losses, and the pictures of its sheet. Everything else that
updates have in common stands here once.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from training.data.stream import Batch
from training.layers.norms import SharedBatchNorm
from training.layers.spectral import folded_state, load_folded_state, spectral_norms
from training.seen import weights_at, with_pixels

# Phases of a stage that more than one room knows; ALL is every loss of the part.
ALL = ""
RECONSTRUCTION = "reconstruction"

HOLE_L1 = "hole_l1_percent"  # of 255, over the missing pixels

Figures = dict[str, Tensor]  # scalars to report
Objective = Callable[[Batch], tuple[Tensor, Figures]]  # a share -> the loss to descend, and figures
Turn = tuple[str, Objective]  # the optimiser that moves, and along what
State = dict[str, Tensor]


class Step(ABC):
    """One part's networks and the order of their updates. The loop sets `phase`, `backward` and `gather`.

    `networks` are trained, each by the optimiser of the same name. `shipped` names those that are averaged, looked at
    and shipped. `frozen` names the judges that losses look through; None = the user gave none, and those losses are
    left out. `columns` names the pictures of a row of the sheet. `seen_pixels` is the side that the shipped ones are
    served at, if they never learn on whole frames; 0 = as pictures come. Their snapshots say it (`training/seen.py`).
    """

    shipped: tuple[str, ...]
    columns: tuple[str, ...]
    phases: tuple[str, ...] = (ALL,)
    seen_pixels = 0

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, torch.optim.Optimizer],
        frozen: Mapping[str, nn.Module | None] | None = None,
    ) -> None:
        assert set(optimizers) == set(networks), (set(optimizers), set(networks))
        self.networks = dict(networks)
        self.optimizers = dict(optimizers)
        self.frozen = dict(frozen or {})
        self.phase = ALL
        self.backward: Callable[[Tensor], None] = Tensor.backward
        self.gather: Callable[[Iterable[nn.Parameter]], None] = lambda parameters: None  # sums gradients of processes
        self.gradient_scale: Callable[[], float] = lambda: 1.0  # what float16 multiplies gradients by
        self.gradient_norms: dict[str, Tensor] = {}  # lengths of the whole gradients of the last update, by network
        self._kept: dict[tuple[str, int], Tensor] = {}
        self._shares = 1

    @abstractmethod
    def turns(self) -> Sequence[Turn]:
        """Who descends along what, in order, in the present phase."""

    @abstractmethod
    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns of pictures to look at, [B,columns,3,H,W] in [0,1], made with the averaged networks."""

    def judge(self, networks: dict[str, nn.Module], batch: Batch) -> Figures:
        """Errors of the averaged networks on faces they were not trained on, [B] each; lower is better.

        Of steps that complete pictures: the L1 of the missing pixels, in percent of 255; 0 where nothing is missing.
        """
        pictures = self.sheet(networks, batch).float()
        completed, image = (pictures[:, self.columns.index(name)] for name in ("completed", "image"))
        missing = batch.hole.sum(dim=(1, 2, 3)).clamp(min=1) * image.shape[1]
        errors = ((completed - image).abs() * batch.hole).sum(dim=(1, 2, 3)) / missing
        return {HOLE_L1: 100 * errors}

    def update(self, *shares: Batch) -> Figures:
        """Every update for one batch, which comes in one share or, if memory is short, in several.

        Figures are this process's part of the mean over the whole batch.
        """
        self._shares = len(shares)
        figures: Figures = {}
        try:
            for name, objective in self.turns():
                figures |= self.descend(name, shares, objective)
        finally:
            self._kept.clear()
        return figures

    def descend(self, name: str, shares: Sequence[Batch], objective: Objective) -> Figures:
        """Move one network down the mean of `objective` over the whole batch."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        figures: Figures = {}
        for place, share in enumerate(shares):
            self.ready(share, first=place == 0)
            loss, found = objective(share)
            self.backward(loss * share.weight)
            for key, value in found.items():
                figures[key] = figures.get(key, 0) + value.detach() * share.weight
        moved = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self.gather(moved)
        gradients = [parameter.grad for parameter in moved if parameter.grad is not None]
        self.gradient_norms[name] = torch.nn.utils.get_total_norm(gradients) / self.gradient_scale()
        optimizer.step()
        return figures

    def ready(self, share: Batch, *, first: bool) -> None:
        """Networks in training mode. Spectral norms move with the first share: equal weights have an equal norm."""
        for network in self.networks.values():
            network.train()
            for norm in () if first else spectral_norms(network):
                norm.eval()
            for module in network.modules():
                if isinstance(module, SharedBatchNorm):
                    module.counts = share.weight > 0

    def once(self, name: str, share: Batch, make: Callable[[], Tensor]) -> Tensor:
        """What several turns need of one share, such as the generator's picture with its graph.

        Made once if the batch is one share. Of several shares the graphs would not fit together, which is why they are
        several: then it is made again in each turn, with norms that have already seen it.
        """
        key = (name, id(share))
        if key not in self._kept:
            made = make()
            self._kept[key] = made if self._shares == 1 else made.detach()
            return made
        return self._kept[key] if self._shares == 1 else self.again(make)

    def again(self, make: Callable[[], Tensor]) -> Tensor:
        """`make` without a trace in spectral norms and running statistics."""
        with contextlib.ExitStack() as stack:
            for network in self.networks.values():
                stack.enter_context(unmoved(network))
            return make()

    @contextlib.contextmanager
    def asked(self, *names: str) -> Iterator[tuple[nn.Module, ...]]:
        """Networks that are asked and do not learn from it: frozen inside, and as before afterwards in any case."""
        networks = tuple(self.networks[name] for name in names)
        parameters = [parameter for network in networks for parameter in network.parameters()]
        before = [parameter.requires_grad for parameter in parameters]
        try:
            for parameter in parameters:
                parameter.requires_grad_(False)
            yield networks
        finally:
            for parameter, learns in zip(parameters, before, strict=True):
                parameter.requires_grad_(learns)

    def freeze(self, networks: Mapping[str, nn.Module]) -> dict[str, State]:
        """The tensors of each snapshot, from the averaged networks: what a fresh inference network loads."""
        return {name: with_pixels(folded_state(networks[name]), self.seen_pixels) for name in self.shipped}

    def thaw(self, name: str, state: State) -> None:
        """Go on with a snapshot: the inverse of `freeze` for one network. RuntimeError if it is of another network."""
        load_folded_state(self.networks[name], weights_at(state, self.seen_pixels))


@contextlib.contextmanager
def unmoved(network: nn.Module) -> Iterator[None]:
    """Inside, a network in training mode is asked without moving its running statistics and spectral norms."""
    averaged = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    tracked = [norm.track_running_stats for norm in averaged]
    spectral = spectral_norms(network)
    iterated = [norm.training for norm in spectral]
    try:
        for one in averaged:
            # A momentum of 0 would still count the pass, and take in what is not finite.
            one.track_running_stats = False
        for norm in spectral:
            norm.eval()
        yield
    finally:
        for one, tracks in zip(averaged, tracked, strict=True):
            one.track_running_stats = tracks
        for norm, training in zip(spectral, iterated, strict=True):
            norm.train(training)
