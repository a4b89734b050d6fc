"""Real training on a few hundred digits: what a record holds, and what each parameter does."""

import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.utils.class_weight import compute_class_weight

from cnn_study.data.catalog import Dataset
from cnn_study.data.images import Images, content_digest
from cnn_study.data.split import split
from cnn_study.runs import kept_weights, measured, records
from cnn_study.study import architecture
from cnn_study.study.model import Experiment
from cnn_study.study.parameter import IN_LAYERS, IN_NO_CODE
from cnn_study.study.settings import DECLARATIONS, TRAINING_VERSION, Settings, fingerprint
from cnn_study.train import energy, keras_one, provenance, scores, training
from cnn_study.train import parts as train_parts
from cnn_study.train.engine import Trained
from cnn_study.train.epoch_images import epoch_images, epoch_order
from cnn_study.train.meter import Stopwatch, forget_peak_memory, peak_memory
from cnn_study.train.parts import Parts, take_parts
from cnn_study.train.provenance import _commit
from parameters_by_hand import PARAMETERS

TINY = {"filters": [2], "dense_units": 8, "validation_fraction": 0.2, "epochs": 1}
"""320 images: 256 to train on, 64 held out."""


def experiment(small, id_: str = "base", **values) -> Experiment:
    settings = Settings(**{**TINY, **values})
    cost = architecture.cost(settings, small.dataset.image_shape, 10)
    return Experiment(id_, settings, fingerprint(settings, small.dataset.digest), *cost)


def train(small, folder: Path, seed: int = 1, keep_weights: bool = False, **values):
    return training.train(
        experiment(small, **values),
        seed,
        small.dataset,
        small.images,
        folder,
        keep_weights=keep_weights,
    )


def parts_of(small, count: int) -> Parts:
    """Take so many training images and none to score."""
    pixels, labels = small.images.training_images, small.images.training_labels
    none = pixels[:0], labels[:0]
    return Parts((pixels[:count], labels[:count]), none, none)


# ------------------------------------------------------------------------------ scores by hand


def test_score_by_hand():
    """Two of three are right; the loss is the mean of -ln 0.5, -ln 0.25 and -ln 0.8."""
    probabilities = np.array([[0.5, 0.3, 0.2], [0.6, 0.25, 0.15], [0.1, 0.1, 0.8]])
    loss, accuracy = scores.score(probabilities, np.array([0, 1, 2]))
    assert loss == pytest.approx((math.log(2) + math.log(4) + math.log(1.25)) / 3)
    assert accuracy == pytest.approx(2 / 3)


def test_score_is_finite_for_a_certain_mistake():
    loss, accuracy = scores.score(np.array([[1.0, 0.0]]), np.array([1]))
    assert loss == pytest.approx(-math.log(1e-7))
    assert accuracy == 0
    loss, _ = scores.score(np.array([[1.0, 0.0]]), np.array([0]))
    assert loss == pytest.approx(1e-7, rel=1e-6)


def test_score_of_probabilities_that_are_not_numbers():
    loss, _ = scores.score(np.array([[np.nan, np.nan]]), np.array([1]))
    assert math.isnan(loss)


def test_calibration_by_hand():
    """Bins are 1/15 wide, their upper edge belongs to them: 0.4 = 6/15 is the sixth."""
    highest = [0.4, 0.41, 0.45, 0.99, 1.0]
    probabilities = np.zeros((5, 3))
    probabilities[:, 1] = highest
    probabilities[:, 0] = [1 - value for value in highest]
    probabilities[:2, 0], probabilities[:2, 2] = 0.3, [0.3, 0.29]
    probabilities[2, [0, 2]] = [0.3, 0.25]
    bins = scores.calibration(probabilities, np.array([1, 1, 0, 1, 0]))
    assert len(bins) == 15
    filled = {number: bin_ for number, bin_ in enumerate(bins, start=1) if bin_.images}
    assert {number: bin_.images for number, bin_ in filled.items()} == {6: 1, 7: 2, 15: 2}
    assert filled[6].accuracy == 1
    assert (filled[7].accuracy, filled[7].mean_probability) == (0.5, pytest.approx(0.43))
    assert (filled[15].accuracy, filled[15].mean_probability) == (0.5, pytest.approx(0.995))
    assert (bins[0].lower, bins[0].upper, bins[14].upper) == (0, 0.066667, 1)
    assert [bin_.lower for bin_ in bins[1:]] == [bin_.upper for bin_ in bins[:-1]]
    assert (bins[1].mean_probability, bins[1].accuracy) == (None, None)


def test_calibration_keeps_a_probability_a_bit_above_1():
    """Sums of float32 go above 1 by a rounding."""
    above = np.nextafter(np.float32(1), np.float32(2))
    bins = scores.calibration(np.array([[above, 0]], dtype=np.float32), np.array([0]))
    assert bins[-1].images == 1


# ------------------------------------------------------------------------------------- parts


def test_parts_are_those_of_the_split(small):
    images = small.images
    settings = Settings(validation_fraction=0.25, training_fraction=0.5)
    chosen, held_out = split(images.training_labels, 0.25, 0.5)
    parts = take_parts(images, settings)
    np.testing.assert_array_equal(parts.training[0], images.training_images[chosen])
    np.testing.assert_array_equal(parts.training[1], images.training_labels[chosen])
    np.testing.assert_array_equal(parts.validation[0], images.training_images[held_out])
    np.testing.assert_array_equal(parts.validation[1], images.training_labels[held_out])
    np.testing.assert_array_equal(parts.test[0], images.test_images)
    assert parts.counts == {"training_images": 120, "validation_images": 80, "test_images": 100}


# --------------------------------------------------------------------------- a complete record

SETTINGS = {"epochs": 2, "label_smoothing": 0.2, "watch_test": True, "optimizer": "momentum"}


