"""What stays in a full cache of bricks."""

import numpy as np

from voxz.image.brick_cache import LOOKED_AT, MEMORY, RECENT, Kept

OWNER = object()
BRICK = np.zeros(1000, np.uint8)


def use(cache: Kept, number: int) -> bool:
    """Ask for a brick, and add it if it is not there; whether it was there."""
    found = cache.get(OWNER, number) is not None
    if not found:
        cache.add(OWNER, number, BRICK)
    return found


def test_bricks_that_are_used_often_stay() -> None:
    cache, rng = Kept(10 * BRICK.nbytes), np.random.default_rng(0)
    often, seldom = np.arange(8), np.arange(8, 208)
    hits = total = 0
    for turn in range(4000):
        number = int(rng.choice(often if rng.random() < 0.5 else seldom))
        found = use(cache, number)
        if turn >= 1000 and number < 8:
            hits, total = hits + found, total + 1
        assert cache.nbytes <= 10 * BRICK.nbytes
    assert hits > 0.9 * total  # with those that were used last it would be 0.55


def test_what_was_used_often_long_ago_makes_room() -> None:
    cache = Kept(10 * BRICK.nbytes)
    for _ in range(1000):
        for number in range(10):
            use(cache, number)
    found = [[use(cache, number) for number in range(20, 30)] for _ in range(3 * MEMORY)]
    assert all(found[-1])


def test_what_was_used_last_stays() -> None:
    recent = 3
    cache = Kept(RECENT * recent * BRICK.nbytes)
    for _ in range(5):
        for number in range(RECENT * recent):
            use(cache, number)
    for number in range(1000, 1000 + recent):
        use(cache, number)
    assert all(use(cache, number) for number in range(1000, 1000 + recent))


def test_counts_of_bricks_that_are_gone_are_bounded() -> None:
    cache = Kept(4 * BRICK.nbytes)
    for number in range(20_000):
        use(cache, number)
    assert len(cache._uses) <= 5 * LOOKED_AT + 1
