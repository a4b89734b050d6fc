"""One thread, and a core of its own for each training."""

import os
import random
import subprocess
import sys
import uuid
from contextlib import ExitStack
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from cnn_study.base.errors import UserError
from cnn_study.train import machine

CLAIM = """
import os, sys
from cnn_study.train import machine
machine.CLAIMS = sys.argv[1]
with machine.own_core() as core:
    print(core, sorted(os.sched_getaffinity(0)), flush=True)
    sys.stdin.readline()
print(sorted(os.sched_getaffinity(0)))
"""


@pytest.fixture
def claims(monkeypatch) -> str:
    """Names of claims that no other test, nor a training on this machine, has."""
    monkeypatch.setattr(machine, "CLAIMS", f"test-{uuid.uuid4()}")
    return machine.CLAIMS


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no core pinning on this system")
def test_each_training_gets_a_core_of_its_own_and_gives_it_back(tmp_path, claims):
    """Also of users with a folder of their own for what is temporary."""
    cores = sorted(os.sched_getaffinity(0))
    folders = [tmp_path / str(number) for number in range(len(cores) + 1)]
    for folder in folders:
        folder.mkdir()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, claims], stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder), "PATH": str(tmp_path)},
        )
        for folder in folders
    ]  # fmt: skip
    said = sorted(process.stdout.readline().strip() for process in processes)
    ended = [process.communicate("\n")[0].strip() for process in processes]
    assert said == sorted([f"{core} [{core}]" for core in cores] + [f"None {cores}"])
    assert ended == [str(cores)] * len(processes)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no core pinning on this system")
def test_a_core_is_drawn_and_the_seed_s_generator_left_alone(monkeypatch, claims):
    """So that containers, which see nothing of each other, seldom take the same ones."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(1000)))
    before = random.getstate()
    drawn = set()
    for _ in range(10):
        with ExitStack() as held:
            drawn.add(machine._claim_core(held))
    assert len(drawn) > 5
    assert random.getstate() == before


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no core pinning on this system")
def test_a_process_keeps_its_core_from_one_training_to_the_next(claims, monkeypatch):
    """Threads of a backend stay on the core of the first."""
    monkeypatch.setattr(machine, "gpus", lambda: ())
    before = os.sched_getaffinity(0)
    with machine.own_core() as whole:
        for _ in range(2):
            with machine.own_core() as core:
                assert core == whole
            assert os.sched_getaffinity(0) == {whole}
    assert os.sched_getaffinity(0) == before


def test_one_thread_overrules_what_the_caller_set(monkeypatch):
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(name, "8")
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_CPP_MIN_LOG_LEVEL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    machine.one_thread()
    assert os.environ["OMP_NUM_THREADS"] == os.environ["TF_NUM_INTRAOP_THREADS"] == "1"
    assert os.environ["XLA_FLAGS"] == (
        "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )


IMPORT = """
import os, sys
from cnn_study.train.machine import import_keras
import_keras()
print([name for name in ("jax", "matplotlib", "pandas", "scipy", "sklearn") if name in sys.modules])
import matplotlib, pandas, scipy, sklearn
print([name for name in sys.argv[1:] if name in os.environ])
"""
SETTINGS = (
    *("JAX_ENABLE_X64", "JAX_DEFAULT_MATMUL_PRECISION", "KERAS_MAX_EPOCHS"),
    *("ONEDNN_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS"),
)


@pytest.mark.slow
def test_keras_is_imported_without_what_no_training_calls_or_the_user_sets():
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT, *SETTINGS, "JAX_PLATFORMS"],
        env={**os.environ, **dict.fromkeys((*SETTINGS, "JAX_PLATFORMS"), "1")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "[]\n['JAX_PLATFORMS']\n"), ended.stderr
    assert ended.stderr == ""


@pytest.mark.slow
def test_a_first_step_tells_of_no_gpu_and_on_jax_imports_no_tensorflow():
    program = """
