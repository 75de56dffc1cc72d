"""The disentangled memory against Eq. 1 to 5, slot by slot."""

import math

import pytest
import torch
import torch.nn.functional as F

from training.papers.showface.memory import Memory

DECAY = 0.75


def memory(classes: int = 3, slots: int = 4, *, disentangled: bool = True, full: bool = True) -> Memory:
    made = Memory(classes, slots, 5, decay=DECAY, disentangled=disentangled)
    if full:
        made.bank.normal_()
        made.filled.fill_(slots)
    return made


def vectors(count: int, classes: int = 3) -> torch.Tensor:
    return torch.randn(count, classes, 5)


def everything(count: int, classes: int = 3) -> torch.Tensor:
    return torch.ones(count, classes, dtype=torch.bool)


def test_scores_are_cosines_with_the_block_of_the_same_class() -> None:
    made, queries = memory(), vectors(2)
    scores = made.scores(queries)
    assert scores.shape == (2, 3, 4)
    for picture, kind, slot in ((0, 0, 0), (1, 2, 3), (0, 1, 2)):
        expected = F.cosine_similarity(queries[picture, kind], made.bank[kind, slot], dim=0)
        assert float(scores[picture, kind, slot]) == pytest.approx(float(expected), abs=1e-6)  # Eq. 1


def test_the_best_slot_of_the_query_takes_up_the_value() -> None:
    made, queries, values = memory(), vectors(1), vectors(1)
    before, best = made.bank.clone(), made.scores(queries)[0].argmax(dim=1)
    made.write(queries, values, everything(1))
    for kind in range(3):
        expected = before[kind].clone()
        expected[best[kind]] = DECAY * expected[best[kind]] + (1 - DECAY) * values[0, kind]  # Eq. 3
        assert torch.allclose(made.bank[kind], expected, atol=1e-6)
        assert made.writes[kind].tolist() == [int(slot == best[kind]) for slot in range(4)]


def test_absent_classes_are_not_written() -> None:
    made = memory()
    before = made.bank.clone()
    made.write(vectors(1), vectors(1), torch.tensor([[False, True, False]]))
    assert torch.equal(made.bank[[0, 2]], before[[0, 2]])
    assert not torch.equal(made.bank[1], before[1])


def test_several_faces_that_choose_one_slot_are_written_in_their_order() -> None:
    """The second one moves what the first one has left, and it chooses among slots that the first one has moved."""
    made, queries, values = memory(), vectors(1).expand(2, -1, -1), vectors(2)
    apart = memory()
    apart.load_state_dict(made.state_dict())
    made.write(queries, values, everything(2))
    for place in range(2):
        apart.write(queries[place : place + 1], values[place : place + 1], everything(1))
    assert torch.equal(made.bank, apart.bank)
    turned = memory()
    turned.load_state_dict(apart.state_dict())
    turned.write(queries, values.flip(0), everything(2))
    assert not torch.equal(turned.bank, made.bank)


def test_the_first_vectors_fill_the_slots() -> None:
    made, values = memory(slots=5, full=False), vectors(6)
    made.write(vectors(6), values, everything(6) & (torch.arange(6) != 1).view(-1, 1))
    assert torch.equal(made.bank.transpose(0, 1), values[[0, 2, 3, 4, 5]])
    assert made.filled.tolist() == [5, 5, 5]
    assert (made.writes == 1).all()


def test_reading_weighs_slots_by_the_softmax_of_their_scores() -> None:
    made, queries = memory(), vectors(2)
    weights = made.scores(queries).exp()
    weights = weights / weights.sum(dim=2, keepdim=True)  # Eq. 4
    expected = torch.einsum("bnm,nmc->bnc", weights, made.bank)  # Eq. 5
    assert torch.allclose(made.read(queries), expected, atol=1e-6)


def test_slots_that_hold_nothing_are_not_read_and_an_empty_block_answers_with_the_question() -> None:
    made = memory(full=False)
    queries = vectors(1)
    assert torch.equal(made.read(queries), queries)
    made.write(queries, value := vectors(1), torch.tensor([[True, False, False]]))
    answer = made.read(queries)
    assert torch.allclose(answer[0, 0], value[0, 0], atol=1e-6)
    assert torch.equal(answer[0, 1:], queries[0, 1:])


def test_writing_goes_before_reading() -> None:
    """Scores are computed again: what was just written is read."""
    made, queries = memory(slots=1), vectors(1)
    before = made.read(queries)
    made.write(queries, value := vectors(1), everything(1))
    assert torch.allclose(made.read(queries), DECAY * before + (1 - DECAY) * value, atol=1e-6)


def test_one_block_for_all_classes_is_written_class_by_class() -> None:
    made = memory(slots=12, disentangled=False)
    assert made.bank.shape == (1, 12, 5)
    apart = memory(slots=12, disentangled=False)
    apart.load_state_dict(made.state_dict())
    queries, values = vectors(2), vectors(2)
    made.write(queries, values, everything(2))
    for picture in range(2):
        for kind in range(3):
            alone = torch.zeros(1, 3, dtype=torch.bool)
            alone[0, kind] = True
            apart.write(queries[picture : picture + 1], values[picture : picture + 1], alone)
    assert torch.equal(made.bank, apart.bank)
    assert made.scores(queries).shape == (2, 3, 12)
    assert made.read(queries).shape == (2, 3, 5)


def test_queries_learn_and_slots_do_not() -> None:
    made, queries = memory(), vectors(1).requires_grad_()
    made.read(queries).square().sum().backward()
    assert queries.grad is not None
    assert queries.grad.abs().sum() > 0
    assert [name for name, _ in made.named_parameters()] == []
    assert {"bank", "filled", "writes"} == set(made.state_dict())


def test_a_query_of_nothing_and_large_ones_stay_finite() -> None:
    made = memory()
    queries = torch.stack((torch.zeros(3, 5), torch.full((3, 5), 1e18)))
    assert made.read(queries).isfinite().all()
    made.write(queries, vectors(2), everything(2))
    assert made.bank.isfinite().all()
    assert math.isclose(float(made.scores(queries)[0].abs().max()), 0.0)
