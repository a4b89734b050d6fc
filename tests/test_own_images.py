"""Images of a study's own: read, divided, written down, and known again."""

import hashlib
import json
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from cnn_study import workflow
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.data import arrays, looking, manifest, own
from cnn_study.data.audit import Groups
from cnn_study.data.sources import arrays as source_arrays
from cnn_study.study import own_images
from cnn_study.study.merge import load
from cnn_study.study.settings import fingerprint

STUDY = """\
title: My animals
dataset:
  name: animals
  title: Animals
  source: Me, 2026, CC BY 4.0
  description: Made of noise.
  folder: ../pictures
{options}
seeds: 2
base: {{validation_fraction: 0.25, epochs: 1, filters: [2]}}
questions:
  width: {{title: Width, question: Wider?, hypothesis: Yes., changes: {{wide: {{filters: [4]}}}}}}
"""
SIZES = {"cat": 12, "dog": 8}
SIDE = 16


def draw(path: Path, number: int, side: int = SIDE) -> None:
    """Make an image of grey noise that no other number has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (side, side), dtype="uint8")
    Image.fromarray(pixels).save(path)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder with a study and a folder of pictures, in which the commands run."""
    for label, count in SIZES.items():
        for number in range(count):
            draw(tmp_path / f"pictures/{label}/{number}.png", number + 1000 * ord(label[0]))
    (tmp_path / "experiments").mkdir()
    write()(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**options: object):
    """Write the study with further options of its dataset."""
    lines = "\n".join(f"  {key}: {json.dumps(value)}" for key, value in options.items())
    text = STUDY.format(options=lines)
    return lambda folder: (folder / "experiments/mine.yaml").write_text(text)


FILE = Path("experiments/mine.yaml")
FACTS = Path("experiments/mine.data.json")


def prepare(*words: str) -> int:
    return main(["prepare", "mine", *words])


def images():
    study = load(FILE)
    return study.dataset, arrays.load_prepared(study.dataset, arrays.place(study.dataset))


def refused(capsys, *words: str) -> str:
    assert prepare(*words) == 2
    return capsys.readouterr().err


def test_the_arrays_hold_the_pixels_under_the_keys_of_their_files(place):
    assert prepare() == 0
    dataset, kept = images()
    files = {
        hashlib.sha256(path.read_bytes()).hexdigest()[:16]: path
        for path in place.glob("pictures/*/*.png")
    }
    facts = manifest.read(FACTS)
    parts = {
        "training": (facts.training, kept.training_images, kept.training_labels),
        "test": (facts.test, kept.test_images, kept.test_labels),
    }
    for part, pixels, labels in parts.values():
        assert part.keys == sorted(part.keys)
        assert part.classes == labels.tolist()
        for key, image, label in zip(part.keys, pixels, labels, strict=True):
            with Image.open(files[key]) as original:
                assert np.array_equal(image[..., 0], np.asarray(original))
            assert files[key].parent.name == dataset.class_names[label]
    assert sorted(facts.training.keys + facts.test.keys) == sorted(files)
    # 20 % of 20; each class by its share, 2.4 and 1.6.
    assert np.bincount(kept.test_labels).tolist() == [2, 2]
    assert dataset.class_names == ("cat", "dog")
    assert dataset.image_shape == (SIDE, SIDE, 1)
    assert (dataset.training_images, dataset.test_images) == (16, 4)
    assert dataset.sizes(0.25, 1.0) == (12, 4)
    assert facts.test.units == []  # each image stands for itself
    assert facts.versions["Pillow"] == Image.__version__


def test_what_is_written_down_names_no_file_and_no_place(place):
    write(groups=r"^(\d)")(place)
    assert prepare() == 0
    text = FACTS.read_text()
    assert str(place) not in text
    assert ".png" not in text
    assert "pictures" not in text


