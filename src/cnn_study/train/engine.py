"""What trains runs: an engine, chosen here, and the one way into both.

`processes` is Keras's `fit`, one run after the other in one thread. `batched` trains a group of
runs side by side in one program of JAX. Choosing imports neither.
"""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, get_args

from cnn_study.base.errors import UserError
from cnn_study.train import machine

Engine = Literal["processes", "batched"]
Asked = Literal["auto", "processes", "batched"]

KNOWN = "CNN_STUDY_ENGINE"
"""The variable in which a process hands on which engine was asked for, or was chosen."""


@dataclass(frozen=True)
class Choice:
    """An engine, and why it is that one, in a few words."""

    engine: Engine
    why: str


def choose(asked: str = "", option: str = "--engine ") -> Choice:
    """Take the engine that is asked for; else `batched` where JAX sees an accelerator.

    Args:
        asked: an engine or "auto"; empty, as the process said that started this one, or else auto.
        option: how it was asked for, for the message.

    Raises:
        UserError: there is no such engine, or it cannot be had here.
    """
    asked, option = (asked, option) if asked else (os.environ.get(KNOWN) or "auto", f"{KNOWN}=")
    if asked not in get_args(Asked):
        raise UserError(f"{option}{asked}: allowed are {', '.join(get_args(Asked))}.")
    backend = os.environ.get("KERAS_BACKEND")
    if asked == "batched":
        if lacking := _lacks(backend):
            raise UserError(f"{option}batched: {lacking}, or take {option}processes.")
        return Choice("batched", "asked for")
    if asked == "processes":
        return Choice("processes", "asked for")
    if backend == "tensorflow":
        return Choice("processes", "KERAS_BACKEND is tensorflow")
    if find_spec("jax") is None:
        return Choice("processes", "JAX is not installed")
    if not machine.count_gpus("jax"):
        return Choice("processes", "JAX sees no GPU")
    return Choice("batched", "JAX sees a GPU")


def _lacks(backend: str | None) -> str:
    """Say what `batched` needs and does not have; nothing if it has all."""
    if backend not in (None, "", "jax"):
        return f"it computes with JAX, and KERAS_BACKEND is {backend}. Leave that variable out"
    if find_spec("jax") is None:
        return "it computes with JAX, which is not installed. Install it"
    return ""


def settle(asked: str = "", option: str = "--engine ") -> Engine:
    """Choose an engine for this process and those that it starts; call before Keras is imported.

    Raises:
        UserError: as `choose`.
    """
    engine = choose(asked, option).engine
    os.environ[KNOWN] = engine
    if engine == "batched":
        os.environ["KERAS_BACKEND"] = "jax"
    return engine
