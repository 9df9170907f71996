"""A panel asked through the real SDKs, against a server on this machine."""

import asyncio
import dataclasses
import io
import json
import logging
import random
import sys
import threading
import time

import pytest
from PIL import Image

from loopback import Say, named, serving
from obriy.errors import (
    CancelledError,
    InputError,
    MissingExtraError,
    UnknownNameError,
    UsageError,
)
from obriy.labelling.labellers.retry import Failure, pause
from obriy.labelling.minutes import Minutes, minutes_text, read_minutes
from obriy.labelling.panel import PanelSettings, check_labellers, convene, parse_budget
from obriy.labelling.question import VERSION
from obriy.labelling.vote import vote
from obriy.model.clusters import Answer, ClusterFacts, Portrait, Spread
from obriy.model.legend import Legend, load_legend

pytest.importorskip("pydantic_ai")

LEGEND = load_legend("worldcover")
MODELS = {"openai": "some-vlm:7b", "anthropic": "claude-3-haiku", "google": "gemini-2.5-flash"} | {
    "openai-responses": "other-vlm"
}
BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"} | {
    "google": "GOOGLE_GEMINI_BASE_URL", "openai-responses": "OPENAI_BASE_URL"
}  # fmt: skip
KEYS = {k: f"{k.partition('-')[0].upper()}_API_KEY" for k in MODELS}
QUICK = PanelSettings(timeout_s=300, tries=2, pause_s=0.01)


def picture(brightness, size=(40, 30)):
    file = io.BytesIO()
    Image.new("L", size, brightness).save(file, "PNG")
    return file.getvalue()


def portrait(number, pixels=100):
    spectrum = {"green": Spread(0.01 * number, 0.1, 0.2), "nir": Spread(0.1, 0.2, 0.3)}
    facts = ClusterFacts(number, pixels, 0.1, spectrum, {}, {}, {}, {}, 1.0, {})
    pictures = {"true_colour": picture(200, (60, 50)), "mask": picture(number)}
    return Portrait(facts, pictures, f"It is cluster number {number} in words.")


THREE = [portrait(1, 10), portrait(2, 500), portrait(3, 100)]


def number_of(seen):
    """Which cluster a request is about: the brightness of its mask tells."""
    return Image.open(io.BytesIO(seen.pictures[1])).getpixel((0, 0))


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in (*KEYS.values(), "GEMINI_API_KEY", *BASES.values()):
        monkeypatch.delenv(name, raising=False)


def at(server, kind="openai"):
    return f"{kind}:{MODELS[kind]}@{server.url}/v1"


def ask(server, kind="openai", portraits=THREE[:1], settings=QUICK, **options):
    return convene(portraits, LEGEND, [at(server, kind)], settings, **options)


# What arrives, and what comes back


@pytest.mark.parametrize("kind", MODELS)
def test_pictures_words_and_answer_travel_whole(server, kind):
    server.answer = lambda _seen: named(
        "Deciduous woodland", 0.7, "grassland", mixed=True, evidence="tall crowns"
    )
    minutes = ask(server, kind)
    (answer,) = minutes.answers
    assert (answer.cluster, answer.labeller, answer.said) == (
        1,
        at(server, kind),
        "Deciduous woodland",
    )
    assert (answer.code, answer.confidence, answer.second) == (10, 0.7, 30)
    assert (answer.mixed, answer.evidence, answer.normalised) == (True, "tall crowns", "table")
    assert minutes.problems == ()
    (seen,) = server.seen
    assert (seen.provider, seen.model) == (kind, MODELS[kind])
    sent = list(THREE[0].pictures.values())
    assert seen.pictures == sent
    for arrived, original in zip(seen.pictures, sent, strict=True):
        pixels, wanted = Image.open(io.BytesIO(arrived)), Image.open(io.BytesIO(original))
        assert (pixels.size, pixels.tobytes()) == (wanted.size, wanted.tobytes())
    assert "WHERE the cluster lies, not WHAT" in seen.instructions
    assert "cluster number 1 in words" in seen.words
    for entry in LEGEND:
        assert f"- {entry.name}: {entry.title['en']}" in seen.words
    assert answer.question == VERSION
    asked = seen.body.get("generationConfig", seen.body)
    assert asked["temperature"] == 0


