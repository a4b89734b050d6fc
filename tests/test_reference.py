"""docs/ says what the schemas say, and every committed record keeps to its schema."""

import json
import re
from pathlib import Path

import jsonschema
import pypandoc
import pytest
from ruamel.yaml import YAML

from cnn_study.base.errors import UserError
from cnn_study.data.block import DatasetBlock
from cnn_study.report import docs_pages
from cnn_study.runs import records
from cnn_study.study import settings

PROJECT = Path(__file__).parents[1]
BIBLIOGRAPHY = (PROJECT / "report" / "references.bib").read_text(encoding="utf-8")
PUBLISHED = sorted((PROJECT / "results").glob("*/runs/*/*/seed-*.json"))


def test_docs_are_current(tmp_path):
    docs_pages.write(tmp_path)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {name: (PROJECT / "docs" / name).read_text(encoding="utf-8") for name in made}
    assert kept == made, "run: python -m cnn_study docs"


@pytest.mark.parametrize("path", sorted((PROJECT / "experiments").glob("*.yaml")), ids=str)
def test_the_schema_takes_the_studies_that_are_here(path):
    schema = json.loads((PROJECT / "docs" / "study.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(YAML(typ="safe", pure=True).load(path.read_text("utf-8")), schema)


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("base", "epoch"), 3, "'epoch' was unexpected"),
        (("base", "epochs"), 0, "0 is less than the minimum of 1"),
        (("questions", "depth", "changes", "depth-2", "pooling"), "median", "is not one of"),
        (
            ("questions", "width-and-kernel-size", "grid", "kernel_size"),
            ["five"],
            "not valid under",
        ),
        (("search", "settings", "dens_units"), 0, "'dens_units' was unexpected"),
    ],
)
def test_an_editor_finds_a_wrong_parameter(place, value, fault):
    content = YAML(typ="safe", pure=True).load(
        (PROJECT / "experiments" / "cifar10.yaml").read_text("utf-8")
    )
    part = content
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError, match=fault):
        jsonschema.validate(content, docs_pages.study_schema())


def test_every_parameter_is_described():
    page = docs_pages.parameters_page()
    for name in settings.Settings.model_fields:
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        allowed, _, default, meaning = [cell.strip() for cell in line.split("|")[2:6]]
        assert allowed
        assert default
        assert len(meaning) > 10, name


def test_ranges_are_written_as_a_reader_expects():
    page = docs_pages.parameters_page()
    assert "| `batch_size` | integer, 1 or more, at most 65536 | images | `32` |" in page
    assert "| `learning_rate` | number, more than 0, at most 10 | 1 | `0.001` |" in page
    assert "list of 1 to 20 (integer, 1 or more, at most 1024)" in page


def test_every_key_of_own_images_is_described():
    page = docs_pages.images_page()
    rows = {
        row.split("|")[1].strip(" `"): row for row in page.splitlines() if row.startswith("| `")
    }
    assert list(rows) == list(DatasetBlock.model_fields)
    assert "| `source` | string | to be given | Who made them" in rows["source"]
    assert "| `resize` | `crop`, `pad`, `stretch` | `crop` |" in rows["resize"]
    assert "| `publish_images` | boolean | `true` |" in rows["publish_images"]


def test_citations_are_written_out_as_the_report_prints_them():
    text = "Two [@vandermaaten2008], three and more [@he2016], one [@holm1979], again [@holm1979]."
    assert docs_pages.written_out(text) == (
        "Two (van der Maaten and Hinton 2008), three and more (He et al. 2016), one (Holm 1979), "
        "again (Holm 1979)."
    )
    assert docs_pages.written_out("No mark at all: a@b.") == "No mark at all: a@b."
    with pytest.raises(UserError, match=r"references\.bib has no \[@nobody1999\]: add it"):
        docs_pages.written_out("[@holm1979] and [@nobody1999]")


def test_no_citation_is_left_as_a_mark():
    assert "anew every epoch (DeVries and Taylor 2017);" in docs_pages.parameters_page()
    for name in ("parameters.md", "record.schema.json"):
        page = (PROJECT / "docs" / name).read_text(encoding="utf-8")
        assert "[@" not in page
        assert "half a cosine (Loshchilov and Hutter 2017);" in page


