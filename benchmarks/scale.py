"""What a study costs to plan, tabulate, judge and report as it grows, from made-up records.

    python benchmarks/scale.py [--experiments 30 100 300 1000] [--seeds 10] [--stages tables …]
                               [--keep FOLDER]

Nothing is trained: for each size it writes a study of so many experiments, as a user could, and a
record for each run, with predictions, curves and scores that belong together. Each stage is a
command of its own; what it costs is the processor time and the largest memory of its process and
of those it starts. Growth is the power of the number of experiments that the last step of the
processor time follows: 1 where twice the experiments take twice the time.
"""

import argparse
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, count
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cnn_study import starter
from cnn_study.base import files
from cnn_study.runs import correct_answers, records
from cnn_study.runs.wanted import Run, wanted
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.settings import TRAINING_VERSION

LEVELS: dict[str, list[Any]] = {
    "learning_rate": [0.001, 0.0003, 0.003, 0.0001, 0.01],
    "batch_size": [32, 16, 64, 128, 256],
    "dense_units": [64, 16, 32, 128, 256],
    "dense_dropout": [0.0, 0.1, 0.2, 0.3, 0.5],
    "convolution_dropout": [0.0, 0.05, 0.1, 0.2, 0.3],
    "label_smoothing": [0.0, 0.02, 0.05, 0.1, 0.2],
    "weight_decay": [0.0, 0.00001, 0.0001, 0.001, 0.01],
    "epochs": [10, 5, 8, 15, 20],
    "shift": [0, 1, 2, 3, 4],
    "cutout": [0, 4, 8, 12, 16],
}
"""Values of the parameters that are changed, the base's own first."""

WIDTHS = [[width, 2 * width, last] for width in range(5, 21) for last in range(16, 46, 5)]
"""Of the networks that each question begins with."""

FEW = 10
"""Experiments of a question that names them one by one, at most."""


def study_text(experiments: int, seeds: int) -> str:
    """Write a study file of so many experiments, the base included.

    By turns a question is a grid of two parameters and a list of changes, some of them two of the
    others at once. Each is asked around a network of its own, which earlier questions try.
    """
    pairs = combinations(LEVELS, 2)
    blocks, left = [], experiments - 1
    for place in count():
        if left <= 0:
            break
        changes = _grid(next(pairs)) if place % 2 == 0 else _list(place, *next(pairs))
        size = changes.pop("size")
        if left < size + 1:  # too few for a whole one
            blocks.append((WIDTHS[place : place + left], {}))
            break
        blocks.append(([WIDTHS[place]], changes))
        left -= size + 1
    widths = [filters for around, _ in blocks for filters in around]
    questions = {}
    for number, start in enumerate(range(0, len(widths), FEW), start=1):
        some = widths[start : start + FEW]
        changes = {_width_id(filters): {"filters": filters} for filters in some}
        questions[f"width-{number}"] = _question(f"Width, part {number}", changes=changes)
    for number, ((filters, *_), changes) in enumerate(blocks, start=1):
        if changes:
            asked = _question(f"Question {number}", reference=_width_id(filters), **changes)
            questions[f"question-{number}"] = asked
    base = {name: levels[0] for name, levels in LEVELS.items()} | {"filters": [4, 8, 16]}
    content = {
        "title": "A study of many experiments",
        "dataset": "cifar10",
        "seeds": seeds,
        "enhanced": _width_id(widths[0]),
        "base": base,
        "questions": questions,
    }
    return yaml.safe_dump(content, sort_keys=False)


def _grid(pair: tuple[str, str]) -> dict[str, Any]:
    grid = {name: LEVELS[name] for name in pair}
    return {"size": math.prod(map(len, grid.values())) - 1, "grid": grid}


def _list(place: int, first: str, second: str) -> dict[str, Any]:
    """Change one parameter, the other, and both."""
    cells = [
        {name: value for name, value in zip((first, second), values, strict=True) if value}
        for values in (
            *((value, None) for value in LEVELS[first][1:]),
            *((None, value) for value in LEVELS[second][1:]),
            *((one, other) for one in LEVELS[first][1:] for other in LEVELS[second][1:]),
        )
    ]
    return {
        "size": len(cells),
        "changes": {f"change-{place}-{number}": cell for number, cell in enumerate(cells)},
    }


def _width_id(filters: list[int]) -> str:
    return "filters-" + "-".join(map(str, filters))


def _question(title: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "question": "What is each change worth?",
        "hypothesis": "Some of them help.",
        **more,
    }


