"""By a signal a process ends in time, with all that it started, and nothing of it stays behind."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

# Subprocess forks where it is to change signals, and JAX, which another test may have imported,
# warns of forks: what is begun here is another program at once.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

BEGIN = "from cnn_study.base.stopping import stop_on_signals; stop_on_signals(1.0)\n"
SLEEPS = "import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); {SLEEPS}"


def start(script: str, **options: object) -> subprocess.Popen:
    """Start a script and wait for its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, **options,
    )  # fmt: skip
    process.stdout.readline()
    return process


def default(number: int):
    """Let a signal be as it is for what a terminal starts."""
    return lambda: signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_what_is_in_hand_is_left_in_order(number):
    script = f"try:\n print(flush=True); {SLEEPS}\nfinally:\n print('in order', flush=True)"
    process = start(script, preexec_fn=default(number))
    process.send_signal(number)
    said, _ = process.communicate(timeout=10)
    assert said == "in order\n"
    assert process.returncode != 0


def test_a_second_signal_does_not_disturb_the_end():
    script = (
        f"try:\n print(flush=True); {SLEEPS}\n"
        "finally:\n import time; print('now', flush=True); time.sleep(0.3); print('whole')"
    )
    process = start(script)
    process.terminate()
    process.stdout.readline()
    process.terminate()
    assert process.communicate(timeout=10)[0] == "whole\n"


@pytest.mark.parametrize("child", [SLEEPS, DEAF])
def test_no_process_below_outlives_it(child):
    """Not one that takes no signal either, and not the child of a shell that waits for it."""
    script = (
        "import subprocess, sys\n"
        f"shell = ['bash', '-c', '\"$0\" -c \"$1\"; true', sys.executable, {child + ' # {}'!r}]\n"
        "below = subprocess.Popen(shell, stdout=subprocess.PIPE)\n"
        "time_ = __import__('time'); time_.sleep(0.5); print(flush=True); below.wait()"
    )
    process = start(script)
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) == 2
    process.terminate()
    process.communicate(timeout=10)
    assert psutil.wait_procs(below, timeout=5)[1] == []


def test_what_does_not_end_by_itself_ends_all_the_same():
    """As where a library waits, or takes every exception for its own."""
    script = (
        "import time\n"
        "while True:\n try: print(flush=True); time.sleep(60)\n except BaseException: pass"
    )
    process = start(script)
    clock = time.monotonic()
    process.terminate()
    process.communicate(timeout=10)
    assert time.monotonic() - clock < 5
    assert process.returncode == 128 + signal.SIGTERM


def test_a_signal_that_is_ignored_stays_so():
    """As `nohup` has it: who closes a terminal wants the command to go on."""
    script = "import time; print(flush=True); time.sleep(0.5); print('went on')"
    ignored = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    process = start(script, preexec_fn=ignored)
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=10)[0] == "went on\n"
    assert process.returncode == 0


def test_a_worker_ends_with_its_parent_however_that_ends():
    script = (
        "import os, sys, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from cnn_study.base.stopping import end_with\n"
        "pool = ProcessPoolExecutor(1, get_context('spawn'), end_with, (os.getpid(),))\n"
        "print(pool.submit(os.getpid).result(), flush=True)\n"
        "pool.submit(time.sleep, 60).result()"
    )
    process = start(script)
    below = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    assert psutil.wait_procs(below, timeout=10)[1] == []


SLOW_IMPORT = """
import importlib.abc, runpy, sys, time
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *others):
        if name == "pydantic":
            print(flush=True)
            time.sleep(60)
sys.meta_path.insert(0, Slow())
sys.argv = ["cnn-study", "check", "digits"]
runpy.run_module("cnn_study", run_name="__main__")
"""


def test_ctrl_c_while_a_command_imports_what_it_needs_leaves_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_IMPORT], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == -signal.SIGINT


def test_to_import_the_command_leaves_ctrl_c_as_it_was():
    script = (
        "import signal; before = signal.getsignal(signal.SIGINT); import cnn_study.__main__; "
        "print(signal.getsignal(signal.SIGINT) is before)"
    )
    for handler in (signal.default_int_handler, signal.SIG_IGN):
        told = subprocess.check_output(
            [sys.executable, "-c", script], text=True,
            preexec_fn=lambda handler=handler: signal.signal(signal.SIGINT, handler),
        )  # fmt: skip
        assert told == "True\n"


def test_what_nobody_takes_is_told_in_a_line():
    script = (
        "from cnn_study.base.stopping import told_in_a_line; told_in_a_line()\n"
        f"print(flush=True); {SLEEPS}"
    )
    process = start(script, preexec_fn=default(signal.SIGINT))
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == (
        "stopped; whatever is whole is kept, and the same command goes on\n"
    )