def test_a_key_leads_to_its_file_and_to_no_other(place, capsys):
    """Keys are those of the bytes; of none, all are listed; a file may be renamed."""
    assert prepare() == 0
    keys = json.loads(FACTS.read_text())["test"]["keys"]
    known = {
        hashlib.sha256(path.read_bytes()).hexdigest()[:16]: f"{path.parent.name}/{path.name}"
        for path in (place / "pictures").rglob("*.png")
    }
    capsys.readouterr()
    assert main(["which", "mine", keys[0][:8], keys[1].upper()]) == 0
    lines = sorted(f"{key}\t{known[key]}" for key in keys[:2])
    assert capsys.readouterr().out.splitlines() == lines
    assert main(["which", "mine"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == sum(SIZES.values())
    moved = place / "elsewhere"
    (place / "pictures").rename(moved)
    file = moved / known[keys[0]]
    file.rename(file.with_name("renamed.png"))
    assert main(["which", "mine", keys[0], "--source", str(moved)]) == 0
    assert capsys.readouterr().out.endswith("/renamed.png\n")


def test_keys_are_of_the_images_in_their_order(place):
    """The key of each is the hash of the file whose pixels it has."""
    assert prepare() == 0
    dataset, arrays_ = images()
    files_ = {
        hashlib.sha256(path.read_bytes()).hexdigest(): np.asarray(Image.open(path))
        for path in (place / "pictures").rglob("*.png")
    }
    for keys, pixels in (
        (dataset.training_keys, arrays_.training_images),
        (dataset.test_keys, arrays_.test_images),
    ):
        for key, image in zip(keys, pixels, strict=True):
            (file,) = (file for name, file in files_.items() if name.startswith(key))
            assert np.array_equal(file, image[:, :, 0])


def test_keys_of_no_image_are_refused_together(capsys):
    assert main(["which", "mine", "zz", "0" * 16]) == 2
    said = capsys.readouterr().err
    assert "no image of experiments/mine.yaml has the key zz, 0000000000000000." in said
    assert "16 digits from 0 to f, or their first ones" in said


def test_images_that_are_no_files_have_no_names(place, capsys):
    (place / "experiments/mine.yaml").write_text("title: T\ndataset: digits\nbase: {}\n")
    assert main(["which", "mine"]) == 2
    assert "the images of digits are no files" in capsys.readouterr().err


def test_names_places_and_order_of_files_retrain_nothing(place):
    assert prepare() == 0
    before = FACTS.read_bytes()
    names = {experiment.fingerprint for experiment in load(FILE).experiments.values()}
    (place / "pictures/cat/3.png").rename(place / "pictures/cat/a new name.PNG")
    (place / "pictures/dog/deeper").mkdir()
    (place / "pictures/dog/1.png").rename(place / "pictures/dog/deeper/1.png")
    (place / "pictures").rename(place / "photographs")
    text = FILE.read_text().replace("../pictures", str(place / "photographs"))
    FILE.write_text(text.replace("title: Animals", "title: Beasts").replace("name: an", "name: An"))
    FILE.write_text(FILE.read_text().replace("name: Animals", "name: beasts"))
    shutil.rmtree("data")
    assert prepare() == 0
    assert FACTS.read_bytes() == before
    assert {experiment.fingerprint for experiment in load(FILE).experiments.values()} == names
    assert load(FILE).dataset.title == "Beasts"


def test_other_images_are_refused_with_what_they_cost(place, capsys):
    assert prepare() == 0
    before = FACTS.read_bytes()
    draw(place / "pictures/cat/more.png", 1)
    draw(place / "pictures/cat/even more.png", 2)
    (place / "pictures/dog/0.png").unlink()
    said = refused(capsys)
    assert "other images than those of experiments/mine.data.json: 2 new, 1 gone" in said
    assert "all 4 runs of mine would be trained again" in said
    assert "--config accept_data=true" in said
    assert FACTS.read_bytes() == before
    with pytest.raises(UserError, match="2 new, 1 gone"):
        workflow.plan({"study": "mine"})
    assert main(["check", "mine"]) == 2
    assert "2 new, 1 gone" in capsys.readouterr().err
    assert prepare("--accept-data") == 0
    assert manifest.read(FACTS).keys().total() == 21


def test_a_class_of_another_name_that_comes_elsewhere_keeps_its_place_as_the_message_says(
    place, capsys
):
    assert prepare() == 0
    before = images()[0]
    names = {experiment.fingerprint for experiment in load(FILE).experiments.values()}
    (place / "pictures/cat").rename(place / "pictures/no")  # which YAML takes for false
    said = refused(capsys)
    assert "only classes have other names: cat is now no." in said
    assert "all 4 runs of mine would be trained again" in said
    (line,) = (line for line in said.splitlines() if "classes: " in line)
    write(classes=yaml.safe_load(line)["classes"])(place)
    assert prepare() == 0
    dataset = images()[0]
    assert dataset.class_names == ("no", "dog")
    assert dataset.digest == before.digest
    assert {experiment.fingerprint for experiment in load(FILE).experiments.values()} == names


def test_more_than_another_name_is_told_as_such(place, capsys):
    """One class gets the name of the other, and an image of it; or parts are drawn anew, too."""
    assert prepare() == 0
    (place / "pictures/cat").rename(place / "pictures/zebra")
    write(split_seed=1)(place)
    assert "the study has another split_seed under dataset" in refused(capsys)
    write()(place)
    assert "cat is now zebra" in refused(capsys)
    (place / "pictures/dog/0.png").rename(place / "pictures/zebra/dog.png")
    assert "the same images, some of another class, part or group" in refused(capsys)


def test_an_image_of_another_class_is_another_image(place, capsys):
    assert prepare() == 0
    (place / "pictures/dog/0.png").rename(place / "pictures/cat/dog.png")
    assert "the same images, some of another class, part or group" in refused(capsys)


def test_other_pixels_of_the_same_files_are_refused_with_their_number(place, capsys, monkeypatch):
    assert prepare() == 0
    shutil.rmtree("data")
    known = looking.read_all

    def read_all(*arguments):
        read = known(*arguments)
        read.images[3:6] ^= 1
        return read

    monkeypatch.setattr(looking, "read_all", read_all)
    was = looking.versions()
    monkeypatch.setattr(looking, "versions", lambda: was | {"Pillow": "99"})
    said = refused(capsys)
    assert said.startswith(
        "other pixels than those of experiments/mine.data.json: of 20 images whose files are the "
        f"same 3 have other pixels: they were read with Pillow {was['Pillow']}, and are read here "
        "with Pillow 99; all 4 runs of mine would be trained again. "
    )
    assert said.strip().endswith("Otherwise read the images with what they were read with.")
    assert not Path("data").exists()
    monkeypatch.setattr(looking, "versions", lambda: was)
    assert "were read with the same versions, Pillow " in refused(capsys)
    draw(place / "pictures/cat/new.png", 77)
    said = refused(capsys)
    assert "other images than those of experiments/mine.data.json: 1 new, 0 gone; and of 20" in said


def test_the_first_image_with_colour_is_new_and_the_others_are_no_other_pixels(place, capsys):
    assert prepare() == 0
    pixels = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE, 3), dtype="uint8")
    Image.fromarray(pixels).save(place / "pictures/cat/colour.png")
    assert "1 new, 0 gone; all 4 runs" in refused(capsys)


