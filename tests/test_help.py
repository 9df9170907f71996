"""`--help` of the jobs: what matters first, every option once, defaults that a person can read."""

import json
import re
from typing import Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from obriy.cli.commands import add_jobs
from obriy.workflows.config.base import ARGUMENT, JobConfig
from obriy.workflows.config.groups import FIRST, GROUPS, OUTPUT
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import LandcoverCompareConfig, LandcoverTrainConfig
from obriy.workflows.jobs import JOBS, Job, read_config
from terminal import error_line, obriy


@pytest.fixture(scope="module", params=JOBS)
def helped(request):
    kind = JOBS[request.param].config
    done = obriy(*kind.words(), "--help")
    assert done.returncode == 0, done.stderr
    return kind, done.stdout


def sections(text):
    parts = re.split(r"^(\S.*):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def listed_in(text):
    return re.findall(r"^  (?:-\w, )?--([\w-]+)", text, flags=re.MULTILINE)


def test_every_option_is_listed_once(helped):
    kind, text = helped
    listed = listed_in(text)
    fields = [f.alias or n for n, f in kind.model_fields.items()]
    wanted = {n.replace("_", "-") for n in fields} - {"job", kind.argument()}
    assert wanted <= set(listed)
    assert len(listed) == len(set(listed))


def test_what_matters_comes_first_and_the_machine_last(helped):
    kind, text = helped
    titles = [title for title in sections(text) if title != "Arguments"]
    assert titles == [title for title in GROUPS if title in titles]
    first = listed_in(sections(text)[FIRST])
    assert first == [name.replace("_", "-") for name in kind.FIRST]
    assert len(first) == 5
    assert first[-1] == "out"
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
    with pytest.warns(DeprecationWarning, match="--weights is called --model now"):
        assert read_config(file) == IceConfig(method="linear", model="linear.skops")
    done = obriy("run", file)
    assert done.stderr.startswith("note: --weights is called --model now.\nerror: ")


@pytest.mark.parametrize(
    ("old", "kind"), [("compare", LandcoverCompareConfig), ("train", LandcoverTrainConfig)]
)
def test_a_configuration_of_a_job_that_had_another_name_is_read(tmp_path, old, kind):
    file = tmp_path / "config.yaml"
    file.write_text(f"job: {old}\nepochs: 3\n" if old == "train" else f"job: {old}\n")
    assert read_config(file) == kind(**({"epochs": 3} if old == "train" else {}))
    assert kind.title() == f"{old}-landcover"


def test_a_new_name_wins_over_the_old():
    with pytest.warns(DeprecationWarning, match="called --model"):
        assert IceConfig(weights="old", model="new").model == "new"


def test_a_job_shows_its_plan_or_says_that_it_has_none(tmp_path):
    for job in JOBS.values():
        words = job.config.words()
        shown = "--dry-run" in obriy(*words, "--help").stdout
        assert shown == (job.plan is not None)
        if not shown:
            assert "has no plan" in error_line(obriy(*words, "--dry-run"), 2)


def test_a_run_made_again_may_be_asked_for_its_plan(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("job: water\nsource: 'simulated:'\n")
    done = obriy("run", file, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


def test_a_job_of_a_table_has_a_command():
    """A new job is one entry: its command, with options, groups and help, is made of it."""

    class ShoreConfig(JobConfig):
        """Find shores."""

        FIRST = ("method", "out")
        job: Literal["compare-shore"] = "compare-shore"
        image: str = Field("sample:", description="an image", json_schema_extra=ARGUMENT)
        method: str = Field("walk", description="how")

    app = typer.Typer(rich_markup_mode=None)
    add_jobs([Job(ShoreConfig, "shore.job:run_shore")], app)
    done = CliRunner().invoke(app, ["compare", "shore", "--help"])
    assert "Find shores." in done.stdout
    assert list(sections(done.stdout)) == ["Arguments", FIRST, OUTPUT, "The machine"]
    assert listed_in(sections(done.stdout)[FIRST]) == ["method", "out"]
