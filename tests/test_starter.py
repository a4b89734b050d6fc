"""A study in a folder of its own, the package installed from a wheel, with no clone around it."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn_study import starter
from cnn_study.base.errors import UserError
from cnn_study.base.places import unknown_templates
from cnn_study.report import study_checks
from cnn_study.report.authored_text import known_works
from cnn_study.report.templates import fill
from cnn_study.study.merge import load

PROJECT = Path(__file__).parents[1]


def test_the_study_that_a_folder_begins_with_is_sound(tmp_path):
    file, _ = starter.new(tmp_path / "my-study")
    assert file == tmp_path / "my-study/experiments/my-study.yaml"
    study = load(file, also=study_checks.CHECKS)
    assert list(study.experiments) == ["base", "filters-2-4", "filters-8-16"]
    assert "$name" not in "".join(
        path.read_text("utf-8") for path in (tmp_path / "my-study").rglob("*") if path.is_file()
    )


def test_the_grid_that_it_proposes_is_sound_too(tmp_path):
    file, _ = starter.new(tmp_path / "my-study")
    text, proposed = file.read_text("utf-8").split("  #\n", 1)
    file.write_text(text + proposed.replace("  # ", "  "), "utf-8")
    assert len(load(file, also=study_checks.CHECKS).questions["step-and-batch"]) == 3


@pytest.mark.parametrize("name", ["My_Study", "1st", "a--b", "ä"])
def test_a_name_that_no_study_can_have_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=f"^{name}: a study's name is the name of its file"):
        starter.new(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over(tmp_path):
    (tmp_path / "taken").mkdir()
    starter.new(tmp_path / "taken")  # empty: as good as none
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=r"taken is there already, and not empty\. Name a new"):
        starter.new(tmp_path / "taken")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """An environment in which the package is what a wheel brings, and no clone is."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__", "build")
    for name in ("src", "report", "profiles"):
        shutil.copytree(PROJECT / name, source / name, ignore=ignored)
    carried = ("pyproject.toml", "setup.py", "environment.yml", "requirements.lock",
               "CITATION.cff", "LICENSE")  # fmt: skip
    for name in (*carried, "README.md"):
        shutil.copy(PROJECT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", folder / "site", source],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    shutil.rmtree(source)
    return {**os.environ, "PYTHONPATH": str(folder / "site"), "CNN_STUDY_DATA": ""}


def ask(environment: dict[str, str], folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", *words]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def draw_pictures(folder: Path) -> None:
    """Make images of noise of two classes."""
    for number in range(40):
        path = folder / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3), dtype="uint8")
        Image.fromarray(pixels).save(path)


