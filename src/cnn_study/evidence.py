"""What the tables of a study say about its changes: ledger, main effects, habits, orders.

Reads tables and the study, never records or images, and imports no backend. Sentences, tables and
figures of the report all take their numbers from what is written here.
"""

import gc
import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pandas as pd

from cnn_study import columns, suggestions, tables
from cnn_study.inference import (
    Effect,
    effect,
    holm,
    images_margin,
    paired,
    seeds_to_settle,
    single_run_margin,
    verdict,
)
from cnn_study.records import write_whole
from cnn_study.study import Experiment, Study

MEASURES = ("validation", "test")


def analyse(study: Study, folder: Path, output: Path) -> None:
    """Write the evidence of a study: CSV files with their data dictionary, texts, suggestions.

    Each file is written whole or not at all. The same tables give the same bytes.

    Args:
        study: what was asked for.
        folder: of the study's tables.
        output: folder of the evidence.

    Raises:
        UserError: a table is missing.
    """
    facts = Facts.read(study, folder)
    _spare_collections()
    ledger = ledger_rows(facts)
    rows = {
        columns.LEDGER.name: ledger,
        columns.DIFFERENCES.name: difference_rows(facts),
        columns.CONTRASTS.name: contrast_rows(facts),
        columns.CLASS_EFFECTS.name: class_rows(facts),
        columns.HABITS.name: habit_rows(facts),
        columns.ORDERS.name: order_rows(facts),
    }
    for table in columns.EVIDENCE:
        _write(output / table.file, tables.csv_text(tables.frame(table, rows[table.name])))
    package = columns.data_package(study, columns.EVIDENCE, "evidence")
    _write(output / columns.DICTIONARY, json.dumps(package, indent=2) + "\n")
    _write(output / "ledger.md", ledger_text(ledger, markdown_row, MARKDOWN_HEAD, ""))
    _write(output / "ledger.tex", ledger_text(ledger, latex_row, LATEX_HEAD, LATEX_FOOT))
    advice = suggestions.suggest(study, ledger, over_base(facts))
    text = json.dumps(_short(advice), indent=2, ensure_ascii=False, allow_nan=False)
    _write(output / "suggestions.json", text + "\n")


def _spare_collections() -> None:
    """Make cheap the garbage collection that statsmodels asks for at every correction.

    What is there by now, mostly imported code, is taken out of its sight: 0.1 s each, over a
    hundred times.
    """
    import scipy.stats  # noqa: F401
    import statsmodels.stats.multitest  # noqa: F401

    gc.freeze()


def _short(value: Any) -> Any:
    """Round every number as the tables do."""
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_short(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{tables.SIGNIFICANT_DIGITS}g}")
    return value


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode()))


# ------------------------------------------------------------------------------- facts


@dataclass(frozen=True)
class Facts:
    """The tables that evidence is made from.

    Attributes:
        runs: rows of runs.csv that are complete.
        clock: training_cpu_seconds where every run was made on a CPU, else training_seconds.
    """

    study: Study
    runs: pd.DataFrame
    epochs: pd.DataFrame
    experiments: dict[str, dict[str, Any]]
    classes: pd.DataFrame
    published: pd.DataFrame | None
    clock: str

    @classmethod
    def read(cls, study: Study, folder: Path) -> "Facts":
        """Read the tables of a study."""
        runs, epochs, experiments, classes = (
            tables.read(folder, table)
            for table in (columns.RUNS, columns.EPOCHS, columns.EXPERIMENTS, columns.CLASSES)
        )
        complete = runs[runs["status"] == "complete"]
        return cls(
            study,
            complete,
            epochs.merge(complete[["experiment", "seed"]]),
            {row["experiment"]: row for row in experiments.to_dict("records")},
            classes,
            tables.read(folder, columns.PUBLISHED) if study.file.published else None,
            clock(runs),
        )

    def scores(self, experiment: str, column: str) -> dict[int, float]:
        """Give one column of an experiment's complete runs by seed; empty cells are left out."""
        mine = self.runs[self.runs["experiment"] == experiment].set_index("seed")[column].dropna()
        return {int(seed): float(value) for seed, value in mine.items()}

    def differences(self, experiment: str, reference: str, images: str) -> dict[int, float]:
        """Give the paired differences in accuracy by seed."""
        column = f"{images}_accuracy"
        return paired(self.scores(experiment, column), self.scores(reference, column))

    @property
    def test_images(self) -> int:
        """Test images that a run is scored on."""
        return self.study.dataset.test_images


