"""What the report says of electric energy, from records with chosen joules."""

import pytest

from cnn_study.report import energy, filters
from report_by_hand import PLAIN, SCORES, WITH_ALL, Made, unmarked

KILOJOULES = {"base": (1.0, 2.0), "learning-rate-1": (4.0, 5.0), "learning-rate-2": (10.0, 30.0)}


def made(folder, part: str = "processor_joules", **more: float) -> Made:
    """Two runs of each experiment that took so much."""
    made = Made(folder, PLAIN)
    for id_, scores in SCORES.items():
        for seed, score, kilojoules in zip((1, 2), scores, KILOJOULES[id_], strict=True):
            made.add(id_, seed, test=score, **{part: kilojoules * 1000, **more})
    return made


def said(made: Made) -> str:
    return " ".join(unmarked(made.text()).split())


@pytest.mark.slow
def test_where_no_run_was_measured_one_sentence_says_so(tmp_path):
    made = Made(tmp_path, WITH_ALL)
    for id_, scores in (SCORES | {"filters-4-8": (0.7, 0.8)}).items():
        made.runs(id_, scores)
    text = said(made)
    assert text.count("electric energy") == 1
    assert "How much electric energy that took is not known: no machine measured it." in text
    assert "(kJ)" not in text
    assert "Electric" not in text


@pytest.mark.slow
def test_what_the_processors_took_is_told(tmp_path):
    """1 + 2 + 4 + 5 + 10 + 30 = 52 kJ; 1.5 on average of the base, 20 of the second rate."""
    text = said(made(tmp_path))
    assert "Of electric energy the processors took 52 kJ for all six runs." in text
    assert "A training took from 1.5 kJ (base) to 20 kJ (" in text
    assert "a run bears the part of it that its processor time has" in text
    assert "| Electric energy | 52 kJ, of six runs that were measured" in text
    assert "A GPU is one run's" not in text
    assert "is not known: no machine" not in text


@pytest.mark.slow
def test_what_the_gpus_took_stands_beside_it(tmp_path):
    """52 kJ of GPUs and 6 times 10 J of processors."""
    text = said(made(tmp_path, "gpu_joules", processor_joules=10.0))
    assert (
        "Of electric energy the processors and the GPUs took 52 kJ (the processors "
        "0.06 kJ, the GPUs 52 kJ) for all six runs."
    ) in text
    assert "A GPU is one run's at a time" in text


@pytest.mark.slow
def test_runs_of_which_a_part_was_not_measured_are_counted_and_left_out(tmp_path):
    """The second run of each rate says nothing of its GPU; that of the base nothing at all."""
    small = made(tmp_path, processor_joules=1e6, gpu_joules=5e5)
    small.add("base", 2, test=0.6)
    small.add("learning-rate-1", 2, test=0.6, processor_joules=7.0)
    text = said(small)
    # Four runs of 1,000 and 500 kJ each.
    assert "took 1.7 kWh" in text
    assert "for four runs; of two others it was not measured." in text
    assert "A training took from" not in text  # one experiment alone has a mean


@pytest.mark.slow
def test_a_table_of_costs_has_a_column_of_what_was_measured(tmp_path):
    costs = WITH_ALL.replace("seeds: 3", "seeds: 1")
    small = Made(tmp_path, costs)
    for place, id_ in enumerate(("base", "learning-rate-1", "learning-rate-2", "filters-4-8")):
        small.add(
            id_, 1, test=0.5 + place / 10, processor_joules=[1234.0, None, 5.0, 12_600.0][place]
        )
    text = unmarked(small.text())
    (header,) = (line for line in text.splitlines() if "| Energy (kJ) | Time to " in line)
    rows = text[text.index(header) :].splitlines()[1:4]
    assert rows[0].count("|") == header.count("|")
    assert [row.split("|")[-3].strip() for row in rows[1:]] == ["1.2", "13"]
    assert "| Energy of a training (kJ) | 1.2 | 13 |" in text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (7.0, "0.01"), (999.0, "1.00"), (1000.0, "1.0"), (9950.0, "9.9"), (12_345_678.0, "12,346"),
        (None, "–"),
    ],
)  # fmt: skip
def test_kilojoules_of_a_table_have_as_many_decimals_as_are_worth_it(number, text):
    assert filters.kilojoules(number) == text


def test_a_number_that_two_parts_make_knows_both_cells(tmp_path):
    from cnn_study.evidence.read import Tables

    small = made(tmp_path, gpu_joules=500.0)
    small.collect()
    known = energy.energy_of(Tables(small.study, tmp_path / "tables"))
    base = known.of["base"]
    assert base == 1500.0 + 500.0
    cells = [(cell.table, cell.row, cell.column) for cell in base.cells]
    assert cells == [
        ("experiments", 0, "processor_joules_mean"), ("experiments", 0, "gpu_joules_mean"),
    ]  # fmt: skip
    assert (known.least, known.most) == ("base", "learning-rate-2")