class Scores:
    """Made-up scores that follow from the settings, from a seed and from chance.

    Attributes:
        labels: correct answers of the test images.
        difficulty: of each test image, 0 to 1.
    """

    def __init__(self, study: Study) -> None:
        """Draw the images, and what each value of a parameter is worth."""
        self.study, self.random = study, np.random.default_rng(0)
        images, classes = study.dataset.test_images, len(study.dataset.class_names)
        self.labels = self.random.integers(0, classes, images).astype("uint8")
        self.others = self.random.integers(1, classes, images)
        self.difficulty = self.random.random(images)
        self.worth: dict[tuple[str, str], float] = {}

    def expected(self, run: Run) -> float:
        """Give the accuracy that the settings of a run lead to, a share."""
        total = 0.6
        for name in (*LEVELS, "filters"):
            key = (name, str(getattr(run.experiment.settings, name)))
            total += self.worth.setdefault(key, float(self.random.normal(0, 0.012)))
        return total

    def answered(self, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
        """Give classes and probabilities that a network of such an accuracy answers."""
        found_hard = self.difficulty + self.random.normal(0, 0.15, len(self.labels))
        order = found_hard.argsort()
        right = np.zeros(len(self.labels), bool)
        right[order[: round(accuracy * len(self.labels))]] = True
        classes = np.where(right, self.labels, (self.labels + self.others) % 10)
        sure = 1 / (1 + np.exp(3 * (found_hard - 0.7)))
        return classes.astype("uint8"), (sure * 255).round().astype("uint8")

    def record(self, run: Run, path: Path) -> records.Record:
        """Make a record of a run, and write its predictions beside it."""
        study, experiment = self.study, run.experiment
        images = study.dataset.training_images
        held_out = round(images * experiment.settings.validation_fraction)
        expected = self.expected(run) + float(self.random.normal(0, 0.006))
        epochs = self.epochs(expected, experiment.settings.epochs, held_out)
        return records.Record(
            format=records.FORMAT,
            experiment=experiment.id,
            seed=run.seed,
            fingerprint=experiment.fingerprint,
            training_version=TRAINING_VERSION,
            status="complete",
            reason=None,
            settings=experiment.settings,
            dataset=records.DatasetUsed(
                name=study.dataset.name,
                digest=study.dataset.digest,
                training_images=images - held_out,
                validation_images=held_out,
                test_images=study.dataset.test_images,
            ),
            epochs=epochs,
            test=self.test(expected, path),
            weights_sha256=files.digest([self.random.random(4)]),
            cost=records.Cost(
                parameters=experiment.parameters,
                macs=experiment.macs,
                training_seconds=sum(epoch.training_seconds for epoch in epochs),
                training_cpu_seconds=sum(epoch.training_seconds for epoch in epochs) * 0.9,
                run_seconds=sum(epoch.training_seconds for epoch in epochs) + 12,
                peak_memory_mebibytes=1735.8,
            ),
            provenance=records.Provenance(
                versions={"python": "3.11.7", "keras": "3.15.1", "tensorflow": "2.21.0"},
                backend="tensorflow",
                device="CPU",
                processor="A processor",
                system="Linux x86_64",
                threads=1,
                commit="0" * 40,
                changed_since_commit=False,
                started="2026-01-02T03:04:05+00:00",
            ),
        )

    def epochs(self, expected: float, number: int, held_out: int) -> list[records.Epoch]:
        """Draw a curve that rises to an accuracy, of so many images held out."""
        share = 1 - 0.6 * np.exp(-np.arange(1, number + 1) / 3)
        noise = self.random.normal(0, 0.007, (2, number))
        training, validation = share * (expected + 0.05) + noise[0], share * expected + noise[1]
        validation = (validation * held_out).round() / held_out
        return [
            records.Epoch(
                epoch=place + 1,
                training_loss=2.3 * (1 - float(training[place])),
                training_accuracy=float(training[place]),
                validation_loss=2.5 * (1 - float(validation[place])),
                validation_accuracy=float(validation[place]),
                training_seconds=10 + float(self.random.random()),
            )
            for place in range(number)
        ]

    def test(self, accuracy: float, path: Path) -> records.Test:
        """Answer the test images, and count what these answers are worth."""
        classes, probabilities = self.answered(accuracy)
        file = records.predictions_file(path)
        digest = files.write_arrays(file, {"classes": classes, "probabilities": probabilities})
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (self.labels, classes), 1)
        right = classes == self.labels
        return records.Test(
            loss=2.4 * (1 - float(right.mean())),
            accuracy=float(right.mean()),
            confusion=confusion.tolist(),
            calibration=list(_bins(probabilities / 255, right)),
            predictions_file=file.name,
            predictions_sha256=digest,
        )


def _bins(probabilities: np.ndarray, right: np.ndarray) -> Iterator[records.Bin]:
    number = records.CALIBRATION_BINS
    places = np.clip(np.ceil(probabilities * number).astype(int) - 1, 0, number - 1)
    for place in range(number):
        own = places == place
        yield records.Bin(
            lower=round(place / number, 6),
            upper=round((place + 1) / number, 6),
            images=int(own.sum()),
            mean_probability=float(probabilities[own].mean()) if own.any() else None,
            accuracy=float(right[own].mean()) if own.any() else None,
        )


def make(folder: Path, experiments: int, seeds: int) -> Study:
    """Make a folder with a study of so many experiments; of its runs there is nothing yet."""
    path, _ = starter.new(folder)
    path.write_text(study_text(experiments, seeds), encoding="utf-8")
    study = load(path)
    assert len(study.experiments) == experiments, len(study.experiments)
    return study


