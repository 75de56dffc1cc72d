"""Region-wise average pooling and the way back, against loops over classes and pictures."""

import torch

from training.papers.showface.regions import (
    CLASSES,
    broadcast,
    parsing_at,
    pool_regions,
    present,
    regions_of,
    shrink_hole,
    shrink_parsing,
)


def parsing_map() -> torch.Tensor:
    return torch.randint(0, 5, (2, 6, 6))


def test_the_mean_of_each_region_and_nothing_for_an_empty_one() -> None:
    parsing, features = parsing_map(), torch.randn(2, 3, 6, 6)
    pooled = pool_regions(features, regions_of(parsing))
    assert pooled.shape == (2, CLASSES, 3)
    for picture in range(2):
        for number in range(CLASSES):
            inside = parsing[picture] == number
            expected = features[picture][:, inside].mean(dim=1) if inside.any() else torch.zeros(3)
            assert torch.allclose(pooled[picture, number], expected, atol=1e-5)
    assert present(regions_of(parsing)).tolist() == [
        [bool((one == k).any()) for k in range(CLASSES)] for one in parsing
    ]


def test_every_cell_gets_the_vector_of_its_region() -> None:
    parsing, vectors = parsing_map(), torch.randn(2, CLASSES, 3)
    laid = broadcast(vectors, regions_of(parsing))
    assert laid.shape == (2, 3, 6, 6)
    for picture in range(2):
        assert torch.equal(laid[picture].permute(1, 2, 0), vectors[picture][parsing[picture]])


def test_what_belongs_to_no_class_belongs_to_no_region() -> None:
    assert regions_of(torch.full((1, 2, 2), 255)).sum() == 0


def test_a_cell_is_missing_if_any_of_its_pixels_is() -> None:
    hole = torch.zeros(1, 1, 8, 8)
    hole[..., 3, 4] = 1
    assert shrink_hole(hole).tolist() == [[[[0, 1], [0, 0]]]]


def test_a_cell_has_the_class_of_its_middle() -> None:
    parsing = torch.arange(64).view(1, 8, 8)
    assert shrink_parsing(parsing).tolist() == [[[18, 22], [50, 54]]]


def test_a_smaller_map_has_the_class_of_most_pixels() -> None:
    parsing = torch.tensor([[[0, 5, 13, 13], [5, 5, 13, 2], [7, 7, 1, 1], [7, 7, 1, 0]]])
    assert parsing_at(parsing, 2).tolist() == [[[5, 13], [7, 1]]]
    assert parsing_at(parsing, 4) is parsing
    assert parsing_at(parsing, 0) is parsing