def test_a_model_that_takes_no_temperature_gets_none(server):
    """A model that thinks before it answers samples as it does."""
    convene(THREE[:1], LEGEND, [f"openai-responses:o3@{server.url}/v1"], QUICK)
    assert "temperature" not in server.seen[0].body


def test_the_number_of_a_cluster_is_not_told(server):
    ask(server)
    shown = Portrait(dataclasses.replace(THREE[0].facts, id=77), THREE[0].pictures, THREE[0].text)
    ask(server, portraits=[shown])
    first, second = server.seen
    assert (first.words, first.pictures) == (second.words, second.pictures)


def test_an_address_gets_no_key_of_a_provider(server, monkeypatch):
    for name in KEYS.values():
        monkeypatch.setenv(name, "secret-of-the-provider")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "secret-of-the-provider")
    for kind in MODELS:
        ask(server, kind)
    assert {seen.key for seen in server.seen} == {"none"}


def test_the_key_of_an_address_is_sent_there(server, monkeypatch):
    from obriy.settings import settings

    monkeypatch.setenv("OBRIY_LABELLER_KEY", "mine")
    settings.cache_clear()
    try:
        assert "mine" not in repr(settings())
        ask(server)
    finally:
        settings.cache_clear()
    assert server.seen[0].key == "mine"


# What can go wrong

