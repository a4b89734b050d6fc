"""What is done every so often, while something else goes on."""

import threading

import pytest

from cnn_study.base.ticking import every


def test_it_is_done_again_and_again_until_the_end():
    third, done = threading.Event(), []

    def do() -> None:
        done.append(threading.current_thread())
        if len(done) == 3:
            third.set()

    with every(0.001, do):
        assert third.wait(30)
    (thread,) = set(done)
    assert not thread.is_alive()
    assert thread.daemon


def test_it_ends_at_once_however_long_it_was_to_wait():
    done = []
    with pytest.raises(KeyboardInterrupt), every(3600, lambda: done.append(1)):
        raise KeyboardInterrupt
    assert done == []
