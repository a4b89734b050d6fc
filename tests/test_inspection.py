"""The whole inspection of small networks that are really trained, and reading it back."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import DATASETS
from cnn_study.data.images import Images
from cnn_study.data.split import split
from cnn_study.execute import local
from cnn_study.inspection import embedding, inspector
from cnn_study.runs import inspections, records
from cnn_study.runs.wanted import done, find
from cnn_study.study.merge import load
from cnn_study.study.model import Study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread_only")]

EXACT_SCORES = True
EMBEDDED = 50
STUDY = """\
title: A study for tests
dataset: digits
seeds: [3]
enhanced: residual
base: {validation_fraction: 0.2, training_fraction: 0.5, filters: [2], kernel_size: 3,
       dense_units: 8, epochs: 2}
questions:
  first:
    title: First
    question: Does it help?
    hypothesis: It does.
    changes:
      residual: {filters: [3, 3], residual: true, batch_normalization: true,
                 convolution_dropout: 0.1, head: global_average_pooling, dense_units: 0}
      absurd: {learning_rate: 10, optimizer: sgd, scaling: raw, activation: leaky_relu}
"""


def study_of(folder: Path, text: str = STUDY) -> Study:
    path = folder / "tests.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


@pytest.fixture(scope="module", autouse=True)
def few_embedded():
    """t-SNE of 50 images, not of all, takes a second less for each network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "MOST_IMAGES", EMBEDDED)
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return study_of(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def images(digits_file) -> Images:
    return load_prepared(DATASETS["digits"], digits_file)


@pytest.fixture(scope="module")
def trained(keras, study, digits_file, tmp_path_factory) -> Path:
    """A results folder with base and residual, trained; not to be changed by tests."""
    results = tmp_path_factory.mktemp("results")
    for id_ in ("base", "residual"):
        local.do(study, find(study, f"{id_}/seed-3"), results, digits_file)
    return results


@pytest.fixture(scope="module")
def inspected(trained, study, digits_file) -> Path:
    return inspector.inspect(study, trained, digits_file)


@pytest.fixture(scope="module")
def found(inspected) -> inspections.Inspection:
    return inspections.read(inspected)


@pytest.fixture
def results(trained, inspected, tmp_path) -> Path:
    """A copy of the results, the inspection included, to be spoilt."""
    return Path(shutil.copytree(trained, tmp_path / "results"))


def without_inspection(results: Path) -> Path:
    shutil.rmtree(results / "inspection")
    return results


# ------------------------------------------------------------------------------ what is in it


def test_arrays_have_the_shapes_that_the_facts_tell(found):
    shapes = {name: (array.shape, str(array.dtype)) for name, array in found.arrays.items()}
    image = (8, 8, 1)
    assert shapes == {
        "sample_images": ((10, 6, *image), "uint8"),
        "shown_images": ((20, *image), "uint8"),
        "shown_indices": ((20,), "int32"),
        "shown_labels": ((20,), "uint8"),
        "neighbours_images": ((8, 2, *image), "uint8"),
        "pixels_embedding": ((EMBEDDED, 2), "float16"),
        "embedding_labels": ((EMBEDDED,), "uint8"),
        "base/feature_maps/convolution_1": ((8, 8, 2), "float16"),
        "base/feature_maps/dense": ((8,), "float16"),
        "base/feature_maps/classes": ((10,), "float16"),
        "residual/feature_maps/convolution_1": ((8, 8, 3), "float16"),
        "residual/feature_maps/batch_normalization_1": ((8, 8, 3), "float16"),
        "residual/feature_maps/add_1": ((8, 8, 3), "float16"),
        "residual/feature_maps/activation_1": ((8, 8, 3), "float16"),
        "residual/feature_maps/max_pooling_1": ((4, 4, 3), "float16"),
        "residual/feature_maps/convolution_2": ((4, 4, 3), "float16"),
        "residual/feature_maps/batch_normalization_2": ((4, 4, 3), "float16"),
        "residual/feature_maps/add_2": ((4, 4, 3), "float16"),
        "residual/feature_maps/activation_2": ((4, 4, 3), "float16"),
        "residual/feature_maps/global_average_pooling": ((3,), "float16"),
        "residual/feature_maps/classes": ((10,), "float16"),
        **{
            f"{id_}/{name}": kind
            for id_ in ("base", "residual")
            for name, kind in {
                "occlusion": ((20, 7, 7), "float16"),
                "probabilities": ((20, 10), "float32"),
                "embedding": ((EMBEDDED, 2), "float16"),
                "embedding_predictions": ((EMBEDDED,), "uint8"),
                "mistakes_images": ((12, *image), "uint8"),
            }.items()
        },
    }
    assert [network.experiment for network in found.facts.networks] == ["base", "residual"]
    assert found.facts.left_out == {}
    assert (found.facts.occlusion_side, found.facts.occlusion_stride) == (2, 1)
    assert found.facts.embedding_images == EMBEDDED


def test_samples_are_the_first_training_images_of_each_class(found, images):
    for number, places in enumerate(found.facts.sample_indices):
        of_class = [place for place, label in enumerate(images.training_labels) if label == number]
        assert places == of_class[:6]
        expected = images.training_images[places]
        assert (found.arrays["sample_images"][number] == expected).all()


def test_shown_are_the_first_two_test_images_of_each_class_by_class(found, images):
    labels, indices = found.arrays["shown_labels"], found.arrays["shown_indices"]
    assert labels.tolist() == sorted([*range(10), *range(10)])
    assert (images.test_labels[indices] == labels).all()
    assert (images.test_images[indices] == found.arrays["shown_images"]).all()
    for number in range(10):
        first = np.flatnonzero(images.test_labels == number)[:2]
        assert indices[labels == number].tolist() == first.tolist()


@pytest.mark.parametrize("id_", ["base", "residual"])
def test_answers_are_those_of_the_run(found, trained, study, id_):
    path = done(study, trained)[find(study, f"{id_}/seed-3").name]
    record = records.read(path)
    classes = records.predictions(path, record)["classes"]
    network = found.network(record.fingerprint)
    arrays = found.of(network)
    shown = found.arrays["shown_indices"]
    assert arrays["probabilities"].argmax(axis=1).tolist() == classes[shown].tolist()
    assert arrays["embedding_predictions"].tolist() == classes[:EMBEDDED].tolist()
    assert network.test_accuracy == record.test.accuracy
    assert network.weights_sha256 == record.weights_sha256
    assert network.seed == 3
    followed = arrays["probabilities"][found.facts.followed_image]
    assert arrays["feature_maps/classes"] == pytest.approx(followed, abs=1e-3)
    assert arrays["occlusion"].any()


def test_mistakes_are_wrong_answers_surest_first(found, trained, study, images):
    for id_ in ("base", "residual"):
        path = done(study, trained)[find(study, f"{id_}/seed-3").name]
        kept = records.predictions(path, records.read(path))
        network = found.network(study.experiments[id_].fingerprint)
        mistakes = network.mistakes
        wrong = np.flatnonzero(kept["classes"] != images.test_labels)
        highest = sorted(kept["probabilities"][wrong], reverse=True)[:12]
        told = [mistake.probability for mistake in mistakes]
        assert told == sorted(told, reverse=True)
        assert told == pytest.approx(highest, abs=1 / 255)
        for mistake, image in zip(mistakes, found.of(network)["mistakes_images"], strict=True):
            assert mistake.test_index in wrong
            assert mistake.true_class == images.test_labels[mistake.test_index]
            assert mistake.predicted_class == kept["classes"][mistake.test_index]
            assert (image == images.test_images[mistake.test_index]).all()


def test_neighbours_are_the_nearest_of_the_images_the_base_is_trained_on(found, images):
    chosen, _ = split(images.training_labels, 0.2, 0.5)
    assert len(found.facts.neighbours) == 8
    for number, pair in enumerate(found.facts.neighbours):
        assert pair.test_class == number
        assert pair.test_index == found.arrays["shown_indices"][2 * number]
        test = images.test_images[pair.test_index].astype(int)
        apart = ((images.training_images[chosen].astype(int) - test) ** 2).sum(axis=(1, 2, 3))
        assert pair.training_index == chosen[apart.argmin()]
        assert pair.training_class == images.training_labels[pair.training_index]
        assert pair.distance == pytest.approx(np.sqrt(apart.min()))
        shown = found.arrays["neighbours_images"][number]
        assert (shown[0] == images.test_images[pair.test_index]).all()
        assert (shown[1] == images.training_images[pair.training_index]).all()


def test_baselines_are_fitted_to_what_the_base_is_trained_on(found, trained, study):
    path = done(study, trained)[find(study, "base/seed-3").name]
    used = records.read(path).dataset
    assert found.facts.dataset == used.model_copy(update={"validation_classes": None})
    assert list(found.facts.baselines) == ["nearest_neighbours", "logistic_regression"]
    for baseline in found.facts.baselines.values():
        assert baseline.training_images == used.training_images
        assert baseline.validation_images == used.validation_images
        assert baseline.chosen in [one.value for one in baseline.tried]
        assert 0.8 < baseline.test_accuracy < 1


def test_facts_tell_where_they_come_from(found):
    versions = found.facts.provenance.versions
    assert {"python", "cnn-study", "keras", "numpy", "scikit-learn"} < set(versions)
    assert found.facts.seconds > 0
    assert found.facts.cpu_seconds > 0
    assert found.facts.peak_memory_mebibytes > 50
    assert found.facts.fingerprint == found.path.stem


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([[0, 1, 1], [1, 1, 1]], (1, True)),  # labels are 0, 1, 1
        ([[0, 0, 1]], (0, True)),
        ([[0, 0, 1], [1, 1, 0]], (0, False)),
        ([], (0, False)),
    ],
)
def test_the_followed_image_is_the_first_that_all_get_right(answers, expected):
    labels = np.array([0, 1, 1])
    assert inspector.followed([np.array(answer) for answer in answers], labels) == expected


