"""All models of a repository in one process: loading, warm-up, look-up by name and version, stopping."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import triton_to_np_dtype

from service.embedded.ensemble import Ensemble
from service.embedded.leaf import Leaf, LeafError, prepare_thread
from service.embedded.refusals import invalid, not_found, unavailable
from service.embedded.repository import DeployedModel, RepositoryError
from service.embedded.requests import Arrays, Request
from service.embedded.scheduler import STOPPING, Forwards, Scheduler
from service.embedded.statistics import Durations, Statistics


@dataclass(frozen=True)
class Served:
    """One model that is loaded and warm."""

    model: DeployedModel
    infers: Scheduler | Ensemble
    statistics: Statistics


class EmbeddedEngine:
    """`repository` comes from read_repository. Nothing is served before `load` has ended."""

    def __init__(self, repository: dict[str, DeployedModel], concurrent_forwards: int, cores: int) -> None:
        self.repository = repository
        self.stopping = False
        self._forwards = Forwards(concurrent_forwards, cores, prepare_thread)
        self._cores = cores
        self._served: dict[str, Served] = {}
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def finished(self) -> bool:
        """Whether it stops and nothing is under way any more."""
        return self.stopping and not self._under_way

    @property
    def ready(self) -> bool:
        return not self.stopping and len(self._served) == len(self.repository)

    @property
    def under_way(self) -> int:
        """Requests that were accepted and are not answered yet."""
        return self._under_way

    async def load(self) -> None:
        """Load and warm every model, leaves first. Raises RepositoryError."""
        loop = asyncio.get_running_loop()
        loaded: dict[str, Served] = {}
        for name, model in self.repository.items():
            statistics = Statistics()
            if model.steps:
                called = {step.model: loaded[step.model].infers for step in model.steps}
                loaded[name] = Served(model, Ensemble(model, called, statistics), statistics)
                continue
            leaf = await loop.run_in_executor(self._forwards.threads, Leaf, model)
            for size, durations in await loop.run_in_executor(self._forwards.threads, warm_up, leaf, self._cores):
                statistics.executed(size, [0] * size, durations)
            loaded[name] = Served(model, Scheduler(model, leaf, self._forwards, statistics), statistics)
        self._served = loaded

    def find(self, name: str, version: str) -> Served:
        """The model. Raises Refusal with Triton's texts. An empty version means the newest."""
        number = read_version(version)
        model = self.repository.get(name)
        if model is None:
            raise not_found(f"Request for unknown model: '{name}' is not found")
        if number not in (None, model.version):
            raise not_found(f"Request for unknown model: '{name}' version {number} is not found")
        if name not in self._served:
            raise not_found(f"Request for unknown model: '{name}' has no available versions")
        return self._served[name]

    def served(self) -> list[Served]:
        return sorted(self._served.values(), key=lambda one: one.model.name)

    async def infer(self, served: Served, request: Request) -> Arrays:
        """Run one checked request. Raises Refusal."""
        if self.stopping:
            raise unavailable(request.log_prefix + STOPPING)
        self._under_way += 1
        self._idle.clear()
        try:
            return await served.infers.infer(request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def drain(self, seconds: float) -> bool:
        """Refuse new requests and wait for those under way. False if some were left after `seconds`."""
        self.stopping = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        self._forwards.threads.shutdown(wait=False, cancel_futures=True)
        return True


def read_version(version: str) -> int | None:
    if not version:
        return None
    try:
        number = int(version)
    except ValueError:
        raise invalid(
            f"failed to get model version from specified version string '{version}' (details: stol),"
            " version should be an integral value > 0"
        ) from None
    if number < 0:
        raise invalid(f"invalid model version specified '{version}' , version should be an integral value > 0")
    return number


def warm_up(leaf: Leaf, cores: int) -> list[tuple[int, Durations]]:
    """Run every `model_warmup` sample of the configuration, in a thread: what each took. Raises RepositoryError.

    The last run of each has one core: torch prepares its kernels for each number of cores apart.
    """
    executed = []
    for sample in leaf.model.config.model_warmup:
        size = max(1, sample.batch_size)
        inputs = [{name: made(name, leaf.model, given) for name, given in sample.inputs.items()} for _ in range(size)]
        count = max(1, sample.count)
        for index in range(count):
            try:
                _, durations = leaf.run(inputs, 1 if index == count - 1 else min(cores, leaf.most_cores or cores))
            except (LeafError, KeyError) as error:
                raise RepositoryError(f"{leaf.model.name} failed its warm-up '{sample.name}': {error}.") from None
            executed.append((size, durations))
    return executed


def made(name: str, model: DeployedModel, given: Any) -> NDArray[Any]:
    """One warm-up tensor, [1, ...]."""
    dtype = triton_to_np_dtype(model_config_pb2.DataType.Name(given.data_type).removeprefix("TYPE_"))
    shape = (1, *given.dims)
    if given.zero_data:
        return np.zeros(shape, dtype)
    if given.random_data and np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.random.default_rng(0).integers(limits.min, limits.max, shape, dtype, endpoint=True)
    if given.random_data:
        return np.random.default_rng(0).random(shape).astype(dtype)
    raise RepositoryError(f"{model.name}/config.pbtxt: the warm-up of {name} needs zero_data or random_data here.")
