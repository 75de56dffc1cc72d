import torch

from training.papers.gfc.networks import Generator, grained
from training.papers.gfc.serving import NOISE_GRAIN, load_generator


@torch.no_grad()
def test_bytes_and_noise_in_bytes_out() -> None:
    torch.manual_seed(0)
    served = load_generator(Generator(2, 8).state_dict())
    image = torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8)
    hole = torch.zeros(2, 1, 128, 128, dtype=torch.uint8)
    hole[:, :, 30:90, 30:90] = 1
    noise = 2 * torch.rand(2, 3, 128, 128) - 1
    raw = served(image, hole, noise)
    assert (raw.dtype, raw.shape) == (torch.uint8, (2, 3, 128, 128))
    known = noise * hole
    assert torch.equal(raw, served(image, hole, known))  # noise counts in the hole only
    assert torch.equal(raw, served(image * (1 - hole), hole, noise))  # and the picture outside it only
    assert not torch.equal(raw, served(image, hole, -noise))


@torch.no_grad()
def test_a_network_that_was_trained_with_smooth_noise_gets_it_smooth() -> None:
    torch.manual_seed(0)
    state = Generator(2, 8).state_dict()
    plain, smooth = load_generator(state), load_generator({**state, NOISE_GRAIN: torch.tensor(32)})
    image = torch.randint(0, 256, (1, 3, 128, 128), dtype=torch.uint8)
    hole = torch.ones(1, 1, 128, 128, dtype=torch.uint8)
    noise = 2 * torch.rand(1, 3, 128, 128) - 1
    assert torch.equal(smooth(image, hole, noise), plain(image, hole, grained(noise, 32)))
    assert not torch.equal(smooth(image, hole, noise), plain(image, hole, noise))


def test_sizes_follow_from_the_weights() -> None:
    served = load_generator(Generator(3, 20).state_dict())
    assert (served.generator.encoder[0][0].out_channels, served.generator.squeeze.out_features) == (3, 20)