TROUBLES = {
    "malformed": (Say("It is { water"), "not an answer of the form asked for", 2),
    "wrong class": (named("shadow"), 'asked again after "shadow": not in the legend', 2),
    "refusal": (Say(refusal="I must not."), "refused", 1),
    "busy": (Say(status=429), "HTTP 429: too many requests", 2),
    "overloaded": (Say(status=529), "HTTP 529: overloaded", 2),
    "broken": (Say(status=500), "HTTP 500: it failed", 2),
    "no such model": (Say(status=404), "HTTP 404: there is no such model or address", 1),
    "bad key": (Say(status=401), "HTTP 401: the key was not accepted", 1),
    "cut": (Say("x" * 5000, cut=True), "the connection failed or was cut", 2),
    "no JSON": (Say(raw=b"<html>"), "the connection failed or was cut", 2),
    "huge": (Say("x" * 9_000_000), "the connection failed or was cut", 2),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_an_answer_with_a_problem(server, kind, trouble):
    say, problem, requests = TROUBLES[trouble]
    server.answer = lambda _seen: say
    minutes = ask(server, kind)
    (answer,) = minutes.answers
    assert (answer.code, answer.confidence) == (255, 0.0)
    assert problem in answer.problem
    assert len(server.seen) == requests == minutes.cost.total.calls
    assert minutes.problems == (f"{at(server, kind)}: {answer.problem} (1 of 1 clusters)",)


@pytest.mark.parametrize("kind", MODELS)
def test_a_silent_server_is_not_waited_for(server, kind):
    server.answer = lambda _seen: Say(silent_s=30)
    settings = dataclasses.replace(QUICK, timeout_s=0.5)
    minutes = ask(server, kind, settings=settings)
    assert minutes.answers[0].problem == "no answer in time"
    spent = minutes.cost.total
    assert (spent.calls, spent.unmeasured) == (2, 2)  # it may be billed all the same
    assert spent.tokens == 2 * minutes.cost.estimate.tokens


def test_an_address_where_nobody_listens():
    spec = "openai:m@http://127.0.0.1:9/v1"
    minutes = convene(THREE[:1], LEGEND, [spec], QUICK)
    assert minutes.problems == (f"{spec}: the connection failed or was cut (1 of 1 clusters)",)


@pytest.mark.parametrize("kind", MODELS)
def test_a_busy_server_is_asked_again(server, kind):
    server.answer = lambda _seen: Say(status=429) if len(server.seen) == 1 else named("water")
    minutes = ask(server, kind)
    assert (minutes.answers[0].code, minutes.problems) == (80, ())
    assert minutes.cost.total.calls == 2
    assert minutes.cost.total.input_tokens == 1000


def test_retry_after_is_honoured(server):
    times = []

    def answer(_seen):
        times.append(time.monotonic())
        busy = Say(status=429, headers={"Retry-After": "1"})
        return busy if len(times) == 1 else named("water")

    server.answer = answer
    assert ask(server).answers[0].code == 80
    assert times[1] - times[0] >= 1.0


def test_pauses_double_with_jitter_and_the_wish_of_the_provider_comes_first():
    def waits(failure, seed=0):
        return [pause(failure, tried, 2.0, random.Random(seed)) for tried in (1, 2, 3)]

    first, second, third = waits(Failure("busy", passing=True))
    assert (1 <= first <= 2, 2 <= second <= 4, 4 <= third <= 8) == (True, True, True)
    assert waits(Failure("busy", passing=True)) == [first, second, third]
    assert waits(Failure("busy", passing=True), seed=1) != [first, second, third]
    assert all(30 <= wait <= 31 for wait in waits(Failure("busy", passing=True, wait_s=30.0)))
    assert waits(Failure("busy", passing=True, wait_s=3600.0)) == [None] * 3
    assert waits(Failure("no such model")) == [None] * 3


def test_a_class_outside_the_legend_is_asked_about_once_more(server):
    server.answer = lambda seen: named("shadow" if seen.turns == 1 else "water")
    minutes = ask(server)
    (answer,) = minutes.answers
    assert (answer.code, answer.said, answer.problem) == (80, "water", "")
    assert answer.normalised == 'asked again after "shadow": exact'
    again = server.seen[1]
    assert again.turns == 3
    assert 'Your class "shadow" is not one of the names' in again.words
    assert ", ".join(entry.name for entry in LEGEND) + ", unknown" in again.words
    assert again.pictures == server.seen[0].pictures


def test_who_says_unknown_is_not_pressed(server):
    server.answer = lambda _seen: named("unknown", 0.2)
    minutes = ask(server)
    assert (minutes.answers[0].code, minutes.answers[0].normalised) == (255, "unknown")
    assert (minutes.problems, len(server.seen)) == ((), 1)


@pytest.mark.parametrize(
    ("words", "code", "confidence"),
    [
        ('```json\n{"class": "water", "confidence": 0.9}\n```', 80, 0.9),
        ('I think {so}: {"class": "Tree cover", "confidence": "85 %"} and that is all.', 10, 0.85),
        ('{"class": "лісосмуга", "confidence": 60, "second_guess": "sky"}', 10, 0.6),
        ('{"class": "water"}', 80, 0.5),
        ('{"class": "the\\n water", "evidence": "one\\n\\ntwo"}', 80, 0.5),
        ('{"class": "water", "confidence": 0.5, "evidence": "' + "x" * 9000 + '"}', 80, 0.5),
    ],
)
def test_answers_are_read_as_people_write_them(server, words, code, confidence):
    server.answer = lambda _seen: Say(words)
    (answer,) = ask(server).answers
    assert (answer.code, answer.confidence, answer.second) == (code, confidence, None)
    assert len(answer.evidence) <= 400
    assert "\n" not in answer.said + answer.evidence
    assert len(server.seen) == 1


# Several labellers, several clusters


def test_answers_come_by_labeller_then_cluster_whoever_is_first(server):
    def answer(seen):
        time.sleep(random.Random(number_of(seen)).uniform(0, 0.05))
        return named(LEGEND.classes[number_of(seen)].name)

    server.answer = answer
    specs = [at(server, kind) for kind in MODELS]
    seen = []
    minutes = convene(THREE, LEGEND, specs, QUICK, lambda *step: seen.append(step))
    order = [(answer.labeller, answer.cluster) for answer in minutes.answers]
    assert order == [(spec, number) for spec in specs for number in (1, 2, 3)]
    assert [answer.code for answer in minutes.answers] == [20, 30, 40] * len(MODELS)
    for spec in specs:
        assert [step for step in seen if step[0] == spec] == [(spec, i, 3) for i in (1, 2, 3)]
    alone = convene(THREE, LEGEND, specs, dataclasses.replace(QUICK, at_once=1))
    assert alone.answers == minutes.answers


def test_no_more_requests_are_under_way_than_allowed(server):
    together = threading.Barrier(2)  # nobody is answered before two are under way

    def answer(_seen):
        together.wait(QUICK.timeout_s)
        return named("water")

    server.answer = answer
    many = [portrait(i) for i in range(1, 9)]
    settings = dataclasses.replace(QUICK, at_once=2)
    convene(many, LEGEND, [at(server), at(server, "anthropic")], settings)
    assert len(server.seen) == 16
    assert server.most_under_way == 2


def test_one_labeller_that_fails_half_way_does_not_stop_the_panel(server):
    with serving() as failing:
        many = [portrait(i, 1000 - i) for i in range(1, 8)]
        failing.answer = lambda seen: named("bare") if number_of(seen) <= 2 else Say(status=500)
        specs = [at(failing), at(server, "anthropic")]
        settings = dataclasses.replace(QUICK, at_once=1)
        minutes = convene(many, LEGEND, specs, settings)
        broken, whole = minutes.answers[:7], minutes.answers[7:]
        assert [answer.code for answer in broken] == [60, 60, 255, 255, 255, 255, 255]
        assert {answer.code for answer in whole} == {80}
        assert minutes.problems == (
            f"{specs[0]}: HTTP 500: it failed (3 of 7 clusters)",
            f"{specs[0]}: not asked, for the labeller is down: HTTP 500: it failed "
            "(2 of 7 clusters)",
        )
        assert len(failing.seen) == 2 + 3 * 2  # three clusters, tried twice, then no more
        namings = vote([p.facts for p in many], minutes.answers, LEGEND)
        assert [naming.code for naming in namings[2:]] == [80] * 5


def test_the_expert_on_spectra_sits_beside_those_who_look(server, tmp_path):
    minutes = convene(THREE, LEGEND, ["spectral", at(server)], QUICK)
    order = [(answer.labeller, answer.cluster) for answer in minutes.answers]
    assert order == [(name, number) for name in ("spectral", at(server)) for number in (1, 2, 3)]
    assert list(minutes.cost.by_labeller) == [at(server)]
    assert all(answer.probabilities for answer in minutes.answers[:3])
    record = tmp_path / "panel.json"
    record.write_text(minutes_text(minutes), encoding="utf-8")
    assert read_minutes(record).answers == minutes.answers  # chances too, to the last bit


def test_it_runs_where_a_loop_runs_already(server):
    async def notebook():
        return ask(server)

    assert asyncio.run(notebook()).answers[0].code == 80


# Money


def test_cost_is_what_the_provider_returns(server, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    server.answer = lambda _seen: named("water", usage=(2000, 100))
    minutes = convene(THREE, LEGEND, ["anthropic:claude-3-haiku"], QUICK)
    spent = minutes.cost.total
    assert (spent.calls, spent.input_tokens, spent.output_tokens) == (3, 6000, 300)
    # 0.25 dollars a million tokens read, 1.25 written
    assert spent.usd == pytest.approx(3 * (2000 * 0.25e-6 + 100 * 1.25e-6))
    assert minutes.cost.by_labeller["anthropic:claude-3-haiku"] == spent
    assert minutes.cost.estimate.calls == 3


def test_tokens_that_nobody_counted_are_estimated(server):
    server.answer = lambda _seen: named("water", usage=None)
    minutes = ask(server)
    assert minutes.cost.total.unmeasured == 1
    assert minutes.cost.total.tokens == minutes.cost.estimate.tokens > 500


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("calls=2", "3 calls"),
        ("tokens=1000", "more tokens than the budget allows"),
        ("usd=0", "0.00 USD"),
    ],
)
def test_a_panel_beyond_its_budget_does_not_begin(server, monkeypatch, text, words):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    settings = dataclasses.replace(QUICK, budget=parse_budget(text))
    with pytest.raises(UsageError, match="is thought to need 3 calls") as caught:
        convene(THREE, LEGEND, ["anthropic:claude-3-haiku"], settings)
    assert words in str(caught.value)
    assert server.seen == []


