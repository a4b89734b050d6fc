"""Tables with chosen scores, and the figures drawn from them, for tests of figures."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cnn_study.evidence.analyse import analyse
from cnn_study.evidence.confirmation import assess
from cnn_study.figures.draw import _pictures, draw
from cnn_study.figures.picture import Picture, image
from cnn_study.figures.results import Results
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.tables import answers, csv_files
from cnn_study.tables import schemas as table_schemas
from cnn_study.tables.collect import summarize
from cnn_study.tables.lineage import METRIC, SCORE
from cnn_study.tables.schemas import Table

COMPLETE, DIVERGED, MISSING = "complete", "diverged", "missing"
CLASS_IMAGES = 1000
"""Test images of each class."""

LOSSES = (0.9, 0.5, 0.7)
"""Validation loss by epoch; later epochs repeat the last."""


@dataclass
class Made:
    """A study with its tables and evidence, in one folder.

    Attributes:
        scores: test accuracies of each experiment, by seed.
        validation: the same for validation images; where absent the test accuracies.
        statuses: of each run by seed; where absent all are complete.
        printed: rows of published.csv.
        losses: validation loss by epoch.
        seconds: processor time of a run; where absent 10.
    """

    folder: Path
    text: str
    scores: dict[str, tuple[float, ...]]
    validation: dict[str, tuple[float, ...]] = field(default_factory=dict)
    statuses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    printed: list[dict] = field(default_factory=list)
    losses: tuple[float, ...] = LOSSES
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.study = make_study(self.folder, self.text)
        self.tables, self.evidence = self.folder / "tables", self.folder / "evidence"
        self.figures = self.folder / "figures"
        self._write()
        analyse(self.study, self.tables, self.evidence)
        assess(self.study, self.folder, self.evidence)

    # ---- what the figures say

    def draw(self, output: Path | None = None) -> Path:
        """Draw all figures of the study."""
        output = output or self.figures
        draw(self.study, self.tables, self.evidence, output)
        return output

    @property
    def results(self) -> Results:
        return Results(self.study, self.tables, self.evidence)

    def picture(self, id_: str) -> Picture:
        return _pictures(self.study)[id_]

    def caption(self, id_: str) -> str:
        """What is said below a figure, with plain spaces."""
        return plain(self.picture(id_).texts(self.results).caption)

    def alt(self, id_: str) -> str:
        return self.picture(id_).texts(self.results).alt

    def values(self, id_: str) -> dict:
        """What a figure hands over to its template."""
        return self.picture(id_)._values(self.results)

    def words(self, id_: str) -> list[str]:
        """What is written in one figure, line by line."""
        svg = image(self.picture(id_), self.results, "svg")
        return written_words(svg.decode())

    # ---- tables

    def _write(self) -> None:
        rows = {table.name: [] for table in table_schemas.TABLES}
        for id_ in self.study.experiments:
            done = self._runs(id_, rows)
            rows["experiments"].append(self._summary(id_, done))
            if done:
                rows["confusion"] += make_confusion(id_, self.study.dataset.class_names)
                rows["calibration"] += make_calibration(id_)
        rows["published"] = self.printed
        self.tables.mkdir(parents=True)
        for table in table_schemas.TABLES:
            if table is not table_schemas.PUBLISHED or self.study.file.published:
                write_table(self.tables, table, rows[table.name])
        given = {id_: self._answers(id_) for id_ in self.scores if id_ in self.study.experiments}
        images = self.study.dataset.test_images
        known = {id_: some for id_, some in given.items() if some.seeds}
        answers.write(self.tables / answers.FILE, known, images)

    def _answers(self, id_: str) -> answers.Answers:
        """The first images correct, as many as the score says, three further on with each seed."""
        images, seeds, correct = self.study.dataset.test_images, [], []
        runs = zip(self.study.seeds, self._status(id_), self.scores[id_], strict=False)
        for place, (seed, status, score) in enumerate(runs):
            if status == COMPLETE:
                seeds.append(seed)
                correct.append(np.roll(np.arange(images) < round(score * images), 3 * place))
        return answers.Answers(tuple(seeds), np.array(correct, bool).reshape(-1, images))

    def _status(self, id_: str) -> tuple[str, ...]:
        return self.statuses.get(id_, (COMPLETE,) * len(self.study.seeds))

    def _seconds(self, id_: str) -> float:
        return self.seconds.get(id_, 10.0)

    def _validation(self, id_: str) -> tuple[float, ...] | None:
        held_out = self.study.experiments[id_].settings.validation_fraction > 0
        return self.validation.get(id_, self.scores[id_]) if held_out else None

    def _runs(self, id_: str, rows: dict[str, list[dict]]) -> list[int]:
        """Add the runs of an experiment; gives the places of the complete ones."""
        done = []
        for place, (seed, status) in enumerate(
            zip(self.study.seeds, self._status(id_), strict=True)
        ):
            run = {"experiment": id_, "seed": seed, "status": status, "device": "CPU"}
            if status != MISSING:
                rows["epochs"] += self._epochs(id_, seed)
            if status == COMPLETE:
                done.append(place)
                score = self.scores[id_][place]
                held_out = self._validation(id_)
                run |= {"test_accuracy": score, "training_cpu_seconds": self._seconds(id_)}
                run |= {"training_images": 1000}
                run |= {"test_calibration_error": calibration_error(place)}
                run |= {"validation_accuracy": held_out[place] if held_out else None}
                rows["classes"] += self._classes(id_, seed, score)
            rows["runs"].append(run)
        return done

    def _epochs(self, id_: str, seed: int) -> list[dict]:
        settings = self.study.experiments[id_].settings
        return [
            make_epoch(id_, seed, epoch, self.losses)
            | ({"watched_test_accuracy": 0.5 + 0.01 * seed / epoch} if settings.watch_test else {})
            for epoch in range(1, settings.epochs + 1)
        ]

    def _classes(self, id_: str, seed: int, score: float) -> list[dict]:
        """Every class as the score says, but 4 points more of class 0 for all but the base."""
        more = {"0": 0.04} if id_ != "base" else {}
        return [
            {"experiment": id_, "seed": seed, "class": name, "images": CLASS_IMAGES}
            | {"correct": round(CLASS_IMAGES * (score + more.get(name, 0)))}
            for name in self.study.dataset.class_names
        ]

    def _summary(self, id_: str, done: list[int]) -> dict:
        status = self._status(id_)
        row = {"experiment": id_, "planned_runs": len(status)}
        row |= {
            f"{word}_runs": status.count(word) for word in (COMPLETE, DIVERGED, "failed", MISSING)
        }
        one = self.study.experiments[id_]
        row |= {"macs": one.macs, "parameters": one.parameters, "validation_accuracy_n": 0}
        row |= {"training_cpu_seconds_mean": self._seconds(id_) if done else None}
        row |= named("test_accuracy", [self.scores[id_][place] for place in done])
        row |= named("test_calibration_error", [calibration_error(place) for place in done])
        if held_out := self._validation(id_):
            row |= named("validation_accuracy", [held_out[place] for place in done])
        return row


def calibration_error(place: int) -> float:
    """Give the calibration error of a run: 4 points, and 2 more with each seed."""
    return 0.04 + 0.02 * place


def named(measure: str, scores: list[float]) -> dict:
    """Sum up scores as experiments.csv does."""
    return {f"{measure}_{name}": value for name, value in summarize(scores).items()}


def make_study(folder: Path, text: str) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(text)
    return load(path)


ACCURACY = {METRIC: "accuracy", SCORE: "accuracy"}
"""Words of a study that goes by accuracy."""


def write_table(folder: Path, table: Table, rows: list[dict]) -> None:
    table = table.put(ACCURACY)
    (folder / table.file).write_text(csv_files.text_of(table, rows))


def make_epoch(id_: str, seed: int, epoch: int, losses: tuple[float, ...]) -> dict:
    training, validation = 0.1 * epoch + 0.02 * seed, 0.2 * epoch + 0.02 * seed
    row = {"experiment": id_, "seed": seed, "epoch": epoch}
    row |= {"training_accuracy": min(training, 1), "validation_accuracy": min(validation, 1)}
    validation_loss = losses[min(epoch, len(losses)) - 1] + 0.01 * seed
    return row | {"training_loss": 1 / epoch, "validation_loss": validation_loss}


def make_confusion(id_: str, names: tuple[str, ...]) -> list[dict]:
    """Nine of ten images right, but 3 of 10 threes are taken for eights, all zeros right."""
    rows = []
    for true in names:
        right, other = {"0": (10, "1"), "3": (7, "8")}.get(true, (9, "0"))
        for predicted in names:
            count = right if predicted == true else 10 - right if predicted == other else 0
            rows.append(
                {"experiment": id_, "true_class": true, "predicted_class": predicted}
                | {"images": count, "runs": 2}
            )
    return rows


def make_calibration(id_: str) -> list[dict]:
    """Three bins: one that keeps its word, one too sure, and one of too few images to tell."""
    bins = ((0.40, 0.40, 500), (0.95, 0.85, 480), (0.25, 0.00, 20))
    return [
        {"experiment": id_, "bin": number, "mean_probability": claimed, "accuracy": kept}
        | {"images": images, "runs": 2}
        for number, (claimed, kept, images) in enumerate(bins, start=1)
    ]


def plain(text: str) -> str:
    """Make spaces that no line breaks at plain ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def index(folder: Path) -> dict[str, dict]:
    found = json.loads((folder / "figures.json").read_text())
    return {id_: entry | {"caption": plain(entry["caption"])} for id_, entry in found.items()}


def written_words(svg: str) -> list[str]:
    """What Matplotlib notes beside the outlines of each line of text."""
    return re.findall(r"<!-- (.*?) -->", svg)