# ----------------------------------------------------------------------------- again, and not


def test_the_same_twice_to_the_byte(inspected, study, results, digits_file):
    again = inspector.inspect(study, without_inspection(results), digits_file)
    assert again.name == inspected.name
    assert again.with_suffix(".npz").read_bytes() == inspected.with_suffix(".npz").read_bytes()
    changing = ("seconds", "cpu_seconds", "peak_memory_mebibytes", "provenance", "baselines")
    changing += ("facts_sha256",)  # of all of these
    first, second = (json.loads(path.read_text("utf-8")) for path in (inspected, again))
    for name in changing:
        first.pop(name), second.pop(name)
    assert first == second


def test_what_is_there_is_not_made_again_and_needs_no_data(study, results, capsys):
    before = {path: path.stat().st_mtime_ns for path in (results / "inspection").iterdir()}
    inspector.inspect(study, results, results / "no-such-data.npz")
    assert "there already" in capsys.readouterr().err
    after = {path: path.stat().st_mtime_ns for path in (results / "inspection").iterdir()}
    assert after == before


def test_without_data_the_message_says_how_to_get_it(study, results, capsys):
    without_inspection(results)
    words = ["inspect", str(study.path), "--results", str(results), "--data", str(results / "no")]
    assert main(words) == 2
    assert "prepare" in capsys.readouterr().err
    assert not (results / "inspection").exists()


