"""From the block of a study file to a `Search`, with every fault found on the way."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Protocol

from pydantic import ValidationError

from cnn_study.base.words import first_of
from cnn_study.data.catalog import Dataset
from cnn_study.data.sizes import split_sizes
from cnn_study.study import search_space
from cnn_study.study.parts import seeds_of
from cnn_study.study.search_block import BudgetBlock, SearchBlock, Varied
from cnn_study.study.search_space import Budget, Parameter, Search
from cnn_study.study.settings import (
    NEEDS,
    ModelSettings,
    OwnModelSettings,
    Settings,
)

Fault = tuple[tuple[str, ...], str]
"""Place in the study file, and what is wrong there."""

FINALIST_SEED, WINNER_SEED = 101, 201
"""The first seeds of finalists and winners, where the study file only says how many."""


class Sized(Protocol):
    """What a limit may name: an experiment."""

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations for one image."""
        ...

    @property
    def parameters(self) -> int:
        """Numbers that are learned."""
        ...


def resolve(
    block: SearchBlock,
    base: Mapping[str, Any],
    dataset: Dataset,
    experiments: Mapping[str, Sized],
) -> tuple[Search | None, list[Fault]]:
    """Make the search of a study.

    Args:
        base: every parameter of the study's base.
        experiments: what limits may name.

    Returns:
        The search, None if there are faults; and the faults.
    """
    faults = faults_of(block)
    budgets = []
    for id_, asked in block.prices.items():
        budget, more = _budget(id_, asked, block, experiments)
        budgets.append(budget)
        faults += more
    faults += _network(block, base)
    faults += _useless(block, {**base, **block.settings})
    faults += _held_out({**base, **block.settings}["validation_fraction"], dataset.training_images)
    for budget in budgets:
        comparable = _comparable(block, budget)
        if block.finalists > comparable:
            message = f"{block.finalists} of {comparable} trials at the price {budget.id}"
            message += " in the last round" * (block.algorithm == "halving")
            faults.append((("search", "finalists"), f"{message}; give fewer, or more trials"))
    if faults:
        return None, faults
    search = Search(
        dataset=dataset,
        base={**base, **block.settings},
        space=tuple(
            _parameter(name, _whole(name, varied, base), block.space)
            for name, varied in block.space.items()
        ),
        budgets=tuple(budgets),
        algorithm=block.algorithm,
        epochs=block.epochs,
        seeds=seeds_of(block.seeds),
        seed=block.seed,
        together=block.together,
        rounds=block.rounds if block.algorithm == "halving" else 1,
        factor=block.factor,
        rising=float(block.rising),
        finalists=block.finalists,
        finalist_seeds=seeds_of(block.finalist_seeds, FINALIST_SEED),
        winner_seeds=seeds_of(block.winner_seeds, WINNER_SEED),
        smallest_improvement=block.smallest_improvement / 100,
    )
    faults = search.faults()
    return (None if faults else search), faults


def faults_of(block: SearchBlock) -> list[Fault]:
    """Find what is wrong with a block, whatever the rest of the study says."""
    return [
        *_unknown(block),
        *_values(block),
        *_conditions(block),
        *_seeds(block),
        *_rounds(block),
    ]


def _parameter(name: str, varied: Varied, space: Mapping[str, Varied]) -> Parameter:
    return Parameter(
        name,
        tuple(varied.values),
        varied.low,
        varied.high,
        varied.step,
        varied.scale,
        tuple(
            (other, tuple(_own(value, space[other].values) for value in values))
            for other, values in varied.when.items()
        ),
    )


def _own(value: Any, values: list[Any]) -> Any:
    """Give the value of a list that one stands for, such as 0 for 0.0; None if there is none."""
    same = (
        own for own in values if own == value and isinstance(own, bool) == isinstance(value, bool)
    )
    return next(same, None)