@pytest.fixture(scope="module")
def complete(keras, small, tmp_path_factory):
    """One run with everything kept: folder of records, record, epochs told, path.

    It runs on a processor that takes 3 J from one look to the next.
    """
    folder = tmp_path_factory.mktemp("runs")
    told: list[records.Epoch] = []
    chosen = experiment(small, "kept", **SETTINGS)
    counter = energy._Counter(itertools.count(0, 3_000_000).__next__, energy.MICROJOULES, 2**60)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(energy, "_of_processor", lambda: [counter])
        record = training.train(
            chosen, 7, small.dataset, small.images, folder, on_epoch=told.append, keep_weights=True
        )
    return record, told, folder / "kept" / chosen.fingerprint / "seed-7.json"


@pytest.fixture(scope="module")
def trained_model(keras, complete, small):
    """A fresh model with the weights that were kept."""
    record, _, path = complete
    parts = take_parts(small.images, record.settings)
    model = keras_one.start(record.settings, parts, 10, seed=999)
    arrays = kept_weights.read(path.with_suffix("").with_suffix(".weights.npz"))
    assert list(arrays) == [weight.path for weight in model.weights]
    model.set_weights(list(arrays.values()))
    return model


def test_record_is_where_its_name_says_and_reads_back_equal(complete):
    record, _, path = complete
    assert records.read(path) == record
    assert sorted(other.name for other in path.parent.iterdir()) == [
        "seed-7.json",
        "seed-7.predictions.npz",
        "seed-7.weights.npz",
    ]


def test_record_says_what_was_trained(complete, small):
    record, _, _ = complete
    chosen = experiment(small, "kept", **SETTINGS)
    assert (record.experiment, record.seed, record.fingerprint) == ("kept", 7, chosen.fingerprint)
    assert (record.status, record.reason) == ("complete", None)
    assert (record.format, record.training_version) == (records.FORMAT, TRAINING_VERSION)
    assert record.settings == Settings(**{**TINY, **SETTINGS})
    used = record.dataset
    assert (used.name, used.digest) == ("digits", small.dataset.digest)
    assert (used.training_images, used.validation_images, used.test_images) == (256, 64, 100)


def test_record_tells_the_cost(complete):
    """By hand, 8x8x1: (9+1)2 weights, 128 values to 8 units, 8 to 10 classes."""
    cost = complete[0].cost
    assert cost.parameters == 20 + 129 * 8 + 9 * 10
    assert cost.macs == 64 * 18 + 128 * 8 + 80
    assert 0 < cost.training_seconds <= cost.run_seconds
    assert cost.training_cpu_seconds > 0
    assert sum(epoch.training_seconds for epoch in complete[0].epochs) == pytest.approx(
        cost.training_seconds, abs=0.01
    )
    assert 50 < cost.peak_memory_mebibytes < 50_000
    looks = 1 + cost.run_seconds // energy.LOOK_SECONDS
    assert 0 < cost.processor_joules <= 3 * looks
    assert cost.gpu_joules is None


def test_record_tells_where_it_comes_from(complete, keras):
    came = complete[0].provenance
    assert came.backend == keras.backend.backend() == "tensorflow"
    assert set(came.versions) == {"python", "cnn-study", "keras", "tensorflow", "numpy"}
    assert came.versions["keras"] == keras.__version__
    assert came.versions["numpy"] == np.__version__
    assert (came.threads, came.device) == (1, "CPU")
    assert came.started.endswith("+00:00")
    assert came.commit is None or len(came.commit) == 40
    assert (came.commit is None) == (came.changed_since_commit is None)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with the package in it, where nothing else says what git is to do."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    module = tmp_path / "environment" / "cnn_study" / "provenance.py"
    module.parent.mkdir(parents=True)
    module.write_text("1")
    (tmp_path / "of_the_project").write_text("1")
    monkeypatch.setattr(provenance, "__file__", str(module))
    monkeypatch.setattr(provenance, "PACKAGE", module.parent)

    def git(*command: str) -> str:
        person = ["-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", "-C", tmp_path, *person, *command], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init")
    git("add", "of_the_project")
    git("commit", "-m", "another project's")
    return git, module


def test_another_project_s_commit_is_not_told(checkout):
    git, module = checkout
    assert _commit() == (None, None)
    git("add", str(module))
    git("commit", "-m", "this project's")
    head = git("rev-parse", "HEAD")
    assert _commit() == (head, False)
    module.write_text("2")
    assert _commit() == (head, True)


def test_a_commit_that_git_keeps_to_itself_is_told_once(checkout, monkeypatch, capsys):
    """As of a checkout that another user owns."""
    git, module = checkout
    git("add", str(module))
    git("commit", "-m", "this project's")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    provenance._tell_of_refusal.cache_clear()
    assert (_commit(), _commit()) == ((None, None), (None, None))
    said = capsys.readouterr().err
    assert said.count("records say no commit: git says: fatal") == 1
    assert "safe.directory" in said


def test_asking_for_the_commit_leaves_the_index_of_git_alone(checkout, tmp_path):
    git, module = checkout
    git("add", str(module))
    git("commit", "-m", "this project's")
    os.utime(module, (1e9, 1e9))  # git would note the new time
    before = (tmp_path / ".git/index").read_bytes()
    assert _commit()[1] is False
    assert (tmp_path / ".git/index").read_bytes() == before


def test_epochs_are_told_and_recorded(complete):
    record, told, _ = complete
    assert told == record.epochs
    assert [epoch.epoch for epoch in told] == [1, 2]
    assert told[1].training_loss < told[0].training_loss
    for epoch in told:
        assert 0 <= epoch.training_accuracy <= 1
        assert 0 <= epoch.validation_accuracy * 64 == round(epoch.validation_accuracy * 64)
        assert 0 <= epoch.watched_test_accuracy * 100 <= 100


def test_scores_are_those_of_the_last_weights_without_smoothing(complete, trained_model, small):
    """Worked out here from the kept weights: -ln of the true class's probability."""
    record, _, _ = complete
    parts = take_parts(small.images, record.settings)

    def by_hand(pixels, labels):
        found = np.asarray(trained_model(pixels), dtype=np.float64)
        right = found[np.arange(len(labels)), labels]
        return -np.log(right).mean(), (found.argmax(axis=1) == labels).mean()

    last = record.epochs[-1]
    validation, test = by_hand(*parts.validation), by_hand(*parts.test)
    assert (last.validation_loss, last.validation_accuracy) == pytest.approx(validation, rel=1e-5)
    assert (last.watched_test_loss, last.watched_test_accuracy) == pytest.approx(test, rel=1e-5)
    assert (record.test.loss, record.test.accuracy) == pytest.approx(test, rel=1e-5)
    # With smoothing the loss would be another one.
    assert abs(validation[0] - last.validation_loss) < 1e-4 < 0.2 * abs(math.log(0.1)) / 10