# ------------------------------------------------------------------------------- the bibliography


def entries() -> dict[str, str]:
    """Give the text of each entry by its key."""
    parts = re.split(r"^@\w+\{(\w+),\n", BIBLIOGRAPHY, flags=re.MULTILINE)[1:]
    keys = parts[::2]
    assert len(set(keys)) == len(keys), "a key stands twice"
    return dict(zip(keys, parts[1::2], strict=True))


@pytest.mark.parametrize("key", entries())
def test_an_entry_says_who_what_when_and_where(key):
    fields = re.findall(r"^  (\w+) +=", entries()[key], flags=re.MULTILINE)
    assert {"author", "title"} <= set(fields)
    assert "year" in fields or key == "tensorflowcnn"  # a page that is changed as it is needed
    assert {"doi", "url"} & set(fields)
    assert key.rstrip("0123456789") == key or key[-4:] in entries()[key]


@pytest.fixture(scope="module")
def printed() -> str:
    """The whole list of references as Pandoc prints it."""
    options = ["--citeproc", f"--bibliography={docs_pages.BIBLIOGRAPHY}", "--wrap=none"]
    return pypandoc.convert_text(
        '---\nnocite: "@*"\n---\n', "plain", "markdown", extra_args=options
    )


@pytest.mark.parametrize(
    "line",
    [
        "Abadi, Martín, Paul Barham,",  # with a letter í, not an ı and an accent
        "van der Maaten, Laurens, and Geoffrey Hinton. 2008. “Visualizing Data Using t-SNE.”",
        "Araujo, André, Wade Norris, and Jack Sim. 2019.",
        "Convolutional Neural Networks.” Distill 4 (11): e21.",
        "The Generalization of ‘Student’s’ Problem When Several",
        "Statistics, Proceedings of Machine Learning Research, vol. 9: 249–56.",
        "“Do We Train on Test Data? Purging CIFAR of Near-Duplicates.” Journal of Imaging 6 (6)",
        "“Obtaining Well Calibrated Probabilities Using Bayesian Binning.” Proceedings of the AAAI",
        "“Scikit-learn: Machine Learning in Python.” Journal of Machine Learning Research 12 (85)",
        "Satterthwaite, F. E. 1946.",
        "Do CIFAR-10 Classifiers Generalize to CIFAR-10? arXiv:1806.00451.",
        "“Do ImageNet Classifiers Generalize to ImageNet?” Proceedings of the 36th",
    ],
)
def test_an_entry_prints(printed, line):
    assert line in printed


def test_no_entry_lacks_its_place(printed):
    for words in ("ahead of print", "{", "}", "\\"):
        assert words not in printed


def test_every_field_of_the_record_is_described():
    page = docs_pages.record_page()
    for part in (records.Record, records.Epoch, records.Test, records.Cost, records.Provenance):
        for name in part.model_fields:
            assert f"| `{name}` |" in page
    assert "None" not in page


@pytest.fixture(scope="module")
def record_schema() -> jsonschema.Draft202012Validator:
    """Checked itself only once: that takes longer than a record."""
    schema = json.loads((PROJECT / "docs" / "record.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _published_records() -> list:
    if not PUBLISHED:
        return [pytest.param(None, marks=pytest.mark.skip("no published runs in this checkout"))]
    return PUBLISHED


@pytest.mark.parametrize("path", _published_records(), ids=lambda path: getattr(path, "stem", ""))
def test_published_records_keep_to_the_schema(path, record_schema):
    record_schema.validate(json.loads(path.read_text(encoding="utf-8")))
    record = records.read(path)
    assert path.parts[-3:-1] == (record.experiment, record.fingerprint)
    if record.status == "complete":
        predictions = records.predictions(path, record)
        confusion = record.test.confusion
        assert sum(map(sum, confusion)) == record.dataset.test_images
        counts = [sum(row[place] for row in confusion) for place in range(len(confusion))]
        assert [int((predictions["classes"] == place).sum()) for place in range(len(counts))] == (
            counts
        )


def test_a_record_that_says_something_else_is_refused_by_the_schema():
    schema = json.loads((PROJECT / "docs" / "record.schema.json").read_text(encoding="utf-8"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"format": 1, "colour": "red"}, schema)