def test_a_cap_in_dollars_needs_a_price(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    settings = dataclasses.replace(QUICK, budget=parse_budget("usd=5"))
    with pytest.raises(UsageError, match="price of openai:nobody-knows is not known"):
        convene(THREE, LEGEND, ["openai:nobody-knows"], settings)
    assert ask(server, settings=settings).cost.total.usd == 0  # one's own machine is free


def test_the_cap_stops_the_panel_and_what_was_done_is_kept(server):
    server.answer = lambda seen: named("shadow" if seen.turns == 1 else "water")
    settings = dataclasses.replace(QUICK, budget=parse_budget("calls=3"), at_once=1)
    minutes = ask(server, portraits=THREE, settings=settings)
    assert len(server.seen) == minutes.cost.total.calls == 3
    assert minutes.cost.stopped_by == "calls"
    done = [answer.cluster for answer in minutes.answers if answer.code == 80]
    assert done == [2]  # the largest came first
    assert minutes.problems == (
        f"{at(server)}: budget: the cap in calls is reached (2 of 3 clusters)",
    )


def test_a_cap_in_tokens_holds_within_one_answer(server):
    server.answer = lambda _seen: named("water", usage=(5000, 0))
    settings = dataclasses.replace(QUICK, budget=parse_budget("tokens=12000"), at_once=4)
    minutes = ask(server, portraits=[portrait(i) for i in range(1, 7)], settings=settings)
    assert minutes.cost.stopped_by == "tokens"
    assert minutes.cost.total.tokens <= 12000 + 4 * 5000
    assert 0 < len(server.seen) < 6


# Going on, and repeating


def test_a_panel_that_was_cut_off_goes_on_from_the_cache(server, tmp_path):
    settings = dataclasses.replace(QUICK, cache=tmp_path / "cache", at_once=1)
    six = [portrait(i) for i in range(1, 7)]

    def stop_after_two(_labeller, done, _of):
        if done == 2:
            raise CancelledError("stopped by the user")

    with pytest.raises(CancelledError):
        ask(server, portraits=six, settings=settings, progress=stop_after_two)
    paid = len(server.seen)
    assert 2 <= paid < 6
    minutes = ask(server, portraits=six, settings=settings)
    assert len(server.seen) == 6
    assert (minutes.cost.total.calls, minutes.cost.total.cached) == (6 - paid, paid)
    assert minutes.cost.estimate.calls == 6 - paid
    again = ask(server, portraits=six, settings=settings)
    assert (len(server.seen), again.answers) == (6, minutes.answers)
    nothing = dataclasses.replace(settings, budget=parse_budget("calls=0"))
    assert ask(server, portraits=six, settings=nothing).answers == minutes.answers


def test_another_content_is_another_question(server, tmp_path):
    settings = dataclasses.replace(QUICK, cache=tmp_path)
    ask(server, settings=settings)
    one = THREE[0]
    other_words = dataclasses.replace(one, text="Other words.")
    other_picture = dataclasses.replace(one, pictures={**one.pictures, "mask": picture(2)})
    for changed in (other_words, other_picture):
        assert ask(server, portraits=[changed], settings=settings).cost.total.cached == 0
    other_legend = Legend("fewer", LEGEND.classes[:-1])
    assert convene([one], other_legend, [at(server)], settings).cost.total.cached == 0
    assert ask(server, "anthropic", settings=settings).cost.total.cached == 0
    assert ask(server, settings=settings).cost.total.cached == 1


def test_a_damaged_file_of_the_cache_is_asked_for_again(server, tmp_path):
    settings = dataclasses.replace(QUICK, cache=tmp_path)
    ask(server, settings=settings)
    (file,) = tmp_path.rglob("*.json")
    file.write_text('{"text": "half of a')
    assert ask(server, settings=settings).answers[0].code == 80
    assert len(server.seen) == 2
    assert [entry.name for entry in tmp_path.rglob("*") if entry.is_file()] == [file.name]


def a_panel(server):
    def answer(seen):
        if number_of(seen) == 3:
            return Say(refusal="No.")
        return named("лісосмуга", 1 / 3, "grass", mixed=True, evidence="«крони», 0.1 + 0.2")

    server.answer = answer
    return convene(THREE, LEGEND, [at(server), at(server, "google")], QUICK)


def test_a_record_repeats_the_panel_bit_for_bit(server, tmp_path):
    minutes = a_panel(server)
    record = tmp_path / "panel.json"
    record.write_text(minutes_text(minutes), encoding="utf-8")
    assert read_minutes(record) == minutes
    asked = len(server.seen)
    check_labellers([f"replay:{record}"], LEGEND)
    repeated = convene(THREE, LEGEND, [f"replay:{record}"], QUICK)
    assert repeated.answers == minutes.answers
    assert repeated.fingerprints == minutes.fingerprints
    assert repeated.problems == minutes.problems
    assert repeated.cost.total.calls == 0
    assert len(server.seen) == asked


def test_a_record_knows_clusters_by_content(server, tmp_path):
    minutes = a_panel(server)
    record = tmp_path / "panel.json"
    record.write_text(minutes_text(minutes), encoding="utf-8")
    renumbered = [
        dataclasses.replace(p, facts=dataclasses.replace(p.facts, id=p.facts.id + 50))
        for p in THREE
    ]
    repeated = convene(renumbered, LEGEND, [f"replay:{record}"], QUICK)
    assert [answer.cluster for answer in repeated.answers] == [51, 52, 53] * 2
    assert [answer.code for answer in repeated.answers] == [a.code for a in minutes.answers]
    with pytest.raises(InputError, match=r"no answer about any of the 1 clusters of this run"):
        convene([portrait(9)], LEGEND, [f"replay:{record}"], QUICK)
    partly = convene([THREE[0], portrait(9)], LEGEND, [f"replay:{record}"], QUICK)
    assert [(a.cluster, a.code) for a in partly.answers][:2] == [(1, 10), (9, 255)]
    assert partly.problems[0].endswith("the record has no answer (1 of 2 clusters)")
    with pytest.raises(InputError, match="other classes than those of 'simple'"):
        check_labellers([f"replay:{record}"], load_legend("simple"))
    with pytest.raises(UsageError, match="two votes"):
        convene(THREE, LEGEND, [at(server), f"replay:{record}"], QUICK)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9}', '{"format": 1}', "\x00"])