def _unknown(block: SearchBlock) -> Iterable[Fault]:
    """Find names that are no parameters, and those that the search settles otherwise."""
    known = list(Settings.model_fields)
    for part, names in (("settings", block.settings), ("space", block.space)):
        for name in names:
            place = ("search", part, name)
            if name not in known:
                nearest = get_close_matches(name, known, n=1)
                ask = f"Did you mean {nearest[0]}? " if nearest else ""
                yield place, f"unknown parameter. {ask}All are in docs/parameters.md"
            elif name == "epochs":
                yield place, "give the epochs of a trial as search.epochs"
            elif name == "watch_test":
                yield place, "a search looks at validation scores only; leave it out"
            elif name == "validation_fraction" and part == "space":
                yield place, "trials are compared by the same images; give it under search.settings"
    for name in block.settings.keys() & block.space.keys():
        yield ("search", "settings", name), "is varied under search.space too; keep one of them"


def _values(block: SearchBlock) -> Iterable[Fault]:
    """Find values that no model may have, and ranges of what is no number."""
    for name, value in block.settings.items():
        yield from _refused(("search", "settings", name), name, value)
    for name, varied in block.space.items():
        place = ("search", "space", name)
        if varied.low is None:
            for value in varied.values:
                yield from _refused(place, name, value)
            if any(varied.values.count(value) > 1 for value in varied.values):
                yield place, "a value stands there twice"
            continue
        whole = isinstance(varied.low, int) and isinstance(varied.high, int)
        step_is_whole = varied.step is None or isinstance(varied.step, int)
        if whole and not step_is_whole:
            yield place, f"step {varied.step} between whole numbers; give low and high as 0.0"
        for value in (varied.low, varied.high):
            yield from _refused(place, name, value)


def _refused(place: tuple[str, ...], name: str, value: Any) -> Iterable[Fault]:
    if name not in Settings.model_fields:
        return
    try:
        Settings.model_validate({name: value})
    except ValidationError as error:
        for fault in error.errors():
            if fault["loc"]:  # rules between parameters wait until all are known
                message = fault["msg"].removeprefix("Value error, ")
                yield place, f"{message[0].lower()}{message[1:]}, not {fault['input']!r}"


def _held_out(share: Any, images: int) -> Iterable[Fault]:
    """Find that no validation image is held out; what is no share at all is told of elsewhere."""
    place = ("search", "settings", "validation_fraction")
    if (
        not list(_refused(place, place[-1], share))
        and split_sizes(images, share, 1).validation == 0
    ):
        message = f"a search needs validation images, and {share:g} of {images:,} images is none"
        yield place, f"{message}; give it a larger share"


def _whole(name: str, varied: Varied, base: Mapping[str, Any]) -> Varied:
    """Add to arguments of a network of the study's own those of the base that they leave."""
    if name != "model_arguments":
        return varied
    values = [base[name] | value for value in varied.values]
    return varied.model_copy(update={"values": values})


def _network(block: SearchBlock, base: Mapping[str, Any]) -> Iterable[Fault]:
    """Find what is of another network than the base's, own or built in."""
    for part, names in (("settings", block.settings), ("space", block.space)):
        for name in names:
            place = ("search", part, name)
            if name in ModelSettings.model_fields and base["model"]:
                message = f"of the built-in network, and the base's is {base['model']}"
                yield place, f"{message}. Vary model_arguments, or leave it out"
            elif name in OwnModelSettings.model_fields and (
                part == "settings" or name != "model_arguments" or not base["model"]
            ):
                message = "the base's network is searched. Of one of your own model_arguments may"
                yield place, f"{message} be varied under search.space; leave this out"


def _useless(block: SearchBlock, kept: Mapping[str, Any]) -> Iterable[Fault]:
    """Find parameters that would mean nothing in any trial, a momentum beside adam say."""
    for name, needs in NEEDS.items():
        varied = block.space.get(needs.other)
        tried = (varied.values or ()) if varied else [kept[needs.other]]
        for part, names in (("settings", block.settings), ("space", block.space)):
            if name in names and tried and not set(tried).intersection(needs.values):
                yield ("search", part, name), needs.useless(tried[0])


