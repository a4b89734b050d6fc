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
from cnn_study.report import claims, explorer, live, page, receipts, scripts, values
from cnn_study.report.inspected import live_network
from cnn_study.report.templates import fill
from cnn_study.runs import inspections, kept_weights, records
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
) -> list[str]:
    """Write the text of a study's report, whole or not at all.

    Equal tables and templates give equal bytes. Paths of pictures start from the folder that
    holds `figures`: give that folder to `render.render` as `resources`. Beside the text stands
    `page.html`, which the page takes in: where every number comes from, all experiments to sort
    and compare, and, where weights are kept, the trained networks that run in the page;
    `claims.csv`, every number once more, for whoever reads with a program; and `scripts/`, whole
    Python scripts of the best networks.

    Args:
        tables: folder of the CSV tables.
        evidence: folder of what `evidence.analyse` wrote.
        figures: folder of the pictures and of figures.json.
        output: the Quarto document, such as results/cifar10/report/index.qmd.
        inspected: facts of the inspection, if there is one.
        look_alikes: facts about look-alikes, if somebody has looked for them.
        template: the document's template; the parts that it includes lie beside it.

    Returns:
        The files written, from the folder of `output` on.

    Raises:
        UserError: tables, evidence or figures are missing or not this study's, no run has a record,
            or a template asks for a value that is not there; names template and line.
    """
    inspection = inspections.read(inspected) if inspected else None
    gathered = values.gather(study, tables, evidence, figures, inspection, look_alikes)
    filled = fill(template, gathered, template_folders()[:-1])
    text = receipts.lead_once_a_row(filled)
    looked_up = receipts.receipts(text, study, tables.parent, inspected)
    data = {
        receipts.ELEMENT: looked_up,
        explorer.ELEMENT: explorer.explored(
            study, Tables(study, tables), Findings(study, evidence)
        ),
    }
    if networks := _networks(study, tables.parent, inspection):
        data[live.ELEMENT] = networks
    beside = page.fragment(data)
    write_whole(output.with_name(PAGE), lambda file: file.write(beside.encode()))
    listed = claims.csv_text(claims.claims(text, looked_up))
    write_whole(output.with_name(claims.FILE), lambda file: file.write(listed.encode()))
    files = scripts.write(gathered["scripts"], study, output.with_name(scripts.FOLDER))
    write_whole(output, lambda file: file.write(text.encode()))
    return [output.name, PAGE, claims.FILE, *(f"{scripts.FOLDER}/{file}" for file in files)]


def _networks(
    study: Study, results: Path, inspection: inspections.Inspection | None
) -> dict[str, Any] | None:
    """Describe the trained networks that run in the page; None if the base's is not kept.

    Of the search's winners it is the one with the least arithmetic: the others are too large. Of
    large images and networks there are as many as a page can hold.
    """
    if inspection is None or live_network(study, inspection) is None:
        return None
    kept = kept_weights.shown(study, results)
    winners = [each for each in kept if each.budget]
    smallest = min(winners, key=lambda each: each.run.experiment.macs, default=None)
    described = (
        _trained(study, each, results, inspection)
        for each in kept
        if each is smallest or not each.budget
    )
    trained = [each for each in described if each]
    sizes = [sum(array.size for array in each.weights.values()) for each in trained]
    fit, images = live.that_fit(sizes or [0]), inspection.arrays["shown_images"]
    places = live.choice(len(images), images[0].nbytes)
    return live.networks(
        [each for place, each in enumerate(trained) if place in fit],
        study.dataset.image_shape,
        study.dataset.class_names,
        images[places],
        inspection.arrays["shown_labels"][places].tolist(),
    )


def _trained(
    study: Study, kept: kept_weights.Kept, results: Path, inspection: inspections.Inspection
) -> live.Trained | None:
    """Describe one trained network; None where nobody knows how its pixels are scaled."""
    experiment, record = kept.run.experiment, records.read(kept.record)
    inspected = inspection.network(experiment.fingerprint)
    scaling = kept_weights.read_scaling(kept.weights)
    if inspected:
        scaling = inspected.scale, inspected.offset
    if scaling is None or experiment.settings.model:
        return None
    weights = (
        inspections.weights(inspected, results)
        if inspected
        else kept_weights.checked(kept.weights, record)
    )
    facts = {
        "label": "winner" if kept.budget else study.full_labels[experiment.id],
        "experiment": kept.name.rpartition("/")[0],
        "seed": record.seed,
        "test_accuracy": record.tested.accuracy,
    }
    return live.Trained(experiment.settings, weights, *scaling, facts)
