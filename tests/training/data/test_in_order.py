import threading
from collections.abc import Generator

import cv2
import pytest

from training.data.in_order import AHEAD, in_order


def test_results_come_in_the_order_of_the_work() -> None:
    """The first piece is the last to be done: it waits for the second."""
    done = threading.Event()

    def double(number: int) -> int:
        if number == 0:
            assert done.wait(30)
        if number == 1:
            done.set()
        return 2 * number

    assert list(in_order(double, range(20), 2)) == [2 * number for number in range(20)]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_comes_in_its_place_and_begins_no_further_work(workers: int) -> None:
    begun: list[int] = []

    def fail_at_5(number: int) -> int:
        begun.append(number)
        if number == 5:
            raise KeyboardInterrupt
        return number

    results = in_order(fail_at_5, range(1000), workers)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert len(begun) <= 5 + (AHEAD + 1) * workers + 1


def test_who_stops_asking_does_not_wait_for_what_is_under_way() -> None:
    """A garbage collection may close the results inside a thread that starts, which must not wait for others there."""
    go_on = threading.Event()
    results = in_order(lambda number: number == 0 or go_on.wait(60), range(100), 2)
    assert isinstance(results, Generator)
    next(results)
    closing = threading.Thread(target=results.close, daemon=True)
    closing.start()
    closing.join(20)
    left = not closing.is_alive()
    go_on.set()
    assert left


def test_opencv_leaves_the_cores_to_the_workers_and_gets_them_back() -> None:
    before = cv2.getNumThreads()
    assert set(in_order(lambda _: cv2.getNumThreads(), range(4), 2)) == {1}
    assert cv2.getNumThreads() == before
