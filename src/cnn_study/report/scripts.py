"""Whole Python scripts that train a network of the study, without this project.

Each is written from the list of layers and the settings of the network that was trained, so that
it trains what its record tells of: tests/test_scripts.py holds it to the trainer.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import indent

from cnn_study.base.files import write_whole
from cnn_study.base.places import PACKAGE
from cnn_study.base.templates import Templates
from cnn_study.data import arrays
from cnn_study.data.catalog import DIGITS_TEST_IMAGES, Dataset
from cnn_study.data.readers.cifar10 import CIFAR10_MD5
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.results import Result
from cnn_study.report.keras_code import (
    model_code,
    optimizer_code,
    own_model_code,
    scheduled,
)
from cnn_study.study import architecture
from cnn_study.study.model import Study
from cnn_study.study.settings import Settings, fingerprint

FOLDER = "scripts"
"""Where they stand, beside the report's text."""

ADDRESS = f"report/{FOLDER}/"
"""How links to them begin, from the folder of results on, as the paths of pictures do."""

TEMPLATE = "script.py.j2"
INDENT = "    "
LONGEST_LINE = 100

SCHEDULES = {
    "constant": "The learning rate rises in a straight line, then stays",
    "cosine": "The learning rate falls to 0 along half a cosine",
    "step": "The learning rate is divided by 10 after half and after three quarters",
}


@dataclass(frozen=True)
class Script:
    """A script that trains one network.

    Attributes:
        name: of its file, without the ending.
        label: what the network is called.
        run: experiment and seed of the run that it repeats.
        cost: parameters, and MACs for an image.
        text: the script.
    """

    name: str
    label: str
    run: str
    cost: tuple[int, int]
    text: str

    @property
    def file(self) -> str:
        """Name its file."""
        return f"{self.name}.py"

    @property
    def parameters(self) -> int:
        """Count the parameters of its network."""
        return self.cost[0]

    @property
    def excerpt(self) -> str:
        """Give the part that builds the network and trains it, with one empty line, not two."""
        first, last = (self.text.index(f"def {name}(") for name in ("build_model", "accuracy"))
        return self.text[first:last].rstrip().replace("\n\n\n", "\n\n")


@dataclass(frozen=True)
class _Wanted:
    """A network that there is to be a script of."""

    name: str
    label: str
    run: str
    settings: Settings
    seed: int


def scripts_of(
    study: Study, findings: Findings, best: Result | None, versions: str
) -> list[Script]:
    """Write a script of the base, the enhanced model, the best experiment and each winner.

    Args:
        best: the experiment that does best by its validation images, if any is trained.
        versions: of the packages that the runs were made with.
    """
    wanted = [*_experiments(study, best), *_winners(study, findings)]
    return [
        Script(
            each.name,
            each.label,
            each.run,
            architecture.cost(
                each.settings, study.dataset.image_shape, len(study.dataset.class_names)
            ),
            text(each.settings, study.dataset, each.seed, {
                "what": each.label, "title": study.dataset.title, "file": f"{each.name}.py",
                "run": each.run, "versions": versions,
            }),
        )
        for each in wanted
    ]  # fmt: skip


def text(settings: Settings, dataset: Dataset, seed: int, words: dict[str, str]) -> str:
    """Write the script of one run.

    Args:
        words: what (is trained), title (of the dataset), file, run and versions, for its first
            lines.
    """
    classes = len(dataset.class_names)
    network = architecture.layers(settings, dataset.image_shape, classes)
    model = (
        own_model_code(settings, dataset.image_shape, classes)
        if settings.model
        else model_code(network, settings, dataset.image_shape)
    )
    parameters, macs = architecture.cost(settings, dataset.image_shape, classes)
    file, _, function = settings.model.rpartition(":")
    smoothing = settings.label_smoothing
    values = {name: _in_quotes(word) for name, word in words.items()} | {
        "settings": settings,
        "dataset": dataset.name,
        "own_images": not dataset.reader,
        "arrays": arrays.place(dataset).as_posix(),
        "test_images": DIGITS_TEST_IMAGES,
        "batches": CIFAR10_MD5,
        "seed": seed,
        "classes": classes,
        "augmented": bool(settings.horizontal_flip or settings.shift or settings.cutout),
        "alternating": settings.horizontal_flip and settings.flip_order == "alternating",
        "scheduled": scheduled(settings),
        "schedule_words": SCHEDULES[settings.schedule],
        "model": indent("\n".join(model), INDENT),
        "own": {"file": file, "function": function, "files": list(settings.model_digests)},
        "parameters": f"{parameters:,}",
        "macs": f"{macs:,}",
        "optimizer": _wrapped(optimizer_code(settings), 2 * INDENT),
        "loss": f"keras.losses.CategoricalCrossentropy(label_smoothing={smoothing})"
        if smoothing
        else '"sparse_categorical_crossentropy"',
    }
    return _spaced(_templates().fill(TEMPLATE, values))


def _wrapped(call: str, before: str) -> str:
    """Write a call that is too long for a line with an argument a line, as Black would."""
    if len(f"{before}optimizer=keras.optimizers.{call},") <= LONGEST_LINE:
        return call
    function, _, rest = call.partition("(")
    arguments = rest.removesuffix(")").split(", ")
    return "\n".join(
        [f"{function}(", *(f"{before}{INDENT}{each}," for each in arguments), f"{before})"]
    )


def _in_quotes(words: str) -> str:
    """Write words of a study or a record so that they stay within a program's quotation marks."""
    return " ".join(words.split()).replace("\\", "\\\\").replace('"', '\\"')


def write(scripts: list[Script], study: Study, folder: Path) -> list[str]:
    """Write the scripts, and what those of the study's own networks need, and name all files."""
    contents = {script.file: script.text.encode() for script in scripts} | {
        name: (network.folder / name).read_bytes()
        for network in study.own_networks.values()
        for name in network.settings.model_digests
    }
    for name, content in contents.items():
        write_whole(folder / name, lambda file, content=content: file.write(content))
    return list(contents)


@cache
def _templates() -> Templates:
    return Templates([PACKAGE / "report"], {}, "The script was not written.")


def _spaced(script: str) -> str:
    """Put two empty lines around functions and classes, as is usual, and one elsewhere."""
    return re.sub(r"\n\n(?=(?:def|class|if __name__)\b)", "\n\n\n", script)


def _experiments(study: Study, best: Result | None) -> Iterator[_Wanted]:
    ids = {"base": "base"}
    if study.file.enhanced:
        ids.setdefault(study.file.enhanced, "enhanced")
    if best:
        ids.setdefault(best.id, "best")
    for id_, name in ids.items():
        run = f"{id_}/seed-{study.seeds[0]}"
        label = study.full_labels[id_]
        yield _Wanted(name, label, run, study.experiments[id_].settings, study.seeds[0])


def _winners(study: Study, findings: Findings) -> Iterator[_Wanted]:
    """Give the winner of each budget, its settings as search-prices.csv tells them."""
    if study.search is None:
        return
    seed, given = study.search.winner_seeds[0], study.experiments["base"].settings.model_dump()
    for row in findings.search("prices"):
        if not row["change"]:
            continue
        settings = Settings(**given | json.loads(row["change"]))
        name = fingerprint(settings, study.dataset.digest)
        yield _Wanted(
            f"winner-{row['price']}", f"winner ({row['title']})",
            f"search/{name}/seed-{seed}", settings, seed,
        )  # fmt: skip