def test_what_is_no_record_is_said_to_be_none(tmp_path, text):
    record = tmp_path / "panel.json"
    record.write_text(text)
    with pytest.raises(InputError, match=r"panel\.json"):
        check_labellers([f"replay:{record}"], LEGEND)


def a_record(server, tmp_path, change):
    """A record of three answers, one of them changed."""
    entry = ask(server, portraits=THREE).to_dict()
    change(entry)
    record = tmp_path / "panel.json"
    record.write_text(json.dumps(entry))
    return record


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"confidence": float("nan")}, r"answers\[1\].confidence: nan: .*finite"),
        ({"confidence": 1e9}, r"answers\[1\].confidence: 1000000000.0: .*less than or equal to 1"),
        ({"confidence": -0.1}, r"answers\[1\].confidence: -0.1"),
        ({"confidence": "0.7"}, r"answers\[1\].confidence: '0.7'"),
        ({"confidence": True}, r"answers\[1\].confidence: True"),
        ({"code": 77}, "code 77, which is no class"),
        ({"second": 77}, "code 77, which is no class"),
        (
            {"said": "Grassland", "normalised": "exact", "code": 80},
            r"answers\[1\] says 'Grassland', which is 30, and has the code 80",
        ),
        (
            {"said": "лісосмуга", "normalised": "table", "code": 80},
            r"answers\[1\] says 'лісосмуга', which is 10, and has the code 80",
        ),
        ({"said": "no idea", "normalised": "unknown", "code": 80}, "which is 255, and has"),
        ({"cluster": -5}, r"answers\[1\].cluster: -5"),
        ({"cluster": 10**9}, r"answers\[1\].cluster: 1000000000"),
        ({"probabilities": {"80": 3.0}}, r"answers\[1\].probabilities.80"),
        ({"probabilities": {"80": 0.4}}, r"answers\[1\].probabilities sum to 0.4"),
        ({"probabilities": {"77": 1.0}}, "code 77, which is no class"),
        ({"labeller": "x" * 100_000}, r"answers\[1\].labeller: .*at most 500"),
        ({"surely": 1}, r"answers\[1\].surely"),
    ],
)
def test_an_answer_that_cannot_be_meant_is_refused_with_its_place(server, tmp_path, change, words):
    record = a_record(server, tmp_path, lambda entry: entry["answers"][1].update(change))
    with pytest.raises(InputError, match=words) as caught:
        check_labellers([f"replay:{record}"], LEGEND)
    assert "panel.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("key", ["code", "confidence", "cluster", "labeller", "fingerprint"])
