"""The words of the page: every language has all of them, and every option has one."""

import pytest

from obriy.tables import load_toml
from obriy.web.words import page_languages
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
