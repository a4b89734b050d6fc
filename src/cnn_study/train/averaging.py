"""A moving average of the weights, which a network answers with while others are trained."""

from typing import Any

import keras
import numpy as np


class GoOnUnaveraged(keras.callbacks.Callback):
    """Gives each call of `fit` the weights back with which the one before ended its last step.

    At its end `fit` puts the optimizer's moving average in their place.
    """

    def __init__(self) -> None:
        super().__init__()
        self._weights: list[np.ndarray] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Put the weights back, if there was a call before."""
        for variable, value in zip(self.model.trainable_variables, self._weights, strict=False):
            variable.assign(value)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the weights: `fit` has not yet put the average in their place."""
        self._weights = [variable.numpy().copy() for variable in self.model.trainable_variables]

    def on_train_end(self, logs: Any = None) -> None:
        """On JAX take the average's buffers apart from the optimizer's: `predict` gives them up."""
        if keras.backend.backend() == "jax":
            for variable in self.model.trainable_variables:
                variable.assign(variable.numpy().copy())


def averages(model: keras.Model) -> list[keras.Variable]:
    """Give the optimizer's moving averages, in the order of the model's trainable variables."""
    optimizer = model.optimizer
    return getattr(optimizer, "inner_optimizer", optimizer)._model_variables_moving_average
