"""The cross-entropy of a softmax from what stands before it, on every backend.

So Keras has it on TensorFlow. On JAX it takes the logarithm of probabilities that are cut off at
1e-7 (Keras 3.15.1, `backend/jax/nn.py`): no image could have a loss above 16.1, and one beyond that
would teach nothing.
"""

from collections.abc import Callable
from typing import Any

import keras


class Softmax:
    """A softmax that keeps its logits until the loss asks for them."""

    def __init__(self) -> None:
        self._last: tuple[Any, Any] | None = None

    def __call__(self, logits: Any) -> Any:
        """Give the probabilities (batch, classes)."""
        probabilities = keras.ops.softmax(logits)
        self._last = probabilities, logits
        return probabilities

    def logits_of(self, probabilities: Any) -> Any:
        """Give what probabilities were made of; None where they are not the last ones."""
        last, self._last = self._last, None
        return last[1] if last and last[0] is probabilities else None


def cross_entropy(model: keras.Model, label_smoothing: float) -> keras.losses.Loss | Callable:
    """Give the loss of a model that ends in a softmax, which on JAX is exchanged for one's own.

    Args:
        label_smoothing: where it is not 0, targets are (batch, classes), else (batch,).
    """
    if keras.backend.backend() != "jax":
        if label_smoothing:
            return keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
        return keras.losses.SparseCategoricalCrossentropy()
    softmax = model.layers[-1].activation = Softmax()

    def loss(targets: Any, probabilities: Any) -> Any:
        logits = softmax.logits_of(probabilities)
        given = {"y_true": targets, "from_logits": logits is not None}
        given["y_pred"] = probabilities if logits is None else logits
        if label_smoothing:
            return keras.losses.categorical_crossentropy(**given, label_smoothing=label_smoothing)
        return keras.losses.sparse_categorical_crossentropy(**given)

    return loss
