"""A copy of the project in which Snakemake really runs, for tests of the workflow."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]

STUDY = """\
title: A study for tests
dataset: digits
seeds: 2
enhanced: filters-4
base: {validation_fraction: 0.2, training_fraction: 0.3, filters: [2], dense_units: 8, epochs: 2}
questions:
  width:
    title: Width
    question: Do more filters help?
    hypothesis: They do.
    changes:
      filters-4: {filters: [4]}
  rate:
    title: Learning rate
    question: What does an absurd learning rate do?
    hypothesis: The loss stops being a number.
    changes:
      absurd: {learning_rate: 10, optimizer: sgd, scaling: raw, activation: leaky_relu}
search:
  algorithm: random
  trials: 2
  epochs: 1
  finalists: 1
  finalist_seeds: 1
  winner_seeds: 1
  space: {filters: [[2], [4]], learning_rate: {low: 0.001, high: 0.01}}
  prices: {cheap: {title: Cheap, macs: 40000}}
"""
"""With a change that helps, one that diverges and a search: the one that `trained` has."""


class Workplace:
    """A copy of the project with one small study, in which Snakemake really runs."""

    def __init__(self, path: Path, study: str) -> None:
        self.path, self.python, self.output = path, sys.executable, ""
        for folder in ("src", "profiles", "report"):
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ruff_cache")
            shutil.copytree(PROJECT / folder, path / folder, ignore=ignored)
        for file in ("Snakefile", "environment.yml", "CITATION.cff"):
            shutil.copy(PROJECT / file, path)
        (path / "experiments").mkdir()
        self.write_study(study)

    def write_study(self, text: str) -> None:
        (self.path / "experiments" / "tests.yaml").write_text(text, encoding="utf-8")

    @classmethod
    def at(cls, path: Path, python: str, output: str = "") -> "Workplace":
        """Give the one that is in a folder; `output` is what Snakemake said when it made it."""
        place = object.__new__(cls)
        place.path, place.python, place.output = path, python, output
        return place

    def copy(self, path: Path) -> "Workplace":
        shutil.copytree(self.path, path, symlinks=True)
        return Workplace.at(path, self.python)

    def command(self, *words: str, config: tuple[str, ...] = ("study=tests",)) -> dict:
        return {
            "args": [self.python, "-m", "snakemake", "--cores", "2", "--config", *config,
                     "--quiet", "host", *words],
            "cwd": self.path, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
            "env": {**os.environ, "PYTHONPATH": str(self.path / "src"), "CNN_STUDY_DATA": ""},
        }  # fmt: skip

    def snakemake(self, *words: str, status: int = 0, **more: object) -> str:
        ended = subprocess.run(**self.command(*words, **more), timeout=900, check=False)
        assert ended.returncode == status, ended.stdout
        return ended.stdout

    def plan(self, *words: str, **more: object) -> tuple[list[str], set[str]]:
        """Name the runs that Snakemake would train, by experiment and seed, and the rules."""
        said = self.snakemake("--dry-run", *words, **more)
        outputs = " ".join(re.findall(r"^ +output: (.*)$", said, re.MULTILINE))
        records = re.findall(r"\S+/runs/[^/]+/[^/]+/seed-\d+\.json", outputs)
        missing = [Path(record) for record in records if not (self.path / record).exists()]
        runs = sorted(f"{path.parts[-3]} {path.stem[5:]}" for path in missing)
        return runs, set(re.findall(r"^rule (\S+):", said, re.MULTILINE))

    def planned(self, *words: str) -> list[str]:
        """Name the runs that Snakemake would train, by experiment and seed."""
        return self.plan("--", *words)[0]

    def rules(self, *words: str, **more: object) -> set[str]:
        """Name the rules that Snakemake would follow."""
        return self.plan(*words, **more)[1]

    def inspections(self) -> list[Path]:
        return sorted((self.path / "results/tests/inspection").glob("*.json"))

    def records(self) -> dict[str, dict]:
        found = {}
        for path in sorted((self.path / "results/tests/runs").glob("*/*/seed-*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["experiment"] != "search":
                found[f"{record['experiment']} {record['seed']}"] = record
        return found