def test_without_the_images_a_study_is_planned_from_what_is_written_down(place, capsys):
    assert prepare() == 0
    shutil.move("pictures", place / "elsewhere")
    planned = workflow.plan({"study": "mine", "engine": "pandoc"})
    assert len(planned.missing) == 4
    assert not planned.unknown_images
    assert prepare() == 0  # the arrays are there
    shutil.rmtree("data")
    said = refused(capsys)
    assert "of experiments/mine.yaml are not where it says: folder: ../pictures is not" in said
    assert "--config data=PATH of snakemake or --source PATH" in said
    assert "nowhere, given by data= or --source, is not there" in refused(
        capsys, "--source", "nowhere"
    )
    assert prepare("--source", "elsewhere") == 0
    assert images()[0].training_images == 16


def test_the_plan_of_a_study_whose_images_nobody_has_read(place):
    planned = workflow.plan({"study": "mine", "engine": "pandoc"})
    assert planned.unknown_images
    assert len(planned.missing) == 4
    assert planned.images_known == planned.arrays == [planned.mark("arrays")]
    assert planned.dataset == str(FILE)
    assert not FACTS.exists(), "reading the workflow changes nothing"
    digest = planned.study.dataset.digest
    assert prepare() == 0
    again = workflow.plan({"study": "mine", "engine": "pandoc"})
    assert not again.unknown_images
    assert again.study.dataset.digest == digest
    assert again.arrays == [f"data/animals-{digest[:16]}.npz"]


def test_a_study_whose_images_nobody_has_read_is_refused_by_who_cannot_read_them(capsys):
    assert main(["tables", "mine"]) == 2
    said = capsys.readouterr().err
    assert "line 2: dataset: its images have not been read yet. `cnn-study prepare mine`" in said


def test_options_that_change_pixels_or_parts_ask_first(place, capsys):
    assert prepare() == 0
    for key, value in {"image_size": [8, 8], "split_seed": 1, "test_fraction": 0.3}.items():
        write(**{key: value})(place)
        assert f"the study has another {key} under dataset" in refused(capsys)
        assert main(["tables", "mine"]) == 2
        assert f"was made with another {key}" in capsys.readouterr().err
    digests = {manifest.read(FACTS).digest}
    for options in ({"split_seed": 1}, {"groups": r"^(\d)"}, {"classes": ["dog", "cat"]}):
        write(**options)(place)
        assert prepare("--accept-data") == 0
        digests.add(manifest.read(FACTS).digest)
    assert len(digests) == 4