def test_a_key_that_is_missing_is_not_made_up(server, tmp_path, key):
    record = a_record(server, tmp_path, lambda entry: entry["answers"][1].pop(key))
    with pytest.raises(InputError, match=rf"answers\[1\].{key}: field required"):
        check_labellers([f"replay:{record}"], LEGEND)


def test_a_labeller_has_one_vote_in_a_record(server, tmp_path):
    record = a_record(server, tmp_path, lambda e: e["answers"].append(e["answers"][1]))
    with pytest.raises(InputError, match=r"answers\[1\] and answers\[3\] are both of openai"):
        check_labellers([f"replay:{record}"], LEGEND)


@pytest.mark.parametrize("failed", [False, True])
def test_a_record_without_an_answer_is_refused_before_any_work(server, tmp_path, failed):
    server.answer = lambda _seen: Say(status=401)
    change = (lambda _entry: None) if failed else (lambda entry: entry.update(answers=[]))
    record = a_record(server, tmp_path, change)
    with pytest.raises(InputError, match="holds no answer" + ".*key was not accepted" * failed):
        check_labellers([f"replay:{record}"], LEGEND)


def test_a_record_that_is_nested_without_end_is_none(tmp_path):
    record = tmp_path / "panel.json"
    record.write_text("[" * 100_000)
    with pytest.raises(InputError, match="it is not JSON"):
        check_labellers([f"replay:{record}"], LEGEND)


