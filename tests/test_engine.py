"""Which engine trains."""

import os
from pathlib import Path

import pytest

import records_by_hand
from cnn_study.base.errors import UserError
from cnn_study.execute import progress
from cnn_study.study.merge import load
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


STUDY = """\
title: A study
dataset: digits
seeds: 2
{asked}
base: {{epochs: 1}}
questions:
  rate:
    title: Learning rate
    question: Is another one better?
    hypothesis: It is.
    changes:
      slower: {{learning_rate: 0.0001}}
      faster: {{learning_rate: 0.01}}
"""


def study_that_asks(folder: Path, asked: str):
    path = folder / "mine.yaml"
    path.write_text(STUDY.format(asked=asked))
    return load(path)


def test_the_study_asks_after_the_command_line_and_the_environment(gpus, tmp_path, monkeypatch):
    study = study_that_asks(tmp_path, "training_engine: batched")
    assert engine.choose(study=study) == engine.Choice("batched", "the study asks for it")
    assert engine.choose("processes", study=study).engine == "processes"
    assert engine.choose("auto", study=study).why == "JAX sees no GPU"
    for known in ("processes", "auto", f"processes {engine.platform.node()}"):
        monkeypatch.setenv(engine.KNOWN, known)
        assert engine.choose(study=study).engine == "processes"
    monkeypatch.setenv(engine.KNOWN, "processes elsewhere")
    assert engine.choose(study=study).engine == "batched"
    monkeypatch.setenv(engine.KNOWN, "")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert (
        engine.choose(study=study).why == "KERAS_BACKEND is tensorflow; the study asks for batched"
    )
    monkeypatch.setenv("KERAS_BACKEND", "")
    gpus(1)
    asked = study_that_asks(tmp_path, "training_engine: processes")
    assert engine.choose(study=asked) == engine.Choice("processes", "the study asks for it")
    assert engine.settle(study=asked) == "processes"
    assert os.environ[engine.KNOWN] == f"processes {engine.platform.node()}"
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    monkeypatch.setenv(engine.KNOWN, "")
    with pytest.raises(UserError, match=r"mine\.yaml: training_engine: batched: .* not installed"):
        engine.choose(study=study)


def test_an_engine_changes_no_name_of_a_run_and_none_that_is_unknown_is_taken(tmp_path):
    names = [
        [each.fingerprint for each in study_that_asks(tmp_path, asked).experiments.values()]
        for asked in ("", "training_engine: batched")
    ]
    assert names[0] == names[1]
    with pytest.raises(UserError, match=r"training_engine.*'auto', 'processes' or 'batched'"):
        study_that_asks(tmp_path, "training_engine: fast")


def test_where_runs_of_both_engines_meet_is_told_and_where_they_would(gpus, tmp_path):
    study, results = study_that_asks(tmp_path, ""), tmp_path / "results"

    def train(id_: str, seed: int, by: str) -> None:
        record = records_by_hand.make(study, id_, seed)
        whence = record.provenance.model_copy(update={"engine": by})
        records_by_hand.write(study, results, record.model_copy(update={"provenance": whence}))

    assert progress.engines(study, results) == []
    for seed in (1, 2):
        train("base", seed, "batched")
    train("slower", 1, "batched")
    (line,) = progress.engines(study, results)
    assert line == (
        "engines: what is missing would be trained by processes, and runs of both be in slower, "
        "slower against base, faster against base. With training_engine: batched in the study's "
        "file they are not"
    )
    asking = study_that_asks(tmp_path, "training_engine: batched")
    assert progress.engines(asking, results) == []
    train("slower", 2, "processes")
    (line,) = progress.engines(asking, results)
    assert line.startswith("engines: runs of both are in slower, slower against base. Of one seed ")