def clock(runs: pd.DataFrame) -> str:
    """Choose the column of runs.csv that tells training time best.

    Processor time depends less on what else a machine does; on a GPU it says nothing.
    """
    devices = set(runs["device"].dropna())
    return "training_cpu_seconds" if devices == {"CPU"} else "training_seconds"


def _family(
    effects: list[Effect], images: str, smallest: float, unrun: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Correct the p values of a family together and give the columns of each effect.

    Args:
        unrun: for each effect, what its verdict is where it has no pair.
    """
    corrected = holm([found.p for found in effects])
    reasons = list(unrun) or ["not run"] * len(effects)
    rows = []
    for found, p_holm, reason in zip(effects, corrected, reasons, strict=True):
        said = verdict(found, p_holm, smallest) if found.n else reason
        rows.append(
            {
                f"{images}_pairs": found.n,
                f"{images}_difference": found.mean,
                f"{images}_deviation": found.deviation,
                f"{images}_lower": found.lower,
                f"{images}_upper": found.upper,
                f"{images}_p": found.p,
                f"{images}_p_holm": p_holm,
                f"{images}_verdict": said,
            }
        )
    return rows


# ------------------------------------------------------------------------------- ledger


def ledger_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give one row for each declared change, in the order of the study file."""
    study, rows = facts.study, []
    for name, question in study.file.questions.items():
        if name in study.declared:
            rows += [_declared_row(name, question, one) for one in study.declared[name]]
        else:
            rows += _question_rows(facts, name)
    return rows


def _heading(name: str, question: Any, experiment: Experiment) -> dict[str, Any]:
    return {
        "question": name,
        "hypothesis": " ".join(question.hypothesis.split()),
        "experiment": experiment.id,
        "reference": question.reference,
        "change": tables.change_text(experiment) or "",
    }


def _declared_row(name: str, question: Any, experiment: Experiment) -> dict[str, Any]:
    none = dict.fromkeys(("complete_runs", "diverged_runs", "failed_runs", "missing_runs"), 0)
    unknown = [_family([Effect(0)], images, 1)[0] for images in MEASURES]
    return _heading(name, question, experiment) | none | unknown[0] | unknown[1]


def _question_rows(facts: Facts, name: str) -> list[dict[str, Any]]:
    study = facts.study
    question, ids = study.file.questions[name], study.questions[name]
    reference, smallest = question.reference, study.smallest_effect
    unrun = [_without_pairs(facts.experiments[id_]) for id_ in ids]
    effects = {
        images: [effect(list(facts.differences(id_, reference, images).values())) for id_ in ids]
        for images in MEASURES
    }
    judged = {images: _family(effects[images], images, smallest, unrun) for images in MEASURES}
    tested = sum(found.p is not None for found in effects["test"])
    rows = []
    for place, id_ in enumerate(ids):
        row = _heading(name, question, study.experiments[id_])
        counts = ("complete_runs", "diverged_runs", "failed_runs", "missing_runs")
        row |= {count: int(facts.experiments[id_][count]) for count in counts}
        row |= judged["validation"][place] | judged["test"][place]
        found = effects["test"][place]
        if found.n and not effects["validation"][place].n:
            row["validation_verdict"] = "not measured"
        if row["test_verdict"] == "too close to call":
            row["seeds_to_settle"] = seeds_to_settle(found, smallest, tested)
        rows.append(row | _price(facts, id_, reference, found))
    return rows


def _without_pairs(experiment: dict[str, Any]) -> str:
    """Say why a change has no pair of complete runs."""
    ended = experiment["diverged_runs"] + experiment["failed_runs"]
    return "does not train" if ended and not experiment["complete_runs"] else "not run"


def _price(facts: Facts, id_: str, reference: str, found: Effect) -> dict[str, Any]:
    ours, theirs = facts.study.experiments[id_], facts.study.experiments[reference]
    price: dict[str, Any] = {
        "parameters_difference": ours.parameters - theirs.parameters,
        "macs_difference": ours.macs - theirs.macs,
    }
    if found.n:
        accuracies = [
            statistics.fmean(facts.scores(one, "test_accuracy").values())
            for one in (id_, reference)
        ]
        price["test_images_margin"] = images_margin(*accuracies, facts.test_images)
    seconds = paired(facts.scores(id_, facts.clock), facts.scores(reference, facts.clock))
    if seconds:
        price["seconds_difference"] = statistics.fmean(seconds.values())
    return price | _time_to_base(facts, id_)


def _time_to_base(facts: Facts, id_: str) -> dict[str, float]:
    """Find how long training takes to the validation accuracy that the base ends with."""
    target = facts.experiments["base"]["validation_accuracy_mean"]
    seconds = facts.scores(id_, facts.clock)
    if pd.isna(target) or not seconds:
        return {}
    mine = facts.epochs[facts.epochs["experiment"] == id_]
    reached = mine[mine["validation_accuracy"] >= target].groupby("seed")["epoch"].min()
    last = mine.groupby("seed")["epoch"].max()
    if set(reached.index) != set(seconds):
        return {}
    spent = [seconds[int(seed)] * epoch / last[seed] for seed, epoch in reached.items()]
    return {"seconds_to_base": statistics.fmean(spent), "epochs_to_base": float(reached.mean())}


def over_base(facts: Facts) -> dict[str, dict[str, Any]]:
    """Give what each experiment gains over the base in test accuracy, with its interval."""
    found = {}
    for id_ in facts.study.experiments:
        gain = effect(list(facts.differences(id_, "base", "test").values()))
        found[id_] = {
            "pairs": gain.n, "difference": gain.mean, "lower": gain.lower, "upper": gain.upper
        }  # fmt: skip
    return found


def difference_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give the single differences behind the ledger."""
    rows = []
    for name, ids in facts.study.questions.items():
        reference = facts.study.file.questions[name].reference
        for id_ in ids:
            found = {images: facts.differences(id_, reference, images) for images in MEASURES}
            rows += [
                {
                    "question": name,
                    "experiment": id_,
                    "reference": reference,
                    "seed": seed,
                    **{f"{images}_difference": found[images].get(seed) for images in MEASURES},
                }
                for seed in sorted(found["validation"].keys() | found["test"].keys())
            ]
    return rows


# ------------------------------------------------------------------------------- grids


def contrast_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give main effects and interactions of grids of two parameters, and combinations.

    Values of a grid are set against those of the question's reference.
    """
    rows = []
    for name in facts.study.questions:
        question = facts.study.file.questions[name]
        if len(question.grid) == 2:
            rows += _grid_rows(facts, name, question)
        elif question.changes:
            rows += _combination_rows(facts, name)
    return rows


def _combination_rows(facts: Facts, name: str) -> list[dict[str, Any]]:
    """Set what changes make together against the sum of what they make one by one."""
    study, found, sums = facts.study, {}, []
    reference = study.file.questions[name].reference
    for id_ in study.questions[name]:
        parts = parts_of(study, id_)
        if not parts:
            continue
        together = facts.differences(id_, reference, "test")
        alone = [facts.differences(part, reference, "test") for part in parts]
        seeds = sorted(together.keys() & set.intersection(*map(set, alone)))
        words = f"{id_} against the sum of {', '.join(parts[:-1])} and {parts[-1]}"
        added = {seed: sum(one[seed] for one in alone) for seed in seeds}
        found[words] = effect([together[seed] - added[seed] for seed in seeds])
        means = (statistics.fmean(one[seed] for seed in seeds) for one in (together, added))
        sums.append(dict(zip(("together", "added"), means if seeds else (), strict=False)))
        sums[-1] |= {"experiment": id_, "parts": " ".join(parts)}
    judged = _family(list(found.values()), "test", study.smallest_effect)
    return [
        {"question": name, "kind": "combination", "contrast": words, **means, **row}
        for words, means, row in zip(found, sums, judged, strict=True)
    ]


def parts_of(study: Study, combination: str) -> list[str]:
    """Find the smallest changes that make up a combination's, each setting once.

    Returns:
        Two or more experiments with the same reference, in the order of the study file; none if
        its changes were not all run one by one.
    """
    whole = study.experiments[combination]
    wanted = _settings(whole)
    smaller = {
        id_: _settings(one)
        for id_, one in study.experiments.items()
        if one.reference == whole.reference and _settings(one) < wanted
    }
    for count in range(len(wanted), 1, -1):
        for parts in combinations(smaller, count):
            settings = [setting for part in parts for setting in smaller[part]]
            if len(settings) == len(wanted) and set(settings) == wanted:
                return list(parts)
    return []


def _grid_rows(facts: Facts, name: str, question: Any) -> list[dict[str, Any]]:
    study = facts.study
    first, second = question.grid
    kept = study.experiments[question.reference].settings
    base = [
        value
        for parameter in (first, second)
        for value in question.grid[parameter]
        if value == getattr(kept, parameter)  # the file may say 0 for 0.0
    ]
    if len(base) < 2:
        return []
    scores = {
        (_key(one), _key(other)): facts.scores(
            study.cell(name, {first: one, second: other}), "test_accuracy"
        )
        for one, other in product(question.grid[first], question.grid[second])
    }
    seeds = sorted(set.intersection(*(set(cell) for cell in scores.values())))

    def differences(cells: Callable[[int], float]) -> Effect:
        return effect([cells(seed) for seed in seeds])

    main, interactions = {}, {}
    for place, parameter in enumerate((first, second)):
        others = [_key(value) for value in question.grid[(second, first)[place]]]
        for value in question.grid[parameter]:
            if value == base[place]:
                continue

            def gain(seed: int, place=place, others=others, value=value) -> float:
                return statistics.fmean(
                    scores[_at(place, value, other)][seed]
                    - scores[_at(place, base[place], other)][seed]
                    for other in others
                )

            words = f"{parameter} {_key(value)} against {_key(base[place])}"
            main[words] = differences(gain)
    for one, other in product(question.grid[first], question.grid[second]):
        if one == base[0] or other == base[1]:
            continue
        cells = [(_key(a), _key(b)) for a, b in product((one, base[0]), (other, base[1]))]
        words = (
            f"{first} {_key(one)} against {_key(base[0])}, at {second} {_key(other)} "
            f"against {_key(base[1])}"
        )
        interactions[words] = differences(
            lambda seed, c=cells: scores[c[0]][seed] - scores[c[1]][seed]
            - scores[c[2]][seed] + scores[c[3]][seed]
        )  # fmt: skip
    rows = []
    for kind, found in (("main effect", main), ("interaction", interactions)):
        judged = _family(list(found.values()), "test", study.smallest_effect)
        rows += [
            {"question": name, "kind": kind, "contrast": words, **row}
            for words, row in zip(found, judged, strict=True)
        ]
    return rows


def _settings(experiment: Experiment) -> set[tuple[str, str]]:
    return {(name, _key(value)) for name, value in experiment.change.items()}


def _key(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _at(place: int, value: Any, other: str) -> tuple[str, str]:
    return (_key(value), other) if place == 0 else (other, _key(value))


# ------------------------------------------------------------------------------- classes


def class_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give the effect of every change on every class."""
    shares = facts.classes.assign(share=facts.classes["correct"] / facts.classes["images"])
    by = {
        key: dict(zip(group["seed"].astype(int), group["share"].astype(float), strict=True))
        for key, group in shares.groupby(["experiment", "class"], sort=False)
    }
    rows = []
    for name, ids in facts.study.questions.items():
        reference = facts.study.file.questions[name].reference
        for id_ in ids:
            classes = facts.study.dataset.class_names
            effects = [
                effect(list(paired(by.get((id_, c), {}), by.get((reference, c), {})).values()))
                for c in classes
            ]
            unrun = [_without_pairs(facts.experiments[id_])] * len(classes)
            judged = _family(effects, "test", facts.study.smallest_effect, unrun)
            rows += [
                {"question": name, "experiment": id_, "reference": reference, "class": c, **row}
                for c, row in zip(classes, judged, strict=True)
            ]
    return rows


# ------------------------------------------------------------------------------- habits


def habit_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give what choosing by test scores would have told, beside what can be expected."""
    rows = _best_epochs(facts)
    held_out = [id_ for id_ in facts.study.experiments if facts.scores(id_, "validation_accuracy")]
    groups = {
        name: [facts.study.file.questions[name].reference, *ids]
        for name, ids in facts.study.questions.items()
    }
    for images in ("test", "validation"):
        for among, ids in [*groups.items(), ("all experiments", list(facts.study.experiments))]:
            candidates = [id_ for id_ in dict.fromkeys(ids) if id_ in held_out]
            if len(candidates) > 1:
                rows += _best_experiments(facts, among, candidates, images)
    return rows


def _best_epochs(facts: Facts) -> list[dict[str, Any]]:
    rows = []
    watched = facts.epochs[facts.epochs["watched_test_accuracy"].notna()]
    for (id_, seed), epochs in watched.groupby(["experiment", "seed"], sort=False):
        scores = epochs.set_index("epoch")["watched_test_accuracy"]
        told, honest = float(scores.max()), float(scores.loc[scores.index.max()])
        rows.append(
            {
                "habit": "best epoch", "among": id_, "seed": int(seed),
                "chosen": f"epoch {scores.idxmax()}", "told": told, "honest": honest,
                "gap": told - honest,
            }
        )  # fmt: skip
    return rows


def _best_experiments(
    facts: Facts, among: str, ids: list[str], images: str
) -> list[dict[str, Any]]:
    """Choose by each seed alone, and expect the mean of the other seeds.

    Experiments with fewer complete runs than others are left out: one that has a single run would
    leave no seed that all of them have.
    """
    tests = {id_: facts.scores(id_, "test_accuracy") for id_ in ids}
    most = max(len(scores) for scores in tests.values())
    tests = {id_: scores for id_, scores in tests.items() if len(scores) == most}
    by = {id_: facts.scores(id_, f"{images}_accuracy") for id_ in tests}
    seeds = sorted(set.intersection(*(set(scores) for scores in (*by.values(), *tests.values()))))
    rows = []
    for seed in seeds if len(by) > 1 < len(seeds) else ():
        chosen = max(by, key=lambda id_: by[id_][seed])
        told = tests[chosen][seed]
        honest = statistics.fmean(tests[chosen][other] for other in seeds if other != seed)
        rows.append(
            {
                "habit": f"best by {images}", "among": among, "seed": seed, "chosen": chosen,
                "told": told, "honest": honest, "gap": told - honest,
            }
        )  # fmt: skip
    return rows


# ------------------------------------------------------------------------------- published orders

OUTCOMES = {
    "helps": "stands",
    "hurts": "reversed",
    "no meaningful difference": "no meaningful difference",
}


def order_rows(facts: Facts) -> list[dict[str, Any]]:
    """Check every order of two printed numbers by our runs."""
    if facts.published is None:
        return []
    rows = []
    for comparison, numbers in facts.published.groupby("comparison", sort=False):
        rows += _orders(facts, comparison, numbers)
    return rows


def _orders(facts: Facts, comparison: str, numbers: pd.DataFrame) -> list[dict[str, Any]]:
    models = {
        model: (float(group["published_test_accuracy"].iloc[0]), list(group["experiment"]))
        for model, group in numbers.groupby("model", sort=False)
    }
    ranked = sorted(models, key=lambda model: -models[model][0])
    pairs = [
        (better, worse, mine, other)
        for place, better in enumerate(ranked)
        for worse in ranked[place + 1 :]
        for mine, other in zip(models[better][1], models[worse][1], strict=False)
        if mine != other and models[better][0] > models[worse][0]
    ]
    effects = [
        effect(list(facts.differences(mine, other, "test").values())) for *_, mine, other in pairs
    ]
    judged = _family(effects, "test", facts.study.smallest_effect)
    rows = []
    for (better, worse, mine, other), found, row in zip(pairs, effects, judged, strict=True):
        margin = single_run_margin(
            *(list(facts.scores(one, "test_accuracy").values()) for one in (mine, other))
        )
        rows.append(
            {
                "comparison": comparison, "better": better, "worse": worse,
                "printed_difference": models[better][0] - models[worse][0],
                "better_experiment": mine, "worse_experiment": other, **row,
                "single_run_margin": margin,
                "outcome": OUTCOMES.get(row["test_verdict"], "open"),
                "single_runs_could_tell":
                    None if margin is None or not found.n else abs(found.mean) > margin,
            }
        )  # fmt: skip
    return rows


# ------------------------------------------------------------------------------- texts

HEADINGS = ("Change", "Reference", "n", "Test difference, 95 % interval (points)", "p (Holm)",
            "Verdict", "Parameters", "MACs", "Time (s)")  # fmt: skip
MARKDOWN_HEAD = f"| {' | '.join(HEADINGS)} |\n|:--|:--|--:|:--|--:|:--|--:|--:|--:|\n"
LATEX_HEAD = (
    "% Needs the package booktabs.\n\\begin{tabular}{llrlrlrrr}\n\\toprule\n"
    + " & ".join(HEADINGS).replace("%", r"\%")
    + " \\\\\n\\midrule\n"
)
LATEX_FOOT = "\\bottomrule\n\\end{tabular}\n"


def ledger_text(
    ledger: list[dict[str, Any]], row: Callable[[list[str]], str], head: str, foot: str
) -> str:
    """Write the ledger as a table of some kind of text."""
    return head + "".join(row(ledger_cells(entry)) for entry in ledger) + foot


def ledger_cells(row: dict[str, Any]) -> list[str]:
    """Put one row of the ledger into words and numbers, for `HEADINGS`."""
    return [
        row["experiment"],
        row["reference"],
        str(row["test_pairs"]),
        _interval(row),
        "–" if row["test_p_holm"] is None else f"{row['test_p_holm']:.2g}",
        row["test_verdict"],
        *(_difference(row.get(f"{name}_difference")) for name in ("parameters", "macs", "seconds")),
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


def markdown_row(cells: list[str]) -> str:
    """Write one row of a pipe table."""
    return f"| {' | '.join(cells)} |\n"


def latex_row(cells: list[str]) -> str:
    """Write one row of a tabular."""
    escaped = (cell.replace("_", r"\_").replace("−", "$-$").replace("–", "--") for cell in cells)
    return " & ".join(escaped) + " \\\\\n"
