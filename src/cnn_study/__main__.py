"""The one way in, for rules and for people: `cnn-study COMMAND`."""

from cnn_study.base import starting  # before all that takes time

# isort: split
import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.base.files import look_anew, unfit_told
from cnn_study.base.places import unknown_templates
from cnn_study.base.stopping import STOPPED, Stopped, stop_on_signals
from cnn_study.base.words import first_lines
from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.runs import records, searches, stages
from cnn_study.runs.heartbeat import log
from cnn_study.study import isolation, own_networks
from cnn_study.study.cautions import cautions
from cnn_study.study.merge import Check, load
from cnn_study.study.model import Study
from cnn_study.study.yaml_lines import study_file

starting.over()

if TYPE_CHECKING:
    from cnn_study.figures.picture import Format
    from cnn_study.runs.estimate import Speed

    Commands = argparse._SubParsersAction["_Parser"]
    Command = Callable[[argparse.Namespace], int | None]
    """Does what is asked; may give an exit status."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a user's mistake becomes one message and exit status 2.

    Returns:
        0; 1 where a command that asks something found that it is not so.
    """
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without dashes is no fault
    screen = None
    try:
        if options.log:
            screen = _log_to(options.log)
        status = _do(options)
    except UserError as error:
        print(error, file=sys.stderr)
        if screen:
            print(f"{error}\nThe log: {options.log}", file=screen)
        return 2
    except KeyboardInterrupt as stopped:
        return _stopped(stopped)
    except Exception as error:
        if outputs.is_fault_of_output(error):
            return outputs.UNHEARD
        if screen:
            print(f"{traceback.format_exc()}The log: {options.log}", file=screen)
        raise
    return status or 0


def _stopped(by: KeyboardInterrupt) -> int:
    print(STOPPED, file=sys.stderr)
    return by.status if isinstance(by, Stopped) else 130


def _do(options: argparse.Namespace) -> int | None:
    """Do what is asked; of a place that the system does not let be, say so."""
    with unfit_told():
        return options.command(options)


def _log_to(path: Path) -> TextIO:
    """Send to a file what this process, its libraries' C++ code too, writes to stderr.

    Returns:
        What stderr was before: the screen, for what must not be missed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError as error:
        raise UserError(f"--log {path}: cannot be written: {error.strerror}") from None
    screen = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(log, 2)
    os.close(log)
    return screen


class _Parser(argparse.ArgumentParser):
    """Remembers what of its help did not arrive, which argparse itself passes over."""

    def _print_message(self, message: str, file: Any = None) -> None:
        outputs.say(message.removesuffix("\n"), file or sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="cnn-study", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = _add_of_study(commands, "check", _check, "check a study; list its experiments, runs "
                          "and time left")  # fmt: skip
    check.add_argument(
        "--timed",
        action="store_true",
        help="first train a few models of the search "
        "for some seconds, so that its time is that of this machine",
    )
    check.add_argument("--watch", action="store_true", help="stay, and show runs as they go on")
    check.add_argument(
        "--missing", action="store_true", help="list instead the settings that no change takes by "
        "itself, of those in which the enhanced model and the best one so far differ from the base"
    )  # fmt: skip
    _add_makers(commands)
    _add_readers(commands)
    _add_of_study(commands, "publish", _publish, "render the pages that are to be cited, as of the "
                  "commit that is here")  # fmt: skip
    _add_checkers(commands)
    archive = _add_of_study(commands, "archive", _archive, "pack a finished study into one file, "
                            "to be kept, cited and checked elsewhere")  # fmt: skip
    archive.add_argument("--output", type=_path, help="the file (RESULTS/archive/STUDY.zip)")
    new = _add(commands, "new", _new, "make a folder for a study of your own")
    new.add_argument("folder", type=_path, help="not there yet; its name is the study's")
    new.add_argument("--images", type=_path, metavar="PLACE", help="what it is about: a folder of "
                     "class folders, an .npz file, a CSV of files and labels, or Parquet: a folder "
                     "of such files, or a pattern in quotes")  # fmt: skip
    docs = _add(commands, "docs", _docs, "write docs/: the parameters and the run record")
    docs.add_argument("--output", type=_path, default=Path("docs"))
    return parser


def _path(text: str) -> Path:
    """Take a place as it is given; an empty one would be the folder that the command runs in."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty; give a path, or leave the option out")
    return Path(text)


