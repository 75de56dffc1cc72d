"""Own values for a recipe's fields: what they change, and what is refused."""

from __future__ import annotations

import pytest

from training.errors import OptionError
from training.papers import RECIPES
from training.recipe import Files, Part
from training.settings import read_settings, with_settings
from training.step import Step

LAFIN = RECIPES["lafin_tiny"]().part("generator")
GFC = RECIPES["gfc_tiny"]().part("generator")
DEMO = RECIPES["lafin_demo"]().part("generator")


def test_options_of_their_own_are_settings_too() -> None:
    read = read_settings(["learning_rate=2e-4", " decay_to = 0.5 "], seed=3, batch=8)
    assert read == {"seed": "3", "batch_size": "8", "learning_rate": "2e-4", "decay_to": "0.5"}


def test_fields_of_the_part_its_stages_and_its_jitter_change() -> None:
    settings = {"seed": "3", "batch_size": "8", "decay_to": "0", "jitter.colour": "0.5", "ema_half_life_images": "0"}
    changed = with_settings(LAFIN, settings)
    assert (changed.seed, changed.ema_half_life_images, changed.jitter.colour) == (3, 0, 0.5)
    assert [(stage.batch_size, stage.decay_to) for stage in changed.stages] == [(8, 0.0)] * 2
    assert [stage.until_images for stage in changed.stages] == [stage.until_images for stage in LAFIN.stages]


@pytest.mark.parametrize(("until", "ends"), [("4", [4]), ("8", [8]), ("10", [8, 10]), ("40", [8, 40])])
def test_a_training_ends_earlier_or_later(until: str, ends: list[int]) -> None:
    """The recipe's stages end at 8 and 12 images."""
    stages = with_settings(LAFIN, {"until_images": until}).stages
    assert [stage.until_images for stage in stages] == ends


def rates(step: Step) -> dict[str, list[float]]:
    return {name: [group["lr"] for group in one.param_groups] for name, one in step.optimizers.items()}


def built(part: Part, **settings: str) -> Step:
    return with_settings(part, {name.replace("__", "."): value for name, value in settings.items()}).build(Files())


def test_rates_of_shipped_networks_or_of_the_one_that_is_named() -> None:
    before = rates(LAFIN.build(Files()))
    assert rates(built(LAFIN, learning_rate="2e-4")) == before | {"generator": [2e-4]}
    assert rates(built(LAFIN, discriminator__learning_rate="3e-5")) == before | {"discriminator": [3e-5]}


def test_muons_lengths_are_apart_from_adams_rates() -> None:
    before = rates(DEMO.build(Files()))
    adam, muon = before["generator"]
    assert rates(built(DEMO, learning_rate="5e-4"))["generator"] == [pytest.approx(5e-4), muon]
    assert rates(built(DEMO, muon_length="0.01"))["generator"] == [adam, 0.01]
    assert (adam, muon) == (1e-3, 0.02)


def test_weights_of_losses() -> None:
    assert built(GFC, weights__local="0.5").weights.local == 0.5


REFUSED = {
    "learnig_rate=1": r"--set learnig_rate: part generator has no such field; near it: learning_rate",
    "batch=8": r"near it: batch_size",
    "zzz=1": r"there are seed, ema_half_life_images",
    "pixels=64": r"no such field",
    "batch_size=0": r"--set batch_size=0: the number is too small",
    "batch_size=2.5": r"--set batch_size=2\.5: write a whole number",
    "decay_to=half": r"--set decay_to=half: write a number",
    "decay_to=-1": r"too small",
    "learning_rate=nan": r"too small, or none",
    "learning_rate": r"--set learning_rate: write NAME=VALUE",
    "=3": r"write NAME=VALUE",
    "critic.learning_rate=1": r"--set critic\.learning_rate: .* near it: .*discriminator\.learning_rate",
    "muon_length=1": r"--set muon_length",
    "weights.stile=1": r"near it: weights\.style",
}


@pytest.mark.parametrize(("pair", "message"), REFUSED.items())
def test_what_is_refused_in_one_line(pair: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        with_settings(LAFIN, read_settings([pair])).build(Files())
    assert "\n" not in str(caught.value)


def test_a_loss_that_the_recipe_does_not_have_cannot_be_switched_on() -> None:
    with pytest.raises(OptionError, match=r"weights\.perceptual: part generator has no such field"):
        built(GFC, weights__perceptual="1")


def test_what_is_given_twice_is_refused() -> None:
    with pytest.raises(OptionError, match="batch_size is given twice"):
        read_settings(["batch_size=4"], batch=8)
