"""What the workflow costs when there is little to do, against an empty Snakefile.

    python benchmarks/workflow.py [--study cifar10] [--rounds 5] [--against CHECKOUT]

Needs a study whose runs are all there and whose report is current. With another checkout, of an
earlier commit for instance, the report is rebuilt from the records in both by turns.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

EMPTY = 'rule all:\n    input: "Snakefile"\n'
MADE = ("tables", "evidence", "figures", "report", "made")
"""What is made from the records, under a study's results."""


def main() -> None:
    """Measure in turns and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", default="cifar10")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="another checkout, its report current too")
    options = parser.parse_args()
    ours = [sys.executable, "-m", "snakemake", "--cores", "all", "--config",
            f"study={options.study}"]  # fmt: skip
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(EMPTY)
        empty = [*ours[:5], "--directory", folder, "--snakefile", f"{folder}/Snakefile"]
        pairs = [(_seconds(empty, here), _seconds(ours, here)) for _ in range(options.rounds)]
    print("| | empty Snakefile, s | nothing to do, s | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for number, (less, more) in enumerate(pairs, start=1):
        print(f"| round {number} | {less:.2f} | {more:.2f} | {more / less:.2f} |")
    middle = [median(side) for side in zip(*pairs, strict=True)]
    ratio = median(more / less for less, more in pairs)
    print(f"| median | {middle[0]:.2f} | {middle[1]:.2f} | {ratio:.2f} |")
    checkouts = [here, *([options.against.resolve()] if options.against else [])]
    rebuilt = [
        [_rebuild(options.study, ours, checkout) for checkout in checkouts]
        for _ in range(options.rounds)
    ]
    print("\n| rebuilt from the records | here, s | the other checkout, s |")
    print("| --- | ---: | ---: |")
    for number, seconds in enumerate(rebuilt, start=1):
        print(f"| round {number} | " + " | ".join(f"{second:.1f}" for second in seconds) + " |")
    print(
        "| least | " + " | ".join(f"{min(side):.1f}" for side in zip(*rebuilt, strict=True)) + " |"
    )


def _rebuild(study: str, command: list[str], checkout: Path) -> float:
    for folder in MADE:
        shutil.rmtree(checkout / "results" / study / folder, ignore_errors=True)
    return _seconds(command, checkout)


def _seconds(command: list[str], folder: Path) -> float:
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
