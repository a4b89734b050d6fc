"""What test_batched.py looks at: trainings by JAX, which the tests' own process has not.

Prints one JSON object. Groups are trained by drivers, and members of them by Keras's `fit`, each of
which compiles anew: not all of them.
"""

import json
import re

import numpy as np
from scipy.special import log_softmax

from cnn_study.study.settings import Settings
from cnn_study.train import batched, engine, keras_one
from cnn_study.train.machine import import_keras
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import Parts

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (200, 6, 6, 2)).astype("uint8")
LABELS = RANDOM.integers(0, 10, 200).astype("uint8")
PARTS = Parts((PIXELS, LABELS), (PIXELS[:50], LABELS[:50]), (PIXELS[50:90], LABELS[50:90]))
TINY = {"filters": [2], "dense_units": 3, "epochs": 2, "batch_size": 64}
"""200 images: three batches of 64 and one of 8."""

FASTER = {"learning_rate": 0.01, "initializer": "he_normal"}
EVERYTHING = {
    "batch_normalization": True, "residual": True, "convolution_dropout": 0.1,
    "dense_dropout": 0.2, "label_smoothing": 0.1, "schedule": "cosine", "warmup_epochs": 0.5,
    "optimizer": "adamw", "weight_decay": 0.01, "horizontal_flip": True, "shift": 2, "cutout": 3,
    "flip_order": "alternating", "test_time_flip": True, "weight_averaging": 0.9,
    "gradient_clipping": 0.5,
}  # fmt: skip
OTHERS = {
    "class_weight": "balanced", "optimizer": "momentum", "schedule": "step", "watch_test": True,
    "scaling": "standardized", "nesterov": True, "block": "inverted_residual", "expansion": 2,
    "squeeze_excitation": 2, "filters": [2, 2],
}  # fmt: skip
BURSTS = {"optimizer": "sgd", "scaling": "raw", "weight_decay": 1.0, "epochs": 6}
"""Each step takes off its learning rate times the weight: with 10, weights grow ninefold."""

BURSTING = ({**BURSTS, "learning_rate": 1e-4}, {**BURSTS, "learning_rate": 10.0})


def members(*values: dict) -> tuple[engine.Member, ...]:
    """Give a member for each set of values, of which seed is no setting."""
    return tuple(member(**each) for each in values)


def member(seed: int = 1, **values) -> engine.Member:
    return engine.Member(Settings(**{**TINY, **values}), seed)


def by_fit(chosen: engine.Member) -> dict:
    """Train one by one, as the engine `processes` does with JAX."""
    model = keras_one.start(chosen.settings, PARTS, 10, chosen.seed)
    learned = keras_one.learn(model, chosen.settings, PARTS, chosen.seed, Stopwatch())
    epochs = [told(epoch) for epoch in learned]
    return {
        "epochs": epochs,
        **answers(model, keras_one.answer(model, chosen.settings, PARTS.test[0])),
    }


def by_driver(make, chosen: tuple[engine.Member, ...]) -> list[dict]:
    """Train a group side by side; give what came of each member."""
    came = [{"epochs": []} for _ in chosen]
    group = engine.Group(chosen, PARTS, 10)
    for place, ended in batched.Training(group, lambda model: None, make).fit():
        if isinstance(ended, engine.Trained):
            came[place] |= answers(ended.model(), ended.tested())
        else:
            came[place]["epochs"].append(told(ended))
    return came


def prepared(chosen: tuple[engine.Member, ...]) -> list:
    """Compile beforehand, in threads; give the first member's last loss, and what was compiled."""
    batched.prepare([engine.Group(chosen, PARTS, 10)], batched.Scanned)
    (training,) = batched._PREPARED.values()
    again = engine.Group(
        tuple(engine.Member(each.settings, each.seed) for each in chosen), PARTS, 10
    )
    last = [ended for place, ended in batched.fit(again, lambda model: None) if not place][-2]
    seconds = [each.seconds.wall > 0 for each in again.members]
    driver = training.driver
    late = driver._all._cache_size() + driver._answers._cache_size()
    return [last.training_loss, late, sorted(driver._compiled), seconds, len(batched._PREPARED)]


def told(epoch) -> dict:
    return epoch.model_dump(exclude={"training_seconds"})


def answers(model, probabilities: np.ndarray) -> dict:
    weights = np.concatenate([weight.ravel() for weight in model.get_weights()])
    return {"weights": weights.tolist(), "tested": probabilities.tolist()}