def test_test_scores_agree_with_confusion_calibration_and_predictions(complete, small):
    record, _, path = complete
    labels = small.images.test_labels
    confusion = np.array(record.test.confusion)
    assert confusion.shape == (10, 10)
    np.testing.assert_array_equal(confusion.sum(axis=1), np.bincount(labels, minlength=10))
    assert np.trace(confusion) / 100 == pytest.approx(record.test.accuracy)
    bins = record.test.calibration
    assert sum(bin_.images for bin_ in bins) == 100
    right = sum(bin_.images * bin_.accuracy for bin_ in bins if bin_.images)
    assert right / 100 == pytest.approx(record.test.accuracy)
    kept = records.predictions(path, record)
    expected = np.zeros((10, 10), dtype=int)
    for label, predicted in zip(labels, kept["classes"], strict=True):
        expected[label, predicted] += 1
    np.testing.assert_array_equal(confusion, expected)
    mean = sum(bin_.images * bin_.mean_probability for bin_ in bins if bin_.images) / 100
    assert kept["probabilities"].mean() == pytest.approx(mean, abs=1 / 255)


def test_epochs_count_answers_class_by_class(complete, trained_model, small):
    record, _, _ = complete
    parts, last = take_parts(small.images, record.settings), record.epochs[-1]
    for (pixels, labels), name, actual in (
        (parts.validation, "validation", record.dataset.validation_classes),
        (parts.test, "watched_test", np.sum(record.test.confusion, axis=1).tolist()),
    ):
        answers = np.asarray(trained_model(pixels)).argmax(axis=1)
        right = [int(((labels == c) & (answers == c)).sum()) for c in range(10)]
        assert getattr(last, f"{name}_right") == right
        assert getattr(last, f"{name}_predicted") == [int((answers == c).sum()) for c in range(10)]
        assert actual == [int((labels == c).sum()) for c in range(10)]
        recalls = [right[c] / actual[c] for c in range(10) if actual[c]]
        known = measured.of_epoch(record, last, "balanced_accuracy", name)
        assert known == pytest.approx(np.mean(recalls))
    assert (last.validation_auc, record.test.auc) == (None, None)


def test_all_probabilities_of_ten_classes_are_kept_in_steps(complete, trained_model, small):
    record, _, path = complete
    kept = records.predictions(path, record)["class_probabilities"]
    found = np.asarray(trained_model(small.images.test_images))
    np.testing.assert_allclose(kept, found, atol=0.501 / 255)
    assert kept.shape == (100, 10)


def test_kept_probabilities_of_two_classes_give_the_auc_and_of_many_classes_are_none():
    generator = np.random.default_rng(3)
    second = 1 / (1 + np.exp(-6 * generator.standard_normal(400)))
    labels = (generator.random(400) < second).astype("uint8")
    probabilities = np.stack([1 - second, second], axis=1).astype("float32")
    kept = scores.kept_predictions(probabilities)["class_probabilities"]
    assert kept.dtype == "float16"
    known = scores.area_under_curve(probabilities, labels)
    assert known == pytest.approx(roc_auc_score(labels, second), abs=1e-6)
    assert scores.area_under_curve(kept, labels) == pytest.approx(known, abs=2e-4)
    many = scores.kept_predictions(np.full((4, 21), 1 / 21))
    assert set(many) == {"classes", "probabilities"}
    assert scores.area_under_curve(np.full((4, 3), 1 / 3), np.zeros(4, int)) is None


def test_three_hundred_classes_that_are_all_answered_right_score_100_percent(keras, tmp_path):
    """Each class lights a pixel of its own, twice in training and once in the test."""
    places = np.arange(300, dtype="uint16")
    pixels = np.zeros((300, 15, 20, 1), dtype="uint8")
    pixels.reshape(300, -1)[places, places] = 255
    images = Images(np.repeat(pixels, 2, axis=0), np.repeat(places, 2), pixels, places)
    dataset = Dataset(
        "pixels", "Pixels", tuple(map(str, places)), (15, 20, 1), 600, 300,
        content_digest(images), "Made by hand.", "",
    )  # fmt: skip
    settings = Settings(
        filters=[4], kernel_size=1, dense_units=0, validation_fraction=0, epochs=8,
        activation="elu", learning_rate=0.03, pool_after="none",
    )  # fmt: skip
    cost = architecture.cost(settings, dataset.image_shape, 300)
    chosen = Experiment("base", settings, fingerprint(settings, dataset.digest), *cost)
    written = training.train(chosen, 1, dataset, images, tmp_path)
    path = records.place(tmp_path, "base", chosen.fingerprint, 1)
    record = records.read(path)
    assert record == written
    assert record.test.accuracy == 1
    assert record.test.confusion == np.eye(300, dtype=int).tolist()
    kept = records.predictions(path, record)["classes"]
    assert kept.dtype == "uint16"
    np.testing.assert_array_equal(kept, places)
    assert measured.of_test(record, "macro_f1") == 1


def test_predictions_are_those_of_the_kept_weights(complete, trained_model, small):
    record, _, path = complete
    found = np.asarray(trained_model(small.images.test_images))
    kept = records.predictions(path, record)
    np.testing.assert_array_equal(kept["classes"], found.argmax(axis=1))
    np.testing.assert_allclose(kept["probabilities"], found.max(axis=1), atol=0.501 / 255)
    file = path.parent / record.test.predictions_file
    assert hashlib.sha256(file.read_bytes()).hexdigest() == record.test.predictions_sha256


