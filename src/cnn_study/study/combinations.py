"""Which changes of a study join smaller ones. Knows the study alone, and nothing of its runs."""

from functools import cache

from cnn_study.study.model import Changed, Study


def parts_of(study: Study, combination: str) -> list[str]:
    """Find the smallest changes that make up a combination's, each setting once.

    Returns:
        Two or more experiments with the same reference, in the order of the study file; none if
        its changes were not all run one by one.
    """
    beside = study.changed[study.experiments[combination].reference]
    whole = beside[combination]
    smaller = {id_: change for id_, change in beside.items() if change < whole}
    ids, parts = list(smaller), list(smaller.values())

    @cache
    def cover(wanted: Changed) -> tuple[int, ...] | None:
        """Find the places of the parts that make it up: the most, and of these the first ones."""
        if not wanted:
            return ()
        setting = min(wanted)  # one of the parts has it; which one is tried
        covers = [
            tuple(sorted((place, *rest)))
            for place, part in enumerate(parts)
            if setting in part <= wanted and (rest := cover(wanted - part)) is not None
        ]
        return min(covers, key=lambda places: (-len(places), places), default=None)

    return [ids[place] for place in cover(whole) or ()]
