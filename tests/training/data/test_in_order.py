import threading

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


def test_opencv_leaves_the_cores_to_the_workers_and_gets_them_back() -> None:
    before = cv2.getNumThreads()
    assert set(in_order(lambda _: cv2.getNumThreads(), range(4), 2)) == {1}
    assert cv2.getNumThreads() == before
