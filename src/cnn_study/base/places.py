"""Where the package and the report's texts, looks and bibliography lie, in a clone or installed."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

_CARRIED = PACKAGE / "project"
"""What a wheel carries of the project beside the package; in a clone it stands around `src`."""

PROJECT = _CARRIED if _CARRIED.is_dir() else PACKAGE.parents[1]

REPORT = PROJECT / "report"
"""Templates, filters, theme, bibliography and `_quarto.yml` of the report."""
