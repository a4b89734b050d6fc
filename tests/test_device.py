"""What check says of the device: a made-up driver, and backends that count as they are told."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cnn_study.base.errors import UserError
from cnn_study.execute import device
from cnn_study.study.merge import load
from cnn_study.study.model import Experiment, Study
from cnn_study.study.search_space import Parameter
from cnn_study.train import engine, machine

DRIVER = """#!/bin/sh
case "$1" in
-L) for number in {numbers}; do echo "GPU $number: NVIDIA H200 (UUID: GPU-aa-$number)"; done ;;
*) for number in {numbers}; do echo "NVIDIA H200"; done ;;
esac
"""


STUDY = load(Path(__file__).parents[1] / "experiments" / "digits.yaml")


def asking_for(asked: str) -> Study:
    return replace(STUDY, file=STUDY.file.model_copy(update={"training_engine": asked}))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A machine with two cores and no GPU, TensorFlow and a JAX without CUDA."""
    monkeypatch.setattr(device, "cores", lambda: 2)
    for name in ("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", machine.KNOWN, engine.KNOWN):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(machine, "_listed", machine._listed.__wrapped__)  # asked anew each time
    monkeypatch.setattr(device, "CUDA_FOR_JAX", ("no_such_plugin",))
    monkeypatch.setattr(device, "find_spec", lambda name: name in ("jax", "tensorflow", "plugin"))
    for backend in machine.BACKENDS:
        monkeypatch.setitem(machine.COUNTS, backend, "print(0)")


def show(folder: Path, numbers: str = "0") -> None:
    driver = folder / "nvidia-smi"
    driver.write_text(DRIVER.format(numbers=numbers))
    driver.chmod(0o755)


ON_CORES = (
    "trains with: {} on the processor, one run on each of 2 cores at a time (engine processes: {})"
)
BY_TENSORFLOW = ON_CORES.format("TensorFlow", "JAX sees no GPU")


def test_without_a_gpu_it_is_the_processor_and_no_backend_is_asked(monkeypatch):
    monkeypatch.setitem(machine.COUNTS, "tensorflow", "raise SystemExit('asked')")
    monkeypatch.setattr(machine, "_count", lambda *asked: pytest.fail("a backend is asked"))
    assert device.in_words(STUDY) == [BY_TENSORFLOW]


def test_a_gpu_that_no_backend_can_use_is_told_with_what_to_install(tmp_path):
    show(tmp_path)
    assert device.in_words(STUDY) == [
        BY_TENSORFLOW,
        "faster: 1 NVIDIA GPU is here (nvidia-smi: NVIDIA H200), which TensorFlow or JAX, as "
        "installed, cannot use: pip install --require-hashes -r requirements-gpu.lock",
    ]
    lock = Path(__file__).parents[1] / "requirements-gpu.lock"
    assert lock.is_file()


def test_without_jax_it_is_not_spoken_of(tmp_path, monkeypatch):
    show(tmp_path, "0 1")
    monkeypatch.setattr(device, "find_spec", lambda name: name == "tensorflow")
    (_, faster) = device.in_words(STUDY)
    said = (
        "faster: 2 NVIDIA GPUs are here (nvidia-smi: NVIDIA H200), which TensorFlow, as installed, "
    )
    assert faster.startswith(f"{said}cannot use: pip install ")


def test_jax_is_taken_where_it_can_use_a_gpu_and_else_named(tmp_path, monkeypatch):
    show(tmp_path)
    monkeypatch.setitem(machine.COUNTS, "jax", "print(1)")
    assert device.in_words(STUDY) == [
        "trains with: JAX on 1 GPU (NVIDIA H200), one group of runs on each at a time (engine "
        "batched: JAX sees a GPU)"
    ]
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert device.in_words(STUDY) == [
        ON_CORES.format("TensorFlow", "KERAS_BACKEND is tensorflow"),
        "faster: 1 NVIDIA GPU is here (nvidia-smi: NVIDIA H200), which JAX can use: "
        "KERAS_BACKEND=jax",
    ]


def test_cuda_that_does_not_work_is_not_installed_again(tmp_path, monkeypatch):
    show(tmp_path)
    monkeypatch.setattr(device, "CUDA_FOR_JAX", ("plugin",))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert device.in_words(STUDY) == [
        ON_CORES.format("JAX", "JAX sees no GPU"),
        "faster: 1 NVIDIA GPU is here (nvidia-smi: NVIDIA H200), which JAX cannot use, though CUDA "
        "for JAX is installed: `python -c 'import jax; jax.devices()'` says why. CUDA 13 takes a "
        "driver from 580 on",
    ]


