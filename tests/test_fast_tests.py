"""The line between fast and slow tests."""

from pathlib import Path

import pytest

from conftest import LONG
from fast_tests import acts_of

PLANTED = """
import subprocess, sys
import pytest

@pytest.fixture
def browser():
    import playwright

@pytest.fixture(scope="module")
def trained():
    import keras.layers

def test_imports():
    import tensorflow.nn

def test_starts():
    subprocess.run([sys.executable, "-c", "", "snakemake"], check=True)

def test_asks_for_what_imports(trained):
    pass

def test_of_a_browser(browser):
    pass

@pytest.mark.slow
def test_marked():
    import jax

def test_fast():
    import kerastuner, json
    subprocess.run([sys.executable, "-c", "'snakemake'"], check=True)
"""


@pytest.mark.parametrize(
    ("command", "acts"),
    [
        (["/usr/bin/python3", "-m", "snakemake", "--cores", "1"], ["starts snakemake"]),
        (["/opt/playwright/driver/node", "run-driver"], ["starts playwright"]),
        (["python3", "-m", "cnn_study", "train", "mine"], ["starts cnn_study train"]),
        (["python3", "-m", "cnn_study", "check", "train.yaml"], []),
        (["python3", "-c", "import keras.layers"], ["starts what does import keras"]),
        (["python3", "-c", "from x import import_keras"], ["starts what does import_keras"]),
        (["git", "-C", "keras", "init"], []),
    ],
)
def test_a_command_tells_what_takes_long(command, acts):
    assert acts_of(command) == acts


@pytest.fixture
def planted(pytester: pytest.Pytester, monkeypatch) -> pytest.Pytester:
    """Tests of another project, where what takes long to import is empty."""
    pytester.makepyfile(
        test_planted=PLANTED, jax="", kerastuner="", playwright="",
        **{"keras/__init__": "", "keras/layers": "",
           "tensorflow/__init__": "", "tensorflow/nn": ""},
    )  # fmt: skip
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\nmarkers = ["slow"]\npythonpath = ["."]\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # of the plugin alone
    return pytester


def test_a_fast_test_that_does_what_slow_ones_do_fails(planted):
    ended = planted.runpytest_subprocess("-p", "fast_tests", "-q")
    ended.assert_outcomes(passed=6, errors=3)
    ended.stdout.fnmatch_lines_random(
        [
            "*ERROR at teardown of test_imports*",
            "it imports tensorflow: mark it with pytest.mark.slow",
            "*ERROR at teardown of test_starts*",
            "it starts snakemake: mark it with pytest.mark.slow",
            "*ERROR at teardown of test_asks_for_what_imports*",
            "it imports keras: mark it with pytest.mark.slow",
        ]
    )


def test_what_asks_for_a_browser_or_a_backend_is_slow_without_a_mark(planted):
    ended = planted.runpytest_subprocess("-p", "fast_tests", "-m", "not slow", "--collect-only")
    said = ended.stdout.str()
    assert "4/6 tests collected (2 deselected)" in said
    assert "test_of_a_browser" not in said


def test_files_that_begin_first_are_there():
    assert [name for name in LONG if not (Path(__file__).parent / name).is_file()] == []
