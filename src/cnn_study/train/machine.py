"""This machine: its processor, its GPUs, and a core of its own for each training."""

import ctypes
import json
import logging
import os
import platform
import random
import re
import socket
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.base.lean_imports import absent, lean

BACKENDS = ("tensorflow", "jax")
"""What Keras may compute with, the default first; each is tested."""

COUNTS = {
    "tensorflow": "import tensorflow; print(len(tensorflow.config.list_physical_devices('GPU')))",
    "jax": "import os; os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'; import jax; "
    "print(sum(device.platform == 'gpu' for device in jax.devices()))",
}
"""Scripts that count the GPUs that a backend can use, and take no memory of them."""

KNOWN = "CNN_STUDY_GPUS"
"""The variable in which a process hands on which GPUs can be used, and where that holds."""

PROGRAM_SECONDS = 120
"""Time for another program to answer, an import of a backend on a busy machine included."""

DRIVER_SECONDS = 20
"""Time for the driver to name its GPUs; one that hangs is as good as none."""

SETTINGS = (
    *("DNNL_", "JAX_", "KERAS_MAX_", "ONEDNN_", "TF_ENABLE_ONEDNN_OPTS", "TF_ONEDNN_"),
    *("TF_SET_ONEDNN_", "TF_XLA_FLAGS"),
)
"""How variables begin that change what a training computes, or cut its epochs short."""

KEPT_SETTINGS = ("JAX_PLATFORMS",)
"""Of these, what only says on which device, as CUDA_VISIBLE_DEVICES does."""

CHATTER = "^I0000 |^WARNING: All log messages before absl::InitializeLog"
"""What TensorFlow 2.21 tells on stderr as it is imported, whatever TF_CPP_MIN_LOG_LEVEL says."""

NO_DRIVER = "failed call to cuInit"
"""What it calls an error, and is none where there is no NVIDIA driver."""

MALLOC = {
    "M_MMAP_THRESHOLD": (-3, 2**25),
    "M_TRIM_THRESHOLD": (-1, 2**27),
    "M_ARENA_MAX": (-8, 1),
}
"""Parameters of glibc's mallopt(3): their numbers in malloc.h and values, bytes or arenas."""

CPUINFO = Path("/proc/cpuinfo")

VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sse2": "SSE2"}
"""Vector instructions of x86 as Linux calls them, the widest first."""


def one_thread() -> None:
    """Let the backend compute with one thread: on one processor, the same seed gives the same bits.

    Call before Keras is imported.
    """
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ):
        os.environ[name] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def backend() -> str:
    """Name what Keras computes with: KERAS_BACKEND, or else TensorFlow.

    Raises:
        UserError: it is not allowed, or not installed.
    """
    chosen = _chosen()
    if chosen not in BACKENDS:
        raise UserError(
            f"KERAS_BACKEND is {chosen}. Allowed are {' and '.join(BACKENDS)}; unset, it is "
            f"{BACKENDS[0]}."
        )
    if find_spec(chosen) is None:
        raise UserError(
            f"Keras is to compute with {chosen}, which is not installed. Install it, or let the "
            f"variable KERAS_BACKEND name another of {', '.join(BACKENDS)}."
        )
    return chosen


def import_keras() -> None:
    """Import Keras for a study: one thread, none of the user's own settings, and quickly.

    What a run comes to must not depend on a `keras.json` in the home folder, which may ask for
    another precision or backend, nor on variables with which Keras or its backend compute in
    another way.

    Keras and TensorFlow take long to import packages for functions which no training calls
    (benchmarks/).

    Raises:
        UserError: KERAS_BACKEND names what is not allowed or not installed.
    """
    one_thread()
    if "keras" in sys.modules:
        return
    keep_freed_memory()
    os.environ["KERAS_HOME"] = os.devnull
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        if name not in KEPT_SETTINGS:
            del os.environ[name]
    os.environ["KERAS_BACKEND"] = chosen = backend()
    unused = ["matplotlib", "pandas", "sklearn"]
    if chosen == "tensorflow":
        _import_quietly(*unused, "jax", "scipy")
        return
    with lean(*unused):
        import keras

        with absent("tensorflow"):
            # Keras asks once whether it is there, and would import it, to seed it, too.
            keras.utils.set_random_seed(0)
    multiply_float32(exactly=True)


def _import_quietly(*unused: str) -> None:
    """Import Keras on TensorFlow without what that tells as it looks for GPUs, and in vain."""
    alone = not shown_gpus()
    with outputs.without(f"{CHATTER}|{NO_DRIVER}" if alone else CHATTER), lean(*unused):
        import keras  # noqa: F401

        if alone:
            import tensorflow

            tensorflow.config.list_physical_devices()  # looks now, and not with the first step
    logging.getLogger("tensorflow").addFilter(_tells_of_no_retracing)
    multiply_float32(exactly=True)


