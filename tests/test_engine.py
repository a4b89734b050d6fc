"""Which engine trains."""

import os

import pytest

from cnn_study.base.errors import UserError
from cnn_study.train import engine, machine


@pytest.fixture
def gpus(monkeypatch):
    """A machine of which JAX sees so many GPUs, and nothing was asked for."""
    for name in (engine.KNOWN, "KERAS_BACKEND"):
        monkeypatch.setenv(name, "")

    def see(count: int) -> None:
        monkeypatch.setattr(machine, "count_gpus", {"jax": count, "tensorflow": 0}.__getitem__)

    see(0)
    return see


def test_jax_trains_in_batches_where_it_sees_a_gpu_and_nowhere_else(gpus, monkeypatch):
    assert engine.choose() == engine.Choice("processes", "JAX sees no GPU")
    gpus(1)
    assert engine.choose() == engine.Choice("batched", "JAX sees a GPU")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert engine.choose() == engine.Choice("processes", "KERAS_BACKEND is tensorflow")
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert engine.choose() == engine.Choice("processes", "JAX is not installed")


def test_whatever_is_asked_for_is_taken(gpus):
    assert engine.choose("batched").engine == "batched"
    gpus(1)
    assert engine.choose("processes").engine == "processes"


def test_an_engine_that_cannot_be_had_is_one_message(gpus, monkeypatch):
    with pytest.raises(UserError, match=r"^--engine fast: allowed are auto, processes, batched\.$"):
        engine.choose("fast")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(UserError, match=r"^--engine batched: .* KERAS_BACKEND is tensorflow\."):
        engine.choose("batched")
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^training_engine=batched: .* not installed\. Install"):
        engine.choose("batched", "training_engine=")
    monkeypatch.setenv(engine.KNOWN, "slow")
    with pytest.raises(UserError, match=r"^CNN_STUDY_ENGINE=slow: allowed are"):
        engine.choose()


def test_what_is_trained_again_is_trained_as_it_was(gpus, monkeypatch):
    """And what comes after it as before; where JAX is not there, by what is."""
    with engine.as_recorded("batched"):
        assert engine.choose().engine == "batched"
        assert os.environ["KERAS_BACKEND"] == "jax"
    assert engine.choose().engine == "processes"
    assert os.environ["KERAS_BACKEND"] == ""
    gpus(1)
    with engine.as_recorded("processes"):
        assert engine.choose().engine == "processes"
    assert engine.choose().engine == "batched"
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with engine.as_recorded("batched"):
        assert engine.choose().engine == "processes"


def test_what_was_settled_is_handed_on(gpus):
    assert engine.settle("batched") == "batched"
    assert (os.environ[engine.KNOWN], os.environ["KERAS_BACKEND"]) == ("batched", "jax")
    assert engine.choose().engine == "batched"
    assert engine.settle() == "batched"
    assert os.environ[engine.KNOWN] == "batched"


def test_what_a_machine_found_out_holds_on_that_machine_alone(gpus, monkeypatch):
    monkeypatch.setattr(engine.platform, "node", lambda: "login")
    assert engine.settle() == "processes"
    gpus(1)
    assert engine.settle() == "processes"
    assert os.environ[engine.KNOWN] == "processes login"
    monkeypatch.setattr(engine.platform, "node", lambda: "node7")
    assert engine.settle() == "batched"
    assert os.environ[engine.KNOWN] == "batched node7"
