"""Decoded bricks of a file. Each is decoded once, by whoever asks first, and kept while there is room, those in use first.

Whoever asks for a brick that another thread is decoding waits for that thread's result. A forked process starts with what was
kept, but waits for no thread of its parent.
"""

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voxz.container.reader import StoredArray
from voxz.threads import map_ordered

if TYPE_CHECKING:
    from concurrent.futures import Future

Brick = NDArray[np.generic]


LOOKED_AT = 256
"""Arrays that are compared when one has to go."""

RECENT = 16
"""One array in so many, those used last, stays whatever its use: whoever goes through a volume slice by slice comes back soon."""

MEMORY = 8
"""Uses of an array, on average, after which all counts are halved: what was in use long ago makes room."""


class Kept:
    """Arrays up to `capacity` bytes; of larger ones, one. None if it is 0. Several caches may share it.

    Those used last stay, and of the others those that were asked for most often: bricks in the middle of a volume are in more
    patches than those at its border. It is pickled without what it keeps.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._bytes = capacity, 0
        self._arrays: OrderedDict[tuple[object, int], Brick] = OrderedDict()
        self._uses: dict[tuple[object, int], int] = {}
        self._total = 0
        self.start()

    def __reduce__(self) -> tuple[type["Kept"], tuple[int]]:
        return Kept, (self._capacity,)

    def start(self) -> None:
        """Forget who held the lock: in a forked process, nobody."""
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return self._bytes

    @property
    def capacity(self) -> int:
        """Bytes that may be kept."""
        return self._capacity

    def get(self, owner: object, number: int) -> Brick | None:
        """What was kept, which becomes the one that was used last."""
        with self._lock:
            if self._capacity:
                self._count((owner, number))
            found = self._arrays.get((owner, number))
            if found is not None:
                self._arrays.move_to_end((owner, number))
        return found

    def _count(self, key: tuple[object, int]) -> None:
        """Count a use. Counts are halved from time to time, and forgotten at 0, unless the array is kept."""
        self._uses[key] = self._uses.get(key, 0) + 1
        self._total += 1
        if self._total > MEMORY * len(self._uses) or len(self._uses) > LOOKED_AT * (1 + len(self._arrays)):
            halved = {other: uses // 2 for other, uses in self._uses.items()}
            self._uses = {other: uses for other, uses in halved.items() if uses or other in self._arrays}
            self._total = sum(self._uses.values())

    def _least_used(self) -> tuple[object, int]:
        """Which array goes: of those that were not used for longest, the one with the fewest uses."""
        older = min(LOOKED_AT, max(1, len(self._arrays) - 1 - len(self._arrays) // RECENT))
        return min(islice(self._arrays, older), key=lambda key: self._uses.get(key, 0))

    def add(self, owner: object, number: int, array: Brick) -> None:
        """Keep an array; others go."""
        if not self._capacity:
            return
        with self._lock:
            before = self._arrays.pop((owner, number), None)
            self._bytes += array.nbytes - (0 if before is None else before.nbytes)
            self._arrays[owner, number] = array
            while len(self._arrays) > 1 and self._bytes > self._capacity:
                self._bytes -= self._arrays.pop(self._least_used()).nbytes


class BrickCache:
    """Bricks of `array`; `kept` is a cache, or the bytes that a new one may hold."""

    def __init__(self, array: StoredArray, kept: Kept | int) -> None:
        self._array = array
        self._kept = kept if isinstance(kept, Kept) else Kept(kept)
        self._asked: set[int] = set()
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._kept.start()
        self._underway: dict[int, Future[Brick]] = {}

    def is_new(self, number: int) -> bool:
        """Whether a brick is neither kept nor was asked for with this before."""
        with self._lock:
            new = self._kept.get(self, number) is None and number not in self._asked
            self._asked.add(number)
        return new

    def that_fit(self, numbers: Sequence[int]) -> list[int]:
        """The first of `numbers` whose bricks can be kept together: one at least, unless nothing is kept."""
        room = self._kept.capacity
        fitting: list[int] = []
        for number in numbers if room else ():
            room -= self._array.samples_of([number]) * self._array.layout.dtype.itemsize
            if room < 0 and fitting:
                break
            fitting.append(number)
        return fitting

    def visit(self, numbers: Sequence[int], use: Callable[[int, Brick], None], threads: int) -> None:
        """Call `use` with each of the bricks, read-only, from several threads and in any order."""
        from concurrent.futures import CancelledError, Future  # noqa: PLC0415 - start-up time

        if self._process != os.getpid():
            self._start()
        ready: list[tuple[int, Brick]] = []
        mine: dict[int, Future[Brick]] = {}
        others: list[tuple[int, Future[Brick]]] = []
        with self._lock:
            for number in numbers:
                if (kept := self._kept.get(self, number)) is not None:
                    ready.append((number, kept))
                elif number in self._underway:
                    others.append((number, self._underway[number]))
                else:
                    mine[number] = self._underway[number] = Future()

        def decode(part: tuple[int, bytes]) -> None:
            brick = self._decode(*part, mine[part[0]])
            del mine[part[0]]  # a future keeps its result: with all of them, a whole image would be in memory twice
            use(part[0], brick)

        try:
            for number, brick in ready:
                use(number, brick)
            for batch in self._array.batches(list(mine)):
                samples = self._array.samples_of(number for number, _ in batch)
                deque(map_ordered(decode, batch, min(threads, len(batch)), samples), maxlen=0)
        finally:
            for number, future in list(mine.items()):
                if not future.done():
                    self._release(number, future)
                    future.cancel()
        for number, future in others:
            try:
                brick = future.result()
            except CancelledError:  # the other thread was stopped before it came to this brick
                self.visit([number], use, threads)
            else:
                use(number, brick)

    def _decode(self, number: int, payload: bytes, future: "Future[Brick]") -> Brick:
        """Decode a brick for everyone who waits for `future`; nobody does if an interruption has cancelled it."""
        from concurrent.futures import InvalidStateError  # noqa: PLC0415 - start-up time

        try:
            brick = self._array.brick(number, payload=payload)
        except Exception as error:
            self._release(number, future)
            with suppress(InvalidStateError):
                future.set_exception(error)
            raise
        brick.flags.writeable = False
        self._release(number, future, brick)
        with suppress(InvalidStateError):
            future.set_result(brick)
        return brick

    def _release(self, number: int, future: "Future[Brick]", brick: Brick | None = None) -> None:
        """A brick is underway no more; it may be kept."""
        with self._lock:
            if self._underway.get(number) is future:
                del self._underway[number]
                if brick is not None:
                    self._kept.add(self, number, brick)
