"""The ledger as Markdown and LaTeX."""

from typing import Any

from cnn_study.evidence.training_times import about_as_long

HEADINGS = ("Change", "Reference", "n", "Test difference, 95 % interval (points)", "p (Holm)",
            "Verdict", "Parameters", "MACs", "Time, 95 % interval (s)")  # fmt: skip


MARKDOWN_HEAD = f"| {' | '.join(HEADINGS)} |\n|:--|:--|--:|:--|--:|:--|--:|--:|--:|\n"


LATEX_HEAD = (
    "% Needs the package booktabs.\n\\begin{tabular}{llrlrlrrr}\n\\toprule\n"
    + " & ".join(HEADINGS).replace("%", r"\%")
    + " \\\\\n\\midrule\n"
)


LATEX_FOOT = "\\bottomrule\n\\end{tabular}\n"


def markdown(ledger: list[dict[str, Any]]) -> str:
    """Write the ledger as a pipe table."""
    return MARKDOWN_HEAD + "".join(markdown_row(cells_of(row)) for row in ledger)


def latex(ledger: list[dict[str, Any]]) -> str:
    """Write the ledger as a tabular."""
    return LATEX_HEAD + "".join(latex_row(cells_of(row)) for row in ledger) + LATEX_FOOT


def cells_of(row: dict[str, Any]) -> list[str]:
    """Put one row of the ledger into words and numbers, for `HEADINGS`."""
    return [
        row["experiment"],
        row["reference"],
        str(row["test_runs"]),
        _interval(row),
        "–" if row["test_p_holm"] is None else f"{row['test_p_holm']:.2g}",
        row["test_verdict"],
        *(_difference(row.get(f"{name}_difference")) for name in ("parameters", "macs")),
        _seconds(row),
    ]


def _interval(row: dict[str, Any]) -> str:
    if row["test_difference"] is None:
        return "–"
    mean = f"{100 * row['test_difference']:+.2f}".replace("-", "−")
    if row["test_lower"] is None:
        return mean
    ends = (f"{100 * row[f'test_{end}']:+.2f}".replace("-", "−") for end in ("lower", "upper"))
    return f"{mean} [{', '.join(ends)}]"


def _difference(number: float | None) -> str:
    return "–" if number is None else f"{number:+,.0f}".replace("-", "−")


def _seconds(row: dict[str, Any]) -> str:
    if about_as_long(row):
        return "about as long"
    difference = _difference(row.get("seconds_difference"))
    lower, upper = (row.get(f"seconds_{end}") for end in ("lower", "upper"))
    if lower is None or upper is None or lower == upper:
        return difference
    return f"{difference} [{_difference(lower)}, {_difference(upper)}]"


def markdown_row(cells: list[str]) -> str:
    """Write one row of a pipe table."""
    return f"| {' | '.join(cells)} |\n"


def latex_row(cells: list[str]) -> str:
    """Write one row of a tabular."""
    escaped = (cell.replace("_", r"\_").replace("−", "$-$").replace("–", "--") for cell in cells)
    return " & ".join(escaped) + " \\\\\n"
