"""What is asked, what it is thought to cost, and the sheet of a person."""

import csv
import dataclasses
import io
import json
import math
import re

import pytest
from PIL import Image

import obriy
from obriy.errors import InputError, UsageError
from obriy.labelling.budget import Budget, Cost, Meter, Usage, parse_budget, total
from obriy.labelling.labellers.estimate import picture_tokens
from obriy.labelling.labellers.human import tell_names
from obriy.labelling.labellers.spec import parse_spec
from obriy.labelling.minutes import fingerprint, read_minutes
from obriy.labelling.panel import PanelSettings, check_labellers, convene, labeller_names
from obriy.labelling.question import ask, ask_again, read_reply
from obriy.model.clusters import ClusterFacts, Portrait, Spread
from obriy.model.legend import load_legend
from obriy.tables import load_toml, table_names

LEGEND = load_legend("worldcover")
COLOURS = re.compile(
    r"\b(red|reddish|orange|yellow\w*|green|greenish|blue|bluish|purple|violet|pink|magenta|cyan|"
    r"turquoise|brown\w*|beige|tan|white|whitish|black|gr[ae]y\w*|golden|colou?r\w*|hue|tint)\b",
    re.IGNORECASE,
)


def portrait(number, text="About 10 % of the scene.", **pictures):
    facts = ClusterFacts(
        number, 10, 0.1, {"nir": Spread(0.1, 0.01 * number, 0.3)}, {}, {}, {}, {}, 1.0, {}
    )
    return Portrait(facts, pictures, text)


def picture(width, height):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


# The question


@pytest.mark.parametrize("name", table_names("legends"))
def test_a_question_has_no_word_for_a_colour(name):
    legend = load_legend(name)
    shown = dict.fromkeys(load_toml("panel")["captions"], b"")
    question = ask(portrait(1, **shown), legend)
    words = question.words + ask_again(question, "{}", "x", legend).words
    words += ask_again(question, "{}", None, legend).words
    assert COLOURS.findall(words) == []
    for entry in legend:
        assert entry.name in words


def test_a_question_without_pictures_speaks_of_none():
    question = ask(portrait(1), LEGEND)
    assert (question.before, question.pictures) == ("", ())


def test_braces_in_what_was_said_do_no_harm():
    question = ask(portrait(1), LEGEND)
    again = ask_again(question, "{names}", "{names} {said}", LEGEND)
    assert again.rejected[0] == "{names}"


@pytest.mark.parametrize(
    "text", ["", "water", "{", "{}", "[]", '{"klass": "water"}', '{"class": 5}', "{" * 50_000]
)
def test_what_is_no_answer_is_none(text):
    assert read_reply(text) is None


@pytest.mark.parametrize("confidence", ['"high"', "-0.2", "250", "null", "NaN", "[1]"])
def test_a_confidence_that_is_none_makes_it_no_answer(confidence):
    assert read_reply(f'{{"class": "water", "confidence": {confidence}}}') is None


# What it costs


@pytest.mark.parametrize(
    ("size", "rules", "tokens"),
    [
        ((560, 280), {"patch": 28, "factor": 1.0, "most": 4784}, 200),
        ((561, 280), {"patch": 28, "factor": 1.0, "most": 4784}, 210),
        ((512, 512), {"patch": 32, "factor": 1.62, "most": 3779}, 415),  # 256 * 1.62 = 414.7
        ((5000, 5000), {"patch": 28, "factor": 1.0, "most": 4784}, 4784),
        ((10, 10), {"most": 1120}, 1120),
    ],
)
def test_tokens_of_a_picture(size, rules, tokens):
    assert picture_tokens(picture(*size), rules) == tokens


def test_a_picture_of_another_format_has_a_usual_size():
    assert picture_tokens(b"JPEG", {"patch": 32, "factor": 1.0, "most": 9999}) == 1024


def test_a_budget_is_read():
    assert parse_budget("calls=200,tokens=2e6,usd=1.5") == Budget(200, 2_000_000, 1.5)
    assert parse_budget(" usd = 0.25 ") == Budget(usd=0.25)
    assert parse_budget(None) == parse_budget("") == Budget()


@pytest.mark.parametrize(
    "text", ["200", "calls", "calls=", "calls=-1", "euro=5", "usd=nan", "usd=inf", "usd=1,usd=2"]
)
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(UsageError, match=r"budget"):
        parse_budget(text)


def test_usages_add_up_and_an_unknown_price_stays_unknown():
    known, unknown = Usage(1, 0, 100, 10, 0.5), Usage(2, 1, 50, 5, None, 2)
    assert total([known, known]) == Usage(2, 0, 200, 20, 1.0)
    assert total([known, unknown]) == Usage(3, 1, 150, 15, None, 2)
    assert total([]) == Usage()
    assert total([Usage(usd=0.1)] * 10).usd == 1.0  # exactly, in any order


