"""What all test files share: which code is tested, in which order, and a small real dataset."""

import gc
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from threadpoolctl import threadpool_limits

import cnn_study
from cnn_study.data import arrays
from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.data.images import Images, content_digest
from cnn_study.runs import sense
from workplace import STUDY, Workplace

SOURCE = Path(__file__).resolve().parents[1] / "src"
if SOURCE not in Path(cnn_study.__file__).parents:
    raise pytest.UsageError(f"{cnn_study.__file__} would be tested, and not what is in {SOURCE}")
# What is compiled is kept, here and by the hundreds of processes that tests start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# pyproject.toml puts it before what is installed for the tests, this for the processes they start.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]
)

# The tests compare bits, which only a CPU promises. Set before any backend starts; a tester who
# wants the GPU sets the variable.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

pytest_plugins = ["pytester", "fast_tests"]

SMALL_TRAINING, SMALL_TEST = 320, 100

LONG = (
    *("test_workflow.py", "test_verify.py", "test_confirming.py", "test_currency.py"),
    *("test_own_networks.py", "test_training.py", "test_starter.py", "test_batched.py"),
    *("test_other_datasets.py", "test_scripts.py", "test_searcher.py", "test_page.py"),
    *("test_archive.py", "test_slurm.py", "test_working.py", "test_figures_effects.py"),
    *("test_figures.py", "test_report.py", "test_evidence.py", "test_confirmation.py"),
    *("test_study.py", "test_stages.py", "test_render.py", "test_progress.py"),
)
"""Files that take half a minute or more, then those that take most of the fast tests' time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, or one worker is left alone with them at the end."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


def pytest_collection_finish() -> None:
    """Take what is imported out of the garbage collector's sight: it looks through it often."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_flushing():
    """Leave files in the system's memory: thousands are written, and no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def few_studies(request):
    """Simulate a few hundred studies where a text is written of records made by hand.

    That takes a tenth of the time otherwise. A module that tests it says `ALL_STUDIES = True`.
    """
    names = vars(request.module)
    with pytest.MonkeyPatch.context() as patch:
        if names.keys() & {"records_by_hand", "Made"} and not names.get("ALL_STUDIES"):
            patch.setattr("cnn_study.evidence.expectations.MOST_STUDIES", 200)
        yield


@pytest.fixture(scope="module", autouse=True)
def scores_by_hand(request):
    """Let those who make records by hand choose scores freely: 0.61 is no share of 360 images.

    A module in which they are to be exact says `EXACT_SCORES = True`.
    """
    names = vars(request.module)
    with pytest.MonkeyPatch.context() as patch:
        if names.keys() & {"records_by_hand", "Made"} and not names.get("EXACT_SCORES"):
            patch.setattr(sense, "CLOSE", 1.0)
        yield


@pytest.fixture(scope="session")
def keras():
    """Keras, imported once for all tests (it takes seconds), with one thread as in training."""
    from cnn_study.train.machine import import_keras

    import_keras()
    import keras

    return keras


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window, for what only a browser can tell."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("Chromium is not installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory) -> Path:
    """The digits as `prepare` writes them."""
    place = tmp_path_factory.mktemp("data") / "digits.npz"
    arrays.prepare(DATASETS["digits"], place)
    return place


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Workplace:
    """A study, trained and rendered by the bare command; not to be changed by tests.

    It takes a minute, so that it is made once, whichever worker comes first. Project and Python lie
    in folders whose names a shell or Snakemake would take apart.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # each worker has one of its own in this
    python, path = folder / "Python's {place}", folder / 'a "project" ü😀 {a} $HOME 100% & ;x'
    said = folder / "trained.txt"
    with FileLock(folder / "trained.lock"):
        if said.exists():
            return Workplace.at(path, str(python / "bin" / "python"), said.read_text("utf-8"))
        python.symlink_to(sys.prefix)
        place = Workplace(path, STUDY)
        place.python = str(python / "bin" / "python")
        place.output = place.snakemake()
        said.write_text(place.output, "utf-8")
    return place


@dataclass(frozen=True)
class Small:
    """A few hundred real images and what is known of them."""

    dataset: Dataset
    images: Images


@pytest.fixture(scope="session")
def small(digits_file) -> Small:
    """The first 320 training and 100 test images of the digits, 8x8 pixels, one channel."""
    whole = arrays.load_prepared(DATASETS["digits"], digits_file)
    images = Images(
        whole.training_images[:SMALL_TRAINING],
        whole.training_labels[:SMALL_TRAINING],
        whole.test_images[:SMALL_TEST],
        whole.test_labels[:SMALL_TEST],
    )
    for array in filter(lambda part: part is not None, vars(images).values()):
        array.setflags(write=False)  # one test must not change what another one sees
    facts = replace(
        DATASETS["digits"],
        training_images=SMALL_TRAINING,
        test_images=SMALL_TEST,
        training_counts=tuple(np.bincount(images.training_labels).tolist()),
        test_counts=tuple(np.bincount(images.test_labels).tolist()),
        digest=content_digest(images),
    )
    return Small(facts, images)


@pytest.fixture
def one_thread_only():
    """One thread for what NumPy and scikit-learn do, as `inspect` has it.

    Two of them wait for each other by spinning, for minutes where the cores are busy.
    """
    with threadpool_limits(limits=1):
        yield