@pytest.mark.slow
def test_pictures_become_a_report_in_a_folder_of_its_own(installed, tmp_path):
    draw_pictures(tmp_path / "pictures")
    where = ask(installed, tmp_path, "cnn_study", "new", "mine", "--images", "pictures")
    assert "40 files of 2 classes (cat 20, dog 20); images are 20 pixels high and 20 wide" in where
    assert "cnn-study check mine" in where
    folder, file = tmp_path / "mine", tmp_path / "mine/experiments/mine.yaml"
    text = file.read_text("utf-8").split("  dropout:")[0]
    text = re.sub(r"^seeds: 3 ", "seeds: 1 ", text, flags=re.MULTILINE)
    text = re.sub(r"^      (flip|shift-\d+): .*\n", "", text, flags=re.MULTILINE)
    file.write_text(re.sub(r"epochs: \d+", "epochs: 1", text))
    (folder / "report/sections").mkdir(parents=True)
    own = "# What we think of it {#sec-limits}\n\nSee [@nobody2026]."  # without a last line break
    (folder / "report/sections/limits.qmd.j2").write_text(own)
    work = "@misc{nobody2026, title = {A work of our own}, author = {Nobody, N.}, year = {2026}}\n"
    (folder / "report/references.bib").write_text(work)
    cited = "title: A study of ours\nauthors: [{name: We}]\nversion: 1\n"
    cited += "date-released: 2026-01-31\nlicense: CC0-1.0\n"
    (folder / "CITATION.cff").write_text(cited)
    snakemake = ("snakemake", "--cores", "2", "--quiet", "host")
    assert "To train: 2 runs (base seed 1; flip-and-shift seed 1), about" in ask(
        installed, folder, *snakemake, "--dry-run"
    )
    assert not (folder / "experiments/mine.data.json").exists()
    ask(installed, folder, *snakemake)
    page = (folder / "results/mine/report/index.html").read_text("utf-8")
    assert "What a small network sees in mine" in page
    assert "What we think of it" in page
    assert "A Work of Our Own" in page
    assert (folder / "results/mine/report/index.pdf").read_bytes().startswith(b"%PDF")
    (tmp_path / "pictures/cat/1.png").rename(tmp_path / "pictures/cat/another name.png")
    assert "Nothing to be done" in ask(installed, folder, *snakemake)
    image = str(tmp_path / "pictures/cat/3.png")
    assert " of 8 test images right (guessing gets 50.00 %):" in ask(
        installed, folder, "cnn_study", "predict", "mine", image
    )
    archive_and_check(installed, folder, tmp_path / "elsewhere")


def archive_and_check(installed: dict[str, str], folder: Path, elsewhere: Path) -> None:
    """Pack the study, and check it where nothing of cnn-study is but what the archive brings."""
    text = (folder / "results/mine/report/index.qmd").read_text("utf-8")
    assert "author       = {{We}}" in text
    person = ("-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false")
    for words in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "All of it"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    ask(installed, folder, "cnn_study", "archive", "mine")
    with zipfile.ZipFile(folder / "results/mine/archive/mine.zip") as packed:
        packed.extractall(elsewhere)
    environment = {key: value for key, value in installed.items() if key != "PYTHONPATH"}
    ended = subprocess.run(
        ["bash", "verify.sh", sys.executable], cwd=elsewhere, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    assert "Nothing to be done" in ended.stdout
    for name in (
        "setup.py",
        "requirements.lock",
        "src/cnn_study/__main__.py",
        "report/_quarto.yml",
    ):
        assert (elsewhere / "cnn-study" / name).is_file()
    assert not (elsewhere / "cnn-study/src/cnn_study/project").exists()
    crate = json.loads((elsewhere / "ro-crate-metadata.json").read_text("utf-8"))
    (root,) = (entity for entity in crate["@graph"] if entity["@id"] == "./")
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC0-1.0"}
    assert root["author"] == {"@id": "#We"}


@pytest.mark.slow
def test_the_console_script_is_the_command(installed):
    folder = Path(installed["PYTHONPATH"])
    ended = subprocess.run(
        [sys.executable, folder / "bin/cnn-study", "check", "nowhere"],
        env=installed, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.startswith("There is no study file experiments/nowhere.yaml")


def test_what_a_person_wrote_in_another_encoding_is_one_message(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report/sections").mkdir(parents=True)
    (tmp_path / "report/sections/limits.qmd.j2").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match=r"limits\.qmd\.j2 cannot be read as UTF-8 text"):
        fill(Path("report/sections/limits.qmd.j2"), {})
    (tmp_path / "report/references.bib").write_bytes(b"@misc{caf\xe9,\n}")
    with pytest.raises(UserError, match=r"references\.bib cannot be read as UTF-8 text"):
        known_works(tmp_path / "report/references.bib")


def test_a_template_that_takes_no_other_one_s_place_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert unknown_templates() == []
    (tmp_path / "report/sections").mkdir(parents=True)
    for name in ("limits", "limit"):
        (tmp_path / f"report/sections/{name}.qmd.j2").write_text("Words.")
    assert unknown_templates() == [Path("report/sections/limit.qmd.j2")]
