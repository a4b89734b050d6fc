"""Wall time of a search with one worker over that with one worker a core.

    python benchmarks/search.py [--study digits] [--rounds 3] [--source PATH]

Goes through the study's search from nothing in folders of its own, by turns, and adds up the
training seconds of its records.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cnn_study.study.merge import load


def main() -> None:
    """Search by turns and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", default="digits")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--source", default="", help="the dataset's archive, if it has one")
    options = parser.parse_args()
    many = os.cpu_count() or 1
    print(f"| | 1 worker, s | {many} workers, s | ratio | training seconds / workers, s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    rounds = []
    for number in range(1, options.rounds + 1):
        (alone, _), (together, training) = (_search(options, workers) for workers in (1, many))
        rounds.append((alone, together, alone / together, training / many))
        _print(f"round {number}", rounds[-1])
    _print("median", tuple(median(column) for column in zip(*rounds, strict=True)))


def _print(name: str, figures: tuple[float, ...]) -> None:
    alone, together, ratio, training = figures
    print(f"| {name} | {alone:.0f} | {together:.0f} | {ratio:.2f} | {training:.0f} |", flush=True)


def _search(options: argparse.Namespace, workers: int) -> tuple[float, float]:
    """Search from nothing; give seconds on the clock, and of training, all workers together."""
    call = [sys.executable, "-m", "cnn_study"]
    path = Path("experiments", f"{options.study}.yaml").resolve()
    with tempfile.TemporaryDirectory() as folder:
        data, results = Path(folder) / "data.npz", Path(folder) / "results"
        source = ["--source", options.source] if options.source else []
        _run([*call, "prepare", load(path).dataset.name, "--output", data, *source])
        started = time.perf_counter()
        _run([*call, "search", path, "--data", data, "--results", results, "--workers", workers])
        wall = time.perf_counter() - started
        records = results.glob("runs/search/*/*.json")
        costs = [json.loads(record.read_text())["cost"] for record in records]
    return wall, sum(cost["training_seconds"] for cost in costs)


def _run(command: list[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


if __name__ == "__main__":
    main()
