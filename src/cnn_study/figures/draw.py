"""Figures of a study: SVG for light and dark pages, caption and alternative text.

Knows nothing of Keras or of run records. What will be made is known without Matplotlib and
without pandas, so that the workflow can declare it; both are imported only to draw.

`planned_figures` and `draw` are the way in. Which figures there are stands here; each is a
`Picture` in a module that is named by its subject.
"""

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.lean_imports import lean
from cnn_study.base.stopping import end_with
from cnn_study.figures.calibration import AccuracyAndCalibration, Reliability
from cnn_study.figures.classes import ClassBars, ClassEffects, Confusion
from cnn_study.figures.confirmation import Confirmed
from cnn_study.figures.contrasts import Contrasts, has_contrasts
from cnn_study.figures.cost import AccuracyAndCost
from cnn_study.figures.effects import AllEffects, Effects, Pair, split
from cnn_study.figures.epochs import LOSS, LearningCurves
from cnn_study.figures.groups import MOST_LINES, GroupEffects
from cnn_study.figures.inspected import (
    Embedding,
    FeatureMaps,
    Filters,
    Inspected,
    Mistakes,
    Neighbours,
    Occlusion,
    Samples,
)
from cnn_study.figures.learning import Descent
from cnn_study.figures.levels import LEAST_LEVELS, Curve, Grid
from cnn_study.figures.look_alikes import MisreadImages, Pairs, WithinParts
from cnn_study.figures.network import Architecture, Model, ReceptiveField
from cnn_study.figures.others import Others
from cnn_study.figures.overview import Overview
from cnn_study.figures.picture import Format, Picture, image
from cnn_study.figures.published import PublishedAndOurs
from cnn_study.figures.results import Results
from cnn_study.figures.search import Importance, Parallel, Rounds, Slices, Trials, Winners
from cnn_study.figures.selection_bias import Optimism
from cnn_study.figures.spread import RunSpread
from cnn_study.figures.training import Training
from cnn_study.figures.words import axis_label, value, words
from cnn_study.runs import inspections
from cnn_study.study import architecture
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.questions import Factorial

INDEX = "figures.json"


def planned_figures(study: Study, inspected: bool = False, looked: bool = False) -> list[str]:
    """Name every file that `draw` writes.

    Args:
        inspected: whether there is an inspection, or will be one.
        looked: whether somebody has looked for look-alikes, or will.

    Raises:
        UserError: a question has the id of another figure.
    """
    return [*(f"{id_}.svg" for id_ in _pictures(study, inspected, looked)), INDEX]


def draw(
    study: Study,
    tables: Path,
    evidence: Path,
    output: Path,
    inspected: Path | None = None,
    processes: int = 1,
    format_: Format = "svg",
    look_alikes: Path | None = None,
) -> None:
    """Write every figure of the study, and `figures.json` that describes them.

    Args:
        tables: Folder with what `tables.collect` wrote.
        evidence: Folder with what `evidence.analyse` wrote.
        output: Folder for the figures. Each file is whole or absent; equal tables give equal
            bytes.
        inspected: Facts of the inspection, if there is one.
        processes: how many draw side by side.
        format_: SVG is what the report takes, light or dark; PNG is light, for slides.
        look_alikes: Facts about look-alikes, if somebody has looked for them.
    """
    _opened.cache_clear()  # the tables may be others than at the last call
    ids = list(_pictures(study, inspected is not None, look_alikes is not None))
    sources = (study.path, tables, evidence, inspected, look_alikes)
    draw_one = partial(_draw_one, sources, output, format_)
    described = {}
    if processes == 1:
        described = {id_: draw_one(id_) for id_ in ids}
    else:
        # Fresh processes: one that was forked would share the state of Matplotlib.
        with ProcessPoolExecutor(
            processes - 1, multiprocessing.get_context("spawn"), end_with, (os.getpid(),)
        ) as pool:
            waiting = {id_: pool.submit(draw_one, id_) for id_ in ids}
            # This process draws too, from the other end, what none has begun.
            for id_ in reversed(ids):
                if waiting[id_].cancel():
                    described[id_] = draw_one(id_)
            described |= {id_: job.result() for id_, job in waiting.items() if not job.cancelled()}
    text = json.dumps({id_: described[id_] for id_ in ids}, indent=1, ensure_ascii=False) + "\n"
    _write(output / INDEX, text.encode())


