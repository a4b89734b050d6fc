"""The learning rate at every step: constant, cosine or step, after an optional warm-up."""

import keras

from cnn_study.study.settings import TrainingSettings

STEP_FALLS = (0.5, 0.75)
STEP_FACTOR = 0.1


def make(
    settings: TrainingSettings, steps_per_epoch: int
) -> "float | keras.optimizers.schedules.LearningRateSchedule":
    """Give what a Keras optimizer takes as its learning rate."""
    if settings.schedule == "constant" and not settings.warmup_epochs:
        return settings.learning_rate
    return Schedule(
        settings.learning_rate,
        settings.schedule,
        warmup_steps=round(settings.warmup_epochs * steps_per_epoch),
        total_steps=settings.epochs * steps_per_epoch,
    )


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Keras has cosine with warm-up, but no warm-up for the other two; this has all three.

    Args:
        learning_rate: the largest.
        shape: constant, cosine (falls to 0, Loshchilov and Hutter, 2017) or step (divided by
            10 after half and after three quarters).
        warmup_steps: steps in which the rate rises in a straight line; the first step has
            learning_rate / warmup_steps.
        total_steps: steps of the whole training, warm-up included; shape takes the rest.
    """

    def __init__(
        self, learning_rate: float, shape: str, warmup_steps: int, total_steps: int
    ) -> None:
        self.learning_rate, self.shape = learning_rate, shape
        self.warmup_steps, self.total_steps = warmup_steps, total_steps

    def __call__(self, step: "keras.KerasTensor") -> "keras.KerasTensor":
        """Give the rate of one step, 0 the first."""
        step = keras.ops.cast(step, "float32")
        rise = keras.ops.minimum(1.0, (step + 1.0) / max(self.warmup_steps, 1))
        done = (step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1)
        done = keras.ops.clip(done, 0.0, 1.0)
        if self.shape == "cosine":
            fall = 0.5 * (1.0 + keras.ops.cos(3.141592653589793 * done))
        elif self.shape == "step":
            falls = sum(keras.ops.cast(done >= place, "float32") for place in STEP_FALLS)
            fall = STEP_FACTOR**falls
        else:
            fall = 1.0
        return self.learning_rate * rise * fall

    def get_config(self) -> dict:
        """Give the arguments that make an equal schedule."""
        return {
            "learning_rate": self.learning_rate,
            "shape": self.shape,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }
