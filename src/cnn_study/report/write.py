"""Puts the values of a study into the report's templates: tables and figures in, Quarto text out.

`values` says what there is to say, `filters` how its numbers are written, and the templates in
report/ say it.
"""

from pathlib import Path
from typing import Any

from cnn_study.base.files import write_whole
from cnn_study.base.places import TEMPLATE, template_folders
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.report import claims, explorer, live, page, receipts, values
from cnn_study.report.inspected import live_network
from cnn_study.report.templates import fill
from cnn_study.runs import inspections
from cnn_study.study.model import Study

PAGE = "page.html"
"""What the page holds besides its text."""


def write(
    study: Study,
    tables: Path,
    evidence: Path,
    figures: Path,
    output: Path,
    inspected: Path | None = None,
    look_alikes: Path | None = None,
    template: Path = TEMPLATE,
) -> None:
    """Write the text of a study's report, whole or not at all.

    Equal tables and templates give equal bytes. Paths of pictures start from the folder that
    holds `figures`: give that folder to `render.render` as `resources`. Beside the text stands
    `page.html`, which the page takes in: where every number comes from, all experiments to sort
    and compare, and, where the base's weights are kept, the trained network that runs in the page;
    and `claims.csv`, every number once more, for whoever reads with a program.

    Args:
        tables: folder of the CSV tables.
        evidence: folder of what `evidence.analyse` wrote.
        figures: folder of the pictures and of figures.json.
        output: the Quarto document, such as results/cifar10/report/index.qmd.
        inspected: facts of the inspection, if there is one.
        look_alikes: facts about look-alikes, if somebody has looked for them.
        template: the document's template; the parts that it includes lie beside it.

    Raises:
        UserError: tables, evidence or figures are missing or not this study's, no run has a record,
            or a template asks for a value that is not there; names template and line.
    """
    inspection = inspections.read(inspected) if inspected else None
    filled = fill(
        template,
        values.gather(study, tables, evidence, figures, inspection, look_alikes),
        template_folders()[:-1],
    )
    text = receipts.lead_once_a_row(filled)
    looked_up = receipts.receipts(text, study, tables.parent, inspected)
    data = {
        receipts.ELEMENT: looked_up,
        explorer.ELEMENT: explorer.explored(
            study, Tables(study, tables), Findings(study, evidence)
        ),
    }
    if network := _network(study, tables.parent, inspection):
        data[live.ELEMENT] = network
    beside = page.fragment(data)
    write_whole(output.with_name(PAGE), lambda file: file.write(beside.encode()))
    listed = claims.csv_text(claims.claims(text, looked_up))
    write_whole(output.with_name(claims.FILE), lambda file: file.write(listed.encode()))
    write_whole(output, lambda file: file.write(text.encode()))


def _network(
    study: Study, results: Path, inspection: inspections.Inspection | None
) -> dict[str, Any] | None:
    """Describe the base's trained network, which runs in the page; None if it is not kept."""
    kept = live_network(study, inspection)
    if inspection is None or kept is None:
        return None
    return live.network(
        study.experiments["base"].settings,
        study.dataset.image_shape,
        study.dataset.class_names,
        inspections.weights(kept, results),
        scale=kept.scale,
        offset=kept.offset,
        images=inspection.arrays["shown_images"],
        labels=inspection.arrays["shown_labels"].tolist(),
        facts={"experiment": "base", "seed": kept.seed, "test_accuracy": kept.test_accuracy},
    )
