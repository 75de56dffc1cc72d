"""What every step shares, on the tiny steps of all rooms."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from tests.training.several import FACES, Straight, files, has_batch_norms, tiny_parts
from training.data.stream import Batch, batches
from training.layers.norms import SharedBatchNorm
from training.layers.spectral import POWER_ITERATIONS, spectral_norms
from training.recipe import Files, Part
from training.step import Step, unmoved

PARTS = tiny_parts()
WITHOUT_BATCH_NORMS = [name for name, part in PARTS.items() if not has_batch_norms(part.build(Files()))]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return files(tmp_path_factory.mktemp("files"))


def built(name: str, given: Files) -> Step:
    """With first weights from a seed; the last phase, which has all losses."""
    torch.manual_seed(0)
    step = PARTS[name].build(given)
    step.phase = PARTS[name].stages[-1].phase
    for network in step.networks:
        step.optimizers[network] = Straight(step.networks[network].parameters(), lr=0.01)
    return step


def shares(part: Part, accumulate: int) -> list[Batch]:
    """One batch of four."""
    stream = part.stream(FACES, part, part.stages[0])
    row = batches(stream, start=0, batch_size=4, workers=0, accumulate=accumulate)
    return [next(row) for _ in range(accumulate)]


def weights(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize(
    ("name", "phase"),
    [(name, phase) for name in WITHOUT_BATCH_NORMS for phase in {s.phase: 0 for s in PARTS[name].stages}],
)
def test_micro_batches_give_the_update_of_the_whole_batch(name: str, phase: str, frozen: Files) -> None:
    whole, pieces = built(name, frozen), built(name, frozen)
    whole.phase = pieces.phase = phase
    first = {network: weights(whole.networks[network]) for network in whole.networks}
    for _ in range(2):
        expected, found = (step.update(*shares(PARTS[name], count)) for step, count in ((whole, 1), (pieces, 3)))
        assert {k: float(v) for k, v in found.items()} == pytest.approx(
            {k: float(v) for k, v in expected.items()}, rel=1e-4
        )
    for network, begin in first.items():
        went = (weights(whole.networks[network]) - begin).norm()
        assert (went > 0) == (network in dict(whole.turns()))
        assert (weights(pieces.networks[network]) - weights(whole.networks[network])).norm() <= 0.01 * went
        for one, other in zip(whole.networks[network].buffers(), pieces.networks[network].buffers(), strict=True):
            assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def test_the_length_of_the_whole_gradient_is_noted_without_float16s_factor(frozen: Files) -> None:
    """Of each network that moved, over all its parameters and the whole batch, here of two micro-batches."""
    name = "lafin_tiny_generator"
    plain, scaled = built(name, frozen), built(name, frozen)
    scaled.backward, scaled.gradient_scale = (lambda loss: (1024 * loss).backward()), (lambda: 1024.0)
    for step in (plain, scaled):
        step.update(*shares(PARTS[name], 2))
    for network, norm in plain.gradient_norms.items():
        gradients = [p.grad.flatten() for p in plain.networks[network].parameters() if p.grad is not None]
        assert float(norm) == pytest.approx(float(torch.cat(gradients).norm()), rel=1e-5)
        assert float(scaled.gradient_norms[network]) == pytest.approx(float(norm), rel=1e-3)
    assert set(plain.gradient_norms) == {"generator", "discriminator"}


def test_batch_norms_see_each_micro_batch_by_itself() -> None:
    """What is not exact: a network with batch norms normalises the pictures that it sees at a time."""
    step, part = built("parser_tiny_parser", Files()), PARTS["parser_tiny_parser"]
    whole, pieces = step.update(*shares(part, 1)), built("parser_tiny_parser", Files()).update(*shares(part, 2))
    assert float(whole["main"]) != pytest.approx(float(pieces["main"]), rel=1e-4)


def test_a_picture_that_is_made_again_leaves_running_statistics_alone(frozen: Files) -> None:
    step = built("parser_tiny_parser", frozen)
    parser = step.networks["parser"].train()
    share = shares(PARTS["parser_tiny_parser"], 1)[0]
    step._shares = 2
    first = step.once("logits", share, lambda: parser(share.image)[0])
    before = {name: buffer.clone() for name, buffer in parser.named_buffers() if "running" in name}
    again = step.once("logits", share, lambda: parser(share.image)[0])
    assert torch.allclose(first, again)
    assert again.requires_grad
    assert all(torch.equal(parser.get_buffer(name), buffer) for name, buffer in before.items())
    assert {module.track_running_stats for module in parser.modules() if isinstance(module, nn.BatchNorm2d)} == {True}


def test_a_pass_that_moves_nothing_is_not_even_counted() -> None:
    """Whatever it sees: numbers that are none would stay in the statistics for good. It normalises by its own batch."""
    norm, shared = nn.BatchNorm2d(2).train(), SharedBatchNorm(2).train()
    before = [copy.deepcopy(one.state_dict()) for one in (norm, shared)]
    x = torch.randn(4, 2, 3, 3)
    with unmoved(nn.Sequential(norm, shared)):
        assert norm(x).mean(dim=(0, 2, 3)).abs().max() < 1e-6
        norm(x.index_fill(0, torch.tensor([0]), torch.nan))
        shared.follow(torch.full((2,), torch.nan), torch.ones(2))
    for one, state in zip((norm, shared), before, strict=True):
        assert all(torch.equal(tensor, state[key]) for key, tensor in one.state_dict().items())
    norm(x)
    shared.follow(torch.ones(2), torch.ones(2))
    assert (int(norm.num_batches_tracked), int(shared.num_batches_tracked)) == (1, 1)
    assert shared.running_mean.any()


def test_what_turns_share_is_made_once_an_update(frozen: Files) -> None:
    name = "lafin_tiny_generator"
    step, calls = built(name, frozen), []
    step.networks["generator"].register_forward_hook(lambda *_: calls.append(1))
    step.update(*shares(PARTS[name], 1))
    assert len(calls) == 1
    step.update(*shares(PARTS[name], 2))
    assert len(calls) == 1 + 2 * 2


@pytest.mark.parametrize("failing", [False, True])
def test_who_is_asked_learns_nothing_and_is_as_before_afterwards(frozen: Files, failing: bool) -> None:
    step = built("gfc_tiny_generator", frozen)
    fixed = next(step.networks["local"].parameters()).requires_grad_(False)
    before = [parameter.requires_grad for parameter in step.networks["local"].parameters()]
    with pytest.raises(ZeroDivisionError) if failing else torch.enable_grad(), step.asked("local", "global") as judges:
        assert list(judges) == [step.networks["local"], step.networks["global"]]
        assert not any(parameter.requires_grad for judge in judges for parameter in judge.parameters())
        assert all(parameter.requires_grad for parameter in step.networks["generator"].parameters())
        1 / (not failing)
    assert [parameter.requires_grad for parameter in step.networks["local"].parameters()] == before
    assert not fixed.requires_grad


def test_spectral_norms_move_once_with_their_weights(frozen: Files) -> None:
    """Of several micro-batches only the first iterates: equal weights have an equal norm."""
    name = "lafin_tiny_generator"
    step = built(name, frozen)
    seen: list[bool] = []
    discriminator = step.networks["discriminator"]
    norm = spectral_norms(discriminator)[0]
    discriminator.register_forward_hook(lambda *_: seen.append(norm.training))
    step.update(*shares(PARTS[name], 2))
    assert seen == [True, False, True, False]


def moved(name: str, given: Files) -> Step:
    """After an update, so that batch norms have seen something; spectral norms as after many, when they are exact."""
    step = built(name, given)
    step.update(*shares(PARTS[name], 1))
    with torch.no_grad():
        for network in step.networks.values():
            network.train()
            for module in network.modules():
                for _ in range(POWER_ITERATIONS if is_parametrized(module, "weight") else 0):
                    module.weight  # noqa: B018 (reading it is one power iteration)
    return step


def shown(step: Step, name: str, part: Part) -> Tensor:
    with torch.no_grad():
        networks = {network: step.networks[network].eval() for network in step.shipped}
        return step.sheet(networks, shares(part, 1)[0])


@pytest.mark.parametrize("name", PARTS)
def test_a_training_goes_on_with_its_own_snapshot(name: str, frozen: Files) -> None:
    """`thaw` is the inverse of `freeze`: the same pictures, and the same snapshot again."""
    part, old = PARTS[name], moved(name, frozen)
    snapshots = old.freeze({network: copy.deepcopy(old.networks[network]) for network in old.shipped})
    assert set(snapshots) == set(old.shipped)
    torch.manual_seed(1)
    fresh = part.build(frozen)
    for network, state in snapshots.items():
        fresh.thaw(network, {key: tensor.clone() for key, tensor in state.items()})
    assert torch.allclose(shown(fresh, name, part), shown(old, name, part), atol=2e-3)
    again = fresh.freeze({network: copy.deepcopy(fresh.networks[network]) for network in fresh.shipped})
    for network, state in snapshots.items():
        assert again[network].keys() == state.keys()
        for key, tensor in state.items():
            assert torch.allclose(again[network][key].float(), tensor.float(), atol=2e-3, rtol=2e-3), key


@pytest.mark.parametrize("name", PARTS)
def test_a_snapshot_of_another_network_is_refused(name: str, frozen: Files) -> None:
    step = built(name, frozen)
    for network in step.shipped:
        state = step.freeze({one: copy.deepcopy(step.networks[one]) for one in step.shipped})[network]
        absent = next(iter(state))
        with pytest.raises(RuntimeError, match="missing or unexpected keys"):
            step.thaw(network, {key: tensor for key, tensor in state.items() if key != absent})
        with pytest.raises(RuntimeError):
            step.thaw(network, {key: tensor.new_zeros(*tensor.shape, 2) for key, tensor in state.items()})


@pytest.mark.parametrize("name", PARTS)
def test_every_stage_has_a_phase_that_its_step_knows(name: str) -> None:
    step = PARTS[name].build(Files())
    assert {stage.phase for stage in PARTS[name].stages} <= set(step.phases)


def test_weights_of_shares_count(frozen: Files) -> None:
    """A share without weight moves nothing, whatever it shows."""
    name = "gfc_tiny_generator"
    alone, beside = built(name, frozen), built(name, frozen)
    first = shares(PARTS[name], 2)
    alone.update(replace(first[0], weight=1.0))
    beside.update(replace(first[0], weight=1.0), replace(first[1], weight=0.0))
    for network in alone.networks:
        assert torch.allclose(weights(alone.networks[network]), weights(beside.networks[network]), atol=1e-6)


def test_gradients_are_gathered_before_each_move(frozen: Files) -> None:
    name = "gfc_tiny_generator"
    step = built(name, frozen)
    owners = {id(next(iter(network.parameters()))): key for key, network in step.networks.items()}
    order: list[str] = []
    step.gather = lambda parameters: order.append(owners[id(next(iter(parameters)))])
    step.update(*shares(PARTS[name], 1))
    assert order == ["local", "global", "generator"]
