"""Work on threads: what begins when, and in which order results come."""

import threading

from voxz.threads import Last, map_ordered


def test_the_last_items_begin_heaviest_first_and_come_in_order() -> None:
    begun: list[int] = []
    all_taken, both = threading.Event(), threading.Barrier(2)

    def weight(item: int) -> float:
        all_taken.set()
        return item

    def work(item: int) -> int:
        begun.append(item)
        if item < 2:
            assert all_taken.wait(60)
        elif item > 2:
            both.wait(60)
        return -item

    assert list(map_ordered(work, range(5), 2, last=Last(5, weight))) == [0, -1, -2, -3, -4]
    assert set(begun[:2]) == {0, 1}
    assert set(begun[2:4]) == {3, 4}
    assert begun[4] == 2
