"""A Keras model as files of LiteRT and ONNX, and what the programs that read them answer.

Needs the extra `export`; knows nothing of studies.
"""

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn_study.base.errors import UserError

if TYPE_CHECKING:
    import keras

PACKAGES = ("ai-edge-litert", "onnx", "onnxruntime", "tf2onnx")
"""What the extra brings: readers of both formats, and the writer of ONNX that Keras calls."""

BATCH = 500
"""Images answered at a time."""

Answers = Callable[[np.ndarray], np.ndarray]
"""From uint8 images (n, height, width, channels) to probabilities (n, classes)."""


def check_installed() -> None:
    """Refuse to go on without the extra.

    Raises:
        UserError: names what is missing.
    """
    missing = []
    for package in PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        raise UserError(
            f"export needs {', '.join(missing)}, which the extra `export` brings. In a clone: "
            'pip install -e ".[export]"'
        )


def write_litert(model: "keras.Model", path: Path, representative: np.ndarray | None) -> None:
    """Write a file of LiteRT, formerly TensorFlow Lite.

    Args:
        representative: uint8 images by which weights and activations are quantized to int8, each
            layer's range as it is with them; None leaves everything in float32.
    """
    import tensorflow as tf

    given = {}
    if representative is not None:
        given = {
            "optimizations": [tf.lite.Optimize.DEFAULT],
            "representative_dataset": lambda: ([image[None]] for image in representative),
            "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        }
    with _quiet():
        model.export(str(path), format="litert", verbose=False, **given)


def write_onnx(model: "keras.Model", path: Path) -> None:
    """Write a file of ONNX, for any number of images."""
    with _quiet():
        model.export(str(path), format="onnx", verbose=False)


def read_litert(path: Path) -> Answers:
    """Give what LiteRT's interpreter answers."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)

    def answer(images: np.ndarray) -> np.ndarray:
        (given,), (got,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.resize_tensor_input(given["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(got["index"])

    return lambda images: _in_batches(answer, images)


def read_onnx(path: Path) -> Answers:
    """Give what ONNX Runtime answers on a processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()

    def answer(images: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {given.name: images})[0])

    return lambda images: _in_batches(answer, images)


def _in_batches(answer: Answers, images: np.ndarray) -> np.ndarray:
    starts = range(0, len(images), BATCH)
    return np.concatenate([answer(images[start : start + BATCH]) for start in starts])


@contextmanager
def _quiet() -> Generator[None]:
    """Let the converters' own warnings pass, about names that NumPy and TensorFlow gave up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