def fill(study: Study, results: Path) -> None:
    """Write the record of every run of a study, and the correct answers."""
    os.fsync = lambda descriptor: None  # thousands of files, and nobody cuts the power
    scores = Scores(study)
    files.write_arrays(correct_answers.place(study, results), {"labels": scores.labels})
    for run in wanted(study):
        path = results / "runs" / f"{run.name}.json"
        records.write(path, scores.record(run, path))


@dataclass(frozen=True)
class Cost:
    """What a stage took.

    Attributes:
        seconds: on the clock.
        processor: seconds of all its processes.
        memory: MiB, of the largest of them.
        said: by it, on the screen.
    """

    seconds: float
    processor: float
    memory: float
    said: str


PLANNED = ("plan, nothing trained", "check, nothing trained")
STAGES = {
    "plan, nothing trained": ["snakemake", "-n", "--cores", "2"],
    "check, nothing trained": ["cnn_study", "check", "STUDY"],
    "plan, all trained": ["snakemake", "-n", "--cores", "2"],
    "check, all trained": ["cnn_study", "check", "STUDY"],
    "tables": ["cnn_study", "tables", "STUDY"],
    "evidence": ["cnn_study", "analyse", "STUDY"],
    "confirmed": ["cnn_study", "confirmed", "STUDY"],
    "figures": ["cnn_study", "figures", "STUDY", "--processes", "2"],
    "text": ["cnn_study", "write", "STUDY"],
    "pages": ["cnn_study", "render", "STUDY", "--engine", "pandoc"],
    "nothing to do": ["snakemake", "-n", "--cores", "2"],
}
"""What is run for each stage, in this order."""


def measure(folder: Path, stage: str) -> Cost:
    """Run a stage in a process of its own.

    Raises:
        SystemExit: it failed; what it said is shown.
    """
    words = [word.replace("STUDY", folder.name) for word in STAGES[stage]]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as screen:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=folder, stdout=screen, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        screen.seek(0)
        said = screen.read().decode(errors="replace")
    if process.returncode:
        sys.exit(f"{stage} failed:\n{said[-3000:]}")
    return _cost(time.perf_counter() - started, used, said)


def _cost(seconds: float, used: resource.struct_rusage, said: str) -> Cost:
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


def products(results: Path) -> dict[str, float]:
    """Say how large is what a reader opens."""
    report = results / "report"
    pdf = (report / "index.pdf").read_bytes() if (report / "index.pdf").exists() else b""
    pages = [int(number) for number in re.findall(rb"/Type\s*/Pages\s.*?/Count (\d+)", pdf, re.S)]
    sizes = {
        f"{file}, MB": (report / file).stat().st_size / 1e6
        for file in ("index.qmd", "index.html", "index.pdf")
        if (report / file).exists()
    }
    figures = len(list((results / "figures").glob("*.svg")))
    return {**sizes, "pages of the PDF": max(pages, default=0), "figures": figures}


def growth(sizes: list[int], costs: list[float]) -> float:
    """Give the power of the size that the last step of a cost follows."""
    if len(sizes) < 2:
        return math.nan
    return math.log(costs[-1] / costs[-2]) / math.log(sizes[-1] / sizes[-2])


def main() -> None:
    """Measure each size and print a table of stages, and one of what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, nargs="+", default=[30, 100, 300, 1000])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work here, and go on from it")
    options = parser.parse_args()
    keep = options.keep or Path(tempfile.mkdtemp(prefix="scale-"))
    costs: dict[str, list[Cost]] = {stage: [] for stage in options.stages}
    made = []
    for size in options.experiments:
        folder = (keep / f"study-{size}").resolve()
        study = make(folder, size, options.seeds) if not folder.exists() else None
        results = folder / "results" / folder.name
        for stage in options.stages:
            if stage not in PLANNED and not results.exists():
                fill(study or load(folder / "experiments" / f"{folder.name}.yaml"), results)
            costs[stage].append(measure(folder, stage))
            print(f"{size} {stage}: {costs[stage][-1].seconds:.1f} s", file=sys.stderr, flush=True)
        made.append(products(results))
    _print_costs(options.experiments, costs)
    _print_products(options.experiments, made)
    if not options.keep:
        shutil.rmtree(keep)


def _print_costs(sizes: list[int], costs: dict[str, list[Cost]]) -> None:
    print(f"| processor s / clock s / MiB | {' | '.join(map(str, sizes))} | growth |")
    print("| --- " + "| ---: " * (len(sizes) + 1) + "|")
    for stage, each in costs.items():
        cells = [f"{cost.processor:.1f} / {cost.seconds:.1f} / {cost.memory:.0f}" for cost in each]
        power = growth(sizes, [cost.processor for cost in each])
        print(f"| {stage} | {' | '.join(cells)} | {power:.2f} |")


def _print_products(sizes: list[int], made: list[dict[str, float]]) -> None:
    print(f"\n| what came out | {' | '.join(map(str, sizes))} |")
    print("| --- " + "| ---: " * len(sizes) + "|")
    for name in dict.fromkeys(name for sizes_ in made for name in sizes_):
        print(f"| {name} | {' | '.join(f'{each.get(name, 0):.1f}' for each in made)} |")


if __name__ == "__main__":
    main()