def test_a_gpu_that_is_used_needs_nothing(tmp_path, monkeypatch):
    show(tmp_path, "0 1")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setitem(machine.COUNTS, "jax", "print(2)")
    assert device.in_words(STUDY) == [
        "trains with: JAX on 2 GPUs (NVIDIA H200), one group of runs on each at a time (engine "
        "batched: JAX sees a GPU)"
    ]


def test_a_gpu_that_the_person_hides_is_not_spoken_of(tmp_path, monkeypatch):
    show(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device.in_words(STUDY) == [BY_TENSORFLOW]


def test_a_machine_that_cannot_train_is_told_why(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    (line,) = device.in_words(STUDY)
    assert line.startswith("trains with: nothing here. KERAS_BACKEND is theano. Allowed are ")


CHECK = """
import sys
from cnn_study.__main__ import main
status = main(["check", "digits", "--results", sys.argv[1]])
print(status, [name for name in ("keras", "tensorflow", "jax") if name in sys.modules])
"""


def test_check_says_it_and_imports_no_backend(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", CHECK, str(tmp_path / "results")], text=True, check=False,
        capture_output=True, cwd=Path(__file__).parents[1],
        env={**os.environ, "PATH": str(tmp_path)},
    )  # fmt: skip
    lines = ended.stdout.splitlines()
    assert lines[-1] == "0 []", ended.stderr
    place = next(
        n for n, line in enumerate(lines) if line.startswith("trains with: TensorFlow on ")
    )
    assert lines[place + 1].startswith("memory: a training holds up to ")


def test_what_the_study_asks_for_is_said(monkeypatch):
    asked = ON_CORES.format("TensorFlow", "the study asks for it")
    assert device.in_words(asking_for("processes")) == [asked]
    (line,) = device.in_words(asking_for("batched"))
    assert line.startswith("trains with: JAX on the processor, one group of runs on each of 2 ")
    assert line.endswith("(engine batched: the study asks for it)")
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    (line,) = device.in_words(asking_for("batched"))
    assert line.startswith(f"trains with: nothing here. {STUDY.path}: training_engine: batched: ")
    assert "JAX, which is not installed. Install it, or take " in line


def wanting(precision: str) -> list[Experiment]:
    base = STUDY.experiments["base"]
    settings = base.settings.model_copy(update={"precision": precision})
    return [base, replace(base, id="other", settings=settings)]


def test_tf32_is_refused_where_there_is_none_and_nobody_is_asked_for_other_precisions(
    tmp_path, monkeypatch
):
    for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
        device.check_precision(STUDY, wanting(precision), search=True)
    refusal = (
        r"^precision: tensorfloat32 \(other\): what trains here is the processor, and has no TF32; "
        r"NVIDIA GPUs from Ampere .* or take float32 or mixed_bfloat16\.$"
    )
    with pytest.raises(UserError, match=refusal):
        device.check_precision(STUDY, wanting("tensorfloat32"))
    monkeypatch.setitem(machine.COUNTS, "jax", "print(1)")
    driver = tmp_path / "nvidia-smi"
    for said, refused in (("7.5", True), ("9.0", False), ("[N/A]", True)):
        driver.write_text(
            f'#!/bin/sh\ncase "$1" in *cap*) echo "{said}" ;; *name*) echo "A T4" ;; '
            '*) echo "GPU 0: A T4 (UUID: GPU-aa)" ;; esac\n'
        )
        driver.chmod(0o755)
        if refused:
            with pytest.raises(UserError, match=r"the GPU here \(A T4\) has no TF32; "):
                device.check_precision(STUDY, wanting("tensorfloat32"))
        else:
            device.check_precision(STUDY, wanting("tensorfloat32"))


def test_a_search_that_may_try_tf32_is_refused_while_it_is_to_be_done():
    search = replace(STUDY.search, base={**STUDY.search.base, "precision": "tensorfloat32"})
    study = replace(STUDY, search=search)
    device.check_precision(study, [])
    with pytest.raises(UserError, match=r"tensorfloat32 \(search\): "):
        device.check_precision(study, [], search=True)
    varied = Parameter("precision", ("float32", "tensorfloat32"))
    search = replace(STUDY.search, space=(*STUDY.search.space, varied))
    with pytest.raises(UserError, match=r"tensorfloat32 \(search\): "):
        device.check_precision(replace(STUDY, search=search), [], search=True)
