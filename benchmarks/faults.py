"""Whether anything is lost when a workflow is stopped or killed, again and again.

    python benchmarks/faults.py [--tries 50] [--chain 10] [--seed 1] [--work FOLDER]

A tiny study is done once undisturbed. Then it is begun in fresh folders, disturbed at random
moments some times in a row, begun by the same command again each time, and let come to its end.
Nothing may be lost: what was whole before a fault is there after it with the same bytes, and in the
end the tables are the same digit for digit as in the undisturbed run, and the weights have the same
hash.
"""

import argparse
import csv
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from workplace import Workplace

STUDY = """\
title: A study for faults
dataset: digits
seeds: 2
base: {validation_fraction: 0.2, training_fraction: 0.3, filters: [2], dense_units: 8, epochs: 40}
questions:
  width:
    title: Width
    question: Do more filters help?
    hypothesis: They do.
    changes:
      filters-4: {filters: [4]}
      filters-6: {filters: [6]}
search:
  algorithm: random
  trials: 2
  epochs: 2
  finalists: 1
  finalist_seeds: 1
  winner_seeds: 1
  space: {filters: [[2], [4]], learning_rate: {low: 0.001, high: 0.01}}
  prices: {cheap: {title: Cheap, macs: 40000}}
"""
RESULTS = Path("results/tests")
MEASURED = ("seconds", "mebibytes", "started", "record_sha256")
"""Words in the names of columns that hang on what a clock or a memory gauge said."""

LATEST = 30.0
"""Seconds after which a fault comes at the latest."""


def children(head: psutil.Process) -> list[psutil.Process]:
    """List what a workflow has started, which may end at any moment."""
    try:
        return head.children(recursive=True)
    except psutil.Error:
        return []