def test_weights_digest_is_that_of_the_kept_weights(complete, trained_model):
    record, _, _ = complete
    assert keras_one.weights_digest(trained_model) == record.weights_sha256
    weights = trained_model.get_weights()
    expected = hashlib.sha256(b"".join(weight.tobytes() for weight in weights)).hexdigest()
    assert record.weights_sha256 == expected
    changed = [weight.copy() for weight in weights]
    changed[-1][0] = np.nextafter(changed[-1][0], np.float32(9))
    trained_model.set_weights(changed)
    try:
        assert keras_one.weights_digest(trained_model) != expected
    finally:
        trained_model.set_weights(weights)


def test_no_validation_and_no_weights_where_none_are_asked_for(keras, small, tmp_path):
    record = train(small, tmp_path, validation_fraction=0)
    (epoch,) = record.epochs
    assert (epoch.validation_loss, epoch.validation_accuracy) == (None, None)
    assert (epoch.watched_test_loss, epoch.watched_test_accuracy) == (None, None)
    assert (record.dataset.training_images, record.dataset.validation_images) == (320, 0)
    assert record.status == "complete"
    assert [path.name for path in tmp_path.rglob("*.npz")] == ["seed-1.predictions.npz"]


# ------------------------------------------------------------------------- what goes wrong


def test_absurd_learning_rate_is_recorded_as_diverged(keras, small, tmp_path):
    values = {"optimizer": "sgd", "learning_rate": 10, "scaling": "raw", "epochs": 3}
    record = train(small, tmp_path, keep_weights=True, activation="leaky_relu", **values)
    assert record.status == "diverged"
    assert record.reason == "the loss was not finite in epoch 1"
    assert (record.test, record.weights_sha256) == (None, None)
    (epoch,) = record.epochs
    assert (epoch.training_loss, epoch.validation_loss) == (None, None)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path == records.place(tmp_path, "base", record.fingerprint, 1)

    def refuse(constant):
        pytest.fail(f"{constant} is not JSON")

    whole = json.loads(path.read_text(), parse_constant=refuse)
    assert whole["status"] == "diverged"
    assert records.read(path) == record


def test_scores_of_weights_that_are_no_numbers_are_null(keras, small):
    """The first class is "predicted" for every image then; its share would look like a score."""
    settings = Settings(**TINY)
    model = keras_one.start(settings, parts_of(small, 32), 10, 1)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    part = small.images.test_images, small.images.test_labels
    assert keras_one._scores("validation", model, part) == {
        "validation_loss": None,
        "validation_accuracy": None,
    }


def test_weights_that_burst_in_the_last_step_are_recorded_as_diverged(
    keras, small, tmp_path, monkeypatch
):
    """The loss of a step is that before the step: finite, while the weights are no longer."""
    learn = keras_one.learn

    def learn_and_burst(model, *arguments):
        yield from learn(model, *arguments)
        model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])

    monkeypatch.setattr(keras_one, "learn", learn_and_burst)
    record = train(small, tmp_path, keep_weights=True)
    assert record.status == "diverged"
    assert "NaN" in record.reason
    assert (record.test, record.weights_sha256) == (None, None)
    assert record.epochs[0].validation_loss > 0
    assert [path.suffix for path in tmp_path.rglob("seed*")] == [".json"]


def epochs_then(error: Exception):
    """Stand in for `learn`: one epoch, then an error."""

    def learn(*_):
        yield records.Epoch(
            epoch=1,
            training_loss=2.0,
            training_accuracy=0.2,
            validation_loss=2.1,
            validation_accuracy=0.125,  # 8 of 64
            training_seconds=0.0,
        )
        raise error

    return learn