def test_the_command_says_where_the_facts_are(study, results, capsys):
    assert main(["inspect", str(study.path), "--results", str(results)]) == 0
    assert capsys.readouterr().out.strip() == str(inspections.find(study, results))


def test_a_new_id_and_prose_keep_the_place(tmp_path, study, results):
    other = study_of(tmp_path, STUDY.replace("residual:", "renamed:", 1).replace(
        "enhanced: residual", "enhanced: renamed").replace("It does.", "Perhaps."))  # fmt: skip
    assert list(other.experiments) == ["base", "renamed", "absurd"]
    path = inspections.find(other, results)
    assert path == inspections.find(study, results)
    network = inspections.read(path).network(other.experiments["renamed"].fingerprint)
    assert network.experiment == "residual"


@pytest.mark.parametrize(
    ("old", "new"),
    [("enhanced: residual", "enhanced: absurd"), ("seeds: [3]", "seeds: [4]"),
     ("dense_units: 8", "dense_units: 9")],
)  # fmt: skip
def test_another_kept_run_has_another_place(tmp_path, study, results, old, new):
    other = study_of(tmp_path, STUDY.replace(old, new))
    everything = inspections.place(other, results, inspections.kept(other))
    assert everything != inspections.place(study, results, inspections.kept(study))


def test_another_version_or_dataset_has_another_place(study, results, monkeypatch):
    before = inspections.place_now(study, results)
    other = replace(study, dataset=replace(study.dataset, digest="0" * 64))
    assert inspections.place_now(other, results) != before
    monkeypatch.setattr(inspections, "INSPECTION_VERSION", 99)
    assert inspections.place_now(study, results) != before