def test_a_name_to_show_changes_the_name_alone(place):
    assert prepare() == 0
    before = FACTS.read_bytes(), images()[0]
    write(classes={"cat": "Katze", "dog": "Hund"})(place)
    assert workflow.plan({"study": "mine", "engine": "pandoc"}).unknown_images
    assert prepare() == 0  # the images are the same: nothing is trained again, and nothing asked
    dataset = load(FILE).dataset
    assert dataset.class_names == ("Katze", "Hund")
    assert dataset.digest == before[1].digest


@pytest.mark.parametrize("given", ["parts are given", "parts are drawn"])
def test_a_group_is_never_divided(place, given):
    shutil.rmtree("pictures")
    for number in range(60):
        part = ("train/", "test/")[number % 12 == 0] if given == "parts are given" else ""
        patient = number % 12
        draw(place / f"pictures/{part}{'ab'[number // 12 % 2]}/p{patient}_{number}.png", number)
    write(groups=r"^(p\d+)_")(place)
    assert prepare() == 0
    _, kept = images()
    key_of = {
        hashlib.sha256(path.read_bytes()).hexdigest()[:16]: path.name.split("_")[0]
        for path in place.rglob("p*.png")
    }
    facts = manifest.read(FACTS)
    patients = [
        np.array([key_of[key] for key in part.keys]) for part in (facts.training, facts.test)
    ]
    assert not set(patients[0]) & set(patients[1])
    trained_on, held_out = kept.split(0.2, 1.0)
    assert len(held_out) >= 0.2 * len(patients[0])
    assert not set(patients[0][trained_on]) & set(patients[0][held_out])
    assert {
        tuple(sorted(set(patients[1][np.array(facts.test.units) == unit])))
        for unit in facts.test.units
    } == {(patient,) for patient in patients[1]}
    assert load(FILE).dataset.test_units == tuple(facts.test.units)
    assert facts.audit.groups.groups == 12
    assert facts.audit.groups.largest == 5


def test_near_duplicates_that_groups_join_to_a_whole_class_are_not_joined(place):
    """Of ten groups of two each has an image much like one of the next: a ring of all cats."""
    shutil.rmtree("pictures")
    random = np.random.default_rng(0)

    def save(name: str, coarse: np.ndarray) -> None:
        path = place / f"pictures/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.kron(coarse, np.ones((4, 4), "uint8"))).save(path)

    shapes = random.integers(0, 200, (20, 8, 8), dtype="uint8")
    for number in range(10):
        save(f"cat/p{number}_a", shapes[number])
        save(f"cat/p{number}_b", shapes[(number + 1) % 10] + 1)
        save(f"dog/d{number}_a", shapes[10 + number])
    write()(place)
    assert prepare() == 0
    assert manifest.read(FACTS).audit.near_duplicates.images == 20
    FACTS.unlink()
    write(groups=r"^([pd]\d+)_")(place)
    assert prepare() == 0
    facts = manifest.read(FACTS)
    assert facts.audit.not_compared.startswith("20 images, most of a class among them, would be")
    assert facts.audit.groups.groups == 10
    assert len(set(facts.training.units)) + len(set(facts.test.units)) == 20


def copy_within(place: Path) -> None:
    """Put one image into both classes, and another twice into one."""
    shutil.copy(place / "pictures/cat/0.png", place / "pictures/dog/same.png")
    shutil.copy(place / "pictures/cat/1.png", place / "pictures/cat/again.png")


def test_equal_images_of_two_classes_are_refused_and_named(place, capsys):
    copy_within(place)
    said = refused(capsys)
    assert "one set of equal images in training and test, or in two classes" in said
    assert "cat/0.png = dog/same.png" in said
    assert "again" not in said


def test_equal_images_are_named_beside_files_that_cannot_be_read(place, capsys):
    copy_within(place)
    (place / "pictures/cat/cut.png").write_bytes((place / "pictures/cat/0.png").read_bytes()[:100])
    said = refused(capsys)
    assert "1 of 23 files cannot be read: cat/cut.png (" in said
    assert "cat/0.png = dog/same.png" in said


def test_equal_images_are_kept_or_dropped_on_request(place):
    copy_within(place)
    write(same_image="keep")(place)
    assert prepare() == 0
    same = manifest.read(FACTS).audit.same_images
    assert (same.sets, same.images, same.across_classes, same.dropped) == (2, 4, 1, 0)
    assert same.across_parts == 0  # the split keeps equal ones together
    write(same_image="drop")(place)
    assert prepare("--accept-data") == 0
    same = manifest.read(FACTS).audit.same_images
    assert (same.sets, same.dropped) == (2, 2)
    assert images()[0].training_images + images()[0].test_images == 20


