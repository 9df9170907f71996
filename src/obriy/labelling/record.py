"""What a record of a panel (``panel.json``) may hold: checked whole before it is believed."""

import math
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from obriy.labelling.budget import Cost
from obriy.labelling.vocabulary import ABSTAINED, fold
from obriy.model.legend import UNNAMED
from obriy.model.result.base import KeptNotice

FORMAT: Final = 1
MOST_LETTERS: Final = 500
"""Letters in the name of a labeller: a model and an address."""
_SUM_OFF: Final = 1e-3
"""By how much probabilities may miss a sum of 1: what rounding makes of them."""
_SHOWN: Final = 40
"""Letters of a value that is quoted."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Code = Annotated[int, Field(ge=0, le=UNNAMED)]


class Said(BaseModel):
    """One answer, as `obriy.model.clusters.Answer` has it, and what its cluster is known by."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fingerprint: Annotated[str, Field(min_length=1)]
    cluster: Annotated[int, Field(ge=1, lt=UNNAMED)]
    labeller: Annotated[str, Field(min_length=1, max_length=MOST_LETTERS)]
    said: str
    code: Code
    confidence: Share
    second: Code | None
    mixed: bool
    evidence: str
    normalised: str
    probabilities: dict[Code, Share]
    problem: str
    round: Annotated[int, Field(ge=0)] = 0  # records of the first version had none
    question: Annotated[int, Field(ge=0)] | None = None
    looks: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_a_question(self) -> Self:
        """Say what answers of records answer that were written before questions had versions.

        Those with an opinion of every class came of numbers; the others answer the first version.
        """
        if self.question is None:
            self.question = 0 if self.probabilities else 1
        return self


class Record(BaseModel):
    """The record of a panel."""

    model_config = ConfigDict(strict=True)

    format: Literal[1]
    classes: Annotated[dict[Code, str], Field(min_length=1)]
    answers: list[Said]
    cost: Cost  # its sums are made anew
    problems: list[str]
    notices: list[KeptNotice] = Field(default_factory=list)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Refuse what no panel can have said.

        Codes of no class, or of another than the one that was named; chances that are none; a
        second vote of a labeller.
        """
        codes = {*self.classes, UNNAMED}
        named = self._codes_by_name()
        seen: dict[tuple[str, str, int, int], int] = {}
        for i, said in enumerate(self.answers):
            strange = {said.code, *said.probabilities, *filter(None, [said.second])} - codes
            if strange:
                raise ValueError(f"answers[{i}] has the code {min(strange)}, which is no class")
            abstained = said.normalised.endswith(ABSTAINED)
            meant = {UNNAMED} if abstained else named.get(fold(said.said), {said.code})
            if said.code not in meant:
                raise ValueError(
                    f"answers[{i}] says '{said.said[:_SHOWN]}', which is {min(meant)}, "
                    f"and has the code {said.code}"
                )
            chances = math.fsum(said.probabilities.values())
            if said.probabilities and abs(chances - 1) > _SUM_OFF:
                raise ValueError(f"answers[{i}].probabilities sum to {chances:.3g}, not to 1")
            one = (said.labeller, said.fingerprint, said.cluster, said.round)
            if seen.setdefault(one, i) != i:
                raise ValueError(
                    f"answers[{seen[one]}] and answers[{i}] are both of {said.labeller} about "
                    f"cluster {said.cluster}"
                )
        return self

    def _codes_by_name(self) -> dict[str, set[int]]:
        """Return the codes of each name; that of a class "unknown" is also said to abstain."""
        named: dict[str, set[int]] = {}
        for code, name in self.classes.items():
            named.setdefault(fold(name), set()).add(code)
        named.pop(ABSTAINED, None)
        return named


def reason_of(error: ValidationError) -> str:
    """Return in one sentence what is wrong with a record: the first fault that was found."""
    fault = error.errors(include_url=False)[0]
    if fault["type"] == "json_invalid":
        return "it is not JSON."
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault["loc"]).lstrip(".")
    if place in ("", "format") and fault["type"] != "value_error":
        return f"it is no record of a panel of format {FORMAT}."
    words = fault["msg"].removeprefix("Value error, ")
    shown = repr(fault["input"])
    value = "" if fault["type"] in ("missing", "value_error") or len(shown) > _SHOWN else shown
    parts = [part for part in (place, value, words[:1].lower() + words[1:]) if part]
    return f"it is damaged ({': '.join(parts)})."
