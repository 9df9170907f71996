"""What is decided, warned of or failed: a key with values, in both languages."""

import ast
import copy
import json
import pickle
import string
from importlib import resources

import pytest
from pydantic import BaseModel

from obriy.errors import EmptyResultError
from obriy.model.notices import (
    Notice,
    Sentence,
    in_language,
    joined,
    notice,
    notices_in,
    reason_of,
    with_notices,
)
from obriy.runs.folder import RunFolder, StepRecord
from obriy.tables import load_toml

LANGS = ("en", "uk")


def _holes(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def _literals(argument):
    """Return the keys that an argument may be."""
    if isinstance(argument, ast.IfExp):
        return [*_literals(argument.body), *_literals(argument.orelse)]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return [argument.value]
    return [None]


def _calls():
    """Yield where, each key and the names of the values of every ``notice(...)`` of the code."""
    for file in sorted(resources.files("obriy").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "notice":
                names = {keyword.arg for keyword in node.keywords}
                for key in _literals(node.args[0]):
                    yield f"{file.name}:{node.lineno}", key, names


@pytest.mark.parametrize("lang", LANGS)
def test_every_notice_of_the_code_has_a_sentence_that_tells_its_values(lang):
    sentences = load_toml(f"text_{lang}")["notices"]
    calls = list(_calls())
    assert len(calls) > 50
    unknown = [(where, key) for where, key, _ in calls if key not in sentences]
    assert unknown == []
    wrong = [(where, key) for where, key, names in calls if _holes(sentences[key]) != names]
    assert wrong == []


def test_no_sentence_is_unused():
    assert set(load_toml("text_en")["notices"]) == {key for _, key, _ in _calls()}


def test_nobody_warns_in_words_alone():
    """A sentence written where it is said is in one language."""
    plain = [
        f"{file.name}:{node.lineno}"
        for file in sorted(resources.files("obriy").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and (
            (
                getattr(node.func, "attr", "") == "with_warning"
                and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            )
            or any(k.arg == "reason" and isinstance(k.value, ast.JoinedStr) for k in node.keywords)
        )
    ]
    assert plain == []


def test_a_notice_is_its_english_sentence_with_numbers_as_python_writes_them():
    said = notice("district_outside", name="M5.4", share=0.2)
    assert said == "M5.4: 20.0% of it lies outside the image."
    assert in_language(said, "uk") == "M5.4: 20,0\u00a0% ділянки лежить поза знімком."
    assert in_language(said, "en") == said


def test_what_a_notice_tells_is_said_in_the_language_too():
    """Lists, words of the table, places, notices within notices."""
    causes = [notice("cause", what="cloud", share=0.5), notice("cause", what="no data", share=0.1)]
    why = notice("district_unseen", causes=causes)
    told = notice("of_one", name="all", said=why)
    assert told == "all: Nothing of the district was seen: cloud 50.0%, no data 10.0%."
    assert in_language(told, "uk") == (
        "Усі ділянки разом: На ділянці нічого не видно: хмари 50,0\u00a0%, немає даних 10,0\u00a0%."
    )


def test_an_error_that_becomes_a_reason_is_said_in_both_languages():
    error = EmptyResultError(notice("nothing_seen"), notice("other_date_or_no_quality"))
    assert reason_of(error) == str(error)
    assert in_language(reason_of(error), "uk").startswith("Нічого не видно: ")
    assert reason_of(EmptyResultError("Nobody foresaw it.")) == "Nobody foresaw it."


def test_sentences_are_joined_without_those_that_are_empty():
    assert joined(("", "")) == ""
    one = notice("one_date")
    assert joined(("", one)) is one
    assert joined((one, "So it is.")) == f"{one} So it is."
    assert joined(("One.", "Two."), "; ") == "One.; Two."


class _Record(BaseModel):
    reason: Sentence


def test_copies_records_and_other_processes_keep_a_notice():
    said = notice("failed", name="2025-06-05", why=notice("one_date"))
    kept = [str(said), copy.deepcopy(said), pickle.loads(pickle.dumps(said))]
    kept.append(_Record(reason=said).model_dump()["reason"])
    assert [in_language(one, "uk") for one in kept] == [in_language(said, "uk")] * 4
    assert _Record.model_json_schema()["properties"]["reason"] == {
        "title": "Reason",
        "type": "string",
    }


def test_json_holds_plain_sentences_and_beside_them_what_says_them_elsewhere():
    said = notice("failed", name="2025-06-05", why=notice("one_date"))
    values = {"rows": [{"reason": said, "name": "a"}], "n": 1}
    told = json.loads(json.dumps({**values, "notices": notices_in(values)}))
    assert told["rows"] == [{"reason": str(said), "name": "a"}]
    assert [one["key"] for one in told["notices"]] == ["one_date", "failed"]
    again = with_notices(told, told["notices"])["rows"][0]
    assert again == {"reason": said, "name": "a"}
    assert in_language(again["reason"], "uk") == in_language(said, "uk")


def test_a_sentence_of_another_version_is_shown_as_it_is():
    for gone in (Notice("It was so.", "no_such_key", {}), Notice("So.", "failed", {"name": "a"})):
        assert in_language(gone, "uk") == str(gone)
    assert in_language("A plain sentence of before.", "uk") == "A plain sentence of before."


def test_a_run_that_goes_on_knows_what_its_steps_said(tmp_path):
    empty = notice("nothing_seen")
    for work in (lambda: StepRecord({}, {"empty": empty}), lambda: pytest.fail("done twice")):
        with RunFolder(tmp_path, {"job": "x"}) as folder:
            found = folder.step("map", work).found
        assert in_language(found["empty"], "uk") == in_language(empty, "uk") != empty
