"""What this machine would train with, and what would be faster; said before anything trains.

Imports no backend. Where the NVIDIA driver shows GPUs, backends are asked, which takes seconds.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from cnn_study.base.cores import cores
from cnn_study.base.errors import UserError
from cnn_study.base.words import counted, first_of, listing
from cnn_study.study.model import Experiment, Study
from cnn_study.study.search_space import Search
from cnn_study.train import engine, machine

NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}
"""Backends, as people call them."""

CUDA_FOR_JAX = ("jax_cuda13_plugin", "jax_cuda12_plugin")

TF32 = "tensorfloat32"

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


def check_precision(
    study: Study, experiments: Iterable[Experiment], *, search: bool = False
) -> None:
    """Refuse what can only be computed elsewhere: TF32 without a GPU that has it.

    Computed as float32 it would bear the name of what it is not.

    Args:
        experiments: those that are to be trained.
        search: whether the study's search is to be done, too.

    Raises:
        UserError: names the experiments, and what to do.
    """
    asked = list(dict.fromkeys(each.id for each in experiments if each.settings.precision == TF32))
    if search and study.search and TF32 in _searched(study.search):
        asked.append("search")
    if not asked:
        return
    chosen = engine.choose(study=study).engine
    if not machine.count_gpus("jax" if chosen == "batched" else machine.backend()):
        lacks = "what trains here is the processor, and has no TF32"
    elif not machine.has_tensorfloat32():
        lacks = f"the GPU here ({_models()}) has no TF32"
    else:
        return
    raise UserError(
        f"precision: {TF32} ({first_of(asked)}): {lacks}; NVIDIA GPUs from Ampere (compute "
        "capability 8.0) on have it. Train where there is one, or take float32 or mixed_bfloat16."
    )


def _searched(search: Search) -> list[Any]:
    """List the precisions that a search's models may have."""
    varied = [each for each in search.space if each.name == "precision"]
    return list(varied[0].values) if varied else [search.base["precision"]]


def _models() -> str:
    """Name the models of the GPUs, each once."""
    return listing(dict.fromkeys(machine.gpu_names()))
