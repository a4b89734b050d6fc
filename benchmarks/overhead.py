"""Wall time of a study over its pure training seconds divided by cores.

    python benchmarks/overhead.py [--seeds 5] [--source PATH]

Trains the base and the enhanced model of the published study, some seeds each, through the
workflow in a folder of its own, and adds up the training seconds of their records. Only trains:
inspection and report take the same time whatever was trained.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

TARGETS = (["data/cifar10.npz"], ["base", "enhanced"])


def main() -> None:
    """Train and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--source", default="", help="the dataset's archive or unpacked folder")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        place = _workplace(Path(folder), options.seeds)
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--config",
                   "study=overhead", f"data={Path(options.source).resolve()}"]  # fmt: skip
        data, runs = ([*command[:5], *targets, *command[5:]] for targets in TARGETS)
        subprocess.run(data, cwd=place, check=True, capture_output=True)
        started = time.perf_counter()
        subprocess.run(runs, cwd=place, check=True, capture_output=True)
        wall = time.perf_counter() - started
        records = sorted(place.glob("results/overhead/runs/*/*/seed-*.json"))
        costs = [json.loads(path.read_text())["cost"] for path in records]
    training = sum(cost["training_seconds"] for cost in costs)
    print("| runs | wall time, s | training seconds / cores, s | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    print(f"| {len(costs)} | {wall:.0f} | {training / cores:.0f} | {wall * cores / training:.3f} |")


def _workplace(folder: Path, seeds: int) -> Path:
    for name in ("src", "profiles", "report"):
        shutil.copytree(name, folder / name)
    for name in ("Snakefile", "environment.yml"):
        shutil.copy(name, folder)
    study = YAML(typ="safe", pure=True).load(Path("experiments/cifar10.yaml").read_text())
    study |= {
        "seeds": seeds,
        "enhanced": "enhanced",
        "questions": {
            "enhanced-model": {
                "title": "Enhanced", "question": "?", "hypothesis": "!",
                "changes": {"enhanced": {"filters": [16, 32, 64], "kernel_size": 3}},
            }
        },
    }  # fmt: skip
    for key in ("published", "search", "label"):
        study.pop(key)
    (folder / "experiments").mkdir()
    with (folder / "experiments" / "overhead.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(study, file)
    return folder


if __name__ == "__main__":
    main()
