"""The run folder: resume, damage, other people's folders."""

import json
import shutil

import pytest
import yaml

from obriy.errors import OutputError, UsageError
from obriy.outputs.files import atomic_path
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import LandcoverCompareConfig
from obriy.workflows.run import run_folder


class Work:
    """A step that counts how often it was done."""

    def __init__(self, folder, text="result", file="out.txt"):
        self.folder, self.text, self.file, self.times = folder, text, file, 0

    def __call__(self):
        self.times += 1
        self.folder.file(self.file).write_text(self.text)
        return StepRecord({"out": self.file}, {"answer": 42, "pair": (1, 2)})


def run_in(path, **config):
    return RunFolder(path, {"job": "water", **config})


def test_a_finished_step_is_not_done_again(tmp_path):
    with run_in(tmp_path / "run") as folder:
        work = Work(folder)
        first = folder.step("map", work)
    with run_in(tmp_path / "run") as folder:
        again = folder.step("map", work)
    assert work.times == 1
    assert first == again  # plain values come back the same from the ledger
    assert again.found == {"answer": 42, "pair": [1, 2]}


@pytest.mark.parametrize("damage", ["removed", "changed", "cut"])
def test_a_step_whose_output_was_damaged_is_done_again(tmp_path, damage):
    with run_in(tmp_path) as folder:
        work = Work(folder)
        folder.step("map", work)
        out = folder.file("out.txt")
        if damage == "removed":
            out.unlink()
        else:
            out.write_text("resulT" if damage == "changed" else "res")
        folder.step("map", work)
    assert work.times == 2
    assert out.read_text() == "result"


