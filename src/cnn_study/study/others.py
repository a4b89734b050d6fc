"""Networks of others, as a study file gives them: what they cost, and what somebody printed."""

from typing import Annotated

from pydantic import Field, model_validator

from cnn_study.study.parts import Part, Text

Percent = Annotated[float | int, Field(ge=0, le=100)]


class Other(Part):
    """A network of others with its printed test accuracy, to set beside ours."""

    name: Text = Field(max_length=32, description="What the report calls it, such as ResNet-8.")
    citation: Text = Field(description="Key in report/references.bib of who printed it.")
    macs: int | None = Field(
        None, ge=1, description="Multiply-accumulate operations for one image, as printed."
    )
    parameters: int | None = Field(None, ge=1, description="Parameters, as printed.")
    test_accuracy: Percent | Annotated[list[Percent], Field(min_length=2)] = Field(
        description="Percent, as printed; a list where several figures are printed of it."
    )
    runs: int = Field(1, ge=1, description="Runs that the accuracy is the mean of.")
    standard_deviation: float | int | None = Field(
        None, ge=0, le=100, description="Between these runs, in percentage points, if printed."
    )
    note: str = Field("", description="What else is to be known of it, in Markdown.")

    @property
    def accuracies(self) -> tuple[float, float]:
        """The smallest and the largest printed accuracy, shares."""
        given = self.test_accuracy
        printed = given if isinstance(given, list) else [given]
        return min(printed) / 100, max(printed) / 100

    @model_validator(mode="after")
    def _cost_and_spread(self) -> "Other":
        if self.macs is None and self.parameters is None:
            raise ValueError("give what it costs: macs, parameters or both")
        if self.standard_deviation is not None and self.runs == 1:
            raise ValueError("one run has no standard_deviation; give runs, or leave it out")
        return self
