"""The two trainings of LaFIn, apart as section 2.3 says: the order of updates is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.data.landmarks import nme
from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.layers.spectral import folded_state
from training.losses.adversarial import lsgan_discriminator
from training.masking import complete, landmark_map, mask_image
from training.papers.lafin.losses import Weights, generator_losses, landmark_loss, weighted_sum
from training.papers.lafin.networks import Discriminator, Generator, Predictor


class PredictorStep:
    """One update of the landmark predictor (Eq. 1)."""

    shipped: tuple[str, ...] = ("predictor",)
    backward: Callable[[Tensor], None] = staticmethod(torch.Tensor.backward)
    phase: str = ""

    def __init__(
        self,
        predictor: Predictor,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        weight_decay: float,
        squared: bool,
    ) -> None:
        self.networks: dict[str, nn.Module] = {"predictor": predictor}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "predictor": torch.optim.Adam(predictor.parameters(), learning_rate, betas, weight_decay=weight_decay)
        }
        self.squared = squared

    def update(self, batch: Batch) -> dict[str, Tensor]:
        self.networks["predictor"].train()
        predicted = self.networks["predictor"](mask_image(batch.image, batch.hole))
        loss = landmark_loss(predicted, batch.landmarks, squared=self.squared)
        self.optimizers["predictor"].zero_grad(set_to_none=True)
        self.backward(loss)
        self.optimizers["predictor"].step()
        return {"loss": loss.detach(), "nme_percent": nme(predicted.detach(), batch.landmarks).mean()}

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: image, masked image, masked image with predicted (green) and given (red) landmarks."""
        masked = mask_image(batch.image, batch.hole)
        height, width = masked.shape[2:]
        predicted = landmark_map(networks["predictor"](masked), height, width)
        given = landmark_map(batch.landmarks, height, width)
        marked = masked * (1 - (predicted + given).clamp(max=1)) + torch.cat((given, predicted, 0 * given), dim=1)
        return torch.stack((batch.image, masked, marked), dim=1)

    def freeze(self, networks: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
        return {"predictor": networks["predictor"].state_dict()}


class GeneratorStep:
    """One update of the discriminator, then one of the generator on the same fake (Eq. 2 to 7).

    In the phase "reconstruction" there is no discriminator; the paper knows only the full phase.
    """

    shipped: tuple[str, ...] = ("generator",)
    backward: Callable[[Tensor], None] = staticmethod(torch.Tensor.backward)
    phase: str = ""

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        features: FrozenFeatures | None,
        *,
        weights: Weights,
        learning_rate: float,
        discriminator_learning_rate: float,
        betas: tuple[float, float],
        landmarks: bool = True,
    ) -> None:
        self.networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(generator.parameters(), learning_rate, betas),
            "discriminator": torch.optim.Adam(discriminator.parameters(), discriminator_learning_rate, betas),
        }
        self.features = features
        self.weights = weights
        self.landmarks = landmarks

    def dots(self, batch: Batch) -> Tensor:
        """The landmark map; empty in the ablation without landmarks."""
        height, width = batch.image.shape[2:]
        dots = landmark_map(batch.landmarks, height, width)
        return dots if self.landmarks else torch.zeros_like(dots)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        dots = self.dots(batch)
        self.networks["generator"].train()
        raw = self.networks["generator"](mask_image(batch.image, batch.hole), dots, batch.hole)
        if self.phase == "reconstruction":
            losses = generator_losses(raw, batch.image, batch.hole, None, self.features)
            self.follow(losses)
            return {name: loss.detach() for name, loss in losses.items()}
        discriminator_loss = self.update_discriminator(batch, raw.detach(), dots)
        losses = self.update_generator(batch, raw, dots)
        return {**{name: loss.detach() for name, loss in losses.items()}, "discriminator": discriminator_loss.detach()}

    def update_discriminator(self, batch: Batch, raw: Tensor, dots: Tensor) -> Tensor:
        """Eq. 6, second line. The fake is the completed picture of Definition 1."""
        fake = complete(raw, batch.image, batch.hole)
        scores = self.networks["discriminator"](torch.cat((batch.image, fake)), torch.cat((dots, dots)))
        real_scores, fake_scores = scores.chunk(2)
        loss = lsgan_discriminator(real_scores, fake_scores)
        self.optimizers["discriminator"].zero_grad(set_to_none=True)
        self.backward(loss)
        self.optimizers["discriminator"].step()
        return loss

    def update_generator(self, batch: Batch, raw: Tensor, dots: Tensor) -> dict[str, Tensor]:
        """Eq. 7, with the discriminator frozen: it is asked again after its own step."""
        discriminator = bare(self.networks["discriminator"])
        discriminator.requires_grad_(False)
        fake_scores = discriminator(complete(raw, batch.image, batch.hole), dots)
        losses = generator_losses(raw, batch.image, batch.hole, fake_scores, self.features)
        self.follow(losses)
        discriminator.requires_grad_(True)
        return losses

    def follow(self, losses: dict[str, Tensor]) -> None:
        """Move the generator along the weighted sum."""
        self.optimizers["generator"].zero_grad(set_to_none=True)
        self.backward(weighted_sum(losses, self.weights))
        self.optimizers["generator"].step()

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: masked image with landmarks, raw, completed, image."""
        dots = self.dots(batch)
        masked = mask_image(batch.image, batch.hole)
        raw = networks["generator"](masked, dots, batch.hole)
        guided = masked * (1 - dots) + torch.cat((0 * dots, dots, 0 * dots), dim=1)
        return torch.stack((guided, raw, complete(raw, batch.image, batch.hole), batch.image), dim=1)

    def freeze(self, networks: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
        return {"generator": folded_state(networks["generator"])}


def bare(network: nn.Module) -> nn.Module:
    """The network without the loop's wrappers, so that a frozen pass is not counted by distributed training."""
    while isinstance(inner := getattr(network, "module", None), nn.Module):
        network = inner
    return network