def test_a_line_that_was_cut_off_does_not_count(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    with run_in(tmp_path) as folder:
        work = Work(folder)
        folder.step("map", work)
    ledger.write_text(ledger.read_text()[:-20])
    for _ in range(2):  # what is noted after it counts
        with run_in(tmp_path) as folder:
            folder.step("map", work)
    assert work.times == 2


@pytest.mark.parametrize("dirt", [b"\xff\xfe\x00", b"12\n", b'{"no": "step"}\n', b"\n\n"])
def test_a_ledger_with_something_else_in_it(tmp_path, dirt):
    with run_in(tmp_path) as folder:
        folder.step("map", Work(folder))
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(dirt)
    with run_in(tmp_path) as folder:
        work = Work(folder)
        folder.step("map", work)
        assert work.times == 0
        folder.step("later", work)
    with run_in(tmp_path) as folder:
        folder.step("later", work)
    assert work.times == 1


def test_a_name_with_a_line_separator_in_it(tmp_path):
    with run_in(tmp_path) as folder:
        folder.step("map", lambda: StepRecord({}, {"district": "one\u2028two\x85three"}))
    with run_in(tmp_path) as folder:
        found = folder.step("map", StepRecord).found
    assert found == {"district": "one\u2028two\x85three"}


def test_a_ledger_of_before_is_understood_or_done_again(tmp_path):
    image = tmp_path / "image.tif"
    image.write_bytes(b"first")
    with run_in(tmp_path / "run") as folder:
        work = Work(folder)
        told = fingerprint([str(image)])
        about = image.stat()
        folder.step(
            "map", work, {"obriy": told["obriy"], str(image): [about.st_size, about.st_mtime_ns]}
        )
        folder.step("map", work, told)
    assert work.times == 2


def test_a_step_that_fails_leaves_no_line(tmp_path):
    def fail():
        raise ValueError("broken")

    with run_in(tmp_path) as folder, pytest.raises(ValueError, match="broken"):
        folder.step("map", fail)
    assert not (tmp_path / "ledger.jsonl").exists()


def test_a_promised_file_must_be_there(tmp_path):
    with run_in(tmp_path) as folder, pytest.raises(OutputError, match="not there"):
        folder.step("map", lambda: StepRecord({"out": "never.txt"}))


def test_another_configuration_is_refused(tmp_path):
    with run_in(tmp_path, method="auto") as folder:
        folder.step("map", Work(folder))
    with pytest.raises(UsageError, match="another configuration"), run_in(tmp_path, method="ndwi"):
        pass


def test_a_run_that_never_began_gives_way(tmp_path):
    with run_in(tmp_path, method="auto"):
        pass
    with run_in(tmp_path, method="ndwi:zero") as folder:
        assert "ndwi:zero" in folder.file("config.yaml").read_text()


def test_other_inputs_of_the_same_name_are_not_the_same(tmp_path):
    image = tmp_path / "image.tif"
    image.write_bytes(b"first")
    with run_in(tmp_path / "run") as folder:
        mapped, later = Work(folder), Work(folder, file="later.txt")
        for content in (b"first", b"first", b"other bytes"):
            if image.read_bytes() != content:
                image.write_bytes(content)
            mapped.text = content.decode()
            folder.step("map", mapped, fingerprint([str(image)]))
            folder.step("polygons", later, after=["map"])
    # The second round did nothing; the third did the map again, and what was built on it.
    assert (mapped.times, later.times) == (2, 2)


DRAFTS = {
    ".water.gpkg.x1y2z3w4": ["water.gpkg", "water.gpkg-journal", "water.gpkg-wal"],
    ".report.html.ab_12345": ["report.html"],
    ".map.png.k": [],
    ".result.json.abcdefgh": ["result.json"],
    ".mask.tif.q1w2e3r4": ["draft.tif", "draft.tif.aux.xml", "mask.tif", ".mask.tif.aux.xml.b"],
    "maps/2025-06-05/.doubt.tif.x1y2": ["draft.tif"],
    ".config.yaml.abc": ["config.yaml"],
}


def make_drafts(folder):
    for name, inside in DRAFTS.items():
        (folder / name).mkdir(parents=True)
        for file in inside:
            (folder / name / file).write_bytes(b"half")


def hidden(folder):
    return sorted(p.name for p in folder.rglob(".*"))


def test_drafts_of_a_run_that_was_killed_are_removed(tmp_path):
    with run_in(tmp_path) as folder:
        folder.step("map", Work(folder))
    make_drafts(tmp_path)
    with run_in(tmp_path):
        assert hidden(tmp_path) == [".lock"]
    assert hidden(tmp_path) == []
    assert (tmp_path / "out.txt").exists()


def test_drafts_are_what_the_writers_really_make(tmp_path):
    with run_in(tmp_path):
        pass
    for name in ("water.gpkg", "report.html", "ЗВІТ.csv", "no-suffix"):
        writing = atomic_path(tmp_path / name)
        with writing as path:
            path.write_text("half")
            (killed,) = [p for p in tmp_path.iterdir() if p.name.startswith(f".{name}.")]
            shutil.copytree(killed, tmp_path / "kept" / killed.name)
    assert len(hidden(tmp_path / "kept")) == 4
    with run_in(tmp_path):
        pass
    assert hidden(tmp_path / "kept") == []


def test_drafts_of_a_run_within_are_its_own(tmp_path):
    with run_in(tmp_path), run_in(tmp_path / "train-m211") as inner:
        make_drafts(inner.path)
    with run_in(tmp_path):
        assert len(hidden(inner.path)) == len(DRAFTS) + 1  # one draft lies in another
    with run_in(inner.path):
        pass
    assert hidden(tmp_path) == []


def test_hidden_folders_of_others_stay(tmp_path):
    with run_in(tmp_path):
        pass
    (tmp_path / ".git.old").mkdir()
    (tmp_path / ".git.old" / "HEAD").write_text("ref")
    (tmp_path / ".notes").mkdir()
    (tmp_path / ".mask.tif.txt").write_text("a file")
    with run_in(tmp_path):
        pass
    assert hidden(tmp_path) == [".git.old", ".mask.tif.txt", ".notes"]


def test_a_run_that_was_killed_before_its_first_file_begins_again(tmp_path):
    (tmp_path / "run" / ".config.yaml.abc").mkdir(parents=True)
    with run_in(tmp_path / "run") as folder:
        folder.step("map", Work(folder))
    assert hidden(tmp_path) == []
    assert (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OutputError])
