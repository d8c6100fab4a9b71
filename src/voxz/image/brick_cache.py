"""Decoded bricks of a file. Each is decoded once, by whoever asks first, and kept while there is room.

Whoever asks for a brick that another thread is decoding waits for that thread's result. A forked process starts with what was
kept, but waits for no thread of its parent.
"""

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from voxz.container.reader import StoredArray
from voxz.threads import map_ordered

Brick = NDArray[np.generic]


class BrickCache:
    """Bricks of `array`, of which those used last are kept up to `capacity` bytes; of larger ones, one. None if it is 0."""

    def __init__(self, array: StoredArray, capacity: int) -> None:
        self._array, self._capacity = array, capacity
        self._kept: OrderedDict[int, Brick] = OrderedDict()
        self._bytes = 0
        self._asked: set[int] = set()
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._underway: dict[int, Future[Brick]] = {}

    def is_new(self, number: int) -> bool:
        """Whether a brick is neither kept nor was asked for with this before."""
        with self._lock:
            new = number not in self._kept and number not in self._asked
            self._asked.add(number)
        return new

    def visit(self, numbers: Sequence[int], use: Callable[[int, Brick], None], threads: int) -> None:
        """Call `use` with each of the bricks, read-only, from several threads and in any order."""
        if self._process != os.getpid():
            self._start()
        ready: list[tuple[int, Brick]] = []
        mine: dict[int, Future[Brick]] = {}
        others: list[tuple[int, Future[Brick]]] = []
        with self._lock:
            for number in numbers:
                if number in self._kept:
                    self._kept.move_to_end(number)
                    ready.append((number, self._kept[number]))
                elif number in self._underway:
                    others.append((number, self._underway[number]))
                else:
                    mine[number] = self._underway[number] = Future()

        def decode(part: tuple[int, bytes]) -> None:
            use(part[0], self._decode(*part, mine[part[0]]))

        try:
            for number, brick in ready:
                use(number, brick)
            for batch in self._array.batches(list(mine)):
                deque(map_ordered(decode, batch, min(threads, len(batch))), maxlen=0)
        finally:
            for number, future in mine.items():
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

    def _decode(self, number: int, payload: bytes, future: Future[Brick]) -> Brick:
        """Decode a brick for everyone who waits for `future`; nobody does if an interruption has cancelled it."""
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

    def _release(self, number: int, future: Future[Brick], brick: Brick | None = None) -> None:
        """A brick is underway no more; it may be kept."""
        with self._lock:
            if self._underway.get(number) is future:
                del self._underway[number]
                if brick is not None:
                    self._keep(number, brick)

    def _keep(self, number: int, brick: Brick) -> None:
        if not self._capacity:
            return
        self._kept[number] = brick
        self._bytes += brick.nbytes
        while len(self._kept) > 1 and self._bytes > self._capacity:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