def _tells_of_no_retracing(record: logging.LogRecord) -> bool:
    """Tell whether TensorFlow warns of another thing than the graph that each network needs."""
    return "triggered tf.function retracing" not in record.getMessage()


MATMUL_PRECISION = {True: "highest", False: "tensorfloat32"}
"""How JAX calls it that float32 is multiplied exactly, or not."""


def multiply_float32(*, exactly: bool) -> None:
    """Have the backend multiply float32 with all its bits, or else in TF32, where a GPU has that.

    Both backends would take TF32 by themselves, and a record would say float32.
    """
    if os.environ["KERAS_BACKEND"] == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", MATMUL_PRECISION[exactly])
    else:
        import tensorflow

        tensorflow.config.experimental.enable_tensor_float_32_execution(not exactly)


AMPERE = 8.0
"""NVIDIA's compute capability from which on there is TF32."""


def has_tensorfloat32() -> bool:
    """Tell whether the NVIDIA driver shows GPUs, and each of them has TF32."""
    query = ("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader")
    try:
        capabilities = list(map(float, _output(*query, seconds=DRIVER_SECONDS).split()))
    except ValueError:  # "[N/A]", of drivers before 2021
        return False
    return bool(capabilities) and min(capabilities) >= AMPERE


def keep_freed_memory() -> None:
    """Let glibc keep what is freed for the next step, which frees and takes the same again.

    Else it may give some of it back to the system with every step: by how the first arrays lay, a
    training had 300,000 page faults an epoch or 1,000 (1,407 steps), and took up to a fifth longer.
    """
    if platform.libc_ver()[0] == "glibc":
        for parameter, value in MALLOC.values():
            ctypes.CDLL(None).mallopt(parameter, value)


WANT_OF_MEMORY = (
    *("resourceexhausted", "resource_exhausted", "bad_alloc", "out of memory"),
    *("cannot allocate memory", "failed to map segment"),
)
"""What errors say where memory is short: of TensorFlow, JAX, C++, Linux and its loader."""


def is_want_of_memory(error: Exception) -> bool:
    """Tell whether an error says that memory is short."""
    words = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(said in words for said in WANT_OF_MEMORY)


def out_of_memory(error: Exception) -> str:
    """Give the reason that a record has for such an error."""
    return f"not enough memory ({type(error).__name__})"


CLAIMS = "cnn-study"
"""How the names of what is claimed begin."""

_OWN: list[int] = []
"""The core that this process has for itself now, if it has one."""

_OWN_GPU: list[str] = []
"""The GPU that it has for itself, likewise."""


@contextmanager
def own_core() -> Generator[int | None]:
    """Pin this process to a core that no other training of this machine has, if there is one.

    Left to the system, two trainings were seen to share one core for minutes while the other
    idled. On macOS, or with every core taken, nothing is pinned. Where there are GPUs, the process
    takes one of them instead. Within another `own_core` it stays where it is: the threads of a
    backend keep the core of the first training.

    The core is drawn from those that are free. Containers may not see what each other has
    claimed, and would otherwise all take the first cores.

    Yields:
        The core's number, or None.
    """
    if _OWN:
        yield _OWN[-1]
        return
    own_gpu()
    with ExitStack() as held:
        core = None if gpus() else _claim_core(held)
        if core is not None:
            before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {core})
            held.callback(os.sched_setaffinity, 0, before)
            _OWN.append(core)
            held.callback(_OWN.clear)
        yield core


def _claim_core(held: ExitStack) -> int | None:
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = list(os.sched_getaffinity(0))
    random.SystemRandom().shuffle(cores)  # not the generator that a seed sets
    for core in cores:
        claimed = _claim(f"core-{core}")
        if claimed:
            held.enter_context(claimed)
            return core
    return None


@cache
def own_gpu() -> socket.socket | None:
    """Take a GPU that no other training of this machine has, if there is one, and see no other.

    Call before Keras is imported. A backend keeps the GPU that it began with, so this process has
    it until it ends.

    Returns:
        What holds the claim.
    """
    for name in gpus():
        claimed = _claim(f"gpu-{name}")
        if claimed:
            os.environ["CUDA_VISIBLE_DEVICES"] = name
            hand_on([name])
            _OWN_GPU.append(name)
            return claimed
    return None


def claimed_gpu() -> str | None:
    """Name the GPU that this process has for itself, if it has taken one."""
    return _OWN_GPU[0] if _OWN_GPU else None


def _claim(what: str) -> socket.socket | None:
    """Claim a part of this machine until the socket is closed, however this process ends.

    The socket only holds a name, which Linux gives once ("abstract" names, unix(7)). It is no
    file: it needs no folder, and whoever else uses the machine, with a TMPDIR of their own,
    finds it taken.
    """
    claimed = socket.socket(socket.AF_UNIX)
    try:
        claimed.bind(f"\0{CLAIMS}-{what}")
    except OSError:
        claimed.close()
        return None
    return claimed