def test_images_of_the_test_part_are_dropped_from_training(place, capsys):
    shutil.rmtree("pictures")
    for number in range(12):
        draw(place / f"pictures/train/{'ab'[number % 2]}/{number}.png", number)
    for number in range(8, 14):
        draw(place / f"pictures/test/{'ab'[number % 2]}/{number}.png", number)
    assert "four sets of equal images" in refused(capsys)
    write(same_image="drop")(place)
    assert prepare() == 0
    dataset, kept = images()
    assert (dataset.training_images, dataset.test_images) == (8, 6)
    both = {image.tobytes() for image in kept.training_images} & {
        image.tobytes() for image in kept.test_images
    }
    assert not both
    assert manifest.read(FACTS).audit.near_duplicates == Groups(groups=0, images=0, largest=0)
    assert "near-duplicates" not in capsys.readouterr().out


def test_near_duplicates_in_a_given_test_part_are_told(place, capsys):
    """The owner's parts stay; one pixel of 256 is another one in the copy."""
    shutil.rmtree("pictures")
    for number in range(18):
        part = "test" if number < 6 else "train"
        draw(place / f"pictures/{part}/{'ab'[number % 2]}/{number}.png", number)
    pixels = np.array(Image.open("pictures/train/a/6.png"))
    pixels[3, 4] ^= 1
    Image.fromarray(pixels).save("pictures/test/a/near.png")
    assert prepare() == 0
    assert "1 set of near-duplicates with images in both parts" in capsys.readouterr().out


def test_a_fraction_beside_a_given_test_part_is_refused(place, capsys):
    shutil.rmtree("pictures")
    for number in range(18):
        part = "test" if number < 6 else "train"
        draw(place / f"pictures/{part}/{'ab'[number % 2]}/{number}.png", number)
    write(test_fraction=0.3)(place)
    assert "test_fraction is for images without a test part" in refused(capsys)


def test_near_duplicates_of_two_classes_are_counted(place):
    """Equal images of two classes are refused; of those that are nearly so the report tells."""
    pixels = np.array(Image.open("pictures/cat/0.png"))
    pixels[3, 4] ^= 1
    Image.fromarray(pixels).save("pictures/dog/near.png")
    assert prepare() == 0
    alike = manifest.read(FACTS).audit.near_duplicates
    assert (alike.groups, alike.across_classes, alike.divided) == (1, 1, 0)


def test_files_that_cannot_be_read_stand_by_reason_ten_in_all(place, capsys):
    content = (place / "pictures/cat/0.png").read_bytes()
    for number in range(8):
        (place / f"pictures/cat/cut {number}.png").write_bytes(content[:90])
        (place / f"pictures/cat/text {number}.png").write_text("words")
    said = refused(capsys)
    assert "16 of 36 files cannot be read: cat/cut 0.png, cat/cut 1.png, " in said
    assert "cat/cut 7.png (cut off or damaged), cat/text 0.png, cat/text 1.png (" in said
    assert ") and 6 more. Repair or remove them, or say unreadable: skip" in said


def test_files_that_cannot_be_read_are_told_beside_folders_that_cannot_be_used(place, capsys):
    (place / "pictures/test").mkdir()
    (place / "pictures/train").mkdir()
    (place / "pictures/cat").rename(place / "pictures/train/cat")
    (place / "pictures/dog").rename(place / "pictures/valid")
    (place / "pictures/train/cat/text.png").write_text("words")
    said = refused(capsys)
    assert "1 of 13 files cannot be read: train/cat/text.png (no image)" in said
    assert "valid: merge it into the training images" in said
    assert main(["new", "garden", "--images", "pictures"]) == 2
    said = capsys.readouterr().err
    assert "1 of 13 files cannot be read: train/cat/text.png (no image)" in said
    assert "valid: merge it into the training images" in said


def test_skipped_files_are_told_where_something_else_is_wrong(place, capsys):
    write(unreadable="skip")(place)
    draw(place / "pictures/frog/0.png", 1)
    (place / "pictures/frog/1.png").write_text("words")
    _head, fault, *aside = refused(capsys).splitlines()
    assert fault.startswith('  class "frog" has no image left to train on')
    assert aside == [
        "That is without those skipped, as the study says: "
        "1 of 22 files cannot be read: frog/1.png (no image)."
    ]


