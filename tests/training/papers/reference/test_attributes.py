import torch

from training.papers.reference.attributes import CELEBA, RATINGS, completed, names, scaled


def test_celebas_attributes_are_those_of_section_4_1_and_stay_as_they_are() -> None:
    assert names(CELEBA) == (
        "Bushy_Eyebrows", "Mouth_Slightly_Open", "Big_Lips", "Male", "Mustache", "Smiling", "Wearing_Lipstick",
        "No_Beard",
    )  # fmt: skip
    values = torch.tensor([[-1.0, 1, 1, -1, 1, -1, -1, 1]])
    assert torch.equal(scaled(values, CELEBA), values)


def test_ratings_are_scaled_and_cut_off() -> None:
    low, high = (torch.tensor([[getattr(one, end) for one in RATINGS]]) for end in ("low", "high"))
    assert torch.allclose(scaled(low, RATINGS), torch.full((1, 8), -1.0))
    assert torch.allclose(scaled(high, RATINGS), torch.ones(1, 8))
    assert torch.allclose(scaled((low + high) / 2, RATINGS), torch.zeros(1, 8), atol=1e-6)
    assert torch.equal(scaled(high + 50, RATINGS), torch.ones(1, 8))


def test_what_is_not_known_is_estimated() -> None:
    labels = torch.tensor([[0.5, float("nan")]])
    assert scaled(labels, CELEBA[:2]).isnan().tolist() == [[False, True]]
    assert completed(labels, torch.tensor([[-1.0, -0.25]])).tolist() == [[0.5, -0.25]]
