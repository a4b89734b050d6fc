"""Memory that one process gains with each training: 20 runs in a row on the digits.

python benchmarks/memory.py [--runs 20]
"""

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from cnn_study.data import arrays
from cnn_study.data.catalog import DATASETS
from cnn_study.study.merge import load
from cnn_study.train import machine

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> float:
    """Memory that this process holds now, in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def main() -> None:
    """Train, note the memory after each run, and print the growth after the first two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    machine.one_thread()
    from cnn_study.train import training

    chosen = load(Path("experiments/digits.yaml"))
    base = chosen.experiments["base"]
    short = replace(base, settings=base.settings.model_copy(update={"epochs": 2}))
    held = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        arrays.prepare(DATASETS["digits"], path)
        images = arrays.load_prepared(DATASETS["digits"], path)
        for seed in range(1, options.runs + 1):
            training.train(short, seed, chosen.dataset, images, Path(folder))
            held.append(resident())
    print("| run | memory, MB |")
    print("| ---: | ---: |")
    for number, megabytes in enumerate(held, start=1):
        print(f"| {number} | {megabytes:.1f} |")
    print(f"\ngrowth after run 2: {(held[-1] - held[1]) / (len(held) - 2):.2f} MB a run")


if __name__ == "__main__":
    main()