Sources = tuple[Path, Path, Path, Path | None, Path | None]
"""Study file, tables, evidence, facts of the inspection, facts about look-alikes."""


def _draw_one(sources: Sources, output: Path, format_: Format, id_: str) -> dict[str, Any]:
    """Write one of the figures; give what is said about it."""
    pictures, results = _opened(sources)
    file, picture = f"{id_}.{format_}", pictures[id_]
    _write(output / file, image(picture, results, format_))
    return {
        "file": file,
        **picture.texts(results)._asdict(),
        "runs": picture.runs(results),
        "searched": picture.searched(results),
    }


@lru_cache(1)
def _opened(sources: Sources) -> tuple[dict[str, Picture], Results]:
    """Import what draws and read what is drawn from, once a process."""
    with lean("scipy"):
        import seaborn  # noqa: F401
    path, tables, evidence, *kept = sources
    study = load(path)
    return _pictures(study, *(facts is not None for facts in kept)), Results(
        study, tables, evidence, *kept
    )


def _write(path: Path, content: bytes) -> None:
    files.write_whole(path, lambda file: file.write(content))


# ------------------------------------------------------------------------------- which there are


def _pictures(study: Study, inspected: bool = False, looked: bool = False) -> dict[str, Picture]:
    """List the figures of a study by id, in the order of the report."""
    of_inspection, of_look_alikes = _inspected_pictures(study), _look_alike_pictures(study)
    fixed = _overview(study) | of_inspection | _fixed_pictures(study) | of_look_alikes
    asked = {name: _question_pictures(study, name) for name in study.questions}
    _refuse_taken(study, tuple(fixed), {name: tuple(own) for name, own in asked.items()})
    left_out = (of_inspection if not inspected else {}) | (of_look_alikes if not looked else {})
    fixed = {id_: picture for id_, picture in fixed.items() if id_ not in left_out}
    for own in asked.values():
        fixed |= own
    return fixed


def _overview(study: Study) -> dict[str, Picture]:
    """Show the models worth a name, where there can be more than one."""
    enhanced, budgets = study.file.enhanced or "base", _budgets(study)
    if len(study.experiments) == 1 and not budgets:
        return {}
    return {"overview": Overview(tuple(study.experiments), enhanced, budgets)}


def _inspected_pictures(study: Study) -> dict[str, Picture]:
    """List the figures that need an inspection."""
    runs = inspections.kept(study)
    networks = tuple((run.experiment.id, run.experiment.fingerprint) for run in runs)
    built_in = tuple(each for each in networks if _is_built_in(study, each[0]))
    kinds: dict[str, type[Inspected]] = {
        "samples": Samples,
        "neighbours": Neighbours,
        "filters": Filters,
        "feature-maps": FeatureMaps,
        "occlusion": Occlusion,
        "mistakes": Mistakes,
        "embedding": Embedding,
    }
    classes = tuple(study.dataset.class_names)
    if not study.dataset.publish_images:
        return {"embedding": Embedding(networks, classes)}
    pictures: dict[str, Picture] = {id_: kind(networks, classes) for id_, kind in kinds.items()}
    # Layers of a network of the study's own have no place of which these pictures could know.
    of_layers = {id_: kinds[id_](built_in, classes) for id_ in ("filters", "feature-maps")}
    if built_in[:1] == networks[:1]:
        return pictures | of_layers
    return {id_: picture for id_, picture in pictures.items() if id_ not in of_layers}


def _look_alike_pictures(study: Study) -> dict[str, Picture]:
    """List the figures that need somebody to have looked for look-alikes."""
    if not study.dataset.publish_images:
        return {}
    networks = tuple((id_, experiment.fingerprint) for id_, experiment in study.experiments.items())
    classes = tuple(study.dataset.class_names)
    audit = study.dataset.audit
    within = {"near-duplicates": WithinParts(classes)}
    return {
        "look-alikes": Pairs(classes),
        **(within if audit and audit.has_near_duplicates_within else {}),
        "misread": MisreadImages(networks, classes),
    }


