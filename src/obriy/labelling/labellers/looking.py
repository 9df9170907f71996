"""Labellers that look: a vision-language model answers about one cluster at a time."""

import asyncio
import contextlib
import dataclasses
import random
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from obriy.labelling.budget import Meter, Usage
from obriy.labelling.cache import Exchange, ExchangeCache
from obriy.labelling.labellers.clients import open_model, request
from obriy.labelling.labellers.estimate import estimate
from obriy.labelling.labellers.retry import Failure, diagnose, pause
from obriy.labelling.labellers.spec import Spec
from obriy.labelling.panel_settings import PanelSettings
from obriy.labelling.question import VERSION, Question, Reply, ask, ask_again, read_reply
from obriy.labelling.vocabulary import ABSTAINED, normalise
from obriy.model.clusters import Answer, Portrait
from obriy.model.legend import UNNAMED, Legend

if TYPE_CHECKING:
    from pydantic_ai.models import Model

Progress = Callable[[str, int, int], None]
T = TypeVar("T")
_DOWN_AFTER: Final = 3
"""Clusters in a row that a labeller fails on before it is given up."""


class LookingLabeller:
    """A model of a provider, or of a compatible address.

    Args:
        spec: Which.
        settings: How it is asked.
    """

    def __init__(self, spec: Spec, settings: PanelSettings) -> None:
        self.spec = spec
        self.settings = settings

    @property
    def name(self) -> str:
        """What the user wrote."""
        return self.spec.text

    def label(self, portraits: Sequence[Portrait], legend: Legend) -> list[Answer]:
        """Return one answer for each portrait, in their order."""
        return ask_all([self], portraits, legend, self.settings, meter=Meter(self.settings.budget))

    def question(self, portrait: Portrait, legend: Legend) -> Question:
        """Return what it is asked about a cluster: of what was said before it hears its own."""
        own = {a.cluster: a.code for a in self.settings.earlier if a.labeller == self.name}
        return ask(portrait, legend, own)

    def key(self, question: Question) -> str:
        """Return the fingerprint of a question to this model."""
        return question.key(self.spec.kind, self.spec.value, self.spec.address)

    def expected(self, portraits: Sequence[Portrait], legend: Legend) -> list[Usage]:
        """Return what asking is thought to use; what the cache holds costs nothing."""
        cache = ExchangeCache(self.settings.cache)
        questions = (self.question(portrait, legend) for portrait in portraits)
        unknown = (q for q in questions if cache.get(self.key(q)) is None)
        return [estimate(question, self.spec) for question in unknown]


def ask_all(
    labellers: Sequence[LookingLabeller],
    portraits: Sequence[Portrait],
    legend: Legend,
    settings: PanelSettings,
    *,
    meter: Meter,
    progress: Progress | None = None,
) -> list[Answer]:
    """Ask labellers about clusters, several requests at once.

    The largest clusters come first, so that a budget which ends early was spent on most of the
    map. What fails is an answer with a problem.

    Args:
        labellers: Who is asked.
        portraits: What about.
        legend: The classes.
        settings: How.
        meter: Counts what is spent.
        progress: Called with labeller, clusters done, clusters in all.

    Returns:
        Answers by labeller, then by portrait, in the orders given.
    """
    room = _Room(legend, settings, meter, progress, len(portraits))
    return _run(_ask_all(labellers, portraits, room))


def _run(task: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; in a thread of its own where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(task)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, task).result()


@dataclasses.dataclass
class _Room:
    """What all questions share.

    Attributes:
        legend: The classes.
        settings: How labellers are asked.
        meter: Counts what is spent.
        progress: Told of each cluster that is done.
        clusters: How many there are.
    """

    legend: Legend
    settings: PanelSettings
    meter: Meter
    progress: Progress | None
    clusters: int

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.settings.at_once)
        self.cache = ExchangeCache(self.settings.cache)


async def _ask_all(
    labellers: Sequence[LookingLabeller], portraits: Sequence[Portrait], room: _Room
) -> list[Answer]:
    largest = sorted(range(len(portraits)), key=lambda i: -portraits[i].facts.pixels)
    async with contextlib.AsyncExitStack() as stack:
        talks = []
        for labeller in labellers:
            opened = open_model(labeller.spec, room.settings.timeout_s)
            talks.append(_Talk(labeller, await stack.enter_async_context(opened), room))
        order = [(t, i) for i in largest for t in range(len(talks))]
        said = await asyncio.gather(*(talks[t].answer(portraits[i]) for t, i in order))
    answers = dict(zip(order, said, strict=True))
    return [answers[t, i] for t in range(len(talks)) for i in range(len(portraits))]


class _Stop(Exception):  # noqa: N818
    """The question gets no answer; the text is the problem."""


