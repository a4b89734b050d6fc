"""What a study file may say under `search`."""

from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue

from cnn_study.study.parts import Id, Part, Seeds, Text

MOST = 10**12
"""Numbers beyond this are a slip of the pen."""

MOST_STEPS = 10**6

Number = Annotated[int | FiniteFloat, Field(ge=-MOST, le=MOST)]


class Varied(Part):
    """A parameter that the search varies: a list of values, or a range of numbers."""

    values: list[Any] = Field(default_factory=list, description="The values it may take.")
    low: Number | None = Field(None, description="Smallest value of a range.")
    high: Number | None = Field(None, description="Largest value of a range.")
    step: Number | None = Field(
        None, description="Values of a range are so far apart; a range of whole numbers has 1."
    )
    scale: Literal["linear", "log"] = Field(
        "linear", description="log draws equally from every order of magnitude of a range."
    )
    when: dict[str, list[Any]] = Field(
        default_factory=dict,
        description="Parameter further up: values of it with which this one is varied. With "
        "others it stays as in the base.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        return {"values": given} if isinstance(given, list) else given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say that a list may stand for an object with `values`."""
        values = {"type": "array", "items": {}, "description": "The values it may take."}
        return {"anyOf": [values, handler(schema)]}

    @model_validator(mode="after")
    def _one_kind(self) -> "Varied":
        ends = [self.low, self.high]
        if bool(self.values) == (None not in ends) or ends.count(None) == 1:
            raise ValueError("give either a list of values, or low and high")
        if self.values and (self.step is not None or self.scale == "log"):
            raise ValueError("step and scale belong to a range with low and high")
        if self.values and len(self.values) < 2:
            raise ValueError("one value is no choice; put it under search.settings")
        if self.low is not None and self.high is not None:
            self._check_range(self.low, self.high)
        return self

    def _check_range(self, low: float, high: float) -> None:
        if low >= high:
            raise ValueError(f"low {low} must be less than high {high}")
        if self.scale == "log" and (low <= 0 or self.step is not None):
            raise ValueError("scale log needs low above 0, and takes no step")
        if self.step is not None and not 0 < self.step <= high - low:
            raise ValueError(f"step {self.step} must be above 0 and at most high - low")
        if self.step is not None and (high - low) / self.step > MOST_STEPS:
            raise ValueError(f"step {self.step} gives more than {MOST_STEPS:,} values")


class BudgetBlock(Part):
    """What a study file calls a price: what a model may cost, so that the best is looked for."""

    title: Text = Field(description="A few words, such as As cheap as the base.")
    macs: int | Id | None = Field(
        None, description="Most MACs for one image, or the experiment whose MACs these are."
    )
    parameters: int | Id | None = Field(
        None, description="Most parameters, or the experiment whose parameters these are."
    )
    training_seconds: Number | None = Field(
        None,
        gt=0,
        description="Most seconds that training a trial may take, as estimated from the MACs for "
        "one core (`study.seconds`); a winner's own runs take longer with more epochs.",
    )
    times: Number = Field(
        1, gt=0, description="Limits that name an experiment are so many times its cost."
    )
    least: float | int = Field(
        0,
        ge=0,
        lt=1,
        description="Share of the limit on MACs, else on parameters, that a model must cost, so "
        "that no trials go to models far cheaper than they may be.",
    )
    trials: int | None = Field(None, ge=1, description="Trials at this price, if not `trials`.")
    winner_epochs: int | None = Field(
        None, ge=1, le=10_000, description="As the search's own, at this price."
    )
    goal: float | int | None = Field(
        None,
        gt=0,
        le=100,
        description="Mean test score of the winner's own runs that is hoped for, percent. The "
        "report says whether it is reached; nothing is chosen by it.",
    )

    @model_validator(mode="after")
    def _some_limit(self) -> "BudgetBlock":
        if all(limit is None for limit in (self.macs, self.parameters, self.training_seconds)):
            raise ValueError("give a limit: macs, parameters or training_seconds")
        return self


class SearchBlock(Part):
    """A search for the best model within a budget, which the file calls a price."""

    caveat: Text = Field(
        "",
        description="What the search cannot say, in Markdown: for instance what was chosen by hand "
        "before it.",
    )
    trained: bool = Field(
        True,
        description="false declares the search before it is done: it is checked and told of, and "
        "nothing is trained for it.",
    )
    algorithm: Literal["random", "bayesian", "hyperband", "halving"] = Field(
        "bayesian",
        description="How trials come about: random, bayesian and hyperband are keras-tuner's; "
        "halving draws all models at random, trains them for few epochs, and the promising ones "
        "anew for more, round by round.",
    )
    trials: int = Field(
        ge=1,
        le=10_000,
        description="Models tried at each price; hyperband may need fewer, and halving trains so "
        "many in its first round.",
    )
    epochs: int = Field(
        ge=1,
        le=10_000,
        description="Epochs of a trial; the most of hyperband, and those of halving's last round.",
    )
    rounds: int = Field(3, ge=2, le=10, description="halving: rounds of trials.")
    factor: int = Field(
        3,
        ge=2,
        le=10,
        description="halving: each round trains one model of so many of the round before it, for "
        "so many times as many epochs.",
    )
    rising: float | int = Field(
        0.25,
        ge=0,
        le=1,
        description="halving: share of the places in the next round that go by what learning "
        "curves promise at `epochs`, whatever the score is so far. A first round of one epoch has "
        "no curves.",
    )
    seeds: Seeds = Field(1, description="Seeds of each trial: how many (1, 2, …), or a list.")
    seed: int = Field(1, ge=1, le=2**31 - 1, description="Seed of the proposals.")
    together: int = Field(
        2,
        ge=1,
        le=100,
        description="bayesian: trials proposed at once, before the scores of any of them are "
        "known. So many can be trained side by side, and however many are, the trials are the "
        "same.",
    )
    finalists: int = Field(
        3, ge=1, le=100, description="The best trials at each price, trained again with new seeds."
    )
    finalist_seeds: Seeds = Field(
        2, description="Their seeds: how many (101, 102, …), or a list; the trials have others."
    )
    winner_seeds: Seeds = Field(
        5,
        description="Seeds of the winner's own runs: how many (201, 202, …), or a list; nothing "
        "was chosen by them.",
    )
    winner_epochs: int | None = Field(
        None, ge=1, le=10_000, description="Epochs of the winner's own runs, if not `epochs`."
    )
    smallest_improvement: float | int = Field(
        0.5,
        gt=0,
        le=100,
        description="Percentage points of the validation score for which a dearer finalist is "
        "preferred to a cheaper one.",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="Parameters of every trial, where they are not those of the study's base.",
    )
    space: dict[str, Varied] = Field(
        min_length=1, description="Parameter: its values, or low and high of its range."
    )
    prices: dict[Id, BudgetBlock] = Field(
        min_length=1, description="Price id: its limits. Each price has a search of its own."
    )