def _fixed_pictures(study: Study) -> dict[str, Picture]:
    """List the figures whose ids are the same in every study."""
    enhanced = study.file.enhanced or "base"
    two = tuple(dict.fromkeys(["base", enhanced]))
    all_, classes = tuple(study.experiments), tuple(study.dataset.class_names)
    smallest = study.file.smallest_effect
    models = tuple(_model(study, id_) for id_ in two if _is_built_in(study, id_))
    pictures: dict[str, Picture] = {
        **dict.fromkeys(["receptive-field"][: len(models)], ReceptiveField(models)),
        "descent": Descent(),
        **dict.fromkeys(["architecture"][: len(models)], Architecture(models)),
        "learning-curves-base-and-enhanced": LearningCurves(two),
        "loss-curves-base-and-enhanced": LearningCurves(two, LOSS),
    }
    if len(two) > 1:
        pair = ("base", enhanced)
        pictures["base-and-enhanced"] = Pair(pair, "Base and enhanced model", smallest)
    pictures["confusion-base-and-enhanced"] = Confusion(two, classes)
    pictures["classes-base-and-enhanced"] = ClassBars(two, classes)
    pictures["reliability-base-and-enhanced"] = Reliability(two)
    pictures["accuracy-and-calibration"] = AccuracyAndCalibration(all_, enhanced)
    pictures["run-spread"] = RunSpread(all_, enhanced)
    pictures["accuracy-and-cost"] = _cost(study, enhanced)
    if study.file.others:
        pictures["others"] = Others(all_, enhanced, bool(_budgets(study)))
    if study.file.published:
        pictures["published-and-ours"] = PublishedAndOurs()
    if questions := tuple(study.questions):
        pictures |= _groups(study) | _all_effects(study)
        pictures["class-effects"] = ClassEffects(questions, all_, classes)
    if study.fresh_seeds and study.questions:
        pictures["confirmation"] = Confirmed(smallest)
    if _has_selection_bias(study):
        pictures["test-habits"] = Optimism(all_)
    return pictures | _search_pictures(study, enhanced)


def _search_pictures(study: Study, enhanced: str) -> dict[str, Picture]:
    """List the figures of the study's search, if it has one."""
    budgets = _budgets(study)
    if study.search is None or not budgets:
        return {}
    names = tuple(parameter.name for parameter in study.search.space)
    first = {"rounds": Rounds} if study.search.has_rounds else {"trials": Trials}
    kinds = {**first, "slices": Slices, "parallel": Parallel, "importance": Importance}
    pictures = {f"search-{id_}": kind(budgets, names) for id_, kind in kinds.items()}
    winners = Winners(budgets, names, tuple(study.experiments), enhanced)
    return pictures | {"search-winners": winners}


def _budgets(study: Study) -> tuple[tuple[str, str], ...]:
    """Give id and title of each budget of the study's search; none where it has none to train."""
    declared = study.file.search
    if study.search is None or declared is None or not declared.trained:
        return ()
    return tuple((budget.id, budget.title) for budget in study.search.budgets)


def _groups(study: Study) -> dict[str, Picture]:
    """Show the changes of each group of questions, on as many pages as they need."""
    pictures: dict[str, Picture] = {}
    for group, names in study.groups.items():
        titles = tuple((name, study.file.questions[name].title) for name in names)
        pages = split([len(study.questions[name]) for name in names], MOST_LINES)
        for number, page in enumerate(pages, start=1):
            id_ = f"group-{group}-{number}" if number > 1 else f"group-{group}"
            pictures[id_] = GroupEffects(
                *(group, titles, tuple(study.experiments), study.file.smallest_effect),
                *(page, (number, len(pages))),
            )
    return pictures


MOST_PAGES = 6
"""Of changes that other figures show too: nobody leafs through more for them."""


def _all_effects(study: Study) -> dict[str, Picture]:
    """Show the changes of all questions, on as many pages as they need.

    Where these are too many there are none: the groups' figures show the same changes.
    """
    titles = tuple((name, study.file.questions[name].title) for name in study.questions)
    pages = split([len(ids) for ids in study.questions.values()])
    if len(pages) > MOST_PAGES:
        return {}
    return {
        f"effects-all-{number}" if number > 1 else "effects-all": AllEffects(
            titles, tuple(study.experiments), study.file.smallest_effect, page, (number, len(pages))
        )
        for number, page in enumerate(pages, start=1)
    }