class _Talk:
    """All questions to one labeller."""

    def __init__(self, labeller: LookingLabeller, model: "Model", room: _Room) -> None:
        self.labeller = labeller
        self.model = model
        self.room = room
        # A talk about a cluster is ended before another begins; pauses hold up no other labeller.
        self.talks = asyncio.Semaphore(room.settings.at_once)
        self.down = ""
        self.failed_in_a_row = 0
        self.open_at = 0.0
        self.done = 0

    async def answer(self, portrait: Portrait) -> Answer:
        """Ask about one cluster, and once more where the answer has no class of the legend."""
        number = portrait.facts.id
        question = self.labeller.question(portrait, self.room.legend)
        try:
            async with self.talks:
                answer = await self._converse(number, question)
        except _Stop as stop:
            answer = Answer(number, self.labeller.name, "", problem=str(stop), question=VERSION)
        self.done += 1
        if self.room.progress is not None:
            self.room.progress(self.labeller.name, self.done, self.room.clusters)
        return answer

    async def _converse(self, number: int, question: Question) -> Answer:
        first = await self._exchange(question)
        reply = read_reply(first.text)
        code, how = self._class(reply)
        if code != UNNAMED or how == ABSTAINED:
            return self._answer(number, reply, code, how)
        said = None if reply is None else reply.said
        again = await self._exchange(ask_again(question, first.text, said, self.room.legend))
        second = read_reply(again.text)
        code, how = self._class(second)
        before = "an answer of another form" if said is None else f'"{said}"'
        how = f"asked again after {before}: {how}"
        return self._answer(number, second or reply, code, how)

    def _class(self, reply: Reply | None) -> tuple[int, str]:
        if reply is None:
            return UNNAMED, "not an answer of the form asked for"
        return normalise(reply.said, self.room.legend)

    def _answer(self, number: int, reply: Reply | None, code: int, how: str) -> Answer:
        named = reply is not None and (code != UNNAMED or how.endswith(ABSTAINED))
        problem = "" if named else f"no class of the legend, {how}"
        if reply is None:
            return Answer(
                number, self.labeller.name, "", normalised=how, problem=problem, question=VERSION
            )
        second, _ = normalise(reply.second_guess or "", self.room.legend)
        return Answer(
            number,
            self.labeller.name,
            reply.said,
            code,
            reply.confidence if code != UNNAMED else 0.0,
            None if second in (UNNAMED, code) else second,
            reply.mixed,
            reply.evidence,
            how,
            problem=problem,
            question=VERSION,
        )

    async def _exchange(self, question: Question) -> Exchange:
        """Return what the model says: from the cache, or by asking within the budget."""
        key = self.labeller.key(question)
        found = self.room.cache.get(key)
        if found is not None:
            self.room.meter.count(self.labeller.name, Usage(cached=1))
        else:
            found = await self._ask(question, random.Random(f"{self.room.settings.seed} {key}"))  # noqa: S311
            self.room.cache.put(key, found)
        if found.refusal:
            raise _Stop(f"refused: {found.refusal}")
        return found

    async def _ask(self, question: Question, chance: random.Random) -> Exchange:
        tried = 0
        while True:
            outcome = await self._send(question)
            tried += 1
            if isinstance(outcome, Exchange):
                self.failed_in_a_row = 0
                return outcome
            wait = pause(outcome, tried, self.room.settings.pause_s, chance)
            if wait is None or tried >= self.room.settings.tries:
                self._give_up(outcome)
            elif outcome.busy:
                now = asyncio.get_running_loop().time()
                self.open_at = max(self.open_at, now + wait)
            else:
                await asyncio.sleep(wait)

    def _give_up(self, failure: Failure) -> None:
        self.failed_in_a_row += 1
        if failure.lasting or self.failed_in_a_row >= _DOWN_AFTER:
            self.down = failure.problem
        raise _Stop(failure.problem)

    async def _send(self, question: Question) -> Exchange | Failure:
        """Send a question once, when the labeller may be asked, a slot is free, and money left."""
        await self._until_open()
        async with self.room.slots:
            if self.down:
                raise _Stop(f"not asked, for the labeller is down: {self.down}")
            expected = estimate(question, self.labeller.spec)
            if self.room.meter.admit(expected):
                raise _Stop(f"budget: the cap in {self.room.meter.stopped_by} is reached")
            outcome: Exchange | Failure | None = None
            try:
                async with asyncio.timeout(self.room.settings.timeout_s):
                    outcome = await request(self.model, question, self.labeller.spec)
            except Exception as error:  # noqa: BLE001  # whatever an SDK raises is a failed request
                outcome = diagnose(error)
            finally:
                self.room.meter.settle(self.labeller.name, expected, _usage(outcome, expected))
        return outcome

    async def _until_open(self) -> None:
        """Wait as long as the provider asked to: all questions to it wait together."""
        loop = asyncio.get_running_loop()
        while (left := self.open_at - loop.time()) > 0:
            await asyncio.sleep(left)


def _usage(outcome: Exchange | Failure | None, expected: Usage) -> Usage:
    """Return what a request used.

    What the provider did not count is taken as expected; so is a request that it never answered,
    for it may be billed. A request that it refused costs nothing but the call.

    Args:
        outcome: What came back; None: the asking was broken off.
        expected: What was thought to be needed.
    """
    if isinstance(outcome, Failure) and outcome.answered:
        return Usage(calls=1)
    if isinstance(outcome, Exchange) and outcome.input_tokens is not None:
        return Usage(1, 0, outcome.input_tokens, outcome.output_tokens or 0, outcome.usd)
    return dataclasses.replace(expected, unmeasured=1)
