"""What a kept network answers to images of which nobody says what they show."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cnn_study.__main__ import main
from cnn_study.base.metrics import METRICS
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import DATASETS
from cnn_study.execute import local
from cnn_study.export import predicting
from cnn_study.runs import kept_weights, measured, records
from cnn_study.runs.wanted import Run
from cnn_study.study.merge import load

STUDY = """
title: Tests
dataset: digits
seeds: 2
base: {filters: [8, 16], epochs: 4, scaling: standardized, validation_fraction: 0.1}
questions:
  width: {title: Wider, question: Does it?, hypothesis: It does., changes: {wide: {filters: [9]}}}
"""


@pytest.fixture(scope="module")
def trained(keras, tmp_path_factory, digits_file):
    """A study of which the base is trained and kept, and its arguments for commands."""
    folder = tmp_path_factory.mktemp("predict")
    path = folder / "tests.yaml"
    path.write_text(STUDY, encoding="utf-8")
    study = load(path)
    record = local.do(study, Run(study.experiments["base"], 1), folder / "results", digits_file)
    return folder, ["predict", str(path), "--results", str(folder / "results")], record


def test_answers_are_those_that_the_run_gave_to_the_same_images(trained, digits_file, capsys):
    folder, command, record = trained
    images = load_prepared(DATASETS["digits"], digits_file)
    kept = records.predictions(
        records.place(folder / "results/runs", "base", record.fingerprint, 1), record
    )
    paths = []
    for place in range(5):
        paths.append(folder / f"{place}.png")
        Image.fromarray(images.test_images[place, :, :, 0]).save(paths[-1])
    assert main([*command, *map(str, paths)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("base/seed-1 of tests, which gets ")
    assert head.endswith(" of 360 test images right (guessing gets 10.28 %):")  # 37 of one class
    for path, line, class_, probability in zip(
        paths, lines, kept["classes"][:5], kept["probabilities"][:5], strict=True
    ):
        assert line.startswith(f"{path}: {class_} ")
        said = int(line.split()[2].removeprefix("("))
        assert said == pytest.approx(100 * probability, abs=1)


def test_the_trust_is_that_of_the_bin_of_the_record(trained, capsys):
    folder, command, record = trained
    path = folder / "grey.png"
    Image.fromarray(np.full((8, 8), 99, "uint8")).save(path)
    assert main([*command, str(path)]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    sure = int(line.split()[2].removeprefix("(")) / 100
    near = [each for each in record.tested.calibration if each.lower - 0.005 <= sure]
    near = [each for each in near if sure <= each.upper + 0.005]
    assert any(
        f"of {each.images} test images of which it was" in line
        and f"it got {100 * (each.accuracy or 0):.0f} % right" in line
        for each in near
    ) or line.endswith("of no test image it was as sure")


@pytest.mark.parametrize("number", [1, 3])
def test_all_images_that_cannot_be_read_are_named(trained, capsys, number):
    folder, command, _ = trained
    names = [str(folder / f"absent-{place}.png") for place in range(number)]
    assert main([*command, str(folder), *names]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{number + 1} of {number + 1} images cannot be read:\n")
    assert f"{folder} (a folder)" in said
    assert all(f"{name} (" in said for name in names[:9])


def test_of_many_images_that_cannot_be_read_ten_are_named(trained, capsys):
    folder, command, _ = trained
    assert main([*command, *(str(folder / f"absent-{place}.png") for place in range(12))]) == 2
    first, *named, more = capsys.readouterr().err.splitlines()
    assert first == "12 of 12 images cannot be read:"
    assert [line.rpartition("-")[2] for line in named] == [
        f"{n}.png (is not there)" for n in range(10)
    ]
    assert more == "  … and 2 more"


def test_images_that_can_be_read_are_answered_beside_others(trained, capsys):
    folder, command, _ = trained
    for place in range(3):
        Image.fromarray(np.full((8, 8), 80 * place, "uint8")).save(folder / f"level-{place}.png")
    (folder / "level-1.png").write_bytes(b"no image")
    paths = [str(folder / f"level-{place}.png") for place in range(3)]
    assert main([*command, *paths]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines() == ["1 of 3 images cannot be read:", f"  {paths[1]} (no image)"]
    assert [line.split(": ")[0] for line in said.out.splitlines()[1:]] == [paths[0], paths[2]]
    assert main([*command, paths[0], paths[2]]) == 0
    assert capsys.readouterr().out == said.out


OWN = """
title: Tests
dataset: {name: own, title: Own, source: Me., description: Noise., folder: pictures}
base: {filters: [2], validation_fraction: 0.2}
"""


def test_an_image_of_the_study_is_told_as_such(tmp_path, monkeypatch):
    """By what the file holds: under another name it is the same, with another byte a new one."""
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        path = tmp_path / f"pictures/{'ab'[number % 2]}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), "uint8")
        Image.fromarray(pixels).save(path)
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    assert main(["prepare", "own.yaml"]) == 0
    study = load(tmp_path / "own.yaml")
    files = sorted(tmp_path.glob("pictures/*/*.png"))
    for place, file in enumerate(files):
        file.rename(tmp_path / f"{place}.png")
    Image.fromarray(pixels + 1).save(tmp_path / "20.png")
    paths = [tmp_path / f"{place}.png" for place in range(21)]
    read = predicting._read(study, paths)
    assert np.stack(read.pixels).shape == (21, 8, 8, 1)
    parts = [predicting._parts(study).get(key, "") for key in read.keys]
    assert (parts[:20].count("training"), parts[:20].count("test"), parts[20]) == (16, 4, "")


def test_without_a_kept_network_there_is_no_answer(trained, tmp_path, capsys):
    _, command, _ = trained
    assert main([*command[:3], str(tmp_path / "none"), "x.png"]) == 2
    assert "no network of tests is kept yet" in capsys.readouterr().err


def test_the_best_is_chosen_by_the_metric_of_the_study(monkeypatch):
    scores = {"a": {"accuracy": 0.9, "macro_f1": 0.2}, "b": {"accuracy": 0.8, "macro_f1": 0.3}}
    monkeypatch.setattr(kept_weights, "here", lambda study, results: [Named("a"), Named("b")])
    monkeypatch.setattr(records, "read", lambda path: path)
    monkeypatch.setattr(measured, "of_validation", lambda record, metric: scores[record][metric])
    for metric, best in {"accuracy": "a", "macro_f1": "b"}.items():
        study = SimpleNamespace(name="mine", metric=METRICS[metric])
        assert predicting.best_kept(study, None).record == best


class Named:
    def __init__(self, name: str) -> None:
        self.record = name


def test_the_score_is_told_that_the_study_goes_by(trained, digits_file):
    """Balanced accuracy is the mean over the classes of the share that is right; guessing, 1/10."""
    folder, _, record = trained
    path = folder / "balanced.yaml"
    path.write_text(STUDY.replace("seeds: 2", "seeds: 2\nmetric: balanced_accuracy"), "utf-8")
    kept = SimpleNamespace(
        record=records.place(folder / "results/runs", "base", record.fingerprint, 1), name="base"
    )
    confusion = np.array(record.test.confusion)
    score = 100 * np.mean(np.diag(confusion) / confusion.sum(axis=1))
    said = predicting.in_words(load(path), kept, [])
    assert f"right (balanced accuracy {score:.2f} %; guessing has 10.00 %):" in said.replace(
        "\xa0", " "
    )
    answer = predicting.Answer(path, np.full(10, 0.1), "training")
    assert predicting.in_words(load(path), kept, [answer]).endswith(
        "; it is one of the study's training images, and of these a network is surer"
    )