def _cost(study: Study, enhanced: str) -> AccuracyAndCost:
    """Compare those that are trained on as many images as the base."""

    def images(id_: str) -> tuple[float, float]:
        settings = study.experiments[id_].settings
        return settings.training_fraction, settings.validation_fraction

    compared = tuple(id_ for id_ in study.experiments if images(id_) == images("base"))
    rest = tuple(id_ for id_ in study.experiments if id_ not in compared)
    return AccuracyAndCost(compared, enhanced, rest)


def _is_built_in(study: Study, id_: str) -> bool:
    return not study.experiments[id_].settings.model


def _model(study: Study, id_: str) -> Model:
    dataset, settings = study.dataset, study.experiments[id_].settings
    layers = architecture.layers(settings, dataset.image_shape, len(dataset.class_names))
    return Model(id_, dataset.image_shape, tuple(layers), settings.block)


def _has_selection_bias(study: Study) -> bool:
    """Whether a choice by test scores of one seed, of an epoch or an experiment, has others."""
    every = [experiment.settings for experiment in study.experiments.values()]
    held_out = sum(settings.validation_fraction > 0 for settings in every)
    watched = any(settings.watch_test for settings in every)
    return len(study.seeds) > 1 and (held_out > 1 or watched)


def _question_pictures(study: Study, name: str) -> dict[str, Picture]:
    """List the figures of one question by id.

    A single change stands in the figure of its group, and has none of its own.
    """
    question = study.file.questions[name]
    members = tuple(dict.fromkeys([question.reference, *study.questions[name]]))
    effects = Effects(name, question.title, members, study.file.smallest_effect)
    pictures: dict[str, Picture] = {name: effects} if len(members) > 2 else {}
    further: dict[str, Picture] = {}
    if question.factorial:
        pictures = {name: _grid(study, name, question.factorial)}
        further = {f"{name}-effects": effects}
    if curve := _curve(study, name, members):
        pictures[f"{name}-curve"] = curve
    if has_contrasts(study, name):
        smallest = study.file.smallest_effect
        pictures[f"{name}-contrasts"] = Contrasts(name, question.title, members, smallest)
    further[f"{name}-training"] = Training(name, question.title, members)
    return pictures | further


def _grid(study: Study, name: str, design: Factorial) -> Grid:
    rows, columns = design.factors
    cells = tuple(
        tuple(study.cell(name, {rows: row, columns: column}) for column in design.levels[1])
        for row in design.levels[0]
    )
    of_rows, of_columns = (tuple(map(value, levels)) for levels in design.levels)
    return Grid(design.factors, (of_rows, of_columns), cells, study.file.questions[name].title)


def _curve(study: Study, name: str, members: tuple[str, ...]) -> Curve | None:
    """Make the curve of a question that varies one number alone, or the number of convolutions."""
    settings = {id_: study.experiments[id_].settings.model_dump() for id_ in members}
    varied = [
        key
        for key, kept in settings[members[0]].items()
        if any(other[key] != kept for other in settings.values())
    ]
    if len(varied) != 1 or len(members) < LEAST_LEVELS:
        return None
    depth = varied == ["filters"]
    values = {
        id_: len(own["filters"]) if depth else own[varied[0]] for id_, own in settings.items()
    }
    numbers = all(type(level) in (int, float) for level in values.values())
    if not numbers or len(set(values.values())) < len(members):
        return None
    return Curve(
        "the number of convolutions" if depth else words(varied[0]),
        "Convolutions" if depth else axis_label(varied[0]),
        tuple(sorted((level, id_) for id_, level in values.items())),
        members[0],
        study.file.questions[name].title,
    )


def _refuse_taken(study: Study, fixed: tuple[str, ...], asked: dict[str, tuple[str, ...]]) -> None:
    """Refuse questions whose figures would overwrite other ones.

    Args:
        fixed: ids of the other figures.
        asked: ids of each question's figures.

    Raises:
        UserError: a figure of a question has the id of another.
    """
    derived = [id_ for name, ids in asked.items() for id_ in ids if id_ != name]
    faults = []
    for name, ids in asked.items():
        own = [id_ for id_ in ids if id_ != name]
        taken = [id_ for id_ in own if id_ in fixed]
        if name in {*fixed, *derived}:
            faults.append(f"  questions.{name}: a figure of the report has this name already")
        elif taken:
            faults.append(f"  questions.{name}: its figure {taken[0]} is one of the report already")
    if faults:
        ending = "; choose another id"
        lines = (fault + ending for fault in faults)
        raise UserError("\n".join([f"{study.path} cannot be used:", *lines]))