@cache
def gpus() -> tuple[str, ...]:
    """Name the GPUs that the backend can use, as CUDA_VISIBLE_DEVICES does.

    The driver may show GPUs that the backend cannot use: TensorFlow comes without CUDA's libraries
    unless it is asked for them. So where the driver shows any, the backend is asked. That takes
    seconds, and the answer is handed on to the processes that this one starts.
    """
    handed = _handed_on()
    if handed is not None:
        return handed
    shown = shown_gpus()
    if not shown:
        return ()
    chosen = _chosen()
    count = count_gpus(chosen)
    if count < len(shown):
        print(
            f"GPUs that the driver shows: {len(shown)}; that {chosen} can use: {count}. "
            "See README.md, Make the report.",
            file=sys.stderr,
        )
    hand_on(shown[:count])
    return tuple(shown[:count])


def count_gpus(backend: str) -> int:
    """Count the GPUs that a backend can use; it is not asked where the driver shows none."""
    if not shown_gpus():
        return 0
    return _count(COUNTS.get(backend, ""), os.environ.get("CUDA_VISIBLE_DEVICES"))


@cache
def _count(script: str, visible: str | None) -> int:
    """Ask a backend once, of the devices that it is left to see."""
    return int(_output(sys.executable, "-c", script) or 0)


def hand_on(names: Iterable[str]) -> None:
    """Let the processes that this one starts know which GPUs they can use."""
    os.environ[KNOWN] = json.dumps([_here(), list(names)])


def _handed_on() -> tuple[str, ...] | None:
    """Read which GPUs this process was told of; None if of none, or if it was elsewhere.

    What submits a job, as sbatch does, hands on every variable. The job runs on another machine, or
    on the same with other GPUs, and finds out for itself.
    """
    with suppress(ValueError, TypeError):  # nobody has told, or not in this way
        where, names = json.loads(os.environ.get(KNOWN, ""))
        if where == _here():
            return tuple(names)
    return None


def _here() -> list[str | None]:
    """Say where what is found out about GPUs holds: machine, devices left to see, backend."""
    return [platform.node(), os.environ.get("CUDA_VISIBLE_DEVICES"), _chosen()]


def _chosen() -> str:
    return os.environ.get("KERAS_BACKEND") or BACKENDS[0]


SHOWN = re.compile(r"^GPU (\d+): .*?(?:\(UUID: (GPU-[\w-]+)\))?$", re.MULTILINE)
"""A line of `nvidia-smi -L` that is of a GPU, not of a part of one."""


def shown_gpus() -> list[str]:
    """Name the GPUs that the NVIDIA driver shows, so far as CUDA_VISIBLE_DEVICES leaves them.

    By their identifiers: a number may mean another GPU to CUDA, which puts the fastest first, and
    in a container or a job that sees some of them.
    """
    shown = SHOWN.findall(_listed())
    names = {number: identifier or number for number, identifier in shown}
    if "CUDA_VISIBLE_DEVICES" not in os.environ:
        return list(names.values())
    # What is no device, such as -1, ends the list.
    listed = map(str.strip, os.environ["CUDA_VISIBLE_DEVICES"].split(","))
    left = takewhile(lambda name: name in names or name.startswith(("GPU-", "MIG-")), listed)
    return [names.get(name, name) for name in left]


@cache
def _listed() -> str:
    """Ask the driver once: of GPUs that nobody uses it may know only after seconds."""
    return _output("nvidia-smi", "-L", seconds=DRIVER_SECONDS)


def gpu_names() -> tuple[str, ...]:
    """Name the models of the GPUs that the NVIDIA driver shows."""
    query = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    listed = _output(*query, seconds=DRIVER_SECONDS)
    return tuple(filter(None, map(str.strip, listed.splitlines())))


def _output(*command: str, seconds: float = PROGRAM_SECONDS) -> str:
    """Give what a program writes to stdout; "" if it is not there, or does not end."""
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout


def processor() -> str:
    """Name the CPU; on x86 under Linux also its family, model and widest vector instructions.

    One name may stand for several processors. Those with other vector instructions give other
    bits for the same seed.
    """
    facts = _first_processor()
    if "model name" in facts:
        kind = _kind(facts) if "cpu family" in facts else ""
        return facts["model name"] + kind
    if platform.system() == "Darwin":
        named = _output("sysctl", "-n", "machdep.cpu.brand_string")
        return named.strip() or platform.machine()
    return platform.processor() or platform.machine()


def _first_processor() -> dict[str, str]:
    """Read what Linux says of the first processor; nothing on other systems."""
    if not CPUINFO.exists():
        return {}
    lines = CPUINFO.read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _kind(facts: dict[str, str]) -> str:
    flags = facts["flags"].split()
    widest = [f", {name}" for flag, name in VECTORS.items() if flag in flags][:1]
    return f" (family {facts['cpu family']}, model {facts['model']}{''.join(widest)})"
