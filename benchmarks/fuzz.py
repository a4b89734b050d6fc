"""Whether inputs that are nearly right are taken as they are or refused in words, many of them.

    python benchmarks/fuzz.py [--inputs 100000] [--kinds record archive …] [--seed 1]
                              [--keep FOLDER] [--again FILE KIND]

Good studies, records, archives, tables, texts and command lines are changed at random and given to
what reads them. Each is accepted, and then read rightly so far as that can be told, or refused with
a `UserError`. Whatever else comes of one is a fault: it is told once for each place in the code,
with how often it came and the first input that it came of, which is kept. So is what takes longer
than SECONDS, or more than MEMORY beyond what the process began with.
"""

import argparse
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Never

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cnn_study.base.errors import UserError
from nearly_right import KINDS, Kind

SHARES = {
    "study": 160, "published study": 4, "spellings": 50, "record": 280, "other facts": 90,
    "archive": 110, "batch": 90, "prepared arrays": 40, "answers": 55, "table": 60,
    "published numbers": 26, "arguments": 10, "text": 25,
}  # fmt: skip
"""Of a thousand inputs, so many are of each kind: fewer of those that take long."""

SECONDS = 60
"""Of processor time for one input, or for texts that are rendered together."""

MEMORY = 2**31
"""Bytes of addresses."""


class TooLong(Exception):
    """One input took longer than it may."""


@dataclass
class Tally:
    """What came of the inputs of one kind."""

    kind: Kind
    tries: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        """How many were refused in words."""
        return self.tries - self.accepted - self.faults.total()


def main() -> None:
    """Try as many inputs as are asked for, and print what came of them."""
    options = _options()
    kinds = {kind.name: kind for kind in KINDS}
    warnings.simplefilter("error")
    _limit_memory()
    if options.again:
        path, name = options.again
        with tempfile.TemporaryDirectory() as folder:
            print(kinds[name].take(Path(path).read_bytes(), Path(folder)), "accepted")
        return
    shares = {name: share for name, share in SHARES.items() if name in options.kinds}
    tallies = []
    for name, share in shares.items():
        asked = round(options.inputs * share / sum(shares.values()))
        tallies.append(fuzz(kinds[name], asked, options.seed, options.keep))
        print(row(tallies[-1]), file=sys.stderr, flush=True)
    print(table(tallies))
    sys.exit(any(tally.faults for tally in tallies))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--kinds", nargs="+", default=list(SHARES), choices=list(SHARES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz"), metavar="FOLDER")
    parser.add_argument("--again", nargs=2, metavar=("FILE", "KIND"))
    return parser.parse_args()


def fuzz(kind: Kind, asked: int, seed: int, keep: Path) -> Tally:
    """Try inputs of one kind; each is drawn by its number, and can be had again."""
    tally = Tally(kind)
    begun = time.process_time() + _of_children()
    for number in range(-(-asked // kind.together)):
        content = kind.draw(Random(f"{kind.name} {seed} {number}"))
        start = time.process_time() + _of_children()
        tally.tries += kind.together
        try:
            tally.accepted += _taken(kind, content)
        except UserError:
            pass
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            _keep(tally, content, error, keep / kind.name.replace(" ", "-"), number)
        tally.slowest = max(tally.slowest, time.process_time() + _of_children() - start)
    tally.seconds = time.process_time() + _of_children() - begun
    return tally


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _taken(kind: Kind, content: bytes) -> int:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        with _for_seconds():
            return kind.take(content, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _for_seconds() -> Generator[None]:
    def stop(number: int, frame: FrameType | None) -> Never:
        raise TooLong(f"it takes more than {SECONDS} seconds")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory() -> None:
    """Let the process have so much more than it has: what asks for more meets a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _keep(tally: Tally, content: bytes, error: BaseException, folder: Path, number: int) -> None:
    """Count a fault by its place, and keep the first input that it came of."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "cnn_study" in frame.filename] or frames
    last = own[-1]
    place = f"{Path(last.filename).name}, {last.name}: {type(error).__name__}"
    if isinstance(error, AssertionError):
        place += f": {str(error).partition(chr(10))[0][:80]}"
    if place not in tally.faults:
        print(f"{tally.kind.name}: {place}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}{tally.kind.ending}"
        path.write_bytes(content)
        path.with_name(f"{number}.traceback").write_text(
            "".join(traceback.format_exception(error)), "utf-8", "backslashreplace"
        )
    tally.faults[place] += tally.kind.together


def row(tally: Tally) -> str:
    """Write what came of one kind as a row of the table."""
    counts = tally.tries, tally.accepted, tally.refused, tally.faults.total()
    cells = [tally.kind.name, *(f"{count:,}" for count in counts)]
    return f"| {' | '.join([*cells, f'{tally.seconds:.0f}', f'{tally.slowest:.2f}'])} |"


def table(tallies: list[Tally]) -> str:
    """Write what came of all kinds as a table, and below it each fault."""
    lines = [
        "| kind | tries | accepted | refused | faults | seconds | slowest |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += map(row, tallies)
    faults = [
        f"{tally.kind.name}: {place}: {count:,}"
        for tally in tallies
        for place, count in tally.faults.most_common()
    ]
    return "\n".join([*lines, "", f"{sum(t.tries for t in tallies):,} inputs", *faults])


if __name__ == "__main__":
    main()