def test_what_is_left_for_the_next_round():
    budget = Budget(10, 1000, 1.0)
    assert budget.left_after(Usage(4, 0, 300, 100, 0.25)) == Budget(6, 600, 0.75)
    assert budget.left_after(Usage(99, 0, 9999, 0, None)) == Budget(0, 0, 1.0)
    assert Budget().left_after(Usage(4)) == Budget()


def test_requests_under_way_do_not_break_the_cap_together():
    meter, one = Meter(Budget(tokens=1000)), Usage(1, 0, 400, 0)
    assert [meter.admit(one), meter.admit(one)] == ["", ""]
    meter.settle("a", one, Usage(1, 0, 100, 0))  # cheaper than thought: there is room again
    assert meter.admit(one) == ""
    assert meter.admit(one) == "tokens"
    assert meter.admit(Usage()) == "tokens"  # what is stopped stays stopped
    meter.settle("b", one, Usage(1, 0, 400, 50))
    assert meter.by_labeller(["a", "b"]) == {"a": Usage(1, 0, 100), "b": Usage(1, 0, 400, 50)}


def test_the_cost_of_two_rounds():
    first = Cost({"a": Usage(1, 0, 10, 1, 0.5)}, Usage(1), Budget(calls=9), "")
    later = Cost({"a": Usage(1), "b": Usage(2, 0, 5, 5, None)}, Usage(3), Budget(), "calls")
    both = first + later
    assert both.by_labeller == {"a": Usage(2, 0, 10, 1, 0.5), "b": Usage(2, 0, 5, 5, None)}
    assert (both.estimate.calls, both.cap, both.stopped_by) == (4, Budget(calls=9), "calls")
    assert both.total.usd is None


# Specs


def test_specs_are_taken_apart():
    names = labeller_names()
    spec = parse_spec("openai:qwen2.5vl:7b@http://localhost:11434/v1", names)
    assert (spec.kind, spec.value, spec.address) == (
        "openai",
        "qwen2.5vl:7b",
        "http://localhost:11434/v1",
    )
    assert parse_spec("Anthropic:model@2", names).value == "model@2"
    assert parse_spec("human:a b.csv", names).value == "a b.csv"


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("http://localhost:11434/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://192.168.1.7:8000", True),
        ("http://gpu-server/v1", True),
        ("http://gpu.local/v1", True),
        ("https://api.example.com/v1", False),
        ("http://8.8.8.8/v1", False),
    ],
)
def test_what_is_ones_own_machine(address, own):
    assert parse_spec(f"openai:m@{address}", labeller_names()).own_machine == own


# A person


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path, answers, delimiter=",", encoding="utf-8-sig"):
    rows = rows_of(path)
    for row, answer in zip(rows, answers, strict=True):
        row.update(answer)
    with path.open("w", encoding=encoding, newline="") as file:
        table = csv.DictWriter(file, rows[0], delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)


