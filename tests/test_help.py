"""`--help` of the jobs: what matters first, every option once, defaults that a person can read."""

import re

import pytest

from obriy.cli.help import FIRST, GROUPS
from obriy.workflows.config.ice import IceCompareConfig, IceConfig, IceTrainConfig
from obriy.workflows.config.landcover import (
    LandcoverCompareConfig,
    LandcoverConfig,
    LandcoverTrainConfig,
)
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig
from obriy.workflows.jobs import read_config
from terminal import obriy

JOBS = {
    ("water",): WaterConfig,
    ("landcover",): LandcoverConfig,
    ("ice",): IceConfig,
    ("compare", "landcover"): LandcoverCompareConfig,
    ("compare", "ice"): IceCompareConfig,
    ("compare", "water"): WaterCompareConfig,
    ("train", "landcover"): LandcoverTrainConfig,
    ("train", "ice"): IceTrainConfig,
}


@pytest.fixture(scope="module", params=JOBS, ids=" ".join)
def helped(request):
    done = obriy(*request.param, "--help")
    assert done.returncode == 0, done.stderr
    return JOBS[request.param], done.stdout


def sections(text):
    parts = re.split(r"^(\S.*):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_option_is_listed_once(helped):
    kind, text = helped
    listed = re.findall(r"^  (?:-\w, )?--([\w-]+)", text, flags=re.MULTILINE)
    fields = [f.alias or n for n, f in kind.model_fields.items()]
    wanted = {n.replace("_", "-") for n in fields} - {"job", kind.argument()}
    assert wanted <= set(listed)
    assert len(listed) == len(set(listed))


def test_what_matters_comes_first_and_the_machine_last(helped):
    _, text = helped
    titles = [title for title in sections(text) if title != "Arguments"]
    assert titles == [title for title in GROUPS if title in titles]
    assert "--out" in sections(text)[FIRST]
    assert "--workers" in sections(text)["The machine"]


def test_defaults_are_words_of_the_user(helped):
    assert not re.search(
        r"Undefined|Path\(|default: [('\[]|default:\s*\n  -|<lambda>|None", helped[1]
    )


def test_an_option_is_understood_by_its_old_name(tmp_path):
    old = obriy("ice", "--method", "linear", "--weights", tmp_path / "none.skops")
    new = obriy("ice", "--method", "linear", "--model", tmp_path / "none.skops")
    assert old.stderr == f"note: --weights is called --model now.\n{new.stderr}"
    assert old.returncode == new.returncode == 1
    assert "--weights" not in obriy("ice", "--help").stdout


def test_a_configuration_of_an_old_run_is_read(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("job: ice\nmethod: linear\nweights: linear.skops\n")
    assert read_config(file) == IceConfig(method="linear", model="linear.skops")