def test_all_that_is_wrong_is_told_at_once(place, capsys):
    (place / "pictures/cat/cut.png").write_bytes((place / "pictures/cat/0.png").read_bytes()[:100])
    draw(place / "pictures/dog/large.png", 5, side=20)
    said = refused(capsys)
    assert "1 of 22 files cannot be read: cat/cut.png (" in said
    assert "say unreadable: skip" in said
    assert "images have 2 sizes, 16 to 20 pixels high and 16 to 20 wide: give image_size" in said
    write(unreadable="skip", image_size=[16, 16])(place)
    assert prepare() == 0
    assert sum(manifest.read(FACTS).audit.skipped.values()) == 1
    assert "1 left out, which cannot be read" in capsys.readouterr().out


def test_what_was_done_to_images_is_counted(place):
    deep = np.random.default_rng(1).integers(0, 65536, (16, 16), dtype="uint16")
    Image.fromarray(deep).save(place / "pictures/cat/deep.png")
    frames = [Image.fromarray(np.full((16, 16), level, "uint8")) for level in (0, 90, 180)]
    for path in ("cat/moving.gif", "dog/pages.tiff"):
        frames[1].save(place / "pictures" / path, save_all=True, append_images=frames[2:])
    draw(place / "pictures/dog/photo.bmp", 3)
    (place / "pictures/dog/photo.bmp").rename(place / "pictures/dog/photo.jpg")
    write(same_image="keep")(place)
    assert prepare() == 0
    audit = manifest.read(FACTS).audit
    assert (audit.sixteen_bit, audit.animations, audit.pages, audit.misnamed) == (1, 1, 1, 1)
    assert (audit.turned, audit.transparent, audit.files) == (0, 0, 24)


def test_options_that_change_no_image_ask_nothing(place):
    assert prepare() == 0
    before = manifest.read(FACTS)
    for options in ({"channels": 1}, {"unreadable": "skip"}, {"resize": "pad"}):
        write(**options)(place)
        planned = workflow.plan({"study": "mine", "engine": "pandoc"})
        assert planned.unknown_images
        assert planned.study.dataset.digest == before.digest
        assert main(["tables", "mine"]) == 2
        assert prepare() == 0
        assert not workflow.plan({"study": "mine", "engine": "pandoc"}).unknown_images
        assert load(FILE).dataset.digest == before.digest


def test_what_changes_no_image_and_the_report_tells_is_made_anew(place):
    config = {"study": "mine", "engine": "pandoc", "train": False}
    write(unreadable="skip")(place)
    assert prepare() == 0
    assert main(["tables", "mine"]) == 0
    assert "tables" not in workflow.plan(config).stale
    broken = place / "pictures/cat/broken.png"
    broken.write_bytes(b"\x89PNG cut off")
    assert workflow.plan(config).stale["tables"] == ["images"]
    broken.unlink()
    (place / "pictures/dog").rename(place / "pictures/hound")
    assert workflow.plan(config).stale["tables"] == ["images"]


@pytest.mark.parametrize("further", ["damaged.png", "outside.png"])
def test_a_further_file_that_cannot_be_read_is_counted_and_read_once(place, monkeypatch, further):
    write(unreadable="skip")(place)
    assert prepare() == 0
    before = manifest.read(FACTS)
    draw(place / "elsewhere.png", 1)
    if further == "damaged.png":
        (place / "pictures/cat/damaged.png").write_bytes(b"\x89PNG cut off")
    else:
        (place / "pictures/cat/outside.png").symlink_to(place / "elsewhere.png")
    planned = workflow.plan({"study": "mine", "engine": "pandoc"})
    assert planned.unknown_images
    assert prepare() == 0
    after = manifest.read(FACTS)
    assert after.digest == before.digest
    assert (before.audit.files, after.audit.files) == (20, 21)
    assert sum(after.audit.skipped.values()) == 1
    monkeypatch.setattr(own, "look", None)
    assert not workflow.plan({"study": "mine", "engine": "pandoc"}).unknown_images


def test_a_source_that_is_not_there_is_refused_also_where_nothing_is_read(place, capsys):
    assert prepare() == 0
    with pytest.raises(UserError, match=r"^/nope, given by data= or --source, is not there"):
        workflow.plan({"study": "mine", "engine": "pandoc", "data": "/nope"})


def test_a_link_to_a_folder_around_it_is_named(place, capsys):
    (place / "pictures/cat/up").symlink_to("..")
    said = refused(capsys)
    assert "cat/up (a link to a folder that it lies in itself)" in said
    assert "no image left" not in said


