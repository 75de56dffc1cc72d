from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.embedded.leaf import Leaf, LeafError, prepare_thread
from service.embedded.repository import RepositoryError, read_model
from tests.service.embedded.models import LEAF, numbers, write_leaf, write_model

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class TwoInputs(nn.Module):
    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one - other


class WrongShape(nn.Module):
    def forward(self, number: Tensor) -> Tensor:
        return number[:, :1]


class WrongType(nn.Module):
    def forward(self, number: Tensor) -> Tensor:
        return number.to(torch.int64)


class TwoOutputs(nn.Module):
    def forward(self, number: Tensor) -> tuple[Tensor, Tensor]:
        return number, number


def leaf(root: Path, module: nn.Module | None = None, config: str = LEAF) -> Leaf:
    return Leaf(read_model(write_leaf(root, config, module)))


def test_requests_are_gathered_and_parted(tmp_path: Path) -> None:
    requests = [{"INPUT__0": numbers(1)}, {"INPUT__0": numbers(2, 3)}]
    answers, durations = leaf(tmp_path).run(requests, 1)
    assert [answer["OUTPUT__0"].tolist() for answer in answers] == [[[2, 2]], [[4, 4], [6, 6]]]
    assert min(durations.input_ns, durations.infer_ns, durations.output_ns) > 0


def test_inputs_go_by_their_number_not_by_their_place(tmp_path: Path) -> None:
    second_first = LEAF.replace("input [ {", 'input [ { name: "INPUT__1" data_type: TYPE_FP32 dims: [ 2 ] }, {')
    answers, _ = leaf(tmp_path, TwoInputs(), second_first).run([{"INPUT__0": numbers(5), "INPUT__1": numbers(3)}], 1)
    assert answers[0]["OUTPUT__0"].tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("module", "text"),
    [(WrongShape(), "has the shape"), (WrongType(), "has the type int64"), (TwoOutputs(), "gives 2 outputs")],
)
def test_a_broken_promise_is_an_error(module: nn.Module, text: str, tmp_path: Path) -> None:
    with pytest.raises(LeafError, match=text):
        leaf(tmp_path, module).run([{"INPUT__0": numbers(1)}], 1)


def test_a_failing_module_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeafError, match="a negative number") as raised:
        leaf(tmp_path).run([{"INPUT__0": numbers(-1)}], 1)
    assert "\n" not in str(raised.value)


def test_models_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="takes 2 inputs"):
        leaf(tmp_path / "two", TwoInputs())
    with pytest.raises(RepositoryError, match="tensors must be named INPUT__0, not image"):
        leaf(tmp_path / "named", config=LEAF.replace("INPUT__0", "image"))
    folder = write_model(tmp_path, "double", LEAF)
    (folder / "1" / "model.pt").write_bytes(b"not a module")
    with pytest.raises(RepositoryError, match="is not a TorchScript module"):
        Leaf(read_model(folder))


def test_a_model_may_name_the_cores_it_can_use(tmp_path: Path) -> None:
    parameter = 'parameters { key: "MOST_CORES" value { string_value: "%s" } }'
    assert leaf(tmp_path / "none").most_cores == 0
    assert leaf(tmp_path / "one", config=LEAF + parameter % "1").most_cores == 1
    with pytest.raises(RepositoryError, match="MOST_CORES must be a whole number, not 'many'"):
        leaf(tmp_path / "many", config=LEAF + parameter % "many")


def test_a_forward_has_the_cores_it_is_given(tmp_path: Path) -> None:
    def threads(cores: int) -> int:
        leaf(tmp_path / str(cores)).run([{"INPUT__0": numbers(1)}], cores)
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        assert first.submit(threads, 3).result() == 3
        assert second.submit(threads, 2).result() == 2
        assert first.submit(torch.get_num_threads).result() == 3


def test_denormals_are_zero_on_every_core_of_a_prepared_thread(tmp_path: Path) -> None:
    tiny = np.full((500_000, 2), 1000, np.int32).view(np.float32)  # 1.4e-42: too many for one core

    def found() -> float:
        answers, _ = leaf(tmp_path / "double").run([{"INPUT__0": tiny}], 2)
        return float(np.count_nonzero(answers[0]["OUTPUT__0"].view(np.int32)))

    with ThreadPoolExecutor(1, initializer=prepare_thread) as prepared:
        assert prepared.submit(found).result() == 0


def test_a_frozen_module_runs(tmp_path: Path) -> None:
    folder = write_leaf(tmp_path)
    file = folder / "1" / "model.pt"
    torch.jit.freeze(torch.jit.load(str(file)).eval()).save(str(file))
    answers, _ = Leaf(read_model(folder)).run([{"INPUT__0": numbers(1)}], 1)
    assert answers[0]["OUTPUT__0"].tolist() == [[2, 2]]