# -------------------------------------------------------------------------------- left out


def test_with_nothing_trained_samples_and_baselines_are_made(study, trained, tmp_path, digits_file):
    path = inspector.inspect(study, tmp_path, digits_file)
    found = inspections.read(path)
    assert found.facts.left_out == {
        "base": "it is not trained", "residual": "it is not trained"
    }  # fmt: skip
    assert found.facts.networks == []
    assert not found.facts.followed_is_right
    assert found.facts.baselines["nearest_neighbours"].test_accuracy > 0.8
    assert found.arrays["sample_images"].shape == (10, 6, 8, 8, 1)
    # Once they are trained, the inspection of them has a place of its own.
    shutil.copytree(trained / "runs", tmp_path / "runs")
    assert inspections.find(study, tmp_path) is None


def test_weights_that_were_not_kept_are_told_of(study, results, digits_file, capsys):
    (lost,) = results.glob("runs/residual/*/seed-3.weights.npz")
    lost.unlink()
    path = inspector.inspect(study, without_inspection(results), digits_file)
    said = capsys.readouterr().err
    assert "not kept; `cnn-study weights STUDY` trains it again and keeps them" in said
    found = inspections.read(path)
    assert found.facts.left_out == {"residual": "the weights of its run were not kept"}
    assert [network.experiment for network in found.facts.networks] == ["base"]
    assert not any(name.startswith("residual/") for name in found.arrays)


def test_a_run_that_diverged_is_told_of(tmp_path, results, digits_file):
    study = study_of(tmp_path, STUDY.replace("enhanced: residual", "enhanced: absurd"))
    local.do(study, find(study, "absurd/seed-3"), results, digits_file)
    found = inspections.read(inspector.inspect(study, results, digits_file))
    assert list(found.facts.left_out) == ["absurd"]
    assert "diverged: the loss was not finite" in found.facts.left_out["absurd"]


def test_a_study_without_enhanced_model_has_one_network(tmp_path, results, digits_file):
    study = study_of(tmp_path, STUDY.replace("enhanced: residual\n", ""))
    found = inspections.read(inspector.inspect(study, results, digits_file))
    assert [network.experiment for network in found.facts.networks] == ["base"]


def tiny(study: Study, training: int, test: int, classes: int) -> tuple[Study, Images]:
    """A study of a few made-up images, not square, with three channels."""
    random = np.random.default_rng(1)
    images = Images(
        random.integers(0, 256, (training, 10, 6, 3), dtype="uint8"),
        np.arange(training, dtype="uint8") % classes,
        random.integers(0, 256, (test, 10, 6, 3), dtype="uint8"),
        np.arange(test, dtype="uint8") % classes,
    )
    names = tuple(f"class {number}" for number in range(classes))
    facts = replace(study.dataset, class_names=names, image_shape=(10, 6, 3))
    return replace(study, dataset=facts), images


