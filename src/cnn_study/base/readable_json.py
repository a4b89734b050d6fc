"""JSON that can be read by eye, and compared line by line."""

import json
from typing import Any


def text(facts: Any) -> str:
    """Write facts as JSON, lists of plain values on one line each.

    Raises:
        ValueError: a number is not finite.
    """
    return _fold_rows(json.dumps(facts, indent=1, allow_nan=False) + "\n")


def _fold_rows(text: str) -> str:
    """Put lists of plain values on one line each."""
    lines: list[str] = []
    row: list[str] | None = None
    for line in text.splitlines():
        if row is None:
            if line.endswith("["):
                row = [line]
            else:
                lines.append(line)
        elif line.strip().rstrip(",") == "]":
            lines.append(row[0] + " ".join(part.strip() for part in row[1:]) + line.strip())
            row = None
        elif line.endswith(("[", "{")):
            lines += row
            row = [line] if line.endswith("[") else None
            if row is None:
                lines.append(line)
        else:
            row.append(line)
    return "\n".join(lines) + "\n"
