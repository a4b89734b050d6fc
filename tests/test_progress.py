"""What a person sees: the check, the standing, the time left."""

import io
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.base.words import percent
from cnn_study.execute import progress
from cnn_study.runs import confirmations, estimate, heartbeat, searches
from cnn_study.runs.records import Epoch
from cnn_study.runs.wanted import wanted
from cnn_study.study.merge import load
from cnn_study.study.model import Study

PROJECT = Path(__file__).parents[1]
STUDY = """\
title: By hand
dataset: digits
seeds: 2
base: {filters: [2], dense_units: 0, epochs: 2, validation_fraction: 0.2}
questions:
  width: {title: Width, question: "?", hypothesis: "!", changes: {filters-4: {filters: [4]}}}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "by-hand.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load(path)


def _write(study, results: Path, experiment: str, seed: int, seconds: float = 10.0, **facts):
    record = records_by_hand.make(
        study, experiment, seed, test=0.61, validation=0.59, run_seconds=seconds, **facts
    )
    records_by_hand.write(study, results, record)


def test_check_lists_experiments_costs_and_runs(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    _write(study, tmp_path, "base", 1)
    assert main(["check", str(study.path), "--results", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "seed-1.predictions.npz: it is not there. Get it back" in said
    base = next(line for line in said.splitlines() if " base " in line)
    # One 3x3 convolution of 1 channel to 2 on 8x8 pixels: 18 weights, 2 biases, 1,152 MACs;
    # then 128 values to 10 classes: 1,290 parameters, 1,280 MACs.
    assert [cell.strip() for cell in base.split("│")[1:7]] == [
        "base", "–", "1,310", "2,432", "1", "1",
    ]  # fmt: skip
    assert "seeds: 1, 2" in said
    # Of three missing runs with ten seconds to start each, two at once.
    assert re.search(r"^1 of 4 runs done, about \d+ s left with \d at a time$", said, re.M)


def test_check_on_a_terminal_without_dashes(study, tmp_path):
    command = [sys.executable, "-m", "cnn_study", "check", study.path, "--results", tmp_path]
    terminal = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    ended = subprocess.run(command, env=terminal, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert b"0 of 4 runs done" in ended.stdout


MANY = [f"filters-{number}-and-as-many-again-in-all" for number in range(3, 43)]


@pytest.fixture
def many(tmp_path) -> Study:
    """A study of 41 experiments with ids that wrap where they can."""
    changes = ", ".join(f"{id_}: {{filters: [{place}]}}" for place, id_ in enumerate(MANY, 3))
    path = tmp_path / "by-hand.yaml"
    path.write_text(STUDY.replace("filters-4: {filters: [4]}", changes), encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("columns", ["80", "100", "200", None])
def test_no_id_is_broken_in_a_narrow_window_or_a_pipe(columns, many, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    main(["check", str(many.path), "--results", str(tmp_path)])
    said = capsys.readouterr().out
    assert [line.split()[1] for line in said.splitlines() if "│ filters-" in line] == MANY
    whole = columns in ("200", None)
    assert (f"│ filters {3}" in said) == whole
    assert ("A wider window, a pipe or a file has more: change" in said) != whole


class Stopped:
    """A terminal of 80 columns and 24 rows, and a person who looks once and presses Ctrl-C."""

    def __init__(self, monkeypatch) -> None:
        self.screen = io.StringIO()
        self.seen = ""
        monkeypatch.setattr(
            progress, "Console",
            lambda width=80, **more: Console(
                file=self.screen, width=width, height=24, force_terminal=True, **more
            ),
        )  # fmt: skip
        monkeypatch.setattr(progress.time, "sleep", self.look)

    def look(self, seconds: float) -> None:
        self.seen = self.all_seen
        raise KeyboardInterrupt

    @property
    def all_seen(self) -> str:
        return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", self.screen.getvalue())


def test_a_small_window_shows_what_runs_first_and_ctrl_c_ends_quietly(many, tmp_path, monkeypatch):
    person = Stopped(monkeypatch)
    with heartbeat.Running(tmp_path, f"{MANY[0]}/0/seed-1", 10):
        assert main(["check", str(many.path), "--results", str(tmp_path), "--watch"]) == 0
    lines = person.seen.strip().splitlines()
    assert lines[0].startswith("0 of 82 runs done, about ")
    assert lines[0].strip().endswith("left with 1 at a time")
    assert lines[1].strip() == f"running: {MANY[0]} seed 1, epoch 0 of 10"
    assert "│ base " in person.seen


def test_watching_lists_only_what_misses_a_run(study, tmp_path, monkeypatch):
    for seed in (1, 2):
        _write(study, tmp_path, "base", seed)
    person = Stopped(monkeypatch)
    progress.watch(study, tmp_path)
    assert "│ filters-4 " in person.seen
    assert "│ base " not in person.seen
    for seed in (1, 2):
        _write(study, tmp_path, "filters-4", seed)
    progress.watch(study, tmp_path)  # All is done: it shows everything and does not wait.
    assert "4 of 4 runs done" in person.all_seen
    assert "│ base " in person.all_seen


def test_the_standing_counts_the_place_that_has_just_become_free(study, tmp_path):
    assert progress.standing(study, tmp_path).endswith("left with 1 at a time")
    with heartbeat.Running(tmp_path, "filters-4/0/seed-1", 10):
        assert progress.standing(study, tmp_path).endswith("left with 2 at a time")
        _write(study, tmp_path, "base", 1)
        one = progress.standing(study, tmp_path)
        for seed in (1, 2):
            _write(study, tmp_path, "base", seed)
        _write(study, tmp_path, "filters-4", 2)
        assert one.startswith("1 of 4 runs done")
        # One run is left: nothing runs beside it.
        assert progress.standing(study, tmp_path).endswith("left with 1 at a time")


def test_check_lists_what_is_declared_and_not_trained(tmp_path, capsys):
    path = tmp_path / "by-hand.yaml"
    path.write_text(STUDY.replace("title: Width,", "title: Width, trained: false,"))
    assert main(["check", str(path), "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "declared, not trained: width (filters-4)" in said
    assert "0 of 2 runs done" in said


def test_diverged_runs_are_told(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    _write(study, tmp_path, "base", 1, status="diverged")
    main(["check", str(study.path), "--results", str(tmp_path)])
    assert "1 (1 diverged)" in capsys.readouterr().out


def test_what_stands_in_titles_and_records_is_text(study, tmp_path, capsys, monkeypatch):
    """Not marks of Rich's, and not what a terminal would obey."""
    monkeypatch.setenv("COLUMNS", "200")
    text = study.path.read_text().replace("title: ", "title: '[/foo] [x] ", 1)
    lines = [f"{line}'" if line.startswith("title: '") else line for line in text.splitlines()]
    study.path.write_text("\n".join(lines))
    reason = "[/bar] \x1b[2J [link=https://example.org]y[/link]" + "x" * 1000
    record = records_by_hand.make(study, "base", 1, status="failed")
    records_by_hand.write(study, tmp_path, record.model_copy(update={"reason": reason}))
    main(["check", str(study.path), "--results", str(tmp_path)])
    said = " ".join(capsys.readouterr().out.split())
    assert "[/foo] [x] " in said
    assert "base seed 1: [/bar] \\x1b[2J [link=https://example.org]y[/link]xxx" in said
    assert len(said) < 3000