def _conditions(block: SearchBlock) -> Iterable[Fault]:
    """Find conditions on what is not varied further up, or on values that it never has."""
    above: dict[str, Varied] = {}
    for name, varied in block.space.items():
        for other, values in varied.when.items():
            place = ("search", "space", name, "when", other)
            if other not in above or not above[other].values:
                lists = [key for key, listed in above.items() if listed.values]
                yield (
                    place,
                    (
                        f"{other} is no list of values further up in the space. "
                        f"Allowed: {', '.join(lists) or 'none'}"
                    ),
                )
                continue
            strange = [value for value in values if _own(value, above[other].values) is None]
            if strange or not values:
                yield place, f"{strange or 'nothing'} is no value of {other}: {above[other].values}"
        above[name] = varied


def _rounds(block: SearchBlock) -> Iterable[Fault]:
    """Find rounds of what has none, and a first round that would not last an epoch."""
    if block.algorithm != "halving":
        for name in ("rounds", "factor", "rising"):
            if name in block.model_fields_set:
                message = f"of algorithm halving, and this is {block.algorithm}; leave it out"
                yield ("search", name), message
    elif block.epochs < (least := block.factor ** (block.rounds - 1)):
        message = (
            f"{block.epochs} in the last of {block.rounds} rounds, each {block.factor} times as "
            f"long as the one before it: the first would not last one. Give {least} or more, or "
            "fewer rounds"
        )
        yield ("search", "epochs"), message


def _comparable(block: SearchBlock, budget: Budget) -> int:
    """Count the trials among which finalists are chosen, if all are trained to the end."""
    rounds = block.rounds if block.algorithm == "halving" else 1
    return search_space.rounds_of(budget.trials, block.epochs, rounds, block.factor)[-1].trials


def _seeds(block: SearchBlock) -> Iterable[Fault]:
    """Find seeds that somebody has seen before: trials, finalists and winners have others."""
    used = {"seeds": seeds_of(block.seeds)}
    later = {
        "finalist_seeds": seeds_of(block.finalist_seeds, FINALIST_SEED),
        "winner_seeds": seeds_of(block.winner_seeds, WINNER_SEED),
    }
    for key, seeds in later.items():
        for before, earlier in used.items():
            shared = sorted(set(seeds) & set(earlier))
            if shared:
                yield ("search", key), f"has {shared} in common with {before}; take new ones"
        used[key] = seeds


def _budget(
    id_: str, block: BudgetBlock, search: SearchBlock, experiments: Mapping[str, Sized]
) -> tuple[Budget, list[Fault]]:
    place = ("search", "prices", id_)
    faults: list[Fault] = []
    limits: dict[str, int | None] = {}
    for cost, given in (("macs", block.macs), ("parameters", block.parameters)):
        if not isinstance(given, str):
            limits[cost] = given
        elif given in experiments:
            limits[cost] = int(getattr(experiments[given], cost) * block.times)
        else:
            known = first_of(experiments)
            message = f"there is no trained experiment {given}. There are: {known}"
            faults.append(((*place, cost), message))
    if block.times != 1 and not any(
        isinstance(given, str) for given in (block.macs, block.parameters)
    ):
        faults.append(((*place, "times"), "no limit here names an experiment"))
    if block.least and block.macs is None and block.parameters is None:
        faults.append(((*place, "least"), "there is no limit that it is a share of"))
    budget = Budget(
        id_, block.title, block.trials or search.trials,
        block.winner_epochs or search.winner_epochs or search.epochs,
        limits.get("macs"), limits.get("parameters"), block.training_seconds, block.least,
        goal=None if block.goal is None else block.goal / 100,
    )  # fmt: skip
    return budget, faults