def test_few_images_of_another_shape_are_enough(study, tmp_path):
    small, images = tiny(study, training=30, test=5, classes=3)
    made = inspector.make(small, tmp_path, images)
    assert made.arrays["sample_images"].shape == (3, 6, 10, 6, 3)
    assert made.arrays["shown_labels"].tolist() == [0, 0, 1, 1, 2]
    assert made.arrays["neighbours_images"].shape == (3, 2, 10, 6, 3)
    assert made.arrays["pixels_embedding"].shape == (5, 2)
    assert [one.value for one in made.facts["baselines"]["nearest_neighbours"].tried] == [
        1, 3, 5, 7, 9
    ]  # fmt: skip
    assert len(made.facts["grey"]) == 3


def test_fewer_images_than_samples_are_all_shown(study, tmp_path):
    small, images = tiny(study, training=14, test=3, classes=4)
    made = inspector.make(small, tmp_path, images)
    assert made.arrays["sample_images"].shape == (4, 3, 10, 6, 3)
    assert made.facts["sample_indices"][3] == [3, 7, 11]
    assert made.arrays["shown_labels"].tolist() == [0, 1, 2]
    assert made.arrays["pixels_embedding"].tolist() == [[0, 0]] * 3


def test_one_class_to_train_on_leaves_out_the_regression(study, tmp_path):
    small, images = tiny(study, training=10, test=4, classes=1)
    made = inspector.make(small, tmp_path, images)
    assert made.facts["baselines"]["nearest_neighbours"].test_accuracy == 1
    assert list(made.facts["baselines"]) == ["nearest_neighbours"]
    assert "one class" in made.facts["left_out"]["logistic_regression"]


# ----------------------------------------------------------------------------------- damaged


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("suffix", "spoil"),
    [(".json", cut_off), (".json", lambda path: path.write_text("{}")),
     (".npz", cut_off), (".npz", flip_a_byte), (".npz", Path.unlink)],
)  # fmt: skip
def test_a_damaged_inspection_is_one_message(study, results, digits_file, suffix, spoil):
    path = inspections.find(study, results)
    spoil(path.with_suffix(suffix))
    with pytest.raises(UserError) as error:
        inspections.read(path)
    assert str(path.with_suffix(suffix)) in str(error.value)
    assert f"Delete {path}" in str(error.value)
    assert "cnn_study inspect" in str(error.value)
    with pytest.raises(UserError, match="Delete"):
        inspector.inspect(study, results, digits_file)


def test_weights_of_another_run_are_refused_and_nothing_is_written(study, results, digits_file):
    without_inspection(results)
    (weights,) = results.glob("runs/base/*/seed-3.weights.npz")
    flip_a_byte(weights)
    with pytest.raises(UserError) as error:
        inspector.inspect(study, results, digits_file)
    assert str(weights) in str(error.value)
    assert not (results / "inspection").exists()


def test_a_record_that_tells_of_another_score_is_refused(study, results, digits_file):
    without_inspection(results)
    path = done(study, results)[find(study, "base/seed-3").name]
    record = json.loads(path.read_text("utf-8"))
    records_by_hand.worsen(record["test"], 5)
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(UserError, match="the record says"):
        inspector.inspect(study, results, digits_file)


def test_other_weights_than_those_inspected_are_not_passed_off_as_them(results, inspected):
    """A run trained again on another kind of processor has other weights, and the same place."""
    network = inspections.read(inspected).facts.networks[0]
    assert "convolution_1/kernel" in inspections.weights(network, results)
    (path,) = results.glob("runs/base/*/seed-3.weights.npz")
    with np.load(path) as arrays:
        changed = {name: arrays[name] + np.float32(1) for name in arrays.files}
    np.savez_compressed(path, **changed)
    with pytest.raises(UserError, match=r"other weights of base, seed 3.*delete the inspection"):
        inspections.weights(network, results)


# ------------------------------------------------------------------------------- reading side


def test_every_fact_is_described():
    for part in (inspections.Facts, inspections.Network, inspections.Mistake, inspections.Baseline,
                 inspections.Tried, inspections.Neighbour):  # fmt: skip
        for name, field in part.model_fields.items():
            assert field.description or name == "provenance", f"{part.__name__}.{name}"