def test_a_file_in_the_place_of_a_folder_is_named(place):
    Path("results").write_text("x")
    with pytest.raises(UserError, match=r"results is a file, and a folder of that name is needed"):
        workflow.check_place(place)


def test_a_class_needs_an_image_to_train_on(place, capsys):
    draw(place / "pictures/frog/0.png", 7)
    assert 'class "frog" has no image left to train on' in refused(capsys)


def test_classes_that_are_spelled_in_two_ways_are_told(place, capsys):
    for number in range(9):
        draw(place / f"pictures/Cat/{number}.png", 5000 + number)
    assert main(["check", "mine"]) == 0
    said = "names of classes that differ only in how they are spelled: Cat and cat. If these"
    assert f"caution: {said}" in capsys.readouterr().out
    (place / "pictures/test").mkdir()
    (place / "pictures/train").mkdir()
    (place / "pictures/Cat").rename(place / "pictures/test/Cat")
    (place / "pictures/cat").rename(place / "pictures/train/cat")
    (place / "pictures/dog").rename(place / "pictures/train/dog")
    refusal = refused(capsys)
    assert 'class "Cat" has no image left to train on' in refusal
    assert said in refusal


def test_the_block_is_checked_as_the_rest_of_a_study(place, capsys):
    text = FILE.read_text().replace("  source: Me, 2026, CC BY 4.0\n", "")
    text = text.replace("folder: ../pictures", "folder: ../pictures\n  arrays: x.npz\n  size: 3")
    FILE.write_text(text.replace("name: animals", "name: cifar10"))
    assert main(["check", "mine"]) == 2
    said = capsys.readouterr().err
    assert "line 3: dataset.name: cifar10 is a dataset that comes with cnn-study" in said
    assert "line 2: dataset.source: missing. Say who made the images" in said
    assert "line 8: dataset.size: unknown key. " in said
    assert "Allowed: name, title, source, description, folder, arrays" in said
    assert "line 2: dataset: exactly one of folder, arrays, table, parquet is to be given" in said
    write(groups="p(", resize="zoom")(place)
    FILE.write_text(FILE.read_text().replace("name: animals", "name: My Animals"))
    assert main(["check", "mine"]) == 2
    said = capsys.readouterr().err
    assert "dataset.name: not allowed is 'My Animals'. Give a short name, of a-z, 0-9" in said
    assert "dataset: groups: 'p(' is no regular expression: missing )" in said
    assert "dataset.resize: input should be 'crop', 'pad' or 'stretch', not 'zoom'" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("image_size: 64", "not allowed is 64. Give height and width in pixels, 8 to 256"),
        ("image_size: [64]", "not allowed is [64]. Give height and width in pixels, 8 to 256"),
        ("image_size: [4, 64]", "not allowed is 4. Give height and width in pixels, 8 to 256"),
        ("test_fraction: 20", "not allowed is 20. Give a share above 0 and below 1, such as 0.2"),
        ("split_seed: -1", "not allowed is -1. Give a whole number from 0 on, such as 1"),
        ("publish_images: 'no'", "not allowed is 'no'. Write true or false"),
        (
            "groups: [a]",
            r"not allowed is ['a']. Give a pattern on file names, as in '^(patient\d+)_'",
        ),
        ("classes: cat", "not allowed is 'cat'. Give a list such as [cat, dog], or a mapping"),
        ("classes: [0, 1]", "not allowed is 0, 1. Give a list such as [cat, dog], or a mapping"),
        ("classes: {cat: 3}", "not allowed is 3. Give a list such as [cat, dog], or a mapping"),
        ("table: ''", "says nothing. Name one file, as in ~/garden.csv"),
    ],
)
def test_a_value_of_another_kind_is_told_with_an_example(place, capsys, line, says):
    FILE.write_text(FILE.read_text().replace("../pictures", f"../pictures\n  {line}"))
    assert main(["check", "mine"]) == 2
    said = capsys.readouterr().err
    key = line.partition(":")[0]
    assert f"dataset.{key}: {says}" in said
    assert said.count(f"dataset.{key}: ") == 1


def test_exactly_one_place_is_named(place, capsys):
    FILE.write_text(FILE.read_text().replace("../pictures", "../pictures\n  arrays: x.npz"))
    assert main(["check", "mine"]) == 2
    assert "exactly one of folder, arrays, table, parquet" in capsys.readouterr().err


