"""Facts that a maker left are read as they were written, or not at all."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.runs import sealed


class Seen(sealed.Sealed):
    count: int = Field(description="How many.")
    share: float = Field(description="How much of it.")
    names: list[str] = Field(description="Which.")


FACTS = Seen(count=3, share=0.1, names=["ä", "b"])


def refuse(path: Path, fault: str) -> UserError:
    return UserError(f"{path.name}: {fault}")


@pytest.fixture
def path(tmp_path) -> Path:
    sealed.write(tmp_path / "facts.json", FACTS)
    return tmp_path / "facts.json"


def fault_of(path: Path) -> str:
    with pytest.raises(UserError) as error:
        sealed.read(path, Seen, refuse)
    return str(error.value)


def test_facts_are_read_as_they_were_written(path):
    read = sealed.read(path, Seen, refuse)
    # sha256sum of {"count":3,"names":["\u00e4","b"],"share":0.1}
    digest = "c6f1e7b68a0b792c588c11623b49491ab8b3171138ff5dfdff2d4619613c3504"
    assert read == FACTS.model_copy(update={"facts_sha256": digest})


@pytest.mark.parametrize(
    ("old", "new"), [('"count": 3', '"count": 4'), ("0.1", "0.10001"), ('"b"', '"c"')]
)
def test_a_changed_number_or_word_is_seen(path, old, new):
    text = path.read_text()
    path.write_text(text.replace(old, new))
    assert fault_of(path) == f"facts.json: {sealed.CHANGED}"
    path.write_text(text)
    assert sealed.read(path, Seen, refuse).count == 3


def test_how_a_file_is_spaced_and_ordered_is_no_fact(path):
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(facts.items())), indent=4))
    assert sealed.read(path, Seen, refuse).count == 3


def test_facts_of_before_they_had_a_digest_are_read(path):
    facts = json.loads(path.read_text())
    del facts["facts_sha256"]
    path.write_text(json.dumps(facts | {"count": 5}))
    assert sealed.read(path, Seen, refuse).count == 5


def test_what_is_lost_cut_off_or_in_conflict_is_one_message(path):
    text = path.read_text()
    path.write_text(text[:-20])
    assert fault_of(path).startswith("facts.json: Invalid JSON")
    path.write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> x\n")
    assert "holds two versions" in fault_of(path)
    path.unlink()
    assert "No such file" in fault_of(path)


def test_arrays_are_those_that_the_facts_tell_of(path):
    digest = files.write_arrays(path.with_suffix(".npz"), {"a": np.array([1, 2])})
    (array,) = sealed.read_arrays(path, "facts.npz", digest, refuse).values()
    assert array.tolist() == [1, 2]
    for spoilt in (b"", path.with_suffix(".npz").read_bytes()[:-1]):
        path.with_suffix(".npz").write_bytes(spoilt)
        with pytest.raises(UserError, match=re.escape(f"and should be {digest}")):
            sealed.read_arrays(path, "facts.npz", digest, refuse)
    path.with_suffix(".npz").unlink()
    with pytest.raises(UserError, match=r"^facts\.npz: it is not there$"):
        sealed.read_arrays(path, "facts.npz", digest, refuse)
