"""Publishing: pages that say which commit they show, made of nothing but that commit."""

import hashlib
import json
import re
import subprocess

import pytest

from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.report import publication
from cnn_study.runs import stages
from cnn_study.study.merge import load

CLAIMS = "claim,section,sentence,printed,made,cells,values,runs,without_runs"

STUDY = """\
title: By hand
dataset: digits
seeds: 2
base: {filters: [2], epochs: 2, validation_fraction: 0.2}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A study in a checkout, with a text that somebody wrote, as if all stages were current."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/mine.yaml").write_text(STUDY)
    text = tmp_path / "results/mine/report/index.qmd"
    text.parent.mkdir(parents=True)
    text.write_text("---\ntitle: By hand\ndate: 2026-01-02\nformat:\n  html: default\n  typst: "
                    "default\n---\n\n# Words {#sec-words}\n\nA few words.\n")  # fmt: skip
    text.with_name("claims.csv").write_text(f"{CLAIMS}\n1,Words{',' * 7}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "stale", lambda stage, site: place_.stale.get(stage.name, []))

    class Place:
        stale: dict[str, list[str]] = {"pages": ["never made"]}  # noqa: RUF012
        folder = tmp_path

        def git(self, *command: str) -> str:
            person = ["-c", "user.name=A", "-c", "user.email=a@b.invalid"]
            return subprocess.run(
                ["git", "-C", tmp_path, *person, "-c", "commit.gpgsign=false", *command],
                check=True, capture_output=True, text=True,
            ).stdout.strip()  # fmt: skip

        def publish(self):
            study = load(tmp_path / "experiments/mine.yaml")
            return publication.publish(study, tmp_path / "results/mine")

        def commit(self) -> str:
            self.git("init", "-q")
            self.git("add", ".")
            self.git("commit", "-qm", "All of it")
            return self.git("rev-parse", "HEAD")

    place_ = Place()
    return place_


@pytest.mark.slow
def test_the_pages_say_which_commit_they_show(place):
    commit = place.commit()
    folder = place.publish()
    about = json.loads((folder / "publication.json").read_text("utf-8"))
    assert (about["study"], about["commit"]) == ("mine", commit)
    listed = (folder / "claims.csv").read_text("utf-8").splitlines()
    assert listed == [f"{CLAIMS},commit", f"1,Words{',' * 7},{commit}"]
    digest = hashlib.sha256((folder / "claims.csv").read_bytes()).hexdigest()
    assert about["sha256"]["claims.csv"] == digest
    said = f"2 January 2026, published from commit {commit[:10]}"
    page = re.sub(r"<[^>]+>", "", (folder / "index.html").read_text("utf-8"))
    assert said in page
    pypdf = pytest.importorskip("pypdf")
    first = pypdf.PdfReader(folder / "index.pdf").pages[0].extract_text()
    assert commit[:10] in first
    assert place.git("status", "--porcelain") == "?? results/mine/published/"
    assert place.publish() == folder  # again: what is published is no difference
    place.commit()
    assert place.publish() == folder  # nor are pages that are committed and now name another commit
    assert "M results/mine/published/index.html" in place.git("status", "--porcelain")
    assert place.publish() == folder


def test_what_is_in_no_commit_is_not_published(place):
    with pytest.raises(UserError, match=r"is in no checkout with a commit.*git commit"):
        place.publish()
    commit = place.commit()
    (place.folder / "experiments/mine.yaml").write_text(STUDY + "# A comment.\n")
    (place.folder / "a new one").write_text("1")
    with pytest.raises(UserError) as error:
        place.publish()
    lines = str(error.value).splitlines()
    assert lines[0] == f"what is here differs from commit {commit[:10]}:"
    assert lines[1:3] == ["  experiments/mine.yaml", "  a new one"]
    assert not (place.folder / "results/mine/published").exists()


def test_of_a_checkout_of_another_user_git_says_what_to_do(place, monkeypatch):
    """Not that it is none, with the advice to make one."""
    place.commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UserError, match=r"(?s)git says: fatal: .*--add safe\.directory") as error:
        place.publish()
    assert "git init" not in str(error.value)


def test_what_is_not_current_is_not_published(place, capsys):
    place.commit()
    place.stale = {"evidence": ["code"], "text": [], "pages": []}
    assert main(["publish", "mine"]) == 2
    assert capsys.readouterr().err.startswith("evidence of mine: not current. Make them first")
