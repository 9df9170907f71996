"""The panel: labellers are called together, asked about each cluster, and minutes are kept."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from obriy.errors import UsageError
from obriy.labelling.base import Labeller
from obriy.labelling.budget import Budget, Cost, Meter, Usage, parse_budget, total
from obriy.labelling.labellers.clients import check_client
from obriy.labelling.labellers.estimate import usual
from obriy.labelling.labellers.human import HumanLabeller, read_sheet, tell_names
from obriy.labelling.labellers.looking import LookingLabeller, Progress, ask_all
from obriy.labelling.labellers.replay import replay
from obriy.labelling.labellers.spec import PROVIDERS, Spec, parse_spec
from obriy.labelling.minutes import (
    Minutes,
    classes_of,
    fingerprint,
    known_by,
    minutes_text,
    problems_of,
    read_minutes,
)
from obriy.labelling.panel_settings import PanelSettings
from obriy.labelling.vote import PERSON
from obriy.model.clusters import Answer, Naming, Portrait
from obriy.model.legend import Legend
from obriy.registry import Registry

__all__ = [
    "LABELLER_HELP",
    "Budget",
    "Minutes",
    "PanelSettings",
    "check_labellers",
    "convene",
    "labeller_names",
    "minutes_text",
    "needs_pictures",
    "note_names",
    "parse_budget",
    "read_minutes",
    "usual_cost",
    "voters",
]

LABELLERS: Final[Registry[Callable[[Spec, PanelSettings], Labeller]]] = Registry("labeller")
"""Who can be asked; a new labeller is an entry here: from a spec and settings, a `Labeller`."""
for _provider in PROVIDERS:
    LABELLERS.register(_provider, LookingLabeller)
LABELLERS.register(PERSON, HumanLabeller)
LABELLERS.register("spectral", "obriy.labelling.labellers.expert:make_spectral")

_REPLAY: Final = "replay"

LABELLER_HELP: Final = {
    "spectral": "an expert on spectra, indices and texture: no network, no key (default)",
    "anthropic:MODEL": "a model that looks; key in ANTHROPIC_API_KEY",
    "openai:MODEL": "a model that looks; key in OPENAI_API_KEY",
    "openai-responses:MODEL": "the same through the newer protocol (/v1/responses)",
    "google:MODEL": "a model that looks; key in GOOGLE_API_KEY",
    "PROVIDER:MODEL@ADDRESS": "a model at a compatible address (vLLM, Ollama): "
    "openai:qwen2.5vl:7b@http://localhost:11434/v1; its key, if any, in OBRIY_LABELLER_KEY",
    "human[:FILE]": "a person: a sheet to fill in, read back by the next run",
    "replay:FILE": "what a panel said once (panel.json), without asking anybody",
}
"""What each labeller is, as a user writes it."""


def labeller_names() -> list[str]:
    """Return the names of all kinds of labellers."""
    return sorted([*LABELLERS, _REPLAY])


def needs_pictures(specs: Sequence[str]) -> bool:
    """Return whether any of these labellers needs pictures.

    Raises:
        UsageError: one is not known, or not written as it should be.
    """
    return any(spec.kind in PROVIDERS for spec in _parse(specs))


def voters(specs: Sequence[str]) -> list[str]:
    """Return the names under which answers will come: of a record, those who spoke in it.

    Raises:
        UsageError: a labeller is not known, or not written as it should be.
        InputError: a record that cannot be read.
    """
    names: list[str] = []
    for spec in _parse(specs):
        said = read_minutes(Path(spec.value)).answers if spec.kind == _REPLAY else ()
        names += [answer.labeller for answer in said] if spec.kind == _REPLAY else [spec.text]
    return list(dict.fromkeys(names))


def check_labellers(specs: Sequence[str], legend: Legend) -> None:
    """Check before any work that these labellers can be asked.

    Args:
        specs: What the user wrote: ``spectral``, ``anthropic:MODEL``, ``openai:MODEL@ADDRESS``,
            ``google:MODEL``, ``human[:FILE]``, ``replay:FILE``.
        legend: The classes that are wanted.

    Raises:
        UnknownNameError: no such labeller.
        UsageError: no labeller at all, one named twice, one written wrongly, or no key for it.
        MissingExtraError: its package is not installed.
        InputError: a record or a sheet that cannot be read.
    """
    for spec in _parse(specs):
        if spec.kind in PROVIDERS:
            check_client(spec)
        elif spec.kind == _REPLAY:
            replay(Path(spec.value), (), legend)
        elif spec.kind == PERSON:
            if spec.value and Path(spec.value).exists():
                read_sheet(Path(spec.value))
        else:
            LABELLERS.get(spec.kind)


def usual_cost(specs: Sequence[str], clusters: int) -> dict[str, Usage]:
    """Return what a panel is thought to use before there are clusters, by labeller.

    Args:
        specs: As for `check_labellers`, which was called before.
        clusters: How many will be asked about.

    Returns:
        Of a labeller that calls nobody nothing; dollars None where the price is not known.
    """
    asked = {s.text: usual(s) if s.kind in PROVIDERS else Usage() for s in _parse(specs)}
    return {name: total([one] * clusters) if one.calls else one for name, one in asked.items()}


def convene(
    portraits: Sequence[Portrait],
    legend: Legend,
    labellers: Sequence[str],
    settings: PanelSettings | None = None,
    progress: Progress | None = None,
) -> Minutes:
    """Ask labellers what the clusters are.

    Nobody sees the reference, nor what others said. A labeller that fails, and a question that
    fails, is a problem in the minutes; the others go on. With a cache, a panel that was cut off
    goes on where it was, and nothing is asked twice.

    Args:
        portraits: The clusters; with pictures for those who look at them.
        legend: The classes.
        labellers: What the user wrote.
        settings: How they are asked; None: without caps.
        progress: Called with labeller, clusters done, clusters in all.

    Returns:
        The answers by labeller, then by cluster; what they cost; what went wrong.

    Raises:
        UsageError: a labeller is unknown, or the estimate breaks the budget before anything was
            asked.
        InputError: a record does not hold these clusters.
        MissingExtraError: a package is missing.
    """
    settings = settings or PanelSettings()
    specs = _parse(labellers)
    panel = {s.text: LABELLERS.get(s.kind)(s, settings) for s in specs if s.kind != _REPLAY}
    looking = [one for one in panel.values() if isinstance(one, LookingLabeller)]
    estimate = _estimate(looking, portraits, legend, settings.budget)
    said: dict[str, list[Answer]] = {}
    for spec in specs:
        if spec.kind == _REPLAY:
            said[spec.text] = replay(Path(spec.value), portraits, legend, settings.round)
        elif panel[spec.text] not in looking:
            answers = _said_once(panel[spec.text], spec, portraits, legend, settings.recorded)
            said[spec.text] = [dataclasses.replace(a, round=settings.round) for a in answers]
            _report(progress, spec.text, len(portraits))
    meter = Meter(settings.budget)
    seen: list[Answer] = []
    if looking:
        seen = ask_all(looking, portraits, legend, settings, meter=meter, progress=progress)
    seen = [dataclasses.replace(answer, round=settings.round) for answer in seen]
    said |= {one.name: [a for a in seen if a.labeller == one.name] for one in looking}
    names = [one.name for one in looking]
    cost = Cost(meter.by_labeller(names), estimate, settings.budget, meter.stopped_by)
    return _minutes([a for s in specs for a in said[s.text]], cost, portraits, legend)


def _said_once(
    labeller: Labeller,
    spec: Spec,
    portraits: Sequence[Portrait],
    legend: Legend,
    recorded: Minutes | None,
) -> list[Answer]:
    """Return what a labeller says; of clusters about which it said it before, what it said then."""
    kept: dict[str, Answer] = {}
    if recorded is not None and recorded.classes == classes_of(legend) and spec.kind != PERSON:
        said = [(a, print_) for a, print_, _ in recorded.said if a.labeller == spec.text]
        kept = {print_: answer for answer, print_ in said if not answer.problem}
    prints = [fingerprint(portrait.facts) for portrait in portraits]
    new = labeller.label(portraits, legend) if set(prints) - kept.keys() else []
    return [
        dataclasses.replace(kept[print_], cluster=portrait.facts.id)
        if print_ in kept
        else new[number]
        for number, (portrait, print_) in enumerate(zip(portraits, prints, strict=True))
    ]


def note_names(
    specs: Sequence[str],
    settings: PanelSettings,
    namings: Sequence[Naming],
    names: Mapping[int, str],
) -> None:
    """Write what clusters are called into the sheets of persons, who see what they may correct.

    Args:
        specs: Who was asked.
        settings: How.
        namings: What came of it.
        names: What people call a class, by code.

    Raises:
        InputError: a sheet that is none.
        OutputError: a sheet that cannot be written.
    """
    told = {fingerprint(one.facts): names.get(one.code, "") for one in namings}
    for spec in _parse(specs):
        if spec.kind == PERSON:
            tell_names(HumanLabeller(spec, settings).path, told)


def _minutes(
    answers: Sequence[Answer], cost: Cost, portraits: Sequence[Portrait], legend: Legend
) -> Minutes:
    pairs = Counter((answer.labeller, answer.cluster) for answer in answers)
    twice = next((labeller for (labeller, _), count in pairs.items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"The labeller '{twice}' would have two votes.", "Name it once.")
    prints, looks = known_by(answers, (portrait.facts for portrait in portraits))
    problems = problems_of(answers)
    return Minutes(tuple(answers), prints, classes_of(legend), cost, problems, looks)


def _parse(texts: Sequence[str]) -> list[Spec]:
    specs = [parse_spec(text, labeller_names()) for text in texts if text.strip()]
    if not specs:
        raise UsageError("Nobody is asked.", f"Name labellers: {', '.join(labeller_names())}.")
    names = [spec.text for spec in specs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"The labeller '{twice}' would have two votes.", "Name it once.")
    return specs


def _estimate(
    looking: Sequence[LookingLabeller],
    portraits: Sequence[Portrait],
    legend: Legend,
    budget: Budget,
) -> Usage:
    """Return what the panel is thought to need; refuse what the budget does not allow."""
    needs = {one.name: total(one.expected(portraits, legend)) for one in looking}
    unknown = [name for name, usage in needs.items() if usage.usd is None]
    if unknown and budget.usd is not None:
        raise UsageError(
            f"The price of {', '.join(unknown)} is not known: a cap in dollars cannot be kept.",
            "Cap calls or tokens in place of usd.",
        )
    need = total(needs.values())
    broken = budget.exceeded_by(need)
    if broken:
        price = "" if need.usd is None else f" and {need.usd:.2f} USD"
        raise UsageError(
            f"The panel is thought to need {need.calls} calls, {need.tokens} tokens{price}: more "
            f"{broken} than the budget allows ({getattr(budget, broken):g}).",
            "Raise the budget, or ask fewer labellers about fewer clusters.",
        )
    return need


def _report(progress: Progress | None, name: str, clusters: int) -> None:
    if progress is not None:
        progress(name, clusters, clusters)
