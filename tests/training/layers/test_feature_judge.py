from __future__ import annotations

import pytest
import torch

from training.frozen.features import FrozenFeatures
from training.layers.feature_judge import FeatureJudge, probed


@pytest.fixture(scope="module")
def features() -> FrozenFeatures:
    torch.manual_seed(0)
    return FrozenFeatures("squeezenet1_1", ("relu1", "fire3", "fire5"))


def test_a_head_for_each_layer_but_the_first_scores_each_picture(features: FrozenFeatures) -> None:
    judge = FeatureJudge(features, width=4)
    assert list(judge.heads) == ["fire3", "fire5"]
    assert judge(features(torch.rand(3, 3, 48, 96))).shape == (3, 2)
    assert not any(name.startswith("features") for name in judge.state_dict())


def test_what_it_measures_does_not_depend_on_the_process(features: FrozenFeatures) -> None:
    torch.manual_seed(1)
    first = FeatureJudge(features).deviations
    torch.manual_seed(2)
    assert torch.equal(first, FeatureJudge(features).deviations)
    assert torch.equal(first[0], probed(features)["fire3"].std())
    before = torch.get_rng_state()
    probed(features)
    assert torch.equal(before, torch.get_rng_state())  # first weights of what comes later stay


def test_larger_values_of_a_layer_count_no_more(features: FrozenFeatures) -> None:
    judge = FeatureJudge(features, width=4).eval()
    maps = features(torch.rand(2, 3, 48, 48))
    scores = judge(maps)
    judge.deviations *= 7
    torch.testing.assert_close(judge({name: 7 * found for name, found in maps.items()}), scores)


def test_it_learns_to_tell_smooth_from_sharp_in_a_few_updates(features: FrozenFeatures) -> None:
    torch.manual_seed(0)
    judge = FeatureJudge(features, width=8)
    optimizer = torch.optim.Adam(judge.parameters(), 6e-3, (0.0, 0.9))
    sharp = torch.rand(8, 3, 64, 64)
    smooth = torch.nn.functional.avg_pool2d(sharp, 5, 1, 2)
    real, fake = features(sharp), features(smooth)
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.relu(1 - judge(real)).mean() + torch.relu(1 + judge(fake)).mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 1.8  # 2 tells nothing apart
    assert float((judge(real).mean(dim=1).min() - judge(fake).mean(dim=1).max()).detach()) > 0