def test_an_array_is_let_go_once_its_images_were_read(place, monkeypatch):
    """What is made of them is as large again, and 100,000 images are gigabytes."""
    rows = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype="uint8")
    np.savez("rows.npz", x_train=rows, y_train=np.arange(60) % 3)
    FILE.write_text(FILE.read_text().replace("folder: ../pictures", "arrays: ../rows.npz"))
    held, left = [], []

    def read(*given, original=source_arrays.read_arrays):
        given = original(*given)
        held.extend(weakref.ref(array) for array in given.values() if array.ndim > 1)
        return given

    class Collection(looking._Collection):
        def divided(self):
            left.extend(array() is not None for array in held)
            return super().divided()

    monkeypatch.setattr(source_arrays, "read_arrays", read)
    monkeypatch.setattr(looking, "_Collection", Collection)
    assert prepare() == 0
    assert left == [False]
    assert len(images()[1].training_images) == 48


def test_labels_of_many_classes_are_whole(place):
    rows = np.random.default_rng(0).integers(0, 256, (900, 8, 8), dtype="uint8")
    np.savez("rows.npz", x_train=rows, y_train=np.arange(900) % 300)
    FILE.write_text(FILE.read_text().replace("folder: ../pictures", "arrays: ../rows.npz"))
    assert prepare() == 0
    dataset, kept = images()
    assert kept.test_labels.dtype == kept.training_labels.dtype == np.uint16
    assert len(dataset.class_names) == 300
    assert set(kept.test_labels) == set(range(300))
    of_row = {row.tobytes(): place % 300 for place, row in enumerate(rows)}
    for image, label in zip(kept.test_images, kept.test_labels, strict=True):
        assert of_row[image.tobytes()] == label


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not a whole list of a study's images"),
        ("{", "is not a whole list of a study's images"),
        ("[]", "is not a whole list of a study's images"),
        ('{"format": 2}', "was made by a newer version of cnn-study"),
        ('{"format": 1}', "is not a whole list of a study's images"),
    ],
)
def test_damaged_facts_are_one_message(capsys, content, says):
    FACTS.write_text(content)
    for command in ("prepare", "check", "tables"):
        assert main([command, "mine"]) == 2
        said = capsys.readouterr().err
        assert says in said
        assert "Traceback" not in said


@pytest.mark.parametrize(
    ("part", "key", "change", "says"),
    [
        ("training", "keys", lambda values: values[1:], "its lists have different lengths"),
        ("test", "pixels", lambda values: [*values, "00000000"], "different lengths"),
        ("training", "classes", lambda values: [2, *values[1:]], "classes that have no name"),
        ("training", "classes", lambda values: [-1, *values[1:]], "classes that have no name"),
        ("training", "units", lambda values: [], "the training images have units"),
        ("training", "units", lambda values: [99, *values[1:]], "not numbered 0, 1, 2"),
        (None, "image_shape", lambda values: [16, 16, 2], "image_shape"),
        (None, "image_shape", lambda values: [10**9, 16, 1], "image_shape"),
        (None, "digest", lambda value: "x", "digest"),
    ],
)
def test_facts_that_contradict_themselves_are_one_message(capsys, part, key, change, says):
    assert prepare() == 0
    facts = json.loads(FACTS.read_text())
    within = facts[part] if part else facts
    within[key] = change(within[key])
    FACTS.write_text(json.dumps(facts))
    capsys.readouterr()
    for command in ("prepare", "check", "tables"):
        assert main([command, "mine"]) == 2
        said = capsys.readouterr().err
        assert "is not a whole list of a study's images" in said
        assert says in said


@pytest.mark.parametrize("part", ["training", "test"])
def test_facts_that_were_changed_by_hand_are_refused(capsys, part):
    assert prepare() == 0
    facts = json.loads(FACTS.read_text())
    facts[part]["classes"] = facts[part]["classes"][::-1]
    FACTS.write_text(json.dumps(facts))
    assert main(["check", "mine"]) == 2
    assert prepare() == 2
    assert "it was changed after it was made" in capsys.readouterr().err


def test_a_source_is_refused_where_nobody_would_look(capsys):
    with pytest.raises(UserError, match=r"/x: a source is given, by data= or --source, and digits"):
        own_images.known_or_looked_at(Path(__file__).parents[1] / "experiments/digits.yaml", "/x")


def test_the_fingerprint_follows_from_settings_and_content(place):
    assert prepare() == 0
    study = load(FILE)
    assert study.experiments["base"].fingerprint == fingerprint(
        study.experiments["base"].settings, manifest.read(FACTS).digest
    )
