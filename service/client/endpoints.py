"""Decorators for calls that both clients have: each is written once, as a method that returns a flow.

On a blocking object the method returns what the flow returns; on an asynchronous one it is awaited.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from service.client.flows import Flow
from service.client.transports import Asynchronous, AsynchronousWithJobs, Blocking, BlockingWithJobs

J = TypeVar("J")
P = ParamSpec("P")
T = TypeVar("T")


class endpoint(Generic[P, T]):
    """Decorates a method that returns a flow."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, holder: Blocking, owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, holder: Asynchronous, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    @overload
    def __get__(self, holder: None, owner: type) -> Callable[Concatenate[Any, P], Flow[T]]: ...

    def __get__(self, holder: Any, owner: type) -> Any:
        return self._flow if holder is None else _running(self._flow, holder)


class job_endpoint(Generic[P]):
    """Decorates a method whose flow returns a job, which is of the client's own kind."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[Any]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, holder: BlockingWithJobs[J], owner: type) -> Callable[P, J]: ...

    @overload
    def __get__(self, holder: AsynchronousWithJobs[J], owner: type) -> Callable[P, Coroutine[Any, Any, J]]: ...

    @overload
    def __get__(self, holder: None, owner: type) -> Callable[Concatenate[Any, P], Flow[Any]]: ...

    def __get__(self, holder: Any, owner: type) -> Any:
        return self._flow if holder is None else _running(self._flow, holder)


def _running(flow: Callable[..., Flow[Any]], holder: Blocking | Asynchronous) -> Callable[..., Any]:
    bound = functools.partial(flow, holder)

    @functools.wraps(bound, assigned=())
    def call(*arguments: Any, **options: Any) -> Any:
        return holder.run(bound(*arguments, **options))

    call.__name__, call.__doc__ = flow.__name__, flow.__doc__
    return call
