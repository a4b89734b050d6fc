"""Processes that train for a command: they take no other with them, and end with a word."""

import os
import signal
import time

import pytest

from cnn_study.base.errors import UserError
from cnn_study.execute import workers
from cnn_study.train import machine

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (signal.SIGKILL, "by SIGKILL, as the system does where memory is short"),
        (signal.SIGSEGV, "by SIGSEGV, a segmentation fault, as a backend has where memory is"),
    ],
)
def test_a_worker_that_is_ended_takes_no_other_with_it_and_the_next_job_gets_a_new_one(
    number, says
):
    with workers.Workers(2) as pool:
        jobs = [pool.submit(time.sleep, 1), pool.submit(_end_by, number)]
        assert not workers.wait(jobs)
        assert jobs[0].result() is None
        assert str(jobs[1].exception()).startswith(says)
        assert workers.wait([pool.submit(time.sleep, 0) for _ in range(2)])


def test_a_worker_that_somebody_stops_stops_the_command():
    with workers.Workers(1) as pool:
        jobs = [pool.submit(_end_by, signal.SIGTERM), pool.submit(time.sleep, 100)]
        with pytest.raises(UserError, match=r"ended by SIGTERM\. Nothing is lost: run again\."):
            workers.wait(jobs)
        assert jobs[1].cancelled() or jobs[1].exception().asked


def test_a_fault_in_a_worker_keeps_its_traceback():
    with workers.Workers(1) as pool:
        with pytest.raises(ValueError, match="invalid literal") as caught:
            workers.wait([pool.submit(int, "one")])
        assert "in _outcome" in caught.value.__notes__[0]
        with pytest.raises(UserError, match="no such place") as caught:
            workers.wait([pool.submit(_refuse)])
        assert not hasattr(caught.value, "__notes__")


def test_each_worker_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv(machine.KNOWN, "")  # so that it is put back to what it was
    machine.hand_on(["7", "8"])
    with workers.Workers(2) as pool:
        jobs = [pool.submit(_gpu_after_a_second) for _ in range(2)]
        assert sorted(job.result() for job in jobs) == ["7", "8"]


def _gpu_after_a_second() -> str:
    time.sleep(1)  # in which the other worker does the other job
    return os.environ["CUDA_VISIBLE_DEVICES"]


def test_workers_that_are_killed_as_they_begin_end_the_command_with_a_message(monkeypatch):
    monkeypatch.setattr(workers, "PROGRAM", "import os; os.kill(os.getpid(), 9)")
    with workers.Workers(1) as pool:
        job = pool.submit(time.sleep, 0)
        with pytest.raises(UserError, match=r"ended from outside.*Nothing is lost: run again"):
            workers.wait([job])


def _end_by(number: int) -> None:
    """End as a process does that the system or its own fault ends."""
    os.kill(os.getpid(), number)
    time.sleep(10)


def _refuse() -> None:
    raise UserError("no such place")