def lives(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that ended may wait for whoever should take note."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def send(processes: list[psutil.Process], number: int) -> None:
    """Send a signal to whichever of these is still there."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def kill_one(head: psutil.Process, draw: random.Random) -> None:
    """Kill one of the processes below the workflow's own; itself where there is none."""
    send([draw.choice(children(head) or [head])], signal.SIGKILL)


def to_head(number: int) -> Callable[[psutil.Process, random.Random], None]:
    """Send a signal to the workflow's own process alone, as `docker stop` does."""
    return lambda head, draw: send([head], number)


def to_all(number: int) -> Callable[[psutil.Process, random.Random], None]:
    """Send a signal to all of them, as a terminal, `timeout` or a cluster does."""
    return lambda head, draw: send([head, *children(head)], number)


FAULTS = {
    "kill -9 of the head": to_head(signal.SIGKILL),
    "kill -9 of a child": kill_one,
    "kill -9 of all": to_all(signal.SIGKILL),
    "SIGTERM to the head": to_head(signal.SIGTERM),
    "SIGTERM to all (timeout)": to_all(signal.SIGTERM),
    "SIGHUP to all": to_all(signal.SIGHUP),
    "Ctrl-C (SIGINT to all)": to_all(signal.SIGINT),
}
STOPPING = [name for name in FAULTS if "kill" not in name]
"""After these nothing may be left running."""


@dataclass
class Outcome:
    """What came of one kind of fault."""

    tries: int = 0
    survived: int = 0
    lost: int = 0
    left_running: int = 0
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Disturb and go on, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--chain", type=int, default=10, help="at most, before it may end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="a folder to work in; else one that goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        started = time.monotonic()
        quiet = Workplace(work / "undisturbed", STUDY)
        finish(quiet)
        print(f"undisturbed: {time.monotonic() - started:.0f} s", flush=True)
        outcomes = disturb_all(work, truth(quiet), options)
    sys.exit(any(each.survived < each.tries or each.lost for each in outcomes.values()))


def disturb_all(work: Path, expected: dict, options: argparse.Namespace) -> dict[str, Outcome]:
    """Disturb studies, one after the other until it is done, as often as asked for."""
    draw = random.Random(options.seed)
    kinds = [list(FAULTS)[number % len(FAULTS)] for number in range(options.tries)]
    draw.shuffle(kinds)
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    while kinds:
        place = Workplace(work / f"study-{len(kinds)}", STUDY)
        lost: list[tuple[str, int]] = []
        while kinds and len(lost) < options.chain:
            gone = disturb(place, kinds[-1], outcomes[kinds[-1]], draw)
            if gone is None:  # the study was done before
                break
            lost.append((kinds.pop(), gone))
        same = finish(place) and truth(place) == expected
        for kind, gone in lost:
            outcomes[kind].survived += same and not gone
        said = "the same" if same else f"NOT THE SAME: {place.path}"
        print(f"{len(lost)} faults, {len(kinds)} left: {said}", flush=True)
        print(in_table(outcomes), flush=True)
    return outcomes


def disturb(place: Workplace, kind: str, outcome: Outcome, draw: random.Random) -> int | None:
    """Begin a workflow, let a fault come at a random moment, and count what is lost by it.

    Returns:
        None where the workflow was done before the fault.
    """
    command = place.command()
    log = (place.path / "said.log").open("a")
    head = psutil.Popen(**command | {"stdout": log}, start_new_session=True, preexec_fn=attend)
    with suppress(psutil.TimeoutExpired):
        head.wait(draw.uniform(1, LATEST))
        return None
    before, below = whole(place), children(head)
    started = time.monotonic()
    FAULTS[kind](head, draw)
    try:
        # What is left of a workflow that lost a child goes on; it is killed with what it does then.
        head.wait(60 if kind in STOPPING else 10)
    except psutil.TimeoutExpired:
        to_all(signal.SIGKILL)(head, draw)
        head.wait()
    outcome.seconds.append(time.monotonic() - started)
    after = whole(place)
    gone = sum(after.get(path) != content for path, content in before.items())
    outcome.tries += 1
    outcome.lost += gone
    if kind in STOPPING:
        psutil.wait_procs(below, timeout=0.5)
        outcome.left_running += sum(map(lives, below))
    return gone


def attend() -> None:
    """Take every signal, also those that `nohup` and the background of a script turn off."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def finish(place: Workplace) -> bool:
    """Let the same command come to its end."""
    ended = subprocess.run(**place.command(), check=False, timeout=1200)
    (place.path / "last.log").write_text(ended.stdout)
    return ended.returncode == 0


def whole(place: Workplace) -> dict[Path, bytes]:
    """Read every record that is there, what it keeps, and what a search found."""
    results = place.path / RESULTS
    records = [*results.glob("runs/*/*/seed-?.json"), *results.glob("search/*.json")]
    kept = [path.with_suffix(".predictions.npz") for path in records if "runs" in path.parts]
    return {path: path.read_bytes() for path in [*records, *kept] if path.exists()}


def truth(place: Workplace) -> dict[str, object]:
    """Tell all that must be the same: scores and weights of all runs, and all tables."""
    results = place.path / RESULTS
    runs = {
        str(path.relative_to(results)): [record["status"], record["weights_sha256"], record["test"]]
        for path in sorted(results.glob("runs/*/*/seed-*.json"))
        for record in [json.loads(path.read_text(encoding="utf-8"))]
    }
    tables = {
        str(path.relative_to(results)): unmeasured(path)
        for folder in ("tables", "evidence")
        for path in sorted((results / folder).glob("*.csv"))
    }
    return runs | tables


def unmeasured(path: Path) -> list[dict[str, str]]:
    """Read a table without the columns in which a clock speaks."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {name: cell for name, cell in row.items() if not any(word in name for word in MEASURED)}
        for row in rows
    ]


def in_table(outcomes: dict[str, Outcome]) -> str:
    """Write what came of it."""
    lines = ["| fault | tries | survived | lost | left running | seconds to the end, at most |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind in FAULTS:
        each = outcomes[kind]
        left = str(each.left_running) if kind in STOPPING else "–"
        took = f"{max(each.seconds, default=0):.1f}" if kind in STOPPING else "–"
        lines.append(f"| {kind} | {each.tries} | {each.survived} | {each.lost} | {left} | {took} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
