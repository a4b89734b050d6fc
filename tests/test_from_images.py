"""A study begun for images that nobody has studied."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn_study import starter
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.report import study_checks
from cnn_study.starter.from_images import suggest_groups
from cnn_study.study import own_images
from cnn_study.study.cautions import cautions
from cnn_study.study.merge import load


def draw(path: Path, number: int, height: int = 16, width: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype="uint8")
    Image.fromarray(pixels).save(path)


def draw_all(folder: Path, sizes: dict[str, int], height: int, width: int, differ: int = 0) -> None:
    """Make images of noise; the sizes of those of an odd number differ."""
    for label, count in sizes.items():
        for number in range(count):
            more = differ * (number % 2)
            draw(folder / label / f"{number}.png", hash((label, number)) % 2**32,
                 height + more, width + more)  # fmt: skip


def begin(folder: Path, images: Path):
    """Begin a study, read its images, and give it with what was said."""
    file, lines = starter.new(folder, images)
    dataset = own_images.known_or_looked_at(file)
    return load(file, also=study_checks.CHECKS, dataset=dataset), "\n".join(lines)


def test_classes_are_counted_the_largest_first_and_then_in_their_order(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (26, 8, 8), "uint8")
    labels = np.array([11, 9, 10] + [1, 11, 10, 9] * 5 + [2, 2, 1])
    np.savez(tmp_path / "some.npz", x_train=images, y_train=labels)
    _, said = begin(tmp_path / "garden", tmp_path / "some.npz")
    assert "26 images of 5 classes (1 6, 9 6, 10 6, 11 6, 2 2); images are" in said


def test_images_of_one_size_keep_it(tmp_path):
    draw_all(tmp_path / "pictures", {"cat": 12, "dog": 8}, 20, 24)
    study, said = begin(tmp_path / "garden", tmp_path / "pictures")
    assert study.name == "garden"
    assert study.dataset.image_shape == (20, 24, 3)
    assert "20 files of 2 classes (cat 12, dog 8); images are 20 pixels high and 24 wide" in said
    assert len(study.experiments) * len(study.seeds) == 30
    assert len(study.file.questions) == 5


def test_what_check_would_refuse_is_told_when_the_study_is_made(tmp_path, capsys, monkeypatch):
    """A name that the report has no font for, as of two signs in Chinese; the study stays."""
    draw_all(tmp_path / "pictures", {"cat": 12, "\u6f22\u5b57": 12}, 20, 20)
    monkeypatch.chdir(tmp_path)
    assert main(["new", "garden", "--images", "pictures"]) == 2
    said = capsys.readouterr().err
    assert "hold signs that neither the figures' font nor the PDF's fonts have: 漢, 字" in said
    assert "garden is made nevertheless: change garden/experiments/garden.yaml" in said
    assert Path("garden/experiments/garden.yaml").is_file()


def test_a_place_that_is_named_by_way_of_another_is_written_straight(tmp_path, monkeypatch):
    draw_all(tmp_path / "pictures", {"cat": 6, "dog": 6}, 20, 20)
    (tmp_path / "studies").mkdir()
    monkeypatch.chdir(tmp_path / "studies")
    begin(Path("garden"), Path("../pictures"))
    written = Path("garden/experiments/garden.yaml").read_text()
    assert f'folder: "{tmp_path}/pictures"' in written


def test_images_of_many_sizes_are_brought_to_one_that_fits(tmp_path):
    draw_all(tmp_path / "pictures", {"cat": 6, "dog": 6}, 70, 100, differ=9)
    study, said = begin(tmp_path / "garden", tmp_path / "pictures")
    assert study.dataset.image_shape == (64, 64, 3)
    assert "images are 70 to 79 pixels high and 100 to 109 wide" in said
    assert "brought to 64×64 pixels" in said
    draw_all(tmp_path / "small", {"cat": 6, "dog": 6}, 21, 19, differ=1)
    study, _ = begin(tmp_path / "meadow", tmp_path / "small")
    assert study.dataset.image_shape == (16, 16, 3)


def test_classes_of_different_sizes_are_judged_each_as_much(tmp_path):
    draw_all(tmp_path / "pictures", {"cat": 27, "dog": 13}, 16, 16)
    study, said = begin(tmp_path / "garden", tmp_path / "pictures")
    assert study.metric.name == "balanced_accuracy"
    assert study.experiments["balanced"].change == {"class_weight": "balanced"}
    assert "goes by balanced accuracy" in said
    draw(tmp_path / "pictures/dog/one more.png", 1)  # 27 is less than twice 14
    study, said = begin(tmp_path / "meadow", tmp_path / "pictures")
    assert study.metric.name == "accuracy"
    assert study.experiments["rate-0-003"].change == {"learning_rate": 0.003}
    assert "balanced" not in said


def test_what_is_wrong_with_images_is_said_and_a_study_can_be_made(tmp_path):
    draw_all(tmp_path / "pictures", {"cat": 12, "dog": 8}, 16, 16)
    content = (tmp_path / "pictures/cat/0.png").read_bytes()
    (tmp_path / "pictures/dog/same.png").write_bytes(content)
    (tmp_path / "pictures/dog/cut.png").write_bytes(content[:90])
    (tmp_path / "pictures/dog/notes.txt").write_text("x")
    study, said = begin(tmp_path / "garden", tmp_path / "pictures")
    assert (
        "1 of 22 files cannot be read: dog/cut.png (cut off or damaged); they are skipped" in said
    )
    assert "cat/0.png = dog/same.png" in said
    assert "left aside: 1 file ending in .txt" in said
    assert (study.file.dataset.unreadable, study.file.dataset.same_image) == ("skip", "drop")
    assert study.dataset.training_images + study.dataset.test_images == 19


def test_images_that_cannot_be_studied_leave_no_folder(tmp_path):
    draw_all(tmp_path / "pictures", {"cat": 3}, 16, 16)
    with pytest.raises(UserError, match=r"no study can be made of .*pictures:\n  .*only one class"):
        starter.new(tmp_path / "garden", tmp_path / "pictures")
    with pytest.raises(UserError, match="is not there"):
        starter.new(tmp_path / "garden", tmp_path / "nothing")
    assert not (tmp_path / "garden").exists()


@pytest.mark.parametrize("name", ["digits", "cifar10", "a" * 41])
def test_a_name_that_no_images_can_have_is_refused(tmp_path, name):
    draw_all(tmp_path / "pictures", {"cat": 6, "dog": 6}, 16, 16)
    with pytest.raises(UserError, match=f"^{name}: .* Choose another name"):
        starter.new(tmp_path / name, tmp_path / "pictures")
    assert not (tmp_path / name).exists()


def test_a_study_that_cannot_be_divided_is_told_at_once(tmp_path, capsys):
    draw_all(tmp_path / "pictures", {"cat": 6, "dog": 1}, 16, 16)
    command = ["new", str(tmp_path / "garden"), "--images", str(tmp_path / "pictures")]
    assert main(command) == 2
    assert 'class "dog" has no image left to train on' in capsys.readouterr().err


def test_classes_that_are_spelled_in_two_ways_are_told(tmp_path):
    draw_all(tmp_path / "pictures", {"hot dog": 12, "hot_dog": 8}, 16, 16)
    assert "spelled: hot dog and hot_dog." in begin(tmp_path / "garden", tmp_path / "pictures")[1]


def test_what_nobody_has_said_is_a_caution(tmp_path):
    draw_all(tmp_path / "pictures", {"cat": 12, "dog": 8}, 16, 16)
    study, _ = begin(tmp_path / "garden", tmp_path / "pictures")
    assert cautions(study)[0].startswith("dataset.source and dataset.description: Not said yet.")


def test_arrays_are_studied_too(tmp_path, capsys):
    rows = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype="uint8")
    labels = np.arange(60) % 3
    np.savez(tmp_path / "x.npz", x_train=rows[:45], y_train=labels[:45],
             x_test=rows[45:], y_test=labels[45:])  # fmt: skip
    assert main(["new", str(tmp_path / "rows"), "--images", str(tmp_path / "x.npz")]) == 0
    said = capsys.readouterr().out
    assert "60 images of 3 classes" in said
    assert "0 of 30 runs done, about " in said
    file = tmp_path / "rows/experiments/rows.yaml"
    dataset = own_images.known_or_looked_at(file)
    assert (dataset.training_images, dataset.test_images) == (45, 15)
    assert dataset.image_shape == (28, 28, 1)


def test_a_table_without_its_files_names_them(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\n" + "".join(f"{n}.png,a\n" for n in range(12)))
    with pytest.raises(UserError) as error:
        starter.new(tmp_path / "garden", tmp_path / "t.csv")
    _, unreadable, *_ = str(error.value).splitlines()
    assert unreadable.startswith("  12 of 12 files cannot be read: 0.png, 1.png, 2.png, ")
    assert unreadable.endswith(", 9.png (is not there) and 2 more")


def test_groups_are_suggested_where_none_are_told(tmp_path):
    """By names of files; a table that has a column of groups needs no advice."""
    folder = tmp_path / "pictures"
    for number in range(24):
        draw(folder / "ab"[number % 2] / f"night{number // 4}_{number}.png", number)
    assert "such as night0: if" in begin(tmp_path / "garden", folder)[1]
    rows = [f"{path.relative_to(folder)},{path.parent.name},{number % 12}\n"
            for number, path in enumerate(sorted(folder.glob("*/*.png")))]  # fmt: skip
    (folder / "t.csv").write_text("file,label,group\n" + "".join(rows))
    assert "groups" not in begin(tmp_path / "meadow", folder / "t.csv")[1]


def test_columns_that_are_not_read_are_told(tmp_path):
    draw_all(tmp_path / "pictures", {"cat": 6, "dog": 6}, 16, 16)
    rows = [f"{c}/{n}.png,{c},{n // 2},train\n" for c in ("cat", "dog") for n in range(6)]
    (tmp_path / "pictures/t.csv").write_text("file,label,who,split\n" + "".join(rows))
    _, said = begin(tmp_path / "garden", tmp_path / "pictures/t.csv")
    assert "not read: columns who, split. One that says to which part" in said


def test_a_file_of_another_kind_is_refused_with_those_that_are_known(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        UserError, match=r"notes\.txt is no file of images .*\.npz, .* or \.parquet"
    ):
        starter.new(tmp_path / "garden", tmp_path / "notes.txt")


@pytest.mark.skipif(not find_spec("pyarrow"), reason="needs the extra parquet")
def test_a_folder_of_parquet_is_taken_as_such(tmp_path):
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    (tmp_path / "hub [x]/data").mkdir(parents=True)
    for part in ("train", "test"):
        rows = []
        for number in range(12):
            draw(tmp_path / "x.png", number + 100 * (part == "test"))
            rows.append((tmp_path / "x.png").read_bytes())
        table = arrow.table({"image": rows, "label": ["cat", "dog"] * 6, "note": ["x"] * 12})
        parquet.write_table(table, tmp_path / f"hub [x]/data/{part}-0.parquet")
    study, said = begin(tmp_path / "garden", tmp_path / "hub [x]")
    assert study.file.dataset.parquet == f"{tmp_path}/hub [x]"
    assert "24 images of 2 classes (cat 12, dog 12), 12 of them for testing" in said
    assert "not read: column note." in said


def test_new_expects_of_the_runs_what_check_does(tmp_path, capsys, monkeypatch):
    draw_all(tmp_path / "pictures", {"cat": 12, "dog": 8}, 16, 16)
    monkeypatch.chdir(tmp_path)
    assert main(["new", "garden", "--images", "pictures"]) == 0
    lines = capsys.readouterr().out.splitlines()
    monkeypatch.chdir("garden")
    assert main(["check", "garden"]) == 0
    expected = [line for line in lines if line.startswith("0 of 30 runs done, about ")]
    assert len(expected) == 1
    assert expected[0] in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("names", "pattern", "group"),
    [
        ([f"patient{n % 12}_{n}.png" for n in range(60)], r"^([A-Za-z]+[-_ ]?\d+)[-_ ]", "patient"),
        ([f"{100 + n % 9}-{n}.jpg" for n in range(50)], r"^(\d+)[-_ ]", "1"),
        ([f"{n if n % 3 else n // 9 * 9:08}_{n:03}.png" for n in range(90)], r"^(\d+)[-_ ]", "0"),
        ([f"IMG_{n:04}.jpg" for n in range(50)], None, ""),
        ([f"{'abc'[n % 3]}_{n}.jpg" for n in range(50)], None, ""),
        ([f"{n}.jpg" for n in range(50)], None, ""),
    ],
)
def test_groups_that_names_suggest(names, pattern, group):
    class Named:
        def __init__(self, name: str) -> None:
            self.name = f"cat/{name}"

    suggested = suggest_groups([Named(name) for name in names])
    if pattern is None:
        assert suggested is None
    else:
        assert suggested[0] == pattern
        assert suggested[1].startswith(group)


def test_a_suggested_pattern_is_written_as_yaml_that_means_it(tmp_path):
    for number in range(60):
        draw(tmp_path / f"pictures/{'ab'[number % 2]}/p{number % 12}_{number}.png", number)
    file, lines = starter.new(tmp_path / "garden", tmp_path / "pictures")
    text = file.read_text()
    assert any("take the # from groups" in line for line in lines)
    file.write_text(text.replace("  # groups:", "  groups:"))
    dataset = own_images.known_or_looked_at(file)
    assert dataset.audit.groups.groups == 12
    pattern = text.split("# groups: ")[1].splitlines()[0]
    assert json.loads(pattern).startswith("^(")