import sys
from cnn_study.train.machine import import_keras
import_keras()
import keras
keras.utils.set_random_seed(1)
print(float(keras.ops.sum(keras.random.normal((2, 2)))) != 0, "tensorflow" in sys.modules)
"""
    for backend in ("tensorflow", "jax"):
        ended = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (ended.stdout, ended.stderr) == (f"True {backend == 'tensorflow'}\n", "")


def test_a_backend_that_cannot_be_is_one_message(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "")
    assert machine.backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(UserError, match=r"theano\. Allowed are tensorflow and jax; unset"):
        machine.backend()
    monkeypatch.setattr(machine, "BACKENDS", ("tensorflow", "theano"))
    with pytest.raises(UserError, match="with theano, which is not installed"):
        machine.backend()


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A driver that shows two GPUs, both of which TensorFlow says it can use."""
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "GPU 0: A"\necho "GPU 1: B"\necho "  MIG 1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv(machine.KNOWN, "")  # so that it is put back to what it was
    monkeypatch.delenv(machine.KNOWN)
    monkeypatch.setitem(machine.COUNTS, "tensorflow", "print(2)")
    monkeypatch.setattr(machine, "_listed", machine._listed.__wrapped__)  # asked anew each time
    return program


def test_what_a_driver_says_may_be_no_text(driver):
    driver.write_text('#!/bin/sh\nprintf "\\364GPU\\n"\necho "GPU 0: A"\n')
    assert machine.shown_gpus() == ["0"]


find_gpus = machine.gpus.__wrapped__  # a process asks only once


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        (None, ("0", "1")),
        ("1", ("1",)),
        ("1, 0", ("1", "0")),
        ("0,2,1", ("0",)),  # there is no third one, and what comes after it does not count
        ("", ()),
        ("-1", ()),
        ("GPU-1f,MIG-2e", ("GPU-1f", "MIG-2e")),
    ],
)
def test_gpus_are_those_of_the_driver_that_the_user_leaves(driver, monkeypatch, visible, found):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_gpus() == found


def test_gpus_are_asked_for_once_by_all_processes(driver, monkeypatch):
    assert find_gpus() == ("0", "1")
    monkeypatch.setitem(machine.COUNTS, "tensorflow", "print(0)")
    ask = "from cnn_study.train import machine; print(machine.gpus())"
    told = subprocess.check_output([sys.executable, "-c", ask], text=True)
    assert told == "('0', '1')\n"


@pytest.mark.parametrize(
    ("name", "value", "asks"),
    [
        ("CUDA_VISIBLE_DEVICES", "1", "('1',)"),  # Slurm leaves a job its own GPUs
        ("KERAS_BACKEND", "jax", "()"),
        (machine.KNOWN, "0,1", "('0', '1')"),
        (machine.KNOWN, "0", "('0', '1')"),
        (machine.KNOWN, "[]", "('0', '1')"),
        (machine.KNOWN, '[["elsewhere", null, "tensorflow"], ["7"]]', "('0', '1')"),
    ],
)
def test_gpus_that_were_found_elsewhere_are_asked_for_again(driver, monkeypatch, name, value, asks):
    """sbatch hands on every variable to a job on another machine, or with other GPUs."""
    monkeypatch.setitem(machine.COUNTS, "jax", "print(0)")
    find_gpus()
    monkeypatch.setenv(name, value)
    assert str(find_gpus()) == asks


def test_gpus_that_another_machine_has_are_asked_for_again(driver, monkeypatch):
    monkeypatch.setitem(machine.COUNTS, "tensorflow", "print(1)")
    assert find_gpus() == ("0",)
    monkeypatch.setitem(machine.COUNTS, "tensorflow", "print(2)")
    assert find_gpus() == ("0",)
    monkeypatch.setattr(machine.platform, "node", lambda: "elsewhere")
    assert find_gpus() == ("0", "1")


IDENTIFIED = """#!/bin/sh
echo "GPU 0: NVIDIA H200 (UUID: GPU-aa-0)"
echo "  MIG 1g.18gb Device 0: (UUID: MIG-cc-2)"
echo "GPU 1: NVIDIA A30 (UUID: GPU-bb-1)"
"""


@pytest.mark.parametrize(
    ("visible", "found"),
    [(None, ("GPU-aa-0", "GPU-bb-1")), ("1,0", ("GPU-bb-1", "GPU-aa-0")), ("2", ())],
)
def test_gpus_are_named_by_their_identifiers(driver, monkeypatch, visible, found):
    """To CUDA 0 is the fastest; and in each of two jobs that see one GPU it is that one."""
    driver.write_text(IDENTIFIED)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_gpus() == found


