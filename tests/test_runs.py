"""The run folder: resume, damage, other people's folders."""

import json

import pytest

from obriy.errors import OutputError, UsageError
from obriy.runs.folder import RunFolder, StepRecord, fingerprint


class Work:
    """A step that counts how often it was done."""

    def __init__(self, folder, text="result", file="out.txt"):
        self.folder, self.text, self.file, self.times = folder, text, file, 0

    def __call__(self):
        self.times += 1
        self.folder.file(self.file).write_text(self.text)
        return StepRecord({"out": self.file}, {"answer": 42, "pair": (1, 2)})


def test_a_finished_step_is_not_done_again(tmp_path):
    folder = RunFolder(tmp_path / "run", {"job": "water"})
    work = Work(folder)
    first = folder.step("map", work)
    again = RunFolder(tmp_path / "run", {"job": "water"}).step("map", work)
    assert work.times == 1
    assert first == again  # plain values come back the same from the ledger
    assert again.found == {"answer": 42, "pair": [1, 2]}


@pytest.mark.parametrize("damage", ["removed", "changed", "cut"])
def test_a_step_whose_output_was_damaged_is_done_again(tmp_path, damage):
    folder = RunFolder(tmp_path, {"job": "water"})
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
    folder = RunFolder(tmp_path, {"job": "water"})
    work = Work(folder)
    folder.step("map", work)
    ledger = folder.file("ledger.jsonl")
    ledger.write_text(ledger.read_text()[:-20])
    folder.step("map", work)
    assert work.times == 2


def test_a_step_that_fails_leaves_no_line(tmp_path):
    folder = RunFolder(tmp_path, {"job": "water"})

    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        folder.step("map", fail)
    assert not folder.file("ledger.jsonl").exists()


def test_a_promised_file_must_be_there(tmp_path):
    folder = RunFolder(tmp_path, {"job": "water"})
    with pytest.raises(OutputError, match="not there"):
        folder.step("map", lambda: StepRecord({"out": "never.txt"}))


def test_another_configuration_is_refused(tmp_path):
    folder = RunFolder(tmp_path, {"job": "water", "method": "auto"})
    folder.step("map", Work(folder))
    with pytest.raises(UsageError, match="another configuration"):
        RunFolder(tmp_path, {"job": "water", "method": "ndwi:zero"})


def test_a_run_that_never_began_gives_way(tmp_path):
    RunFolder(tmp_path, {"job": "water", "method": "auto"})
    folder = RunFolder(tmp_path, {"job": "water", "method": "ndwi:zero"})
    assert "ndwi:zero" in folder.file("config.yaml").read_text()


def test_other_inputs_of_the_same_name_are_not_the_same(tmp_path):
    image = tmp_path / "image.tif"
    image.write_bytes(b"first")
    folder = RunFolder(tmp_path / "run", {"job": "water"})
    mapped, later = Work(folder), Work(folder, file="later.txt")
    for content in (b"first", b"first", b"other bytes"):
        if image.read_bytes() != content:
            image.write_bytes(content)
        mapped.text = content.decode()
        folder.step("map", mapped, fingerprint([str(image)]))
        folder.step("polygons", later, after=["map"])
    # The second round did nothing; the third did the map again, and what was built on it.
    assert (mapped.times, later.times) == (2, 2)


def test_drafts_of_a_run_that_was_killed_are_removed(tmp_path):
    folder = RunFolder(tmp_path, {"job": "water"})
    draft = tmp_path / ".mask.tif.x1y2"
    draft.mkdir()
    (draft / "draft.tif").write_bytes(b"half")
    deep = tmp_path / "maps" / "2025-06-05" / ".doubt.tif.x1y2"
    deep.mkdir(parents=True)
    folder.step("map", Work(folder))
    RunFolder(tmp_path, {"job": "water"})
    assert not draft.exists()
    assert not deep.exists()


def test_an_interrupt_leaves_no_draft(tmp_path):
    folder = RunFolder(tmp_path, {"job": "water"})

    def work():
        (tmp_path / ".doubt.tif.x1y2").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.step("map", work)
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


def test_nothing_is_removed_from_a_folder_that_is_no_run(tmp_path):
    theirs = tmp_path / ".old.tif.backup"
    theirs.mkdir()
    with pytest.raises(UsageError, match="not a run"):
        RunFolder(tmp_path, {"job": "water"})
    assert theirs.exists()


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(UsageError, match="not a run"):
        RunFolder(tmp_path, {"job": "water"})
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OutputError):
        RunFolder(tmp_path / "run", {"job": "water"})


def test_result_is_json_without_nan(tmp_path):
    folder = RunFolder(tmp_path, {"job": "water"})
    folder.write_result({"area_km2": 1.5, "name": "Дніпро"})
    text = folder.file("result.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"area_km2": 1.5, "name": "Дніпро"}
    assert "Дніпро" in text
    with pytest.raises(ValueError, match="JSON compliant"):
        folder.write_result({"area_km2": float("nan")})


def test_a_step_that_came_later_invalidates_what_was_made_of_it(tmp_path):
    # The map of a second date is made after the occurrence of the first; then it is made again.
    folder = RunFolder(tmp_path, {"job": "water"})
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
    with pytest.raises(UsageError, match="not a run"):
        RunFolder(tmp_path, {"job": "water"})
    assert (tmp_path / "config.yaml").read_text() == "my: precious"