def test_a_record_knows_clusters_by_their_looks_where_pixels_differ(server, tmp_path):
    """Of 500 pixels 1 % are 5; a median may move by 0.002. Older records have no looks."""
    record = tmp_path / "panel.json"
    record.write_text(minutes_text(ask(server, portraits=THREE)), encoding="utf-8")
    facts = THREE[1].facts

    def found(of, **changes):
        changed = dataclasses.replace(facts, **changes)
        portraits = [THREE[0], Portrait(changed, {}, "")]
        return convene(portraits, LEGEND, [f"replay:{of}"], QUICK).answers[1].code

    moved = facts.spectrum | {"nir": Spread(0.1, 0.2019, 0.3)}
    far = facts.spectrum | {"nir": Spread(0.1, 0.2021, 0.3)}
    assert found(record, pixels=497) == found(record, spectrum=moved) == 80
    assert found(record, pixels=494) == found(record, spectrum=far) == 255
    older = json.loads(record.read_text("utf-8"))
    for answer in older["answers"]:
        del answer["looks"]
    (tmp_path / "older.json").write_text(json.dumps(older))
    assert found(tmp_path / "older.json") == 80
    assert found(tmp_path / "older.json", pixels=497) == 255


def test_a_record_keeps_the_version_of_its_question(server, tmp_path):
    """Of records without versions those who looked answered the first, and numbers none."""

    def older(entry):
        for answer in entry["answers"]:
            del answer["question"]
        entry["answers"][0]["probabilities"] = {"80": 1.0}

    record = a_record(server, tmp_path, older)
    assert [a.question for a in read_minutes(record).answers] == [0, 1, 1]
    repeated = convene(THREE, LEGEND, [f"replay:{record}"], QUICK)
    assert [a.question for a in repeated.answers] == [0, 1, 1]
    assert json.loads(minutes_text(repeated))["answers"][2]["question"] == 1


def test_who_is_asked_anew_hears_its_own_names_of_neighbours_alone(server):
    """Cluster 4 came of a split; 1 and 2 lie beside it, 3 does not; another called 1 bare."""
    mine, other = at(server), at(server, "google")
    earlier = (
        Answer(1, mine, "water", 80), Answer(2, mine, "", problem="refused"),
        Answer(3, mine, "grassland", 30), Answer(1, other, "bare", 60),
        Answer(4, mine, "cropland", 40),
    )  # fmt: skip
    facts = dataclasses.replace(portrait(4).facts, neighbours={1: 0.8, 2: 0.2, 4: 0.1})
    new = Portrait(facts, {}, "In words.")
    settings = dataclasses.replace(QUICK, round=1, earlier=earlier)
    convene([new], LEGEND, [mine], settings)
    convene([new], LEGEND, [mine], dataclasses.replace(QUICK, round=1))
    told, silent = (seen.words for seen in server.seen)
    assert "share of its border: 80% water." in told
    assert "said, by share" not in silent
    named_there = told.replace(silent, "").partition("You were asked")[2].partition("\n")[0]
    for name in ("bare", "grassland", "cropland"):
        assert name not in named_there


