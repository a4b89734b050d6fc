"""A small study with records made by hand, and the report written of it, for tests of texts."""

import json
import re
from pathlib import Path

import records_by_hand
from cnn_study.evidence.analyse import analyse
from cnn_study.evidence.confirmation import assess
from cnn_study.figures.draw import planned_figures
from cnn_study.report.write import write
from cnn_study.runs import look_alikes
from cnn_study.study import published_numbers
from cnn_study.study.merge import load
from cnn_study.tables.collect import collect

PLAIN = """
title: Digits & *stars* | <b>
dataset: digits
judge: paired
seeds: 2
base: {filters: [2, 4], kernel_size: 3, epochs: 2}
questions:
  rate:
    title: Learning_rate
    question: Which rate?
    hypothesis: A smaller one.
    changes:
      learning-rate-1: {learning_rate: 0.1}
      learning-rate-2: {learning_rate: 0.01}
"""
WITH_ALL = (
    PLAIN.replace("seeds: 2", "seeds: 3\nenhanced: filters-4-8")
    + """
  width:
    title: Width
    question: How wide?
    hypothesis: Wide.
    changes: {filters-4-8: {filters: [4, 8]}}
published: {file: printed.csv, citation: ranthilake2021}
"""
)
PRINTED = f"""{",".join(published_numbers.COLUMNS)}
width,1,2-4,3,56,,,base
width,3,2-4,3,57,,,base
width,2,4-8,3,90,,,filters-4-8
again,1,2-4,,70,,,base learning-rate-1
"""
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="454" height="120" viewBox="0 0 454 120">'
    "<style>rect { fill: #fff } @media (prefers-color-scheme: dark) { rect { fill: #111 } }</style>"
    '<rect width="454" height="120"/><text x="20" y="60">A drawing</text></svg>'
)
SCORES = {"base": (0.50, 0.60), "learning-rate-1": (0.10, 0.20), "learning-rate-2": (0.55, 0.65)}


class Made:
    """A study with records made by hand, its tables, and what is written of them."""

    def __init__(self, folder: Path, text: str, name: str = "small") -> None:
        folder.mkdir(exist_ok=True)
        self.folder, path = folder, folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        (folder / "printed.csv").write_text(PRINTED, encoding="utf-8")
        self.study = load(path)
        self.output = folder / "report" / "index.qmd"

    def runs(self, experiment: str, scores: tuple[float, ...], **given: object) -> "Made":
        """Add complete runs, seed by seed; a validation score equals its test score."""
        for seed, score in zip(self.study.seeds, scores, strict=False):
            given.setdefault("validation", None)
            one = given | {"validation": given["validation"] or score}
            self.add(experiment, seed, test=score, **one)
        return self

    def add(self, experiment: str, seed: int, **given: object) -> "Made":
        made = records_by_hand.make(self.study, experiment, seed, **given)
        records_by_hand.write(self.study, self.folder, made)
        return self

    def collect(self) -> None:
        collect(self.study, self.folder, self.folder / "tables")
        analyse(self.study, self.folder / "tables", self.folder / "evidence")
        assess(self.study, self.folder, self.folder / "evidence")
        looked = look_alikes.find(self.study, self.folder) is not None
        files = (Path(name) for name in planned_figures(self.study, looked=looked))
        index = {
            file.stem: {
                "file": file.name,
                "caption": f"Caption of {file.stem}. n = 2 runs of base.",
                "count": "n = 2 runs of base.",
                "alt": f"Alt of {file.stem}.",
                "runs": {"base": [1, 2]},
                "searched": [],
            }
            for file in files
            if file.suffix == ".svg"
        }
        (self.folder / "figures").mkdir(exist_ok=True)
        for entry in index.values():
            (self.folder / "figures" / entry["file"]).write_text(DRAWING, encoding="utf-8")
        (self.folder / "figures" / "figures.json").write_text(json.dumps(index))

    def write(self, **given: Path) -> str:
        folders = (self.folder / name for name in ("tables", "evidence", "figures"))
        write(self.study, *folders, self.output, **given)
        return self.output.read_text(encoding="utf-8")

    def text(self) -> str:
        self.collect()
        return self.write()


def unmarked(text: str) -> str:
    """Take out the marks of receipts and experiments, so that what a reader sees is left."""
    return re.sub(r"\[([^][]*)\]\{\.(?:receipt|experiment) [^}]*\}", r"\1", text)
