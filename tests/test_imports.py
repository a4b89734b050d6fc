"""Imports of large libraries."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_study.base.lean_imports import absent, lean

PROJECT = Path(__file__).resolve().parents[1]


def test_only_what_was_not_there_is_hidden_and_only_for_a_while():
    import colorsys

    sys.modules.pop("chunk_of_nothing", None)
    with absent("colorsys", "chunk_of_nothing"):
        import colorsys as still_there

        assert still_there is colorsys
        with pytest.raises(ImportError):
            import chunk_of_nothing  # noqa: F401
    assert "chunk_of_nothing" not in sys.modules
    assert sys.modules["colorsys"] is colorsys


def test_garbage_is_looked_for_again_after_an_import_and_not_in_what_it_left(monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    with lean("chunk_of_nothing"):
        assert not gc.isenabled()
        assert sys.modules["chunk_of_nothing"] is None
    assert frozen == [True]
    with pytest.raises(ZeroDivisionError), lean():
        _ = 1 / 0
    assert gc.isenabled()


# ------------------------------------------------------------------------------- in a fresh process

HEAVY = {
    *("keras", "tensorflow", "jax", "keras_tuner", "sklearn", "scipy.stats", "statsmodels"),
    *(
        "scipy.sparse",
        "scipy.fft",
        "matplotlib",
        "seaborn",
        "pandas",
        "jinja2",
        "pooch",
        "requests",
        "pypandoc",
        "snakemake",
    ),
}
"""What takes a tenth of a second or more to import."""

LEAN = {
    "data.arrays": set(),
    "study.merge": set(),
    "runs.inspections": set(),
    "runs.searches": set(),
    "base.inference": set(),
    "workflow": set(),
    "figures.draw": set(),
    "execute.progress": set(),
    "execute.local": set(),
    "__main__": set(),
    "evidence.analyse": {"pandas"},
    "evidence.confirmation": {"pandas"},
    "tables.collect": {"pandas"},
    "report.docs_pages": {"pandas"},
    "report.write": {"pandas", "jinja2"},
    "report.render": {"pandas", "jinja2"},
}
"""Modules, and what of that they or those before them import: the rest waits until it is needed."""

SCRIPT = """
import importlib, json, sys
heavy, told = set(json.loads(sys.argv[1])), {}
for name in sys.argv[3:]:
    importlib.import_module(f"cnn_study.{name}")
    told[name] = sorted(heavy & set(sys.modules))
from pathlib import Path
import cnn_study
from cnn_study.runs import inspections
networks = len(inspections.read(Path(sys.argv[2])).facts.networks)
reading = sorted(heavy & set(sys.modules))
print(json.dumps([cnn_study.__file__, told, networks, reading]))
"""


def test_what_plans_reads_and_reports_imports_no_backend_and_little_else():
    """In one process, the leanest first; and reading what was seen in networks needs no more."""
    (inspection,) = (PROJECT / "results" / "cifar10" / "inspection").glob("*.json")
    heavy = json.dumps(sorted(HEAVY))
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, heavy, inspection, *LEAN],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    file, told, networks, reading = json.loads(ended.stdout)
    assert Path(file) == PROJECT / "src" / "cnn_study" / "__init__.py"
    assert {name: set(libraries) for name, libraries in told.items()} == LEAN
    assert networks == 2
    assert set(reading) == {"pandas", "jinja2"}
