"""Outputs that are full, broken or closed: a line where one can be read, a status, no traceback."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_study.__main__ import main

PROJECT = Path(__file__).parents[1]
BROKEN = "| true"
FULL = "cannot be written: No space left on device"


def told(command: str) -> tuple[int, str]:
    """Run a command of the project in a shell; give its status and all that was said."""
    script = f"set -o pipefail; {sys.executable} -m cnn_study {command}"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    ended = subprocess.run(
        ["bash", "-c", script], cwd=PROJECT, env=environment, timeout=60, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return ended.returncode, ended.stdout.strip()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (">/dev/full", f"<stdout> {FULL}"),
        (">&-", "stdout is closed: name a place for it, such as /dev/null"),
        ("2>&- >/dev/null", ""),
        (BROKEN, ""),
        (f"2>&1 >/dev/full {BROKEN}", ""),
    ],
)
def test_a_command_that_cannot_speak_ends_with_a_status_and_without_a_traceback(where, said):
    assert told(f"check digits {where}") == (1, said)


def test_help_that_cannot_be_said_ends_with_a_status():
    assert told("--help >/dev/full") == (1, f"<stdout> {FULL}")
    assert told("check --help >/dev/full") == (1, f"<stdout> {FULL}")
    assert told("check --help >/dev/null") == (0, "")
    assert told("nonsense >/dev/full")[0] == 2


@pytest.mark.parametrize(
    "command",
    [
        "check digits --results ''", "train digits base/seed-1 --data ''", "docs --output ''",
        "verify digits --work ''", "figures digits --png ''", "check digits --log ''", "new ''",
    ],
)  # fmt: skip
def test_an_empty_path_is_refused_and_nothing_is_written(command, tmp_path, monkeypatch, capsys):
    """Python takes it for the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^2$"):
        main(shlex.split(command))
    said = capsys.readouterr().err.rstrip()
    assert said.endswith(": it is empty; give a path, or leave the option out")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_heard_on_the_way_stops_nothing(tmp_path):
    """A line on stderr that nobody can read, in the midst of a command that goes on."""
    script = """
import sys
from cnn_study import __main__ as here
from cnn_study.runs import heartbeat
def speak(options):
    heartbeat.log("where it is")
    options.output.write_text("whole")
here._docs = speak
sys.argv = ["cnn-study", "docs", "--output", sys.argv[1]]
here.command()
"""
    path = tmp_path / "made.txt"
    with open("/dev/full", "w") as full:
        ended = subprocess.run([sys.executable, "-c", script, path], stderr=full, check=False)
    assert ended.returncode == 1
    assert path.read_text() == "whole"


def test_a_fault_of_a_file_is_no_fault_of_an_output():
    """It has a name, or leaves the outputs as they are: then its traceback is shown."""
    script = (
        "import errno; from cnn_study.base import outputs;"
        "print(outputs.is_fault_of_output(OSError(errno.ENOSPC, 'full', 'name')),"
        "outputs.is_fault_of_output(OSError(errno.ENOSPC, 'full')), outputs.unheard())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["False", "False", "False"]


CHATTER = """
import os
from cnn_study.base import outputs
with outputs.without("^I0000 |told in vain"):
    os.write(2, b"I0000 a library begins\\na fault\\nit was told in vain\\n")
    {end}
os.write(2, b"I0000 after it\\n")
"""


def test_a_process_that_is_begun_meanwhile_is_not_waited_for():
    program = """
import subprocess
from cnn_study.base import outputs
with outputs.without("^I0000 "):
    begun = subprocess.Popen(["sh", "-c", "cat; echo I0000 >&2"], stdin=subprocess.PIPE,
                             stderr=outputs.screen())
begun.communicate()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "I0000\n")


@pytest.mark.parametrize(
    ("end", "status", "after"), [("pass", 0, "I0000 after it\n"), ("os.abort()", -6, "")]
)
def test_chatter_is_kept_back_and_a_fault_is_not(end, status, after):
    """Also where the process is aborted at once, as a library of C++ does."""
    ended = subprocess.run(
        [sys.executable, "-c", CHATTER.format(end=end)], capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (status, f"a fault\n{after}")