def test_minutes_of_rounds_are_joined(server):
    first = ask(server, portraits=THREE[:2])
    later = ask(server, portraits=THREE[1:])
    both = first + later
    assert [answer.cluster for answer in both.answers] == [1, 2, 3]
    assert (both.cost.total.calls, both.cost.total.input_tokens) == (4, 4000)
    assert Minutes.from_dict(json.loads(json.dumps(both.to_dict()))) == both


# Secrets


@pytest.mark.parametrize("kind", MODELS)
def test_a_key_is_in_no_log_record_cache_or_message(server, monkeypatch, tmp_path, caplog, kind):
    secret = "sk-planted-4a7c01e5"
    monkeypatch.setenv(KEYS[kind], secret)
    monkeypatch.setenv(BASES[kind], server.url + ("/v1" if kind.startswith("openai") else ""))
    echo = json.dumps({"error": {"message": f"Incorrect API key: {secret}", "code": 1}}).encode()
    troubles = {1: Say(status=401, raw=echo), 2: Say(status=400, raw=echo)}
    server.answer = lambda seen: troubles.pop(len(server.seen), named("water"))
    settings = dataclasses.replace(QUICK, cache=tmp_path)
    spec = f"{kind}:{MODELS[kind]}"
    said = []
    with caplog.at_level(logging.DEBUG):
        check_labellers([spec], LEGEND)
        for one in THREE:
            minutes = convene([one], LEGEND, [spec], settings)
            said += [minutes_text(minutes), repr(minutes), *minutes.problems]
    assert {seen.key for seen in server.seen} == {secret}
    said += [file.read_text("utf-8") for file in tmp_path.rglob("*") if file.is_file()]
    said += [caplog.text, repr(settings)]
    assert len(said) > 9
    assert not [text for text in said if secret in text]


# Before any work


@pytest.mark.parametrize(
    ("specs", "kind", "words"),
    [
        ([], UsageError, "Nobody is asked"),
        (["spectrum"], UnknownNameError, "Did you mean 'spectral'"),
        (["opnai:gpt"], UnknownNameError, "Did you mean 'openai'"),
        (["anthropic:m"], UsageError, "Set the variable ANTHROPIC_API_KEY"),
        (["openai:m"], UsageError, "Set the variable OPENAI_API_KEY"),
        (["google:m"], UsageError, "Set the variable GOOGLE_API_KEY or GEMINI_API_KEY"),
        (["anthropic"], UsageError, "needs a model"),
        (["openai:@http://localhost/v1"], UsageError, "needs a model"),
        (["openai:m@http://me:secret@host/v1"], UsageError, "OBRIY_LABELLER_KEY"),
        (["spectral:x"], UsageError, "takes nothing after its name"),
        (["human", "human"], UsageError, "two votes"),
        (["replay"], UsageError, "replay:FILE"),
        (["replay:/nowhere/panel.json"], InputError, "No such file"),
    ],
)
def test_labellers_are_checked_before_any_work(specs, kind, words):
    with pytest.raises(kind) as caught:
        check_labellers(specs, LEGEND)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_needs_no_key(server):
    check_labellers([at(server, kind) for kind in MODELS], LEGEND)
    check_labellers(["openai:qwen2.5vl:7b@http://localhost:11434/v1"], LEGEND)


def test_without_the_sdks_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[vlm\]"):
        check_labellers(["openai:m@http://localhost/v1"], LEGEND)


def test_a_person_is_asked_without_the_sdks(monkeypatch, tmp_path):
    for name in ("pydantic_ai", "genai_prices", "httpx2"):
        monkeypatch.setitem(sys.modules, name, None)
    minutes = convene(THREE, LEGEND, [f"human:{tmp_path / 'sheet.csv'}"], QUICK)
    assert len(minutes.answers) == 3