def test_no_test_score_is_shown_while_a_study_runs(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    _write(study, tmp_path, "base", 1)
    record = next(iter(progress._read(study, tmp_path)[0].values()))
    main(["check", str(study.path), "--results", str(tmp_path)])
    said = capsys.readouterr().out + progress.outcome(study, record)
    assert percent(record.test.accuracy) not in said
    assert percent(record.epochs[-1].validation_accuracy) in said


def test_time_left_is_that_of_the_same_experiment_where_it_is_known(study, tmp_path):
    _write(study, tmp_path, "base", 1, seconds=100)
    there, missing = progress._read(study, tmp_path)
    base = [run for run in missing if run.experiment.id == "base"]
    left = estimate.seconds_left(study, base, list(there.values()), 1)
    assert left == estimate.STARTING_SECONDS + 100
    assert estimate.seconds_left(study, base * 2, list(there.values()), 1) == left + 100


def test_time_left_grows_with_macs_as_in_the_runs_that_are_there(study, tmp_path):
    _write(study, tmp_path, "base", 1, seconds=100)
    _write(study, tmp_path, "filters-4", 1, seconds=180)
    there, _ = progress._read(study, tmp_path)
    assert len(there) == 2
    constant, per_mac = estimate._fit(list(there.values()))
    for record in there.values():
        images = record.dataset.training_images * len(record.epochs)
        assert images * (constant + per_mac * record.cost.macs) == pytest.approx(
            record.cost.run_seconds
        )


def test_watching_goes_on_until_the_search_is_done(tmp_path, monkeypatch):
    digits = load(PROJECT / "experiments" / "digits.yaml")
    monkeypatch.setattr(progress, "done", lambda study, results: wanted(study))
    assert progress._unfinished(digits, tmp_path)
    found = searches.place(digits, tmp_path)
    found.parent.mkdir()
    found.touch()
    assert progress._unfinished(digits, tmp_path)  # nobody has said what to confirm
    suggestions = tmp_path / confirmations.SUGGESTIONS
    suggestions.parent.mkdir()
    suggestions.write_text('{"advice": []}')
    assert not progress._unfinished(digits, tmp_path)


def test_a_search_takes_less_time_on_more_cores_as_far_as_trials_are_proposed_together():
    """Two Bayesian trials at a time, however many cores there are; what follows knows no limit."""
    digits = load(PROJECT / "experiments" / "digits.yaml")
    one, two, many = (
        estimate.search_seconds(digits, [], cores) - estimate.STARTING_SECONDS
        for cores in (1, 2, 64)
    )
    block, (budget,) = digits.search, digits.search.budgets
    again = block.finalists * len(block.finalist_seeds)
    trials, finals = block.epochs * budget.trials, block.epochs * again
    winners = budget.winner_epochs * len(block.winner_seeds)
    each = one / (trials + finals + winners)
    assert two == pytest.approx(each * (trials / 2 + finals / 2 + winners / 2))
    assert many == pytest.approx(each * (trials / 2 + finals / again + budget.winner_epochs))
    later = estimate.search_seconds(digits, [], 2, (budget.id, 4))
    assert later == pytest.approx(two - each * 4 * block.epochs / 2)
    after = estimate.search_seconds(digits, [], 2, (budget.id, budget.trials))
    assert after == pytest.approx(each * (finals / 2 + winners / 2))


def test_a_trial_tells_of_itself_and_of_the_search():
    digits = load(PROJECT / "experiments" / "digits.yaml")
    (budget,) = digits.search.budgets
    said = progress.trial(digits, [], budget, {1: 0.5, 2: 0.75, 4: None}, 2)
    begin = f"search, {budget.title}: trial 4, no score, best so far 75.00 %; 3 of 10 trials done, "
    assert said.startswith(begin)
    nothing = progress.trial(digits, [], budget, {1: None}, 2)
    assert nothing.startswith(f"search, {budget.title}: trial 1, no score; 1 of 10 trials done, ")


def test_a_training_that_was_killed_is_not_running(tmp_path):
    with heartbeat.Running(tmp_path, "base/0f/seed-1", 10):
        facts = json.loads((tmp_path / "running/base-0f-seed-1.json").read_text())
        assert facts["process"] == os.getpid()
        assert [each.experiment for each in heartbeat.running(tmp_path)] == ["base"]
        gone = facts | {"process": 2**22 + 1, "experiment": "killed"}
        (tmp_path / "running/killed-0f-seed-1.json").write_text(json.dumps(gone))
        assert [each.experiment for each in heartbeat.running(tmp_path)] == ["base"]
    assert not (tmp_path / "running/base-0f-seed-1.json").exists()


MARK = {"seed": 1, "epoch": 3, "epochs": 10, "validation_accuracy": 0.5}


def mark(results: Path, name: str, age: float = 0.0, **facts: object) -> None:
    """Leave what a training of this process says of itself, and said so many seconds ago."""
    content = MARK | {"experiment": name, "process": os.getpid()} | facts
    path = results / "running" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    os.utime(path, (time.time() - age,) * 2)


def test_a_training_of_another_machine_lives_while_it_renews_its_mark(tmp_path):
    """Whether its process lives nobody here can ask: one of that number here is another one."""
    elsewhere = f"not-{platform.node()}"
    mark(tmp_path, "dead-elsewhere", age=121, machine=elsewhere)
    mark(tmp_path, "elsewhere", age=110, machine=elsewhere, process=2**22 + 1)
    mark(tmp_path, "ahead", age=-60, machine=elsewhere, process=2**22 + 1)
    mark(tmp_path, "dead-here", machine=platform.node(), process=2**22 + 1)
    mark(tmp_path, "here", age=1000, machine=platform.node())
    mark(tmp_path, "older", age=1000)  # written before marks named their machine
    container = {"machine": platform.node(), "processes": 7}
    mark(tmp_path, "in-a-container", **container, process=2**22 + 1)
    mark(tmp_path, "in-a-dead-container", age=121, **container)
    named = [each.experiment for each in heartbeat.running(tmp_path)]
    assert named == ["ahead", "elsewhere", "here", "in-a-container", "older"]


def test_a_training_renews_its_mark_however_long_an_epoch_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    with heartbeat.Running(tmp_path, "base/0f/seed-1", 10):
        path = tmp_path / "running/base-0f-seed-1.json"
        facts = path.read_text()
        os.utime(path, (0, 0))
        for _ in range(500):
            if path.stat().st_mtime:
                break
            time.sleep(0.01)
        assert time.time() - path.stat().st_mtime < 60
        assert path.read_text() == facts
        path.unlink()
        time.sleep(0.05)  # nobody minds that it is not there
    assert not path.exists()


EPOCH = Epoch(
    epoch=1, training_loss=1.0, training_accuracy=0.5, validation_loss=1.0,
    validation_accuracy=0.5, training_seconds=7.0,
)  # fmt: skip


def test_an_epoch_takes_from_the_end_of_the_one_before_to_its_own(tmp_path, monkeypatch):
    clock = iter([100.0, 117.0, 126.5])
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: next(clock))
    with heartbeat.Running(tmp_path, "base/0f/seed-1", 10) as running:
        assert heartbeat.running(tmp_path)[0].epoch_seconds is None
        running.tell(EPOCH)
        assert heartbeat.running(tmp_path)[0].epoch_seconds == 17.0
        running.tell(EPOCH.model_copy(update={"epoch": 2}))
        (facts,) = heartbeat.running(tmp_path)
        assert (facts.epoch, facts.epoch_seconds) == (2, 9.5)


