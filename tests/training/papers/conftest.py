"""What all tests of the rooms begin with."""

import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