class ResourceExhaustedError(Exception):
    """As TensorFlow names it; JAX raises a RuntimeError that starts with RESOURCE_EXHAUSTED."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ResourceExhaustedError("OOM when allocating tensor"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."),
    ],
)
def test_out_of_memory_is_recorded_as_failed(keras, small, tmp_path, monkeypatch, error):
    monkeypatch.setattr(keras_one, "start", lambda *_: None)
    monkeypatch.setattr(keras_one, "learn", epochs_then(error))
    record = train(small, tmp_path)
    assert record.status == "failed"
    assert record.reason == f"not enough memory ({type(error).__name__})"
    assert (record.test, record.weights_sha256) == (None, None)
    assert [epoch.training_loss for epoch in record.epochs] == [2.0]
    assert records.read(records.place(tmp_path, "base", record.fingerprint, 1)) == record


def test_of_a_group_each_run_has_its_share_and_want_of_memory_ends_those_left(
    keras, small, tmp_path, monkeypatch
):
    """Two runs; the first comes to its end, then there is no memory for the second."""

    def fit(group, engine, built):
        assert ([member.seed for member in group.members], engine) == ([3, 4], "batched")
        clock = Stopwatch()
        with clock:
            time.sleep(0.05)
        epoch = next(epochs_then(StopIteration())())
        for place, member in enumerate(group.members):
            member.seconds.add(clock, 2)
            yield place, epoch
        model = keras_one.start(group.members[0].settings, group.parts, 10, 3)
        tested = keras_one.predict(model, group.parts.test[0])
        yield 0, Trained(lambda: model, lambda: tested)
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(training, "fit", fit)
    shown = itertools.chain([0], itertools.repeat(8_000_000))  # 8 J, all of this process
    counter = energy._Counter(shown.__next__, energy.MICROJOULES, 2**60)
    monkeypatch.setattr(energy, "_of_processor", lambda: [counter])
    monkeypatch.setattr(energy, "_busy_seconds", lambda: 0.0)
    told = []
    wanted = [training.Wanted(experiment(small), seed, told.append) for seed in (3, 4)]
    trained = training.train_together(wanted, small.dataset, small.images, tmp_path, "batched")
    assert [record.status for record in trained] == ["complete", "failed"]
    assert [record.reason for record in trained] == [None, "not enough memory (RuntimeError)"]
    assert len(told) == 2
    for record in trained:
        assert records.read(records.place(tmp_path, "base", record.fingerprint, record.seed))
        assert (record.provenance.engine, record.provenance.trained_together) == ("batched", 2)
        assert 0.025 <= record.cost.training_seconds <= record.cost.run_seconds
        assert record.cost.processor_joules == pytest.approx(4.0)


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), OSError(28, "No space left")])
def test_other_errors_are_raised_and_leave_no_record(keras, small, tmp_path, monkeypatch, error):
    monkeypatch.setattr(keras_one, "start", lambda *_: None)
    monkeypatch.setattr(keras_one, "learn", epochs_then(error))
    with pytest.raises(type(error), match=str(error.args[-1])):
        train(small, tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_interrupted_run_leaves_no_record(keras, small, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_one, "start", lambda *_: None)
    monkeypatch.setattr(keras_one, "learn", epochs_then(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        train(small, tmp_path)
    assert not list(tmp_path.rglob("*"))


# ------------------------------------------------------------------- what each parameter does


def variable_after(keras, steps: int, **values) -> float:
    """Start at 1 and take steps with gradients 1, 2, 3, …"""
    optimizer = keras_one._optimizer(Settings(**values), steps_per_epoch=2)
    variable = keras.Variable(np.ones(1, dtype="float32"))
    for gradient in range(1, steps + 1):
        optimizer.apply([keras.ops.full((1,), float(gradient))], [variable])
    return float(variable[0])


ADAM = 1 - 0.1  # The first step of Adam is the learning rate, whatever the gradient.

OPTIMIZERS = {
    "sgd": ({"optimizer": "sgd"}, 1 - 0.1 * (1 + 2 + 3), 3),
    # Velocities 1, 0.9 + 2 and 0.9 * 2.9 + 3.
    "momentum": ({"optimizer": "momentum"}, 1 - 0.1 * (1 + 2.9 + 5.61), 3),
    "other momentum": ({"optimizer": "momentum", "momentum": 0.5}, 1 - 0.1 * (1 + 2.5 + 4.25), 3),
    # With the same velocities each step is the gradient and the velocity times 0.9.
    "nesterov": (
        {"optimizer": "momentum", "nesterov": True},
        1 - 0.1 * (1 + 0.9 + 2 + 0.9 * 2.9 + 3 + 0.9 * 5.61),
        3,
    ),
    # Gradients 1, 2 and 3 come down to 1, 1.5 and 1.5.
    "clipped": ({"optimizer": "sgd", "gradient_clipping": 1.5}, 1 - 0.1 * (1 + 1.5 + 1.5), 3),
    "adam": ({"optimizer": "adam"}, ADAM, 1),
    "adamw": ({"optimizer": "adamw"}, ADAM, 1),
    # Mean square 0.1 after one step: 1 / sqrt(0.1).
    "rmsprop": ({"optimizer": "rmsprop"}, 1 - 0.1 / 0.1**0.5, 1),
    # Each step first takes off learning rate times decay: 5 % of 1.
    "sgd with decay": ({"optimizer": "sgd", "weight_decay": 0.5}, 0.95 - 0.1, 1),
    "momentum with decay": ({"optimizer": "momentum", "weight_decay": 0.5}, 0.95 - 0.1, 1),
    "adam with decay": ({"optimizer": "adam", "weight_decay": 0.5}, 0.95 - 0.1, 1),
    "adamw with decay": ({"optimizer": "adamw", "weight_decay": 0.5}, 0.95 - 0.1, 1),
    "rmsprop with decay": (
        {"optimizer": "rmsprop", "weight_decay": 0.5},
        0.95 - 0.1 / 0.1**0.5,
        1,
    ),
    # Four steps in all, two an epoch, two of them warm-up: 0.05, 0.1, then half a cosine.
    "sgd with a schedule": (
        {"optimizer": "sgd", "schedule": "cosine", "warmup_epochs": 1, "epochs": 2},
        1 - 0.05 * 1 - 0.1 * 2 - 0.1 * 3 - 0.05 * 4,
        4,
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_by_hand(keras, name):
    values, expected, steps = OPTIMIZERS[name]
    found = variable_after(keras, steps, learning_rate=0.1, **values)
    assert found == pytest.approx(expected, abs=1e-5)


def test_class_weights_are_those_of_scikit_learn_and_act_as_in_keras(keras, small):
    """Images of the first class nine times as often as others; labels smoothed and not."""
    labels = small.images.training_labels
    chosen = np.concatenate([np.flatnonzero(labels == 0)[:27], np.flatnonzero(labels == 1)[:3]])
    pixels, labels = small.images.training_images[chosen], labels[chosen]
    weights = keras_one.class_weights(labels)
    known = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    assert weights.tolist() == pytest.approx(known.tolist())
    assert weights.tolist() == pytest.approx([5 / 9, 5])
    assert keras_one.class_weights(np.array([2, 2, 0])).tolist() == [1.5, 0, 0.75]
    none = pixels[:0], labels[:0]
    for smoothing in (0.0, 0.2):
        settings = Settings(
            filters=[1], dense_units=0, batch_size=30, epochs=1, label_smoothing=smoothing,
            class_weight="balanced", optimizer="sgd",
        )  # fmt: skip
        ours, theirs = (
            keras_one.start(settings, Parts((pixels, labels), none, none), 10, 1) for _ in range(2)
        )
        parts = Parts((pixels, labels), none, none)
        (epoch,) = keras_one.learn(ours, settings, parts, 1, Stopwatch())
        targets = keras.utils.to_categorical(labels, 10) if smoothing else labels
        fitted = theirs.fit(
            pixels, targets, batch_size=30, verbose=0, shuffle=False,
            class_weight={0: 5 / 9, 1: 5.0},
        )  # fmt: skip
        assert epoch.training_loss == pytest.approx(fitted.history["loss"][0], rel=1e-5)
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_gradients_are_clipped_all_weights_together(keras):
    """Of 3 and 4 the length is 5: a fifth of both is left."""
    settings = Settings(optimizer="sgd", learning_rate=1.0, gradient_clipping=1.0)
    optimizer = keras_one._optimizer(settings, steps_per_epoch=1)
    variables = [keras.Variable(np.zeros(1, dtype="float32")) for _ in range(2)]
    optimizer.apply([keras.ops.full((1,), length) for length in (3.0, 4.0)], variables)
    assert [float(variable[0]) for variable in variables] == pytest.approx([-0.6, -0.8])


def seen_again(small, count: int) -> Parts:
    """Take so many images to train on, to validate with and to test with."""
    training = parts_of(small, count).training
    return Parts(training, training, training)


def test_averaged_weights_answer_and_the_others_are_trained(keras, small):
    """Held to a twin that takes the same steps one by one, its weights averaged by NumPy."""
    values = {"filters": [1], "dense_units": 0, "batch_size": 16, "epochs": 2, "optimizer": "sgd"}
    settings = Settings(**values, learning_rate=0.1, weight_averaging=0.75)
    parts = seen_again(small, 96)
    ours, twin = (keras_one.start(settings, parts, 10, 1) for _ in range(2))
    twin.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    average = []
    for epoch in keras_one.learn(ours, settings, parts, 1, Stopwatch()):
        drawn = epoch_images(*parts.training, settings, np.zeros(3, "uint8"), 1, epoch.epoch)
        pixels, labels = map(np.concatenate, zip(*drawn, strict=True))
        for start in range(0, 96, 16):
            twin.train_on_batch(pixels[start : start + 16], labels[start : start + 16])
            weights = twin.get_weights()
            pairs = zip(average or weights, weights, strict=True)
            average = [0.75 * old + 0.25 * new for old, new in pairs]
        for known, given in zip(average, ours.get_weights(), strict=True):
            np.testing.assert_allclose(given, known, atol=1e-6)
        answered = keras_one.predict(ours, parts.validation[0])
        known_loss, _ = scores.score(answered, parts.validation[1])
        assert epoch.validation_loss == pytest.approx(known_loss)
    assert np.abs(average[0] - weights[0]).max() > 1e-4


def test_flip_at_test_time_answers_with_the_mean_of_both(keras, small):
    """In the scores of epochs too; the same weights, and twice the operations."""
    plain = Settings(filters=[1], dense_units=0, batch_size=16, epochs=1)
    flipping = plain.model_copy(update={"test_time_flip": True})
    parts, models, losses = seen_again(small, 96), [], []
    for settings in (plain, flipping):
        models.append(keras_one.start(settings, parts, 10, 1))
        (epoch,) = keras_one.learn(models[-1], settings, parts, 1, Stopwatch())
        losses.append(epoch.validation_loss)
    pixels, labels = parts.validation
    both = [keras_one.predict(models[0], some) for some in (pixels, pixels[:, :, ::-1])]
    answered = keras_one.answer(models[1], flipping, pixels)
    np.testing.assert_allclose(answered, (both[0] + both[1]) / 2, atol=1e-6)
    known = [scores.score(some, labels)[0] for some in (both[0], answered)]
    assert losses == pytest.approx(known, rel=1e-6)
    assert abs(known[0] - known[1]) > 1e-4
    costs = [architecture.cost(settings, pixels.shape[1:], 10) for settings in (plain, flipping)]
    assert costs[1] == (costs[0][0], 2 * costs[0][1])


OF_THE_IMAGES = ["validation_fraction", "training_fraction", "test_time_flip", "watch_test"]
"""Decide which images are trained on, and what is scored: training is the same for the same."""

ACTS = {
    name: {**row.beside, name: row.other}
    for name, row in PARAMETERS.items()
    if name not in OF_THE_IMAGES and DECLARATIONS[name].code is not IN_LAYERS
}
"""Of the others, those of the layers are changed in test_network."""


def weights_after(small, count: int = 96, seed: int = 1, **values):
    settings = Settings(
        **{"filters": [1], "dense_units": 0, "batch_size": 16, "epochs": 1, **values}
    )
    parts = parts_of(small, count)
    model = keras_one.start(settings, parts, 10, seed)
    epochs = list(keras_one.learn(model, settings, parts, seed, Stopwatch()))
    return model, epochs


@pytest.fixture(scope="module")
def plain(keras, small):
    model, _ = weights_after(small)
    return keras_one.weights_digest(model), int(model.optimizer.iterations)


@pytest.mark.parametrize("name", ACTS)
def test_parameter_trains_other_weights(plain, small, name):
    model, epochs = weights_after(small, **ACTS[name])
    digest, steps = plain
    assert keras_one.weights_digest(model) != digest
    assert steps == 6
    expected = {"batch_size": 2, "epochs": 12}.get(name, 6)
    assert int(model.optimizer.iterations) == expected
    assert len(epochs) == (2 if name == "epochs" else 1)
    assert all(math.isfinite(epoch.training_loss) for epoch in epochs)


def test_what_decides_on_images_only_trains_the_same_on_the_same_images(plain, small):
    """And nothing else may be declared to stand in no code."""
    outside = {name for name, each in DECLARATIONS.items() if each.code is IN_NO_CODE}
    assert outside <= set(OF_THE_IMAGES)
    values = {name: PARAMETERS[name].other for name in OF_THE_IMAGES}
    model, _ = weights_after(small, **values)
    assert keras_one.weights_digest(model) == plain[0]


def test_training_again_gives_the_same_weights(plain, small):
    model, _ = weights_after(small)
    assert keras_one.weights_digest(model) == plain[0]


@pytest.mark.parametrize(
    ("precision", "scaled"),
    [("float32", False), ("mixed_bfloat16", False), ("mixed_float16", True)],
)
def test_float16_has_its_loss_scaled(keras, small, precision, scaled):
    """Gradients below 6e-8 are 0 in float16; Keras scales the loss for them."""
    settings = Settings(**{**TINY, "precision": precision})
    model = keras_one.start(settings, parts_of(small, 32), 10, 1)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == scaled


@pytest.mark.slow
def test_in_16_bits_losses_are_nearly_those_of_float32(keras, small):
    """200 images, three epochs, in which the loss falls: the gradients arrive."""
    values = {"count": 200, "learning_rate": 0.01, "filters": [2], "epochs": 3}

    def losses(precision: str) -> np.ndarray:
        _, epochs = weights_after(small, **values, precision=precision)
        return np.array([epoch.training_loss for epoch in epochs])

    whole = losses("float32")
    assert whole[-1] < whole[0]
    for precision in ("mixed_bfloat16", "mixed_float16"):
        apart = np.abs(losses(precision) - whole).max()
        assert 1e-6 < apart < 0.02 * whole[0], precision


def test_float32_is_multiplied_with_all_its_bits_unless_asked_otherwise(keras, small):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow's own switch; test_batched.py looks at JAX's")
    import tensorflow

    switch = tensorflow.config.experimental.tensor_float_32_execution_enabled
    assert not switch()
    for precision, expected in (("tensorfloat32", True), ("mixed_bfloat16", False)):
        settings = Settings(**{**TINY, "precision": precision})
        keras_one.start(settings, parts_of(small, 32), 10, 1)
        assert switch() == expected


def test_label_smoothing_is_in_the_loss_that_is_trained(keras, small):
    """Three classes of ten: 0.3 spread evenly leaves 0.73 for the true one, 0.03 for others."""
    settings = Settings(**{**TINY, "label_smoothing": 0.3})
    model = keras_one.start(settings, parts_of(small, 32), 10, 1)
    given = np.full((1, 10), 0.05, dtype="float32")
    given[0, 4] = 0.55
    target = np.eye(10, dtype="float32")[[4]]
    expected = -(0.73 * math.log(0.55) + 9 * 0.03 * math.log(0.05))
    assert float(model.loss(target, given)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("labels", [None, np.arange(5)])
def test_images_are_fed_in_order_by_a_pipeline_that_does_not_tune_itself(keras, labels):
    """A pipeline that tunes itself keeps the end of every epoch waiting."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has tf.data")
    pixels = np.arange(5 * 4, dtype="uint8").reshape(5, 2, 2, 1)
    batches = keras_one._fed(pixels, labels, 2)["x"]
    assert batches.options().autotune.enabled is False
    fed = [batch if labels is None else batch[0] for batch in batches.as_numpy_iterator()]
    assert [len(batch) for batch in fed] == [2, 2, 1]
    assert np.array_equal(np.concatenate(fed), pixels)
    if labels is not None:
        told = [batch[1] for batch in batches.as_numpy_iterator()]
        assert np.array_equal(np.concatenate(told), labels)


