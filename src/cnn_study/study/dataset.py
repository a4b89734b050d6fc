"""Which images a study is about: those that its file names, or describes."""

from pathlib import Path

from cnn_study.data import manifest
from cnn_study.data.block import DatasetBlock
from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.study.faults import Faults
from cnn_study.study.file import StudyFile

NOT_READ = (
    "its images have not been read yet. `cnn-study prepare {study}` reads them and writes {place}, "
    "which is to be kept with the study; `snakemake` and `cnn-study check` read them by themselves"
)


def dataset_of(file: StudyFile, path: Path, faults: Faults) -> Dataset:
    """Say what is known of a study's images; of its own, by the file beside it.

    Raises:
        UserError: its own have not been read yet, or were read in another way.
    """
    if not isinstance(file.dataset, DatasetBlock):
        return DATASETS[file.dataset]
    place = manifest.place(path)
    if not place.exists():
        faults.add(("dataset",), NOT_READ.format(study=path.stem, place=place))
        raise faults.refusal()
    known = manifest.read(place)
    if differing := manifest.differing_options(file.dataset, known):
        faults.add(
            ("dataset",),
            f"{place} was made with another {', '.join(differing)}: `cnn-study prepare "
            f"{path.stem}` says what would change",
        )
        raise faults.refusal()
    return manifest.dataset_of(file.dataset, known)
