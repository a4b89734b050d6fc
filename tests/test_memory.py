"""How much memory a training will hold, by hand; what the check says of it, and refuses."""

from dataclasses import replace

import pytest

from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.data.catalog import DATASETS
from cnn_study.execute import memory
from cnn_study.study.merge import load

STUDY = """
title: Tiny
dataset: digits
seeds: 1
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2, batch_size: 1000}
questions:
  width:
    title: Width
    question: Does it?
    hypothesis: Yes.
    changes: {wide: {filters: [4]}}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return load(path)


def test_what_a_training_holds_by_hand(study):
    """8 x 8 digits: 1,797 images of 64 bytes, mapped, and 8 times in work.

    Outputs of the base: 8 x 8 x 2 of the convolution, as many flattened, and 10 at last, for 1,000
    images. Weights: 2 x 9 + 2 and 128 x 10 + 10.
    """
    base = study.experiments["base"]
    assert base.parameters == 1310
    rest = 650 * 2**20 + 9 * 1797 * 64 + 3 * 2.5 * 2**20 + 4 * 1310 * 4
    expected = rest + 1000 * (128 + 128 + 10) * 4
    assert memory.needed(base, DATASETS["digits"]) == expected
    small = replace(base, settings=base.settings.model_copy(update={"batch_size": 8}))
    # 500 are answered together, with four times the largest output.
    assert memory.needed(small, DATASETS["digits"]) == rest + 500 * 4 * 128 * 4


def test_check_says_how_many_fit_side_by_side(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory, "of_this_machine", lambda: 2_000_000_000)
    assert main(["check", str(study.path), "--results", str(tmp_path)]) == 0
    said = "memory: a training holds up to 0.7 GB (wide); in the 2.0 GB of this machine 2 fit side"
    assert said in capsys.readouterr().out


def test_what_this_machine_has_no_memory_for_is_refused(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory, "of_this_machine", lambda: 500_000_000)
    assert main(["check", str(study.path), "--results", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "this machine has 0.5 GB of memory, and a training of base, wide holds more" in said
    with pytest.raises(UserError):
        memory.in_words(study, study.experiments.values())
    assert memory.in_words(study, []) == ""  # where nothing is to be trained


def test_a_container_has_as_much_as_it_may_take(tmp_path, monkeypatch):
    whole = memory.of_this_machine()
    (tmp_path / "memory.max").write_text("1000000\n")
    monkeypatch.setattr(memory, "LIMITS", (tmp_path / "absent", tmp_path / "memory.max"))
    assert memory.of_this_machine() == 1_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.of_this_machine() >= whole