def test_batches_lie_across_chunks():
    """Chunks of 3, 5, 1 and 2 images, batches of 4: two whole ones, and 3 images that are left."""
    chunks = np.split(np.arange(11), [3, 8, 9])
    stacks = keras_one._stacked(((chunk, chunk * 10) for chunk in chunks), 4)
    assert [(first.tolist(), second.tolist()) for first, second in stacks] == [
        ([[0, 1, 2, 3], [4, 5, 6, 7]], [[0, 10, 20, 30], [40, 50, 60, 70]]),
        ([[8, 9, 10]], [[80, 90, 100]]),
    ]


@pytest.mark.parametrize("more", [{}, {"label_smoothing": 0.1}, {"class_weight": "balanced"}])
def test_a_few_images_at_a_time_train_to_the_same_bits(keras, small, monkeypatch, more):
    """As all of an epoch handed over together, which few images are."""
    settings = Settings(**{**TINY, "batch_size": 48, "epochs": 2, "shift": 1, "cutout": 2, **more})

    def outcome() -> tuple[str, list[float | None]]:
        parts = parts_of(small, 320)
        model = keras_one.start(settings, parts, 10, 1)
        epochs = list(keras_one.learn(model, settings, parts, 1, Stopwatch()))
        return keras_one.weights_digest(model), [epoch.training_loss for epoch in epochs]

    together = outcome()
    monkeypatch.setattr(train_parts, "WORK_BYTES", 100 * 64)  # of images of 64 bytes
    assert outcome() == together


def test_steps_at_a_time_never_exceed_those_of_an_epoch(keras, small):
    for count, expected in ((32, 1), (320, 10), (321, 11), (32 * 40, 32)):
        pixels = np.zeros((count, 8, 8, 1), dtype=np.uint8)
        part = pixels, np.zeros(count, dtype=np.uint8)
        model = keras_one.start(Settings(**TINY), Parts(part, part, part), 10, 1)
        assert model.steps_per_execution == expected


# ------------------------------------------------------------------------- against plain Keras


def plain_keras(keras, small, settings: Settings, seed: int, count: int):
    """The same training as plainly as it can be written: losses of all steps, and the weights."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    pixels, labels = small.images.training_images[:count], small.images.training_labels[:count]
    losses = []
    for epoch in range(1, settings.epochs + 1):
        order = epoch_order(count, seed, epoch)
        for start in range(0, count, settings.batch_size):
            batch = order[start : start + settings.batch_size]
            losses.append(float(model.train_on_batch(pixels[batch] / 255, labels[batch])))
    return losses, model.get_weights()


PLAIN = {"filters": [4, 8], "dense_units": 16}


def test_first_20_steps_are_those_of_plain_keras(keras, small, monkeypatch):
    monkeypatch.setattr(keras_one, "STEPS_PER_EXECUTION", 1)
    settings, parts = Settings(**PLAIN, batch_size=16, epochs=1), parts_of(small, 320)
    model = keras_one.start(settings, parts, 10, seed=3)
    means: list[float] = []  # of the steps so far, as Keras tells them

    def note(batch, logs):
        means.append(logs["loss"])

    fit = model.fit

    def fit_and_note(*arguments, callbacks, **options):
        noted = keras.callbacks.LambdaCallback(on_train_batch_end=note)
        return fit(*arguments, callbacks=[*callbacks, noted], **options)

    monkeypatch.setattr(model, "fit", fit_and_note)
    list(keras_one.learn(model, settings, parts, 3, Stopwatch()))
    losses = np.diff(np.arange(21) * np.array([0, *means]))
    expected, _ = plain_keras(keras, small, settings, seed=3, count=320)
    assert len(expected) == 20
    np.testing.assert_allclose(losses, expected, atol=1e-5)
    assert max(expected) - min(expected) > 0.05, "losses that are all alike prove nothing"


def test_weights_are_those_of_plain_keras_at_the_end(keras, small):
    """40 steps of which the last has 6 images, 32 and then 8 at a time, and a second epoch."""
    settings, parts = Settings(**PLAIN, batch_size=8, epochs=2), parts_of(small, 318)
    model = keras_one.start(settings, parts, 10, seed=4)
    epochs = list(keras_one.learn(model, settings, parts, 4, Stopwatch()))
    assert int(model.optimizer.iterations) == 80
    losses, weights = plain_keras(keras, small, settings, seed=4, count=318)
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    sizes = [8] * 39 + [6]
    for epoch, start in zip(epochs, (0, 40), strict=True):
        expected = np.average(losses[start : start + 40], weights=sizes)
        assert epoch.training_loss == pytest.approx(expected, abs=1e-4)


# ------------------------------------------------------------------------------ in processes

SCRIPT = """
import json, sys
from pathlib import Path
from cnn_study.train.machine import import_keras
import_keras()
import numpy as np
from cnn_study.data.catalog import DATASETS
from cnn_study.data.images import Images
from cnn_study.study import architecture
from cnn_study.study.model import Experiment
from cnn_study.study.settings import Settings, fingerprint
from cnn_study.train import training