def test_what_ends_a_run_leaves_no_draft_and_no_lock(tmp_path, error):
    def work():
        with atomic_path(tmp_path / "water.gpkg") as path:
            path.write_text("half")
            raise error("stop")

    with pytest.raises(error), run_in(tmp_path) as folder:
        folder.step("map", work)
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


def test_an_interrupt_between_making_a_draft_and_knowing_of_it(tmp_path):
    def work():
        (tmp_path / ".doubt.tif.x1y2").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), run_in(tmp_path) as folder:
        folder.step("map", work)
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


def test_nothing_is_removed_from_a_folder_that_is_no_run(tmp_path):
    theirs = tmp_path / ".old.tif.backup"
    theirs.mkdir()
    with pytest.raises(UsageError, match="not a run"), run_in(tmp_path):
        pass
    assert theirs.exists()


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(UsageError, match="not a run"), run_in(tmp_path):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OutputError), run_in(tmp_path / "run"):
        pass


def test_result_is_json_without_nan(tmp_path):
    with run_in(tmp_path) as folder:
        folder.write_result({"area_km2": 1.5, "name": "Дніпро"})
        text = folder.file("result.json").read_text(encoding="utf-8")
        assert json.loads(text) == {"area_km2": 1.5, "name": "Дніпро"}
        assert "Дніпро" in text
        with pytest.raises(ValueError, match="JSON compliant"):
            folder.write_result({"area_km2": float("nan")})


def test_a_step_that_came_later_invalidates_what_was_made_of_it(tmp_path):
    # The map of a second date is made after the occurrence of the first; then it is made again.
    with run_in(tmp_path) as folder:
        first, second, both = (Work(folder, file=name) for name in ("1.txt", "2.txt", "both.txt"))
        second.text = "one"
        folder.step("map 1", first)
        folder.step("both", both, after=["map 1"])
        for text in ("one", "one", "two"):
            second.text = text
            folder.step("map 2", second, {"text": text})
            folder.step("map 1", first)
            folder.step("both", both, after=["map 1", "map 2"])
    assert second.times == 2
    assert both.times == 3


def test_a_foreign_config_beside_other_files_is_left_alone(tmp_path):
    (tmp_path / "config.yaml").write_text("my: precious")
    (tmp_path / "data.csv").write_text("1")
    with pytest.raises(UsageError, match="not a run"), run_in(tmp_path):
        pass
    assert (tmp_path / "config.yaml").read_text() == "my: precious"


def test_a_run_whose_job_had_another_name_goes_on(tmp_path):
    config = make_config(LandcoverCompareConfig, {"source": "a.tif", "out": tmp_path})
    with run_folder(config) as folder:
        folder.step("map", Work(folder))
    text = (tmp_path / "config.yaml").read_text()
    assert "job: compare-landcover" in text
    (tmp_path / "config.yaml").write_text(text.replace("compare-landcover", "compare"))
    with run_folder(config) as folder:
        work = Work(folder)
        folder.step("map", work)
    assert work.times == 0
    assert (tmp_path / "config.yaml").read_text() == text


def test_a_run_whose_configuration_had_other_words_goes_on(tmp_path):
    """Names that options had before, options that were not there yet, another order of them."""
    config = make_config(IceConfig, {"sources": "a.tif", "model": "b.pt", "out": tmp_path})
    with run_folder(config) as folder:
        folder.step("map", Work(folder))
    said = yaml.safe_load((tmp_path / "config.yaml").read_text())
    said["weights"] = said.pop("model")
    del said["composite"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(said))
    with run_folder(config) as folder:
        work = Work(folder)
        folder.step("map", work)
    assert work.times == 0
    assert "model: b.pt" in (tmp_path / "config.yaml").read_text()
    for other in ({"composite": "majority"}, {"weights": "c.pt"}, {"job": "water"}, {"new": 1}):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(said | other))
        with pytest.raises(UsageError, match="another configuration"), run_folder(config):
            pass
    for text in ("a: [", "7", "1: 2", ""):
        (tmp_path / "config.yaml").write_text(text)
        with pytest.raises(UsageError, match="another configuration"), run_folder(config):
            pass