def saturated(smoothing: float) -> list[float]:
    """Give the loss of logits far apart: by `fit`, by a driver, and worked out in float64."""
    values = {"batch_size": 200, "optimizer": "sgd", "learning_rate": 1e-12, "epochs": 1}
    chosen = member(**values, label_smoothing=smoothing)
    model = keras_one.start(chosen.settings, PARTS, 10, chosen.seed)
    enlarge(model)
    (epoch,) = keras_one.learn(model, chosen.settings, PARTS, chosen.seed, Stopwatch())
    group = engine.Group((chosen,), PARTS, 10)
    _, scanned = next(batched.Training(group, enlarge, batched.Scanned).fit())
    before = type(model)(model.inputs, model.layers[-2].output).predict(PIXELS, verbose=0)
    kernel, bias = (part.astype("float64") for part in model.layers[-1].get_weights())
    targets = (1 - smoothing) * np.eye(10)[LABELS] + smoothing / 10
    by_hand = -(targets * log_softmax(before @ kernel + bias, axis=1)).sum(axis=1).mean()
    return [epoch.training_loss, scanned.training_loss, by_hand]


def enlarge(model) -> None:
    model.set_weights([30 * weight for weight in model.get_weights()])


def multiplied(precision: str) -> list[str]:
    """Say how the program of a step multiplies float32, begun after one of another precision."""
    group = engine.Group((member(precision=precision),), PARTS, 10)
    training = batched.Training(group, lambda model: None)
    keras_one.start(Settings(precision="mixed_bfloat16"), PARTS, 10, 1)
    draws = batched._taken(training._draws([0], 1), 0).of(slice(64))
    state = batched._taken(training.states, 0)
    text = training.driver._step.lower(state, training.data, draws).as_text()
    return sorted(set(re.findall(r"precision<(\w+)>|precision = \[(\w+), \w+\]", text)))


class Short(batched.Looped):
    """A driver of a made-up device that after its first epoch has memory for one member."""

    def __init__(self, program: batched.Program) -> None:
        super().__init__(program)
        tried.clear()

    def epoch(self, states, data, draws):
        tried.append(len(draws.order))
        if len(tried) > 1 and tried[-1] > 1:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes")
        return super().epoch(states, data, draws)


class Cramped(Short):
    """The same, of which the program of a whole group cannot even be compiled."""

    def compiling(self, states, data, draws, batches):
        def compile_it():
            raise RuntimeError("RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm")

        return [compile_it]


class Full(batched.Looped):
    """A driver of a made-up device that has memory for nobody."""

    def epoch(self, states, data, draws):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes")


tried: list[int] = []


def fault(make, chosen: tuple[engine.Member, ...]) -> str:
    try:
        by_driver(make, chosen)
    except RuntimeError as error:
        return str(error)
    return ""


def main() -> None:
    """Train all, and print it."""
    import_keras()
    base = members({}, {"seed": 2}, FASTER)
    every = members(EVERYTHING, {**EVERYTHING, "seed": 2})
    others = members(OTHERS, {**OTHERS, "seed": 2, "watch_test": False})
    trained = {
        "fit": {
            "base": list(map(by_fit, base)),
            "everything": list(map(by_fit, every[:1])),
            "others": list(map(by_fit, others[:1])),
        },
        "scanned": {
            "base": by_driver(batched.Scanned, base),
            "everything": by_driver(batched.Scanned, every),
            "others": by_driver(batched.Scanned, others),
        },
        "looped": {
            "base": by_driver(batched.Looped, base),
            "everything": by_driver(batched.Looped, every[:1]),
        },
        "precisions": {
            name: by_driver(batched.Scanned, (member(**FASTER, precision=name),))
            for name in ("mixed_bfloat16", "mixed_float16")
        },
        "multiplied": {name: multiplied(name) for name in ("float32", "tensorfloat32")},
        "prepared": prepared(base),
        "diverging": by_driver(batched.Scanned, members(*BURSTING)),
        "diverging by fit": by_fit(members(*BURSTING)[1]),
        "halved": by_driver(Short, base),
        "tried": list(tried),
        "cramped": by_driver(Cramped, base),
        "saturated": [saturated(0.0), saturated(0.1)],
        "full": fault(Full, base[:2]),
    }
    print(json.dumps(trained))


if __name__ == "__main__":
    main()
