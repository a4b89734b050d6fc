"""Exported files answer as the network that they are made of."""

from importlib.util import find_spec

import numpy as np
import pytest

from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import DATASETS
from cnn_study.execute import local
from cnn_study.export import exporting, formats
from cnn_study.runs.wanted import Run
from cnn_study.study.merge import load

STUDY = """
title: Tests
dataset: digits
seeds: 2
base:
  {filters: [8, 16], dense_units: 0, epochs: 6, batch_size: 32, scaling: standardized,
   batch_normalization: true, activation: silu, head: global_average_pooling, learning_rate: 0.01,
   precision: mixed_bfloat16, residual: true}
questions:
  width: {title: Wider, question: Does it?, hypothesis: It does., changes: {wide: {filters: [9]}}}
"""

needs_extra = pytest.mark.skipif(
    any(find_spec(name.replace("-", "_")) is None for name in formats.PACKAGES),
    reason="the extra `export` is not installed",
)


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "tests.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load(path)


@pytest.mark.slow
@needs_extra
def test_files_answer_as_keras_does(keras, study, tmp_path, digits_file, capsys):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("LiteRT is written by TensorFlow")
    results = tmp_path / "results"
    record = local.do(study, Run(study.experiments["base"], 1), results, digits_file)
    command = ["export", str(study.path), "base", "--results", str(results)]
    assert main([*command, "--data", str(digits_file)]) == 0
    folder = results / "export" / "base"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "export.json", "model-int8.tflite", "model.onnx", "model.tflite"
    ]  # fmt: skip
    exported = exporting.Export.model_validate_json((folder / "export.json").read_text())
    assert exported.keras_test_accuracy == pytest.approx(record.tested.accuracy, abs=0.01)
    assert exported.weights_sha256 == record.weights_sha256
    images = load_prepared(DATASETS["digits"], digits_file)
    for file, read in zip(
        exported.files, (formats.read_onnx, formats.read_litert, formats.read_litert), strict=True
    ):
        answers = read(folder / file.file)(images.test_images)
        assert answers.shape == (360, 10)
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=0.02)
        right = (answers.argmax(axis=1) == images.test_labels).mean()
        assert file.test_accuracy == pytest.approx(right)
        assert file.bytes == (folder / file.file).stat().st_size
        exact = "int8" not in file.format
        assert (file.agreement >= 0.999) or not exact
        assert (file.largest_difference < 1e-4) == exact
    _, litert, int8 = exported.files
    assert int8.bytes < litert.bytes
    loss = exported.keras_test_accuracy - int8.test_accuracy
    assert exported.int8_loss == pytest.approx(loss)
    assert "| `model.onnx` | ONNX |" in capsys.readouterr().out


def test_a_network_whose_weights_are_not_kept_is_refused(study, tmp_path):
    with pytest.raises(UserError, match=r"^wide: no weights of it are kept. Allowed are: none yet"):
        exporting.find(study, tmp_path, "wide")


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch):
    def missing(name: str) -> str:
        if name in ("onnx", "tf2onnx"):
            raise formats.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(formats, "version", missing)
    with pytest.raises(UserError, match=r"^export needs onnx, tf2onnx, which the extra `export`"):
        formats.check_installed()


def file(format_: str, agreement: float) -> exporting.File:
    return exporting.File(
        file="model", format=format_, bytes=1, sha256="0", test_accuracy=0.5, agreement=agreement,
        largest_difference=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("agreements", "agrees"), [((1.0, 0.999, 0.9), True), ((1.0, 0.9989, 1.0), False)]
)
def test_files_in_float32_must_agree(agreements, agrees):
    names = ("ONNX", "LiteRT", "LiteRT, int8")
    exported = exporting.Export.model_construct(files=list(map(file, names, agreements)))
    assert exported.agrees == agrees
