"""The same done with many things at once, in order, and a line now and then on how far it is."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from cnn_study.base import outputs
from cnn_study.base.cores import cores

MOST_THREADS = 8
WAITING = 4
"""Results for each thread that may wait to be taken; more would fill the memory."""

LINE_SECONDS = 10

Given = TypeVar("Given")
Result = TypeVar("Result")


def in_threads(
    do: Callable[[Given], Result], things: Sequence[Given], doing: str
) -> Iterator[Result]:
    """Do something with each thing, several at once, and give the results in order.

    Args:
        doing: what is said on stderr behind "3,000 of 50,000 ", every few seconds.
    """
    threads = min(MOST_THREADS, cores())
    coming = iter(things)
    said = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque(pool.submit(do, thing) for thing in islice(coming, threads * WAITING))
        for taken in range(len(things)):
            yield waiting.popleft().result()
            waiting.extend(pool.submit(do, thing) for thing in islice(coming, 1))
            if time.monotonic() - said >= LINE_SECONDS:
                said = time.monotonic()
                outputs.say(f"{taken + 1:,} of {len(things):,} {doing}", sys.stderr)