def _add(commands: "Commands", name: str, run: "Command", text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(command=run)
    command.add_argument("--log", type=_path, help="a file for what would go to stderr; what "
                         "made the command fail is shown on the screen too")  # fmt: skip
    return command


def _add_of_study(
    commands: "Commands", name: str, run: "Command", text: str
) -> argparse.ArgumentParser:
    command = _add(commands, name, run, text)
    command.add_argument("study", help="a name in experiments/, or a study file")
    command.add_argument("--results", type=_path, help="the study's results folder (results/STUDY)")
    return command


def _add_preparing(commands: "Commands") -> None:
    """Add the commands that make what trainings begin with."""
    prepare = _add(commands, "prepare", _prepare, "check a dataset and make its arrays")
    prepare.add_argument("dataset", help="its name; or a study that has images of its own")
    prepare.add_argument("--source", help="its archive or unpacked folder; default: download it. "
                         "Of a study's own images, where they are on this machine")  # fmt: skip
    prepare.add_argument("--output", type=_path, help="where to (data/DATASET.npz)")
    prepare.add_argument("--accept-data", action="store_true", help="take other images than the "
                         "study was about, whose runs are then trained anew")  # fmt: skip

    describe = _add_of_study(commands, "describe", _describe, "build a study's own networks, and "
                             "keep what they are made of beside it")  # fmt: skip
    describe.add_argument("--source", default="", help="where the study's own images are on this "
                          "machine, if they have not been prepared")  # fmt: skip
    describe.add_argument("--output", type=_path, help="write there alone, also what cannot be "
                          "built and why")  # fmt: skip


def _add_makers(commands: "Commands") -> None:
    """Add the commands that make what the readers read, in the order in which they are run."""
    _add_preparing(commands)

    def add(name: str, run: "Command", text: str):
        command = _add_of_study(commands, name, run, text)
        command.add_argument("--data", type=_path, help="arrays made by prepare (data/DATASET.npz)")
        return command

    train = add("train", _train, "train runs, one after the other, whose records are not there")
    train.add_argument("runs", nargs="+", metavar="EXPERIMENT/seed-N", help="such as base/seed-1")
    _add_engine(train)
    _add_retry(train)
    search = add("search", _search, "search for the best models within a price, once")
    _add_engine(search)
    _add_workers(search)
    _add_retry(search)
    search.add_argument("--join", action="store_true", help="only take trials of the search that "
                        "another process goes through, as soon as one does")  # fmt: skip
    work = add("work", _work, "train whatever is missing and nobody else trains, trials of a "
               "search too, until nothing of that is left")  # fmt: skip
    _add_engine(work)
    _add_workers(work)
    _add_retry(work)
    confirm = add("confirm", _confirm, "train what is suggested again with fresh seeds, so far as "
                  "it is not there")  # fmt: skip
    _add_engine(confirm)
    _add_workers(confirm)
    _add_retry(confirm)
    confirm.add_argument("--source", default="", help="the dataset's archive or unpacked folder, "
                         "where its arrays are still to be made; default: download it")  # fmt: skip
    weights = add("weights", _weights, "train again, elsewhere, the runs whose weights should be "
                  "kept and are not, and keep them: base, enhanced, winners")  # fmt: skip
    weights.add_argument("--winners", nargs="+", default=[], metavar="PRICE", help="the winners "
                         "within these prices alone, such as base")  # fmt: skip
    weights.add_argument("--work", type=_path, metavar="FOLDER", help="keep here what is trained "
                         "again, and go on from it")  # fmt: skip
    export = add("export", _export, "write a network whose weights are kept as files of LiteRT and "
                 "ONNX, and measure what they answer")  # fmt: skip
    export.add_argument("experiment", metavar="EXPERIMENT", help="its id, or winner-PRICE")
    export.add_argument(
        "--output", type=_path, metavar="FOLDER", help="(RESULTS/export/EXPERIMENT)"
    )
    predict = _add_of_study(commands, "predict", _predict, "let the best network whose weights are "
                            "kept answer to images of yours")  # fmt: skip
    predict.add_argument("images", nargs="+", type=_path, metavar="IMAGE")
    predict.add_argument("--experiment", help="which network instead: base, enhanced's id, or "
                         "winner-PRICE")  # fmt: skip
    which = _add(commands, "which", _which, "name the files of images of yours, by the keys that "
                 "reports and tables give")  # fmt: skip
    which.add_argument("study", help="a name in experiments/, or a study file")
    which.add_argument("keys", nargs="*", metavar="KEY", help="or its first digits; of none, all")
    which.add_argument("--source", default="", help="where the images are on this machine")
    add("inspect", _inspect, "look into the networks whose weights are kept, once")
    add("look-alikes", _look_alikes, "search for test images that stand, hardly altered, among the "
        "training images, once; keep the test images' answers")  # fmt: skip


def _add_engine(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--engine", choices=["auto", "processes", "batched"], default="", help="what trains: "
        "processes, one run after the other by Keras's fit; batched, those of one program side by "
        "side by JAX; auto: batched where JAX sees a GPU. If nothing is said, what the study's "
        "file asks for, or else auto"
    )  # fmt: skip


def _add_workers(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workers", type=int, default=1, help="how many train side by side (1)")


def _add_retry(command: argparse.ArgumentParser) -> None:
    command.add_argument("--retry", choices=["failed"], help="train also the runs that are there "
                         "and failed, for want of memory say")  # fmt: skip


def _add_readers(commands: "Commands") -> None:
    """Add the stages that run from the records to the pages."""

    def add(name: str, run: "Command", text: str):
        command = _add_of_study(commands, name, run, text)
        command.add_argument(
            "--unless-current", action="store_true",
            help="make nothing if all that it is made from is as it was",
        )  # fmt: skip
        return command

    add("tables", _tables, "collect the runs that are there into tables")
    add("analyse", _analyse, "work out from the tables what each change is worth")
    add("confirmed", _confirmed, "work out what suggestions gain with fresh seeds")
    figures = add("figures", _figures, "draw the figures from tables and evidence")
    figures.add_argument("--processes", type=int, default=1, help="how many draw side by side (1)")
    figures.add_argument(
        "--png", metavar="FOLDER", type=_path, help="write them as PNG into this folder instead, "
        "for slides"
    )  # fmt: skip
    add("write", _write, "put the values of the tables into the report's text")
    render = add("render", _render, "render the report's text to HTML and PDF")
    render.add_argument(
        "--engine", choices=["auto", "quarto", "pandoc"], default="auto",
        help="what renders: Quarto, or Pandoc with Typst; auto, if nothing is said: Quarto where "
        "it is installed. Both make the same document",
    )  # fmt: skip


def _add_checkers(commands: "Commands") -> None:
    """Add what checks a study that is there, and touches nothing of it."""
    verify = _add_of_study(
        commands, "verify", _verify, "make all that stands in a study's report anew from its "
        "records, train runs again if asked, and write a certificate"
    )  # fmt: skip
    again = verify.add_mutually_exclusive_group()
    again.add_argument(
        "--retrain", type=int, default=0, metavar="K", help="train K runs again, which a draw "
        "names that follows from the report"
    )  # fmt: skip
    again.add_argument(
        "--runs", nargs="+", default=(), metavar="RUN", help="train these again: "
        "EXPERIMENT/seed-N, or search/FINGERPRINT/seed-N"
    )  # fmt: skip
    verify.add_argument("--data", type=_path, help="arrays made by prepare (data/DATASET.npz)")
    verify.add_argument("--work", type=_path, metavar="FOLDER", help="keep here what is trained "
                        "again, and go on from it")  # fmt: skip
    verify.add_argument("--processes", type=int, help="how many train side by side (all cores)")
    verify.add_argument(
        "--by", default="", metavar="NAME", help="who verifies, for the certificate"
    )
    verify.add_argument("--output", type=_path, metavar="FOLDER", help="where the certificate goes "
                        "(results/STUDY/certificate)")  # fmt: skip
    diff = _add(commands, "diff", _diff, "say where two runs part")
    diff.add_argument("runs", nargs="+", metavar="RUN", help="the path of a record, or "
                      "EXPERIMENT/seed-N; one alone is looked for in both results")  # fmt: skip
    diff.add_argument(
        "--results", nargs="+", type=_path, default=[Path("results/cifar10")], metavar="FOLDER",
        help="a results folder for both runs, or one for each (results/cifar10)",
    )  # fmt: skip


def _study(
    options: argparse.Namespace,
    also: Iterable[Check] = (),
    dataset: Dataset | None = None,
    describe: own_networks.Describe | None = None,
) -> tuple[Study, Path]:
    from cnn_study.runs.wanted import results_folder

    chosen = load(study_file(options.study), also, dataset, describe)
    return chosen, options.results or results_folder(chosen)


def _data(options: argparse.Namespace, study: Study) -> Path:
    from cnn_study.data import arrays

    return getattr(options, "data", None) or arrays.place(study.dataset)


def _check(options: argparse.Namespace) -> int:
    with records.reading_once():
        return _look_at(options)


def _speeds(study: Study) -> "dict[str, Speed]":
    from cnn_study.base.cores import cores
    from cnn_study.execute import timing

    return timing.time_search(study, cores())


def _look_at(options: argparse.Namespace) -> int:
    from cnn_study.archive import altered
    from cnn_study.execute import device, keeping, memory, progress
    from cnn_study.figures.draw import planned_figures
    from cnn_study.report import study_checks
    from cnn_study.study import own_images

    path = study_file(options.study)
    dataset = own_images.known_or_looked_at(path)
    describe = own_networks.known_or_built(path)
    study, results = _study(options, study_checks.CHECKS, dataset, describe)
    planned_figures(study)  # refuses questions that figures could not be named by
    for path in unknown_templates():
        print(f"{path}: no template of the report has this name; alone it changes nothing")
    if options.missing:
        print(_missing(study, progress.best(study, results)))
        return 0
    if options.watch:
        progress.watch(study, results)
    else:
        progress.check(study, results, _speeds(study) if options.timed else {})
    if dataset:
        known = own_images.is_known(study.path, dataset)
        print(f"images: {own_images.in_words(dataset)}{'' if known else '; not prepared yet'}")
    if refused := progress.refused(study, results):
        raise UserError("\n".join(first_lines(refused)))
    missing = {run.experiment.id: run.experiment for run in progress.missing(study, results)}
    if said := memory.in_words(study, missing.values()):
        print(*device.in_words(study), said, sep="\n")
    search = searches.place(study, results)
    device.check_precision(study, missing.values(), search=bool(search) and not search.exists())
    for line in progress.engines(study, results):
        print(line)
    if advice := keeping.advice(study, results):
        print(advice)
    for caution in cautions(study):
        print(f"caution: {caution}")
    if old := progress.too_old(study, results):
        print(f"metric: {study.metric.name}: {old}")
    site, data = stages.Site.now(study, results), _data(options, study)
    faults = list(altered.faults_of(site, data))
    print(*altered.in_words(faults), sep="\n", end="\n" * bool(faults))
    return 1 if faults else 0


def _missing(study: Study, best: str | None) -> str:
    """Say which settings of the enhanced and of the best model no change isolates."""
    models = [id_ for id_ in dict.fromkeys([study.file.enhanced, best]) if id_ and id_ != "base"]
    gaps = {id_: isolation.missing(study, id_) for id_ in models}
    lines = [f"{id_} against base: {isolation.in_words(listed)}" for id_, listed in gaps.items()]
    if not models:
        lines = ["Neither an enhanced model nor a best one so far differs from the base: none"]
    every = {gap.setting: gap for listed in reversed(gaps.values()) for gap in listed}
    if text := isolation.yaml_lines(study, list(every.values())):
        lines.append(f"To add what is missing, below questions: in {study.path}:\n{text}")
    return "\n".join(lines).rstrip()


def _prepare(options: argparse.Namespace) -> None:
    from cnn_study.data import arrays
    from cnn_study.study import own_images

    if options.dataset in DATASETS:
        dataset = DATASETS[options.dataset]
        arrays.prepare(dataset, options.output or arrays.place(dataset), options.source)
        return
    study, accept = study_file(options.dataset), options.accept_data
    print(own_images.prepare(study, options.output, options.source or "", accept=accept))


def _describe(options: argparse.Namespace) -> None:
    from cnn_study.study import own_images
    from cnn_study.train import describing

    path = study_file(options.study)
    dataset = own_images.known_or_looked_at(path, options.source)
    if options.output:
        describing.tried(path, dataset, options.output)
    else:
        print(describing.written(path, dataset, options.source))


def _train(options: argparse.Namespace) -> None:
    from cnn_study.execute import local, progress, workers
    from cnn_study.runs.wanted import find
    from cnn_study.train import engine

    study, results = _study(options)
    data, retry = _data(options, study), options.retry is not None
    place = workers.Place(study.path, results, data, retry)
    runs = [find(study, name) for name in options.runs]
    local.check_writable(results)
    chosen = engine.settle(options.engine, study=study)
    groups = local.groups(local.riskiest_last(runs, results), chosen)
    faults: list[Exception] = []
    with workers.Workers(1) as pool:
        if chosen == "batched" and len(groups) > 1:
            # What fails here fails again below, where it is told.
            pool.submit(workers.prepare, place, groups).exception()
        for group in groups:
            try:
                trained = workers.train_group_in(pool, study, place, group)
                gave = "\n".join(progress.outcome(study, record) for record in trained)
                outputs.say(f"{gave}; {progress.standing(study, results)}", sys.stdout)
            except Exception as error:  # of these alone, perhaps: the others have their turn
                if not isinstance(error, UserError):
                    names = ", ".join(run.name for run in group)
                    error.add_note(f"It came while {names} was trained.")
                faults.append(error)
    _raise(faults)


def _raise(faults: list[Exception]) -> None:
    """Raise one of the faults, if there are any, and print the others."""
    if not faults:
        return
    # One of ours, if there is one: its traceback must not be missed.
    worst = next((fault for fault in faults if not isinstance(fault, UserError)), faults[0])
    for text in dict.fromkeys(map(_in_short, faults)):
        if text != _in_short(worst):
            print(text, file=sys.stderr)
    raise worst


def _in_short(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    return "".join(traceback.format_exception_only(error))


def _study_to_train(options: argparse.Namespace) -> tuple[Study, Path]:
    """Read the study, and settle what trains its runs."""
    from cnn_study.train import engine

    study, results = _study(options)
    engine.settle(options.engine, study=study)
    return study, results


def _search(options: argparse.Namespace) -> None:
    from cnn_study.search import chief

    _check_workers(options)
    study, results = _study_to_train(options)
    data, retry = _data(options, study), options.retry is not None
    print(chief.search_study(study, results, data, options.workers, retry=retry, join=options.join))


def _work(options: argparse.Namespace) -> None:
    from cnn_study.execute import workers, working

    _check_workers(options)
    study, results = _study_to_train(options)
    place = workers.Place(
        study.path, results, _data(options, study), retry=options.retry is not None
    )
    _raise(working.work(study, place, options.workers))


def _check_workers(options: argparse.Namespace) -> None:
    if options.workers < 1:
        raise UserError(f"--workers {options.workers}: allowed is 1 or more.")


def _confirm(options: argparse.Namespace) -> None:
    from cnn_study.execute import confirming

    _check_workers(options)
    study, results = _study_to_train(options)
    data = _data(options, study)
    retry = options.retry is not None
    confirming.confirm(study, results, data, options.workers, options.source, retry=retry)


def _weights(options: argparse.Namespace) -> None:
    from cnn_study.execute import keeping

    study, results = _study(options)
    data = _data(options, study)
    keeping.keep(study, results, data, options.work, options.winners)


def _export(options: argparse.Namespace) -> int:
    from cnn_study.export import exporting

    study, results = _study(options)
    kept = exporting.find(study, results, options.experiment)
    output = options.output or results / "export" / options.experiment
    exported = exporting.export(study, kept, _data(options, study), output)
    print(exporting.in_words(exported))
    return 0 if exported.agrees else 1


def _predict(options: argparse.Namespace) -> None:
    from cnn_study.export import exporting, predicting

    study, results = _study(options)
    if options.experiment:
        kept = exporting.find(study, results, options.experiment)
    else:
        kept = predicting.best_kept(study, results)
    answers, unread = predicting.predict(study, kept, options.images)
    if answers:
        print(predicting.in_words(study, kept, answers))
    if unread:
        raise UserError(unread)


def _which(options: argparse.Namespace) -> None:
    from cnn_study.study import own_images

    print(own_images.named(study_file(options.study), options.keys, options.source))


def _inspect(options: argparse.Namespace) -> None:
    from cnn_study.inspection import inspector

    study, results = _study(options)
    print(inspector.inspect(study, results, _data(options, study)))


def _look_alikes(options: argparse.Namespace) -> None:
    from cnn_study.inspection import look_alikes

    study, results = _study(options)
    print(look_alikes.look(study, results, _data(options, study)))


def _stage(
    name: str,
    options: argparse.Namespace,
    make: Callable[[stages.Site, Path], Iterable[str]],
    engine: str | None = None,
) -> None:
    """Have a stage's files made in a folder, by a function that names them from it."""
    site = stages.Site.now(*_study(options), engine)
    if not stages.make(name, site, partial(make, site), unless_current=options.unless_current):
        log(f"{name}: current, nothing to make")


def _tables(options: argparse.Namespace) -> None:
    def make(site: stages.Site, folder: Path) -> list[str]:
        from cnn_study.tables.collect import collect
        from cnn_study.tables.data_package import planned_tables

        for lost in collect(site.study, site.results, folder / "tables"):
            print(f"{lost}: it is not there, and what only it tells is left out. Get it back; or "
                  "delete its record too, and the run is trained again", flush=True)  # fmt: skip
        for line in records.aside_in_words(site.results / "runs"):
            log(line)
        return [f"tables/{name}" for name in planned_tables(site.study)]

    _stage("tables", options, make)


def _analyse(options: argparse.Namespace) -> None:
    def make(site: stages.Site, folder: Path) -> list[str]:
        from cnn_study.evidence.analyse import analyse
        from cnn_study.evidence.schemas import planned_evidence

        analyse(site.study, site.results / "tables", folder / "evidence")
        return [f"evidence/{name}" for name in planned_evidence()]

    _stage("evidence", options, make)


def _confirmed(options: argparse.Namespace) -> None:
    def make(site: stages.Site, folder: Path) -> list[str]:
        from cnn_study.evidence.confirmation import assess
        from cnn_study.evidence.schemas import planned_confirmed

        assess(site.study, site.results, folder / "evidence")
        return [f"evidence/{name}" for name in planned_confirmed()]

    _stage("confirmed", options, make)


def _figures(options: argparse.Namespace) -> None:
    from cnn_study.figures.draw import draw, planned_figures

    if options.processes < 1:
        raise UserError(f"--processes {options.processes}: allowed is 1 or more.")

    def draw_all(site: stages.Site, output: Path, format_: "Format") -> None:
        sources = (site.results / "tables", site.results / "evidence")
        draw(
            site.study, *sources, output, site.inspection, options.processes, format_,
            site.look_alikes,
        )  # fmt: skip

    def make(site: stages.Site, folder: Path) -> list[str]:
        draw_all(site, folder / "figures", "svg")
        kept = (facts is not None for facts in (site.inspection, site.look_alikes))
        return [f"figures/{name}" for name in planned_figures(site.study, *kept)]

    if options.png:
        site = stages.Site.now(*_study(options))
        stages.refuse_altered("figures", site)
        draw_all(site, options.png, "png")
    else:
        _stage("figures", options, make)


def _write(options: argparse.Namespace) -> None:
    def make(site: stages.Site, folder: Path) -> list[str]:
        from cnn_study.report.write import write

        tables, evidence, figures = (
            site.results / name for name in ("tables", "evidence", "figures")
        )
        text = folder / "report" / "index.qmd"
        files = write(
            site.study, tables, evidence, figures, text, site.inspection, site.look_alikes
        )
        return [f"report/{file}" for file in files]

    _stage("text", options, make)


def _render(options: argparse.Namespace) -> None:
    from cnn_study.report.engines import choose

    engine = choose(options.engine)

    def make(site: stages.Site, folder: Path) -> list[str]:
        from cnn_study.report.render import render

        text = site.results / "report" / "index.qmd"
        pages = [folder / "report" / f"index.{ending}" for ending in ("html", "pdf")]
        render(text, *pages, resources=site.results, engine=engine)
        print(f"{text.with_suffix('.html')} and .pdf: rendered with {engine}")
        return ["report/index.html", "report/index.pdf"]

    _stage("pages", options, make, engine)


def _publish(options: argparse.Namespace) -> None:
    from cnn_study.report import publication, study_checks

    site = stages.Site.now(*_study(options, study_checks.CHECKS))
    old = [name for name, stage in stages.STAGES.items() if stages.stale(stage, site)]
    if old := [name for name in old if name != "pages"]:
        raise UserError(
            f"{', '.join(old)} of {site.study.name}: not current. Make them first, and commit "
            f"them: snakemake --cores all --config study={site.study.name}"
        )
    folder = publication.publish(site.study, site.results)
    print(f"{folder}: published. Look at it, then commit it: git add {folder}")


STAGES = {
    "tables": _tables,
    "evidence": _analyse,
    "confirmed": _confirmed,
    "figures": _figures,
    "text": _write,
    "pages": _render,
}
"""The command of each stage."""


def _verify(options: argparse.Namespace) -> int:
    from cnn_study.archive import certificate, verify
    from cnn_study.base.cores import cores

    if options.processes is not None and options.processes < 1:
        raise UserError(f"--processes {options.processes}: allowed is 1 or more.")
    if options.retrain < 0:
        raise UserError(f"--retrain {options.retrain}: allowed is 1 or more.")
    study, results = _study(options)
    processes = options.processes or cores()
    asked = verify.Asked(
        options.retrain, tuple(options.runs), _data(options, study), options.work,
        processes,
    )  # fmt: skip

    def make(stage: str, folder: Path) -> None:
        given = {"study": options.study, "results": folder, "unless_current": False, "png": None}
        given["engine"] = "pandoc"  # which promises the same bytes
        STAGES[stage](argparse.Namespace(**given, processes=processes))

    def publish(folder: Path, commit: str) -> None:
        from cnn_study.report import publication

        publication.make(study, folder, commit)

    folder = options.output or results / certificate.FOLDER
    try:
        look_anew(folder / certificate.PAGE)  # before anything takes time
    except UserError as error:
        raise UserError(f"{error} For the certificate: --output FOLDER.") from None
    site = stages.Site.now(study, results)
    verified = verify.verify(site, make, publish, asked, log)
    statement = verify.certify(site, verified, folder, options.by)
    for line in verify.in_words(verified, statement.predicate.level):
        print(line)
    print(f"The certificate: {folder / certificate.PAGE}")
    return 0 if verified.holds else 1


def _diff(options: argparse.Namespace) -> int:
    from cnn_study.archive import diff

    runs, folders = options.runs, options.results
    if len(runs) > 2 or len(folders) > 2 or len(runs) == len(folders) == 1:
        raise UserError(
            "diff takes two runs, or one run and two results folders: cnn-study diff base/seed-1 "
            "base/seed-2, or cnn-study diff base/seed-1 --results FOLDER FOLDER."
        )
    pairs = zip((runs * 2)[:2] if len(runs) == 1 else runs, (folders * 2)[:2], strict=True)
    ours, theirs = (diff.find(run, folder) for run, folder in pairs)
    same, lines = diff.compare(ours, theirs)
    print("\n".join(lines))
    return 0 if same else 1


def _archive(options: argparse.Namespace) -> None:
    from cnn_study.archive import pack
    from cnn_study.base.words import megabytes

    study, results = _study(options)
    output = options.output or pack.place(results, study.name)
    packed = pack.archive(stages.Site.now(study, results), output)
    print(
        f"{packed.path}: {packed.files} files, {packed.runs} runs, {megabytes(packed.size)}, of "
        f"commit {packed.commit[:10]}. In an empty folder: unzip it, then bash verify.sh"
    )


def _new(options: argparse.Namespace) -> None:
    from cnn_study import starter

    file, lines = starter.new(options.folder, options.images)
    print(*lines, sep="\n", end="\n" * bool(lines))
    if options.images:
        try:
            print(_expected(file))
        except UserError as error:
            raise UserError(
                f"{error}\n{options.folder} is made nevertheless: change {file}, or the images. "
                f"Then, in that folder: cnn-study check {file.stem}"
            ) from None
    print(
        f"{options.folder}: made. Change {file} as you like, then, in that folder:\n"
        f"  cnn-study check {file.stem}\n"
        "  snakemake --cores all"
    )


def _expected(file: Path) -> str:
    """Say how a study's own images are divided, and of its runs what `check` says of them.

    Raises:
        UserError: something is wrong that is seen when the images are divided, or their classes
            have names that the report cannot show.
    """
    from cnn_study.execute import progress
    from cnn_study.report import study_checks
    from cnn_study.study import own_images

    dataset = own_images.known_or_looked_at(file)
    study = load(file, study_checks.CHECKS, dataset)
    return f"{own_images.in_words(study.dataset)}\n{progress.expected(study)}"


def _docs(options: argparse.Namespace) -> None:
    from cnn_study.report import docs_pages

    docs_pages.write(options.output)


def command() -> None:
    """Run one command, as the console script `cnn-study` does."""
    if outputs.closed():
        if sys.stderr:
            print("stdout is closed: name a place for it, such as /dev/null", file=sys.stderr)
        sys.exit(outputs.UNHEARD)
    stop_on_signals()
    try:
        status = main()
    except KeyboardInterrupt as stopped:
        status = _stopped(stopped)
    except SystemExit as ended:  # after --help, or a command line that cannot be read
        status = ended.code
    sys.exit((outputs.unheard() and outputs.UNHEARD) or status)


if __name__ == "__main__":
    command()
