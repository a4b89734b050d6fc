"""What this machine would train with, and what would be faster; said before anything trains.

Imports no backend. Where the NVIDIA driver shows GPUs, backends are asked, which takes seconds.
"""

from importlib.util import find_spec

from cnn_study.base.cores import cores
from cnn_study.base.errors import UserError
from cnn_study.base.words import counted, listing
from cnn_study.study.model import Study
from cnn_study.train import engine, machine

NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}
"""Backends, as people call them."""

CUDA_FOR_JAX = ("jax_cuda13_plugin", "jax_cuda12_plugin")

INSTALL = "pip install --require-hashes -r requirements-gpu.lock"
ASK = (
    "though CUDA for JAX is installed: `python -c 'import jax; jax.devices()'` says why. CUDA 13 "
    "takes a driver from 580 on"
)


def in_words(study: Study) -> list[str]:
    """Say it in a line, and in another one what would be faster, if anything is known to be."""
    try:
        choice = engine.choose(study=study)
        backend = "jax" if choice.engine == "batched" else machine.backend()
    except UserError as error:
        return [f"trains with: nothing here. {error}"]
    usable = machine.count_gpus(backend)
    if usable:
        where = f"{counted(usable, 'GPU')} ({_models()}), one {_UNIT[choice.engine]} on each"
    else:
        where = f"the processor, one {_UNIT[choice.engine]} on each of {counted(cores(), 'core')}"
    why = f"engine {choice.engine}: {choice.why}"
    return [
        f"trains with: {NAMES[backend]} on {where} at a time ({why})",
        *_faster(backend, usable),
    ]


_UNIT = {"processes": "run", "batched": "group of runs"}
"""What an engine trains at a time."""


def _faster(backend: str, usable: int) -> list[str]:
    """Say which GPUs are left alone, and how that is changed."""
    shown = machine.shown_gpus()
    if usable >= len(shown):
        return []
    others = [name for name in machine.BACKENDS if name != backend and find_spec(name)]
    able = [name for name in others if machine.count_gpus(name) > usable]
    if able:
        what = f"{NAMES[able[0]]} can use: KERAS_BACKEND={able[0]}"
    elif any(map(find_spec, CUDA_FOR_JAX)):
        what = f"JAX cannot use, {ASK}"
    else:
        installed = listing([NAMES[name] for name in (backend, *others)], "or")
        what = f"{installed}, as installed, cannot use: {INSTALL}"
    number = f"{counted(len(shown), 'NVIDIA GPU')} {'is' if len(shown) == 1 else 'are'} here"
    return [f"faster: {number} (nvidia-smi: {_models()}), which {what}"]


def _models() -> str:
    """Name the models of the GPUs, each once."""
    return listing(dict.fromkeys(machine.gpu_names()))
