"""docs/ says what the schemas say, and every committed record keeps to its schema."""

import json
from pathlib import Path

import jsonschema
import pytest

from cnn_study import records, reference, settings

PROJECT = Path(__file__).parents[1]
PUBLISHED = sorted((PROJECT / "results").glob("*/runs/*/*/seed-*.json"))


def test_docs_are_current(tmp_path):
    reference.write(tmp_path)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {name: (PROJECT / "docs" / name).read_text(encoding="utf-8") for name in made}
    assert kept == made, "run: python -m cnn_study docs"


def test_every_parameter_is_described():
    page = reference.parameters_page()
    for name in settings.Settings.model_fields:
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        allowed, _, default, meaning = [cell.strip() for cell in line.split("|")[2:6]]
        assert allowed
        assert default
        assert len(meaning) > 10, name


def test_ranges_are_written_as_a_reader_expects():
    page = reference.parameters_page()
    assert "| `batch_size` | integer, 1 or more, at most 65536 | images | `32` |" in page
    assert "| `learning_rate` | number, more than 0, at most 10 | 1 | `0.001` |" in page
    assert "list of 1 to 20 (integer, 1 or more, at most 1024)" in page


def test_every_field_of_the_record_is_described():
    page = reference.record_page()
    for part in (records.Record, records.Epoch, records.Test, records.Cost, records.Provenance):
        for name in part.model_fields:
            assert f"| `{name}` |" in page
    assert "None" not in page


def _published_records() -> list:
    if not PUBLISHED:
        return [pytest.param(None, marks=pytest.mark.skip("no published runs in this checkout"))]
    return PUBLISHED


@pytest.mark.parametrize("path", _published_records(), ids=lambda path: getattr(path, "stem", ""))
def test_published_records_keep_to_the_schema(path):
    schema = json.loads((PROJECT / "docs" / "record.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), schema)
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
