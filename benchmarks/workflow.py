"""What the workflow costs when there is little to do, against an empty Snakefile.

    python benchmarks/workflow.py [--study cifar10] [--rounds 5]

Needs a study whose runs are all there and whose report is current.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

EMPTY = 'rule all:\n    input: "Snakefile"\n'


def main() -> None:
    """Measure in turns and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", default="cifar10")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours = [sys.executable, "-m", "snakemake", "--cores", "all", "--config",
            f"study={options.study}"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(EMPTY)
        empty = [*ours[:5], "--directory", folder, "--snakefile", f"{folder}/Snakefile"]
        pairs = [(_seconds(empty), _seconds(ours)) for _ in range(options.rounds)]
    rebuilt = [_rebuild(options.study, ours) for _ in range(2)]
    print("| | empty Snakefile, s | nothing to do, s | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for number, (less, more) in enumerate(pairs, start=1):
        print(f"| round {number} | {less:.2f} | {more:.2f} | {more / less:.2f} |")
    middle = [median(side) for side in zip(*pairs, strict=True)]
    ratio = median(more / less for less, more in pairs)
    print(f"| median | {middle[0]:.2f} | {middle[1]:.2f} | {ratio:.2f} |")
    print(f"\ntables, figures and report rebuilt from records: {min(rebuilt):.1f} s")


def _rebuild(study: str, command: list[str]) -> float:
    (table,) = (Path("results") / study / "tables").glob("runs.csv")
    table.unlink()
    return _seconds(command)


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
