"""The words of the page: every language has all of them, and every option has one."""

import pytest

from obriy.labelling.panel import usual_cost
from obriy.outputs.report.record import files
from obriy.render.text import text_of
from obriy.tables import load_toml
from obriy.web.pages import plan as plans
from obriy.web.pages.here import in_degrees
from obriy.web.words import page_languages, words_of
from obriy.workflows.config.groups import GROUPS
from obriy.workflows.jobs import JOBS

ENGLISH = load_toml("web_en")
OF_THE_SERVER = {"job", "out", "workers", "max_ram", "device"}


def options():
    fields = (f for job in JOBS.values() for f in job.config.model_fields.items())
    return {field.alias or name for name, field in fields} - OF_THE_SERVER


def test_the_page_speaks_both_languages():
    assert page_languages() == ["en", "uk"]


@pytest.mark.parametrize("lang", page_languages())
def test_a_language_has_all_words(lang):
    own = load_toml(f"web_{lang}")
    for section, words in ENGLISH.items():
        assert list(own[section]) == list(words), section
        for key, word in words.items():
            holes = [hole for hole in ("{name}", "{why}", "{count}", "{time}") if hole in word]
            assert all(hole in own[section][key] for hole in holes), key


@pytest.mark.parametrize("lang", page_languages())
def test_all_that_the_software_has_is_called_something(lang):
    own = load_toml(f"web_{lang}")
    assert set(own["options"]) == options()
    assert set(own["groups"]) == set(GROUPS)
    assert set(own["jobs"]) == set(JOBS)
    if lang != "en":  # there the configurations say it
        assert {key for key in own["help"] if "." not in key} == options()
        jobs = {key.partition(".")[0] for key in own["help"] if "." in key}
        assert jobs <= set(JOBS)


def test_a_plan_of_the_network_says_what_it_takes():
    """50 MB at 5 MB/s are 10 s; what is left out says why; a price that nobody knows is no 0."""
    plan = {
        "bytes": 50_000_000, "requests": 12, "processing_units": 3.5, "dates": ["2025-06-01"],
        "images": [{"id": "S2A_1", "date": "2025-06-01", "cloud_percent": 8.0, "bytes": 5e7}],
        "skipped": [{"id": "S2A_2", "date": "2025-06-04", "why": "too cloudy"}],
        "districts": ["a"], "method": "auto", "outputs": ["mask", "report"],
    }  # fmt: skip
    words, text = words_of("en"), text_of("en")
    said = plans._sentences(plan, "water", words, text)
    assert said[0] == "Images to map: 1, 2025-06-01; left out: 1."
    assert said[2].startswith("To fetch: about 50 MB in 12 requests; 10 s on a line of 40 Mbit/s")
    assert said[2].endswith("The provider would count 3.5 processing units.")
    assert said[-1] == "It writes: Map of classes, Report."
    rows = plans._rows(plan, words, text)
    assert rows[0] == ["2025-06-01", "S2A_1", "8%", "50", "is read"]
    assert rows[1][-1] == "too cloudy"


def test_a_plan_calls_a_file_what_the_report_does():
    """Polygons of ice are no bodies of water, nor are parcels of land cover."""
    words, text = words_of("uk"), text_of("uk")
    for job, called in (("water", "Водойми"), ("ice", "Кромка льоду"), ("landcover", "Ділянки")):
        said = plans._sentences({"outputs": ["polygons"]}, job, words, text)[-1]
        assert said.startswith(f"{words('plan_outputs', outputs='').rstrip(' .')} {called}"), said
        ((title, _),) = files(text, {"polygons": "x.gpkg"}, {}, job)
        assert title in said


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "42.80220° N, 100.50000° W"), ("uk", "42,80220° пн. ш., 100,50000° зх. д.")],
)
def test_a_place_is_written_as_the_report_does(lang, said):
    assert in_degrees(-100.5, 42.8022, text_of(lang)) == said


def test_what_a_panel_may_cost_is_known_before_there_are_clusters():
    """OpenAI: 20 x 20 patches of 32 px, times 1.62, are 648 tokens a picture; 3 letters a token."""
    costs = usual_cost(["spectral", "openai:nobody-knows"], 10)
    assert (costs["spectral"].calls, costs["spectral"].usd) == (0, 0.0)
    asked = costs["openai:nobody-knows"]
    assert (asked.calls, asked.input_tokens) == (10, 10 * (8 * 648 + 1834))
    assert asked.output_tokens == 10 * 500
    assert asked.usd is None
