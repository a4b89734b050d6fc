"""Reads the tables and the evidence of a study back: each file when it is first asked for.

Numbers are as in the files: accuracies and their differences are shares. Rows are for what will be
printed, their numbers know their cells; frames are for counting and grouping, without cells and in
a fraction of the time. pandas is imported only to read.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_study.base.errors import UserError
from cnn_study.base.inference import paired
from cnn_study.base.judge import Judge
from cnn_study.base.metrics import collapsed
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.cells import rows_of
from cnn_study.evidence.names import in_code
from cnn_study.study.model import Study
from cnn_study.tables import schemas as table_schemas

if TYPE_CHECKING:
    import pandas

    from cnn_study.tables.answers import Answers

RUN_KEY = ["experiment", "seed"]
"""Columns that name a run."""


class Files:
    """The CSV files of one folder."""

    def __init__(self, folder: Path, schemas: Iterable[table_schemas.Table]) -> None:
        """Name the folder and what may lie in it; nothing is read yet."""
        self.folder = folder
        self._schemas = {table.name: table for table in schemas}
        self._frames: dict[str, pandas.DataFrame] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether this is the folder of a table."""
        return name in self._schemas

    def frame(self, name: str) -> "pandas.DataFrame":
        """Give a table as a frame with the file's headers; row 0 is the first below them.

        A column of the study's metric has a second name, such as test_score.

        Raises:
            UserError: the file is not there, or damaged.
        """
        if name not in self._frames:
            from cnn_study.tables import csv_files

            table = self._schemas[name]
            frame = csv_files.read(self.folder, table)
            self._frames[name] = frame.assign(
                **{code: frame[header] for header, code in table.called.items()}
            )
        return self._frames[name]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Give a table as rows with the code's names: an empty cell is None.

        Raises:
            UserError: the file is not there, or damaged.
        """
        if name not in self._rows:
            from cnn_study.tables import csv_files

            table = self._schemas[name]
            rows = rows_of(csv_files.values(self.folder, table), name, in_code(name))
            for row in rows:
                row |= {code: row[header] for header, code in table.called.items()}
            self._rows[name] = rows
        return self._rows[name]

    def texts(self, name: str) -> list[dict[str, str]]:
        """Give a table as the text that stands in its file, by the file's headers.

        Raises:
            UserError: the file is not there, or damaged.
        """
        from cnn_study.tables import csv_files

        (_, header), *rows = csv_files.rows(self.folder, self._schemas[name])
        return [dict(zip(header, cells, strict=True)) for _, cells in rows]

    def path(self, name: str) -> Path:
        """Name the file of a table."""
        return self.folder / self._schemas[name].file


class Tables(Files):
    """The tables of a study, which its evidence is made from."""

    def __init__(self, study: Study, folder: Path) -> None:
        """Name the study and the folder of its tables; nothing is read yet."""
        super().__init__(folder, table_schemas.tables_of(study, table_schemas.TABLES))
        self.study = study
        self._scores: dict[str, dict[str, dict[int, float]]] = {}

    # ---------------------------------------------------------------- rows, with cells

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The rows of runs.csv."""
        return self.rows("runs")

    @cached_property
    def runs_by_experiment(self) -> dict[str, list[dict[str, Any]]]:
        """The runs of each experiment, complete or not."""
        return _by_experiment(self.runs)

    @cached_property
    def complete(self) -> list[dict[str, Any]]:
        """The rows of runs.csv that are complete."""
        return [row for row in self.runs if row["status"] == "complete"]

    @cached_property
    def complete_by_experiment(self) -> dict[str, list[dict[str, Any]]]:
        """The complete runs of each experiment that has any."""
        return _by_experiment(self.complete)

    @cached_property
    def experiments(self) -> dict[str, dict[str, Any]]:
        """The rows of experiments.csv, by experiment."""
        return {row["experiment"]: row for row in self.rows("experiments")}

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The rows of layers.csv."""
        return self.rows("layers")

    @property
    def published(self) -> list[dict[str, Any]]:
        """The rows of published.csv; none where the study names no published numbers."""
        return self.rows("published") if self.study.file.published else []

    # ---------------------------------------------------------------- frames, plain numbers

    @cached_property
    def epochs(self) -> "pandas.DataFrame":
        """The epochs of complete runs; the index says which row of epochs.csv each is."""
        epochs, complete = self.frame("epochs"), self._complete_frame
        names = set(zip(*(complete[name] for name in RUN_KEY), strict=True))
        runs = zip(*(epochs[name] for name in RUN_KEY), strict=True)
        return epochs.loc[[row for row, run in enumerate(runs) if run in names]]

    @cached_property
    def epochs_by_experiment(self) -> "dict[str, pandas.DataFrame]":
        """The epochs of complete runs of each experiment that has any."""
        return _frames_by_experiment(self.epochs)

    @cached_property
    def _complete_frame(self) -> "pandas.DataFrame":
        runs = self.frame("runs")
        return runs[runs["status"] == "complete"]

    @property
    def confusion(self) -> "pandas.DataFrame":
        """The table confusion.csv."""
        return self.frame("confusion")

    @property
    def classes(self) -> "pandas.DataFrame":
        """The table classes.csv."""
        return self.frame("classes")

    @cached_property
    def classes_by_experiment(self) -> "dict[str, pandas.DataFrame]":
        """The rows of classes.csv of each experiment that has any."""
        return _frames_by_experiment(self.classes)

    @property
    def class_sizes(self) -> list[dict[str, Any]]:
        """Rows of class-sizes.csv: how many images each class has."""
        return self.rows("class-sizes")

    @property
    def look_alikes(self) -> "pandas.DataFrame":
        """The table look-alike-pairs.csv."""
        return self.frame("look-alike-pairs")

    @cached_property
    def answers(self) -> "dict[str, Answers]":
        """What each run answered, by experiment; without those of which it is not known."""
        from cnn_study.tables import answers

        return answers.read(self.folder)

    @property
    def others(self) -> list[dict[str, Any]]:
        """Rows of others.csv: networks of others; none where the study names none."""
        return self.rows("others") if self.study.file.others else []

    @property
    def search_runs(self) -> "pandas.DataFrame":
        """The table search-runs.csv."""
        return self.frame("search-runs")

    @property
    def search_values(self) -> "pandas.DataFrame":
        """The table search-values.csv."""
        return self.frame("search-values")

    @property
    def search_places(self) -> "pandas.DataFrame":
        """The table search-places.csv."""
        return self.frame("search-places")

    # ---------------------------------------------------------------- scores by seed

    def scores(self, experiment: str, column: str) -> dict[int, float]:
        """Give one column of an experiment's complete runs by seed; empty cells are left out."""
        if column not in self._scores:
            runs = self._complete_frame[[*RUN_KEY, column]].dropna()
            by_experiment: dict[str, dict[int, float]] = {}
            for id_, seed, score in zip(*(runs[name] for name in runs.columns), strict=True):
                by_experiment.setdefault(id_, {})[int(seed)] = float(score)
            self._scores[column] = by_experiment
        return self._scores[column].get(experiment, {})

    def differences(self, experiment: str, reference: str, images: str) -> dict[int, float]:
        """Give the paired differences in score by seed."""
        column = f"{images}_score"
        return paired(self.scores(experiment, column), self.scores(reference, column))

    # ---------------------------------------------------------------- how they are judged

    @cached_property
    def judges(self) -> dict[str, Judge]:
        """The judge of the study by each kind of images that scores are measured on."""
        return {
            images: self.judge(
                {id_: self.scores(id_, f"{images}_score") for id_ in self.study.experiments},
                number,
                self.study.paired,
            )
            for images, number in (
                ("validation", self.validation_images),
                ("test", self.test_images),
            )
        }

    def judge(
        self, scores: Mapping[str, Mapping[int, float]], images: int, paired: bool | None
    ) -> Judge:
        """Choose the judge of some score of every experiment that has any."""
        scored = {id_: runs for id_, runs in scores.items() if runs}
        return Judge.of(scored, self.study.comparisons, images, paired)

    def partly_collapsed(self, experiment: str, column: str) -> bool:
        """Whether some runs do hardly better than guessing, and others do."""
        scores = list(self.scores(experiment, column).values())
        return 0 < collapsed(scores, self.study.chance) < len(scores)

    @cached_property
    def validation_images(self) -> int:
        """Images held out in each run that holds out any; the fewest, where numbers differ."""
        held_out = self._complete_frame["validation_images"]
        return int(held_out[held_out > 0].min()) if (held_out > 0).any() else 1

    @property
    def test_images(self) -> int:
        """Test images that a run is scored on."""
        return self.study.dataset.test_images

    @cached_property
    def clock(self) -> str:
        """The column of runs.csv that tells training time best.

        Processor time depends less on what else a machine does; on a GPU it says nothing.
        """
        devices = set(self.frame("runs")["device"].dropna())
        return "training_cpu_seconds" if devices == {"CPU"} else "training_seconds"

    def check(self) -> None:
        """Check that these are the study's tables.

        Raises:
            UserError: they are another study's, or of an older version of its file.
        """
        sizes = {id_: (row["parameters"], row["macs"]) for id_, row in self.experiments.items()}
        if list(sizes.items()) != [
            (id_, (experiment.parameters, experiment.macs))
            for id_, experiment in self.study.experiments.items()
        ]:
            raise UserError(
                f"the tables in {self.folder} are not those of {self.study.path}. "
                f"Make the tables first: python -m cnn_study tables {self.study.name}"
            )


def _by_experiment(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["experiment"], []).append(row)
    return groups


def _frames_by_experiment(frame: "pandas.DataFrame") -> "dict[str, pandas.DataFrame]":
    return {str(id_): rows for id_, rows in frame.groupby("experiment", sort=False)}


def evidence_files(study: Study, folder: Path) -> Files:
    """Give the files of a study's evidence."""
    schemas = (*evidence_schemas.EVIDENCE, *evidence_schemas.CONFIRMED)
    return Files(folder, table_schemas.tables_of(study, schemas))