random = np.random.default_rng(0)
def some(count):
    return random.integers(0, 256, (count, 32, 32, 3)).astype("uint8"), np.arange(count) % 10
settings = Settings(filters=[4, 8], kernel_size=7, epochs=1, dense_dropout=0.2, shift=2)
images = Images(*some(320), *some(50))
for seed in map(int, sys.argv[2:]):
    cost = architecture.cost(settings, (32, 32, 3), 10)
    dataset = DATASETS["cifar10"]
    chosen = Experiment("base", settings, fingerprint(settings, dataset.digest), *cost)
    record = training.train(chosen, seed, dataset, images, Path(sys.argv[1]))
    print(json.dumps([record.status, record.weights_sha256, record.test.loss]))
"""

THREADS = ("OMP_", "OPENBLAS_", "MKL_", "TF_", "XLA_", "NPROC", "KERAS_", "JAX_")


def start_process(folder: Path, *seeds: int, **environment: str) -> subprocess.Popen:
    """Start the script as a caller would who has set these variables and no others."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(THREADS)}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), *map(str, seeds)],
        env={
            **plain,
            "PYTHONDONTWRITEBYTECODE": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def results_of(process: subprocess.Popen) -> list[list]:
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors[-2000:]
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.slow
def test_same_seed_gives_the_same_bits_in_every_process(tmp_path):
    """Whatever was trained before it, and whatever the caller asks of threads, Keras and backend.

    With two threads the bits were others; so they were with another precision and epsilon in
    keras.json, and with each variable: those of oneDNN and XLA are asked for here where they are
    not on by themselves.
    """
    own = {"floatx": "float64", "epsilon": 0.01, "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax", **own}))
    threads = {"OMP_NUM_THREADS": "2", "TF_NUM_INTRAOP_THREADS": "2"}
    keras = {"KERAS_HOME": str(tmp_path), "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    keras |= {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"}
    keras |= {"TF_ENABLE_ONEDNN_OPTS": "1", "XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}
    processes = [
        start_process(tmp_path / "unset", 2, 1),
        start_process(tmp_path / "two", 1, **threads, **keras),
    ]
    (other, first), (again,) = map(results_of, processes)
    assert first == again
    assert first[0] == other[0] == "complete"
    assert first[1] != other[1]
    predictions = [
        next((tmp_path / name).glob("base/*/seed-1.predictions.npz")).read_bytes()
        for name in ("unset", "two")
    ]
    assert predictions[0] == predictions[1]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_jax_runs_the_same_code_and_leaves_a_record(tmp_path):
    (first,) = results_of(start_process(tmp_path, 1, KERAS_BACKEND="jax"))
    assert first[0] == "complete"
    (path,) = tmp_path.glob("base/*/seed-1.json")
    record = records.read(path)
    assert record.provenance.backend == "jax"
    assert record.provenance.device == "CPU"
    assert set(record.provenance.versions) == {"python", "cnn-study", "keras", "jax", "numpy"}
    assert record.epochs[0].training_loss == pytest.approx(2.3, abs=0.3)
    assert np.sum(record.test.confusion) == 50
    assert record.weights_sha256 == first[1]
    kept = records.predictions(path, record)
    assert len(kept["classes"]) == 50


# ---------------------------------------------------------------------- seconds and memory


def test_a_stopwatch_adds_up_both_clocks_and_tells_the_last(monkeypatch):
    clock, processor = iter([10, 13, 20, 24.5]), iter([1, 2, 5, 8])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    monkeypatch.setattr("time.process_time", lambda: next(processor))
    watch = Stopwatch()
    for last in (3, 4.5):
        with watch:
            pass
        assert watch.last == last
    assert (watch.wall, watch.cpu) == (7.5, 4)


def memory_held() -> float:
    """Read what this process holds now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget")
def test_the_peak_of_memory_is_that_of_one_run_alone():
    held = bytearray(300 * 2**20)
    before = peak_memory()
    del held
    forget_peak_memory()
    assert peak_memory() < before - 250


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read memory from")
def test_memory_of_one_run_after_another_is_let_go(keras, tmp_path):
    """Each run has 60 MiB of images: were they kept, three runs would hold 180 MiB more.

    What Keras itself keeps of each run, under 10 MB, is measured in benchmarks/memory.py.
    """
    from cnn_study.data.catalog import DATASETS
    from cnn_study.data.images import Images

    pixels = np.zeros((5100, 64, 64, 3), dtype=np.uint8)
    labels = (np.arange(5100) % 10).astype(np.uint8)
    values = {"filters": [1], "kernel_size": 1, "dense_units": 0, "epochs": 1, "batch_size": 850}
    settings = Settings(**values, pool_size=8, pool_after="every", validation_fraction=0, shift=1)
    chosen = Experiment("base", settings, "0" * 16, 1, 1)
    held = []
    for seed in range(1, 6):
        images = Images(pixels.copy(), labels, pixels[:10], labels[:10])
        training.train(chosen, seed, DATASETS["cifar10"], images, tmp_path)
        held.append(memory_held())
    assert held[-1] - held[1] < 120, held