def ask_person(path, portraits, legend=LEGEND):
    return convene(portraits, legend, [f"human:{path}"], PanelSettings())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_person_fills_in_a_sheet(tmp_path, delimiter):
    sheet = tmp_path / "new" / "sheet.csv"
    three = [portrait(1), portrait(2, "=1+1 of it, лани"), portrait(3)]
    waiting = ask_person(sheet, three)
    assert [answer.code for answer in waiting.answers] == [255] * 3
    assert waiting.problems == (
        f"human:{sheet}: waiting for a person to fill in sheet.csv (3 of 3 clusters)",
    )
    rows = rows_of(sheet)
    assert [row["cluster"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["classes"].startswith("tree_cover, shrubland")
    assert rows[1]["facts"] == "'=1+1 of it, лани"  # not a formula
    fill(
        sheet,
        [
            {"class": "Рілля", "confidence": "0,8", "second_guess": "луки", "mixed": "так"},
            {"class": "невідомо"},
            {"class": "щось", "evidence": "?"},
        ],
        delimiter,
    )
    before = sheet.read_bytes()
    check_labellers([f"human:{sheet}"], LEGEND)
    first, second, third = ask_person(sheet, three).answers
    assert (first.code, first.confidence, first.second, first.mixed) == (40, 0.8, 30, True)
    assert (second.code, second.normalised, second.problem) == (255, "unknown", "")
    assert (third.code, third.problem) == (255, '"щось" is not in the legend')
    assert sheet.read_bytes() == before


def test_of_a_sheet_that_is_filled_in_partly_the_rest_is_left_to_the_others(tmp_path):
    sheet = tmp_path / "sheet.csv"
    two = [portrait(1), portrait(2)]
    assert ask_person(sheet, two).problems
    fill(sheet, [{"class": "water"}, {}])
    minutes = ask_person(sheet, two)
    assert [answer.code for answer in minutes.answers] == [80, 255]
    assert minutes.problems == ()


def test_a_sheet_tells_what_clusters_are_called_and_forgets_those_that_are_gone(tmp_path):
    sheet = tmp_path / "sheet.csv"
    three = [portrait(1), portrait(2), portrait(3)]
    ask_person(sheet, three)
    fill(sheet, [{}, {"class": "water"}, {}])
    tell_names(sheet, {fingerprint(three[0].facts): "Tree cover"})
    told = [(row["cluster"], row["name_now"], row["class"]) for row in rows_of(sheet)]
    assert told == [("1", "Tree cover", ""), ("2", "", "water")], "what was written stays"


def test_new_clusters_come_below_and_nothing_written_is_lost(tmp_path):
    sheet = tmp_path / "sheet.csv"
    ask_person(sheet, [portrait(1), portrait(2)])
    fill(sheet, [{"class": "water"}, {"class": "-bare", "evidence": "=sand"}])
    moved = dataclasses.replace(portrait(1).facts, id=9)
    minutes = ask_person(sheet, [dataclasses.replace(portrait(1), facts=moved), portrait(3)])
    assert [(a.cluster, a.code) for a in minutes.answers] == [(9, 80), (3, 255)]
    assert [row["class"].strip() for row in rows_of(sheet)] == ["water", "'-bare", ""]
    assert [answer.code for answer in ask_person(sheet, [portrait(2)]).answers] == [60]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"class": "water", "confidence": "very"}, "confidence of cluster 1 is 'very'"),
        ({"class": "water", "confidence": "-3"}, "number from 0 to 1"),
        ({"class": "water", "mixed": "maybe"}, "Write yes or no"),
    ],
)
def test_what_a_person_cannot_have_meant_is_asked_about(tmp_path, answer, words):
    sheet = tmp_path / "sheet.csv"
    ask_person(sheet, [portrait(1)])
    fill(sheet, [answer])
    with pytest.raises(InputError) as caught:
        ask_person(sheet, [portrait(1)])
    assert words in str(caught.value)


def test_a_file_that_is_no_sheet_is_said_to_be_none(tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column 'class'"):
        check_labellers([f"human:{sheet}"], LEGEND)
    sheet.write_bytes("class,fingerprint\nрілля,1\n".encode("cp1251"))
    with pytest.raises(InputError, match="CSV UTF-8"):
        check_labellers([f"human:{sheet}"], LEGEND)


def test_a_person_without_a_file_needs_one(tmp_path):
    with pytest.raises(UsageError, match=r"human:FILE\.csv"):
        convene([portrait(1)], LEGEND, ["human"], PanelSettings())
    sheet = tmp_path / "sheet.csv"
    convene([portrait(1)], LEGEND, ["human"], PanelSettings(sheet=sheet))
    assert sheet.exists()


# Fingerprints


def test_a_fingerprint_is_of_the_content_and_bears_another_rounding():
    one = portrait(1).facts
    assert fingerprint(one) == fingerprint(dataclasses.replace(one, id=7))
    near = {"nir": Spread(math.nextafter(0.1, 1), 0.01, 0.3)}
    assert fingerprint(one) == fingerprint(dataclasses.replace(one, spectrum=near))
    for other in ({"pixels": 11}, {"spectrum": {"nir": Spread(0.101, 0.01, 0.3)}}):
        assert fingerprint(one) != fingerprint(dataclasses.replace(one, **other))


# A record of a model that looked


@pytest.mark.realdata
def test_records_as_they_were_written_are_read(realdata):
    records = sorted((realdata / "vision_panel").glob("*.json"))
    if not records:
        pytest.skip("vision_panel is not there")
    assert {len(read_minutes(record).answers) for record in records} == {12}


@pytest.mark.realdata
def test_a_record_of_the_first_question_is_replayed_as_it_was_said(realdata):
    """Of the delta of the Rufiji, 2026-11-28: all 12 clusters, each answer with its version."""
    record = realdata / "vision_panel" / "rufiji.json"
    image = realdata / "s2_rufiji_ts" / "SEN2_20190620.tif"
    if not (record.exists() and image.exists()):
        pytest.skip("s2_rufiji_ts or vision_panel is not there")
    kept = {a["fingerprint"]: a for a in json.loads(record.read_text("utf-8"))["answers"]}
    cover = obriy.map_landcover(
        obriy.open_scene(image), clusters=12, rounds=0, labellers=(f"replay:{record}",)
    )
    step = cover.provenance.step("naming")
    names = sorted(step["names"].values())
    assert names == sorted(a["said"] for a in kept.values())