@pytest.mark.parametrize(
    "script", ["print(0)", "import no_such_module", "import time; time.sleep(9)"]
)
def test_gpus_that_the_backend_cannot_use_do_not_count(driver, monkeypatch, capsys, script):
    monkeypatch.setattr(machine, "PROGRAM_SECONDS", 1)
    monkeypatch.setitem(machine.COUNTS, "tensorflow", script)
    assert find_gpus() == ()
    said = "GPUs that the driver shows: 2; that tensorflow can use: 0. See README.md, Make the "
    assert capsys.readouterr().err == f"{said}report.\n"


@pytest.mark.parametrize("text", [None, "#!/bin/sh\nexec sleep 9\n", "#!/bin/sh\nexit 9\n"])
def test_no_driver_is_no_gpu_and_the_backend_is_not_asked(driver, monkeypatch, capsys, text):
    monkeypatch.setattr(machine, "PROGRAM_SECONDS", 1)
    driver.write_text(text) if text else driver.unlink()
    assert find_gpus() == ()
    assert (machine.KNOWN in os.environ, capsys.readouterr().err) == (False, "")


CLAIM_GPU = """
import os, sys
from cnn_study.train import machine
machine.CLAIMS = sys.argv[1]
machine.hand_on(["0", "GPU-1f"])
cores = os.sched_getaffinity(0)
for _ in range(2):
    with machine.own_core() as core:
        assert (core, os.sched_getaffinity(0)) == (None, cores)
machine.gpus.cache_clear()  # as a process that this one starts
print(os.environ.get("CUDA_VISIBLE_DEVICES"), ",".join(machine.gpus()), flush=True)
sys.stdin.readline()
"""


def test_each_training_gets_a_gpu_of_its_own_and_keeps_it(claims):
    """A backend computes on the GPU that it began with, whatever the variable says later."""
    command = [sys.executable, "-c", CLAIM_GPU, claims]
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "0,GPU-1f"},
        )
        for _ in range(3)
    ]  # fmt: skip
    assert sorted(process.stdout.readline().strip() for process in processes) == [
        "0 0", "0,GPU-1f 0,GPU-1f", "GPU-1f GPU-1f",
    ]  # fmt: skip
    for process in processes:
        process.communicate("\n")


@pytest.mark.slow
@pytest.mark.parametrize("backend", machine.BACKENDS)
def test_a_backend_without_gpus_counts_none(backend):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    assert machine._output(sys.executable, "-c", machine.COUNTS[backend]) == "0\n"


def test_the_processor_has_a_name():
    assert machine.processor().strip()


EPYC = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: {model}
model name\t: AMD EPYC
flags\t\t: fpu sse2 avx {flags}
power management:

processor\t: 1
model name\t: another
"""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (EPYC.format(model=1, flags="avx2 sha_ni"), "AMD EPYC (family 25, model 1, AVX2)"),
        (EPYC.format(model=17, flags="avx2 avx512f"), "AMD EPYC (family 25, model 17, AVX-512)"),
        ("processor: 0\nmodel name: Cortex-A72\nFeatures: fp asimd\n", "Cortex-A72"),
    ],
)
def test_one_name_of_two_kinds_of_processor_is_told_apart(tmp_path, monkeypatch, text, named):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    machine.CPUINFO.write_text(text)
    assert machine.processor() == named


@pytest.mark.parametrize(("library", "expected"), [("glibc", 3), ("", 0), ("musl", 0)])
def test_glibc_alone_is_told_to_keep_what_is_freed(monkeypatch, library, expected):
    """By the numbers of malloc.h: blocks up to 32 MiB from the heap, 128 MiB kept, one arena."""
    told = []
    fake = SimpleNamespace(mallopt=lambda *pair: told.append(pair))
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: fake)
    monkeypatch.setattr(machine.platform, "libc_ver", lambda: (library, ""))
    machine.keep_freed_memory()
    assert told == [(-3, 33_554_432), (-1, 134_217_728), (-8, 1)][:expected]


def test_a_driver_that_hangs_is_as_good_as_none(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(machine, "DRIVER_SECONDS", 0.2)
    machine._listed.cache_clear()
    assert machine.shown_gpus() == []
    assert machine.gpu_names() == ()
    machine._listed.cache_clear()
