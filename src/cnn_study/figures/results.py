"""What figures are drawn from: tables, evidence and inspection of one study, each read once.

The evidence's numbers are shares, as everywhere; figures write and draw percent and percentage
points. Nothing is worked out here that the evidence holds already. pandas is imported only to read.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change, Contrast, SelectionBias
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result, read_results
from cnn_study.figures.words import percent
from cnn_study.runs import inspections, look_alikes
from cnn_study.study.model import Study

if TYPE_CHECKING:
    import numpy
    import pandas


class Results:
    """The tables, the evidence, the inspection and the look-alikes of one study.

    Attributes:
        study: which says what experiments are called.
        inspection: None where none was made.
        look_alikes: None where nobody has looked for them.
    """

    def __init__(
        self,
        study: Study,
        tables: Path,
        evidence: Path,
        inspected: Path | None = None,
        looked: Path | None = None,
    ) -> None:
        """Name the study and the folders; files are read when they are first asked for."""
        self.study, self.folder = study, tables.parent
        self.tables, self.findings = Tables(study, tables), Findings(study, evidence)
        self.inspection = inspections.read(inspected) if inspected else None
        self.look_alikes = look_alikes.read(looked) if looked else None

    def read(self, name: str) -> "pandas.DataFrame":
        """Give one table or one piece of evidence, each column with its type."""
        return (self.tables if name in self.tables else self.findings.files).frame(name)

    def first_kernels(self, network: inspections.Network) -> "numpy.ndarray":
        """Give the kernels of a network's first convolution: (filters, side, side, channels)."""
        return inspections.weights(network, self.folder)["convolution_1/kernel"].transpose(
            3, 0, 1, 2
        )

    @property
    def paired(self) -> bool:
        """Whether test scores are compared in pairs with the same seed."""
        return self.findings.judges["test"].paired

    @property
    def clock(self) -> str:
        """Column of runs.csv that tells training time best."""
        return self.tables.clock

    @cached_property
    def experiments(self) -> dict[str, Result]:
        """What the runs of each experiment gave."""
        return read_results(self.tables)

    def label(self, id_: str) -> str:
        """Call an experiment by its label, where its reference is known."""
        return self.study.label(id_)

    def called(self, id_: str) -> str:
        """Call an experiment so that it is known anywhere."""
        return self.study.full_label(id_)

    def spoken(self, id_: str) -> str:
        """Call an experiment in the middle of a sentence, such as the enhanced model."""
        return self.study.spoken_labels[id_]

    def of(self, ids: Iterable[str]) -> list[Result]:
        """Give the results of these experiments."""
        return [self.experiments[id_] for id_ in ids]

    def by_seed(self, id_: str) -> dict[int, float]:
        """Give the test score in percent of each complete run."""
        scores = self.tables.scores(id_, "test_score")
        return {seed: percent(score) for seed, score in scores.items()}

    def scores(self, id_: str) -> list[float]:
        """Give the test score in percent of each complete run, by seed."""
        return list(self.by_seed(id_).values())

    def recalls(self, id_: str) -> dict[str, list[float]]:
        """Give, by class, the share of its test images that each run recognized, in percent.

        A class without test images is left out: nothing is known of it.
        """
        rows = self.read("classes")
        rows = rows[(rows["experiment"] == id_) & (rows["images"] > 0)].sort_values("seed")
        shares = 100 * rows["correct"] / rows["images"]
        return {
            name: [float(share) for share in group]
            for name, group in shares.groupby(rows["class"], sort=False)
        }

    def calibration(self, id_: str) -> list[tuple[float, float, int]]:
        """Give mean probability and accuracy in percent, and images, of each bin that has any."""
        rows = self.read("calibration")
        rows = rows[(rows["experiment"] == id_) & (rows["images"] > 0)]
        return [
            (100 * float(row["mean_probability"]), 100 * float(row["accuracy"]), int(row["images"]))
            for row in rows.to_dict("records")
        ]

    def calibration_error(self, id_: str) -> list[float]:
        """Give the expected calibration error in percent of each complete run, by seed."""
        errors = self.tables.scores(id_, "test_calibration_error")
        return [percent(error) for error in errors.values()]

    def changes(self, question: str) -> list[Change]:
        """Give the changes of a question, in the order of the study file."""
        return self.findings.of(question)

    def change(self, experiment: str, reference: str) -> Change | None:
        """Find a change in the ledger; None if it is not set against this reference there."""
        change = self.findings.changes.get(experiment)
        return change if change and change.reference == reference else None

    def contrasts(self, question: str) -> list[Contrast]:
        """Give main effects, interactions and combinations of a question."""
        return self.findings.contrasts.get(question, [])

    def selection_bias(self, rule: str) -> dict[str, SelectionBias]:
        """Give what choosing by a rule promises too much, by what was chosen among."""
        biases = self.findings.selection_bias
        return {bias.among: bias for bias in biases if bias.rule == rule}
