"""What trains runs: an engine, chosen here, and the one way into both.

`processes` is Keras's `fit`, one run after the other in one thread. `batched` trains a group of
runs side by side in one program of JAX. Choosing imports neither.
"""

import os
import platform
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.runs.records import Epoch
from cnn_study.study.model import Study
from cnn_study.study.settings import Settings, normalized
from cnn_study.train import machine
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import Parts

if TYPE_CHECKING:
    import keras

Built = Callable[["keras.Model"], None]
"""Told of a network before it learns."""

Engine = Literal["processes", "batched"]
Asked = Literal["auto", "processes", "batched"]

KNOWN = "CNN_STUDY_ENGINE"
"""The variable in which a process hands on which engine trains: where it found out by itself, with
the machine that this holds for."""


@dataclass(frozen=True)
class Choice:
    """An engine, and why it is that one, in a few words."""

    engine: Engine
    why: str


def choose(asked: str = "", option: str = "--engine ", study: Study | None = None) -> Choice:
    """Take the engine that is asked for; else `batched` where JAX sees an accelerator.

    What the command line asks for goes before the environment, and that before the study's file.

    Args:
        asked: an engine or "auto"; empty, as the process said that started this one, or else as
            the study does.
        option: how it was asked for, for the message.
        study: whose runs are trained.

    Raises:
        UserError: there is no such engine, or it cannot be had here.
    """
    backend, why = os.environ.get("KERAS_BACKEND"), "asked for"
    if not asked:
        asked, option = _handed_on(), f"{KNOWN}="
    if not asked and study and study.file.training_engine != "auto":
        asked, option = study.file.training_engine, f"{study.path}: training_engine: "
        why = "the study asks for it"
        if asked == "batched" and backend == "tensorflow":
            return Choice("processes", "KERAS_BACKEND is tensorflow; the study asks for batched")
    if asked and asked not in get_args(Asked):
        raise UserError(f"{option}{asked}: allowed are {', '.join(get_args(Asked))}.")
    if asked == "batched":
        if lacking := _lacks(backend):
            raise UserError(f"{option}batched: {lacking}, or take {option}processes.")
        return Choice("batched", why)
    if asked == "processes":
        return Choice("processes", why)
    if backend == "tensorflow":
        return Choice("processes", "KERAS_BACKEND is tensorflow")
    if find_spec("jax") is None:
        return Choice("processes", "JAX is not installed")
    if not machine.count_gpus("jax"):
        return Choice("processes", "JAX sees no GPU")
    return Choice("batched", "JAX sees a GPU")


def _handed_on() -> str:
    """Read what the process said that started this one; "" if nothing, or if it was elsewhere.

    What submits a job, as sbatch does, hands on every variable to another machine.
    """
    engine, _, machine_ = os.environ.get(KNOWN, "").partition(" ")
    return engine if engine and machine_ in ("", platform.node()) else ""


def _lacks(backend: str | None) -> str:
    """Say what `batched` needs and does not have; nothing if it has all."""
    if backend not in (None, "", "jax"):
        return f"it computes with JAX, and KERAS_BACKEND is {backend}. Leave that variable out"
    if find_spec("jax") is None:
        return "it computes with JAX, which is not installed. Install it"
    return ""


def settle(asked: str = "", option: str = "--engine ", study: Study | None = None) -> Engine:
    """Choose an engine for this process and those that it starts; call before Keras is imported.

    Raises:
        UserError: as `choose`.
    """
    engine = choose(asked, option, study).engine
    if asked not in ("", "auto"):
        os.environ[KNOWN] = engine
    elif asked or _handed_on() in ("", "auto"):
        os.environ[KNOWN] = f"{engine} {platform.node()}"
    if engine == "batched":
        os.environ["KERAS_BACKEND"] = "jax"
    return engine


@contextmanager
def as_recorded(engine: Engine) -> Generator[None]:
    """Have processes that begin meanwhile train by the engine of a record, where it can be had.

    Elsewhere they train by the one that is usual here, as their records say.
    """
    before = {name: os.environ.get(name) for name in (KNOWN, "KERAS_BACKEND")}
    try:
        with suppress(UserError):
            settle(engine)
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


# --------------------------------------------------------------------------------------- groups


@dataclass(frozen=True)
class Member:
    """A run of a group.

    Attributes:
        seconds: what its training took; of a group its share.
    """

    settings: Settings
    seed: int
    seconds: Stopwatch = field(default_factory=Stopwatch)


@dataclass(frozen=True)
class Group:
    """Runs that one compiled program can train together, on the same images.

    Attributes:
        classes: how many there are.
    """

    members: tuple[Member, ...]
    parts: Parts
    classes: int


class Trained(NamedTuple):
    """A network that has come to the end of its training.

    Attributes:
        model: gives it; only until more is asked of the engine.
        tested: gives its probabilities of the test images, (images, classes).
    """

    model: "Callable[[], keras.Model]"
    tested: Callable[[], np.ndarray]


Progress = tuple[int, Epoch | Trained]
"""What has come to an end, with the place of its member in the group: an epoch, or the training."""


def program_of(settings: Settings) -> str:
    """Name the program that trains these settings; equal ones can be trained together.

    What only the first weights or the optimizer's variables hold is no part of a program: seed,
    initializer, and a learning rate that stays as it is.
    """
    default = Settings()
    same = {"initializer": default.initializer, "watch_test": default.watch_test}
    if settings.schedule == "constant" and not settings.warmup_epochs:
        same["learning_rate"] = default.learning_rate
    return normalized(settings).model_copy(update=same).model_dump_json()


def fit(group: Group, engine: Engine, built: Built = lambda model: None) -> Iterator[Progress]:
    """Train all members of a group, giving the epochs of each as they end, and its network.

    A member whose loss stops being finite ends with that epoch, and the others go on.
    """
    if engine == "batched":
        from cnn_study.train import batched

        return batched.fit(group, built)
    return _one_by_one(group, built)


def _one_by_one(group: Group, built: Built) -> Iterator[Progress]:
    from cnn_study.train import keras_one

    for place, member in enumerate(group.members):
        model = keras_one.start(member.settings, group.parts, group.classes, member.seed)
        built(model)
        learned = keras_one.learn(model, member.settings, group.parts, member.seed, member.seconds)
        yield from ((place, epoch) for epoch in learned)
        answered = partial(keras_one.answer, model, member.settings, group.parts.test[0])
        yield place, Trained(lambda model=model: model, answered)
