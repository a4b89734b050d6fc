"""What measures speed names parts of the package that are there; running them takes hours."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


def programs_in(source: str) -> Iterator[ast.Module]:
    """A script, and those that it holds as text for processes of their own."""
    script = ast.parse(source)
    yield script
    for node in ast.walk(script):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and "import " in node.value
        ):
            try:
                yield ast.parse(node.value)
            except SyntaxError:
                continue  # prose


def file_of(module: str) -> Path | None:
    path = SOURCES / module.replace(".", "/")
    places = (path.with_suffix(".py"), path / "__init__.py")
    return next((place for place in places if place.is_file()), None)


def names_in(path: Path) -> set[str]:
    """The names that a module has at its top, imported ones included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return names


def unknown_in(program: ast.Module) -> list[str]:
    """Name what a program takes from the package and is not there."""
    unknown, modules = [], {}
    for node in ast.walk(program):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("cnn_study"):
            continue
        source = file_of(node.module)
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            if file_of(whole):
                modules[alias.asname or alias.name] = whole
            elif source is None or alias.name not in names_in(source):
                unknown.append(whole)
    for node in ast.walk(program):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module and node.attr not in names_in(file_of(module)):
                unknown.append(f"{module}.{node.attr}")
    return unknown


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_names_parts_of_the_package_that_are_there(path):
    programs = list(programs_in(path.read_text("utf-8")))
    assert [name for program in programs for name in unknown_in(program)] == []


def test_what_is_not_there_is_seen():
    text = (
        "CODE = '''\n"
        "from cnn_study import study, training\n"
        "from cnn_study.train import machine, no_such\n"
        "machine.one_thread(), machine.no_thread(), study.load()\n"
        "'''"
    )
    assert [name for program in programs_in(text) for name in unknown_in(program)] == [
        *("cnn_study.training", "cnn_study.train.no_such"),
        *("cnn_study.train.machine.no_thread", "cnn_study.study.load"),
    ]


CONVOLUTIONS = """
import numpy as np
from cnn_study.train.machine import import_keras
import_keras()
import gpu
for size in (3, 4):
    images, kernels = (2, 3, 6, 5, 3), (2, size, size, 3, 4)
    (_, plain), (_, patched) = (
        gpu._timed(way, images, kernels, 1) for way in (gpu.plainly, gpu.by_patches)
    )
    print([array.shape for array in plain] == [images, kernels],
          max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(plain, patched)) < 1e-5)
"""


@pytest.mark.slow
def test_a_convolution_by_patches_has_the_gradients_of_one():
    """Of two members, images that are not square, and a kernel with an even side."""
    pytest.importorskip("jax", reason="JAX is not installed")
    ended = subprocess.run(
        [sys.executable, "-c", CONVOLUTIONS],
        env=os.environ
        | {"KERAS_BACKEND": "jax", "PYTHONPATH": f"{SOURCES}{os.pathsep}{ROOT / 'benchmarks'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "True True\n" * 2), ended.stderr
