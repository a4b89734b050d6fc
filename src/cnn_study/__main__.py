"""The one way in, for rules and for people: `python -m cnn_study COMMAND`."""

import argparse
import sys
from pathlib import Path

from cnn_study.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a user's mistake becomes one message and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnn_study", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    prepare = commands.add_parser("prepare", help="check a dataset and make its arrays")
    prepare.add_argument("dataset")
    prepare.add_argument("--source", help="archive or unpacked folder; default: download")
    prepare.add_argument("--output", type=Path, required=True)
    prepare.set_defaults(command=_prepare)
    train = commands.add_parser("train", help="train one seed of one experiment")
    train.add_argument("study", type=Path)
    train.add_argument("experiment")
    train.add_argument("--seed", type=int, required=True)
    train.add_argument("--data", type=Path, required=True, help="arrays made by prepare")
    train.add_argument("--results", type=Path, required=True, help="the study's results folder")
    train.set_defaults(command=_train)
    return parser


def _prepare(options: argparse.Namespace) -> None:
    from cnn_study import datasets

    datasets.prepare(options.dataset, options.output, options.source)


def _train(options: argparse.Namespace) -> None:
    from cnn_study import runs, study

    chosen = study.load(options.study)
    run = runs.find(chosen, options.experiment, options.seed)
    runs.do(chosen, run, options.results, options.data)


if __name__ == "__main__":
    sys.exit(main())
