"""What is written down of images as they were read."""

import pytest
from pydantic import ValidationError

from cnn_study.data.audit import Audit, Originals, Spread

SIZES = Spread(smallest=20, median=48.5, largest=900)


def test_an_audit_comes_back_from_its_text():
    audit = Audit(
        files=12,
        skipped={"cut off": 2},
        originals=Originals(sizes=3, heights=SIZES, widths=SIZES, enlarged=1),
    )
    assert Audit.model_validate_json(audit.model_dump_json()) == audit
    assert audit.same_images.sets == 0
    assert audit.near_duplicates is None


def test_what_no_audit_says_is_refused():
    originals = {"sizes": 3, "heights": SIZES, "widths": SIZES, "enlarged": -1}
    with pytest.raises(ValidationError) as error:
        Audit.model_validate({"files": "12", "originals": originals, "names": ["me.jpg"]})
    assert {fault["loc"] for fault in error.value.errors()} == {
        ("files",),
        ("originals", "enlarged"),
        ("names",),
    }