def test_check_shows_the_trainings_of_all_machines(study, tmp_path, capsys, monkeypatch):
    """Here 2 s an epoch, on two others 4 and 1: 1/2 + 1/4 + 1 = 1.75 epochs a second."""
    monkeypatch.delenv("COLUMNS", raising=False)  # a narrow window would break the lines
    mark(tmp_path, "base", epoch_seconds=2.0)
    mark(tmp_path, "filters-4", machine="node-7", epoch_seconds=4.0, validation_accuracy=None)
    mark(tmp_path, "narrow", machine="a\x1b[2J", epoch_seconds=1.0, epoch=10)
    mark(tmp_path, "wide", machine="node-7", epoch=0, validation_accuracy=None)
    main(["check", str(study.path), "--results", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("running: ")] == [
        r"running: 4 at a time on 3 machines (1 on this one, 1 on a\x1b[2J, 2 on node-7), "
        "1.8 epochs a second",
        "running: base seed 1, epoch 3 of 10, 2.0 s an epoch, about 14 s left, validation "
        "accuracy 50.00 %",
        r"running: narrow seed 1 on a\x1b[2J, epoch 10 of 10, 1.0 s an epoch, about 0 s left, "
        "validation accuracy 50.00 %",
        "running: filters-4 seed 1 on node-7, epoch 3 of 10, 4.0 s an epoch, about 28 s left",
        "running: wide seed 1 on node-7, epoch 0 of 10",
    ]
    (how_far,) = (line for line in lines if line.startswith("0 of 4 runs done"))
    assert how_far.endswith(" left with 4 at a time")


def test_slow_trainings_side_by_side_are_told_by_the_time_between_epochs(tmp_path):
    for name in ("base", "filters-4"):
        mark(tmp_path, name, epoch_seconds=9.0)
    assert progress._trainings(heartbeat.running(tmp_path))[0] == (
        "running: 2 at a time, an epoch every 4.5 s"
    )
    mark(tmp_path, "base")
    mark(tmp_path, "filters-4")
    assert progress._trainings(heartbeat.running(tmp_path))[0] == "running: 2 at a time"


@pytest.mark.parametrize(
    "facts",
    [
        *({"process": "1"}, {"process": 0}, {"process": 2**70}, {"epoch": None}, {"seed": -1}),
        *({"experiment": "[/x]"}, {"validation_accuracy": 7.5}, {"validation_accuracy": "0.5"}),
    ],
)
def test_what_no_training_writes_is_not_running(tmp_path, facts):
    folder = tmp_path / "running"
    folder.mkdir()
    content = MARK | {"experiment": "base", "process": os.getpid()}
    (folder / "whole.json").write_text(json.dumps(content))
    (folder / "strange.json").write_text(json.dumps(content | facts))
    (folder / "list.json").write_text(json.dumps([content]))
    (folder / "cut-off.json").write_text(json.dumps(content)[:-2])
    os.mkfifo(folder / "pipe.json")
    assert len(heartbeat.running(tmp_path)) == 1


def test_a_process_of_another_user_is_running(tmp_path, monkeypatch):
    def refuse(process: int, signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    with heartbeat.Running(tmp_path, "base/0f/seed-1", 10):
        monkeypatch.setattr(os, "kill", refuse)
        assert [each.experiment for each in heartbeat.running(tmp_path)] == ["base"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "nowhere"], "There is no study file experiments/nowhere.yaml"),
        (["check", 300 * "a"], f"{300 * 'a'}.yaml: File name too long. Name another place."),
        (["tables", "digits", "--results", 300 * "a"], ": File name too long. Name another place."),
        (["train", "digits", "no-such/seed-1"], "has no experiment no-such. It has: base"),
        (["train", "digits", "base/seed-99"], "has no seed 99. It has: 1, 2, 3, 4, 5, 6."),
        (["train", "digits", "base/seed-1", "base"], "base is no name of a run. Write EXPERIMENT/"),
        (["train", "digits", "base/1"], "base/1 is no name of a run. Write EXPERIMENT/seed-N"),
        (["prepare", "no-such"], "no-such"),
        (["figures", "digits", "--processes", "0"], "--processes 0: allowed is 1 or more."),
        (["docs", "--output", "README.md/x"], "README.md/x/parameters.md cannot be written: "),
        (["train", "digits", "base/seed-1", "--results", "README.md/x"],
         "locks cannot be written: Not a directory."),
        (["tables", "digits", "--results", "README.md/x"], "cannot be written: Not a directory."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_and_status_2(words, said, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def _python(code: str, folder: Path) -> subprocess.CompletedProcess:
    """Run code that has `command`, the one way in, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys, os, cnn_study.__main__ as command; {code}"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


CHECK_TO_LOG = "sys.exit(command.main(['check', 'nowhere', '--log', 'logs/a.log']))"


def test_what_made_a_command_fail_is_on_the_screen_and_in_the_log(tmp_path):
    ended = _python(CHECK_TO_LOG, tmp_path)
    why = "There is no study file experiments/nowhere.yaml."
    assert ended.returncode == 2
    assert ended.stderr == f"{why}\nThe log: logs/a.log\n"
    assert (tmp_path / "logs/a.log").read_text() == f"{why}\n"


def test_what_libraries_say_is_in_the_log_alone(tmp_path):
    chatter = "command._check = lambda options: os.write(2, b'chatter from C++') and None"
    ended = _python(f"{chatter}; {CHECK_TO_LOG}", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "logs/a.log").read_text() == "chatter from C++"


def test_a_fault_of_ours_is_a_traceback_on_the_screen_and_in_the_log(tmp_path):
    ended = _python(f"command._check = lambda options: 1 / 0; {CHECK_TO_LOG}", tmp_path)
    assert ended.returncode == 1
    for said in (ended.stderr, (tmp_path / "logs/a.log").read_text()):
        assert said.startswith("Traceback")
        assert "ZeroDivisionError: division by zero" in said


def test_a_command_that_is_stopped_says_so_in_one_line(tmp_path):
    ended = _python(
        "\ndef stop(options): raise KeyboardInterrupt\ncommand._check = stop; " + CHECK_TO_LOG,
        tmp_path,
    )
    assert ended.returncode == 130
    assert (tmp_path / "logs/a.log").read_text().startswith("stopped; whatever is whole is kept")


def test_a_log_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "logs").write_text("a file")
    ended = _python(CHECK_TO_LOG, tmp_path)
    assert (ended.returncode, ended.stderr) == (
        2,
        "--log logs/a.log: cannot be written: File exists\n",
    )
