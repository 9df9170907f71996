"""A run in which nothing is left to do is known without doing anything; all else is done."""

import os

import pytest

from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord, config_text, finished_result

CONFIG = {"job": "water", "source": "a.tif"}
RESULT = {"area_km2": 1.5, "name": "Дніпро"}


@pytest.fixture
def place(tmp_path):
    """A folder with an image and a finished run of it, which has read one more file."""
    for name in ("images/a.tif", "images/notes.txt", "elsewhere/positions.hdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
    with RunFolder(tmp_path / "run", CONFIG) as folder:

        def work():
            folder.file("maps").mkdir()
            folder.file("maps/mask.tif").write_text("mask")
            return StepRecord({"mask": "maps/mask.tif"})

        read = [str(tmp_path / "images/a.tif"), str(tmp_path / "elsewhere/positions.hdf")]
        folder.step("map", work, fingerprint(read))
        folder.file("report.html").write_text("report")
        folder.write_result(RESULT)
        folder.note_finished([str(tmp_path / "images/a.tif"), "auto"])
    return tmp_path


def known(place, config=CONFIG, run="run"):
    names = [str(place / "images/a.tif"), "auto"]
    return finished_result(place / run, config_text(config), names)


def rewrite(file, text):
    """Change the content of a file, and neither its size nor its time."""
    when = file.stat().st_mtime_ns
    assert file.stat().st_size == len(text)
    file.write_text(text)
    os.utime(file, ns=(when, when))


def test_nothing_is_left_to_do(place):
    assert known(place) == RESULT
    assert known(place) == RESULT


CHANGES = {
    "the image": lambda p: rewrite(p / "images/a.tif", "two"),
    "another file that was read": lambda p: rewrite(p / "elsewhere/positions.hdf", "two"),
    "a mask beside the image": lambda p: (p / "images/a.tif.msk").write_text("x"),
    "a file that belongs to it": lambda p: (p / "images/MOD03.hdf").write_text("x"),
    "metadata beside it": lambda p: (p / "images/LC08_MTL.txt").write_text("x"),
    "a map": lambda p: rewrite(p / "run/maps/mask.tif", "mosk"),
    "the report": lambda p: (p / "run/report.html").unlink(),
    "the answer": lambda p: (p / "run/result.json").write_text("{}"),
    "the note": lambda p: (p / "run/finished.json").write_text('{"inputs": {}}'),
    "half a note": lambda p: (p / "run/finished.json").write_text('{"inp'),
    "the ledger": lambda p: (p / "run/ledger.jsonl").open("a").write("{}\n"),
    "the image is gone": lambda p: (p / "images/a.tif").unlink(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_not_passed_over(place, what):
    CHANGES[what](place)
    assert known(place) is None


def test_what_has_nothing_to_do_with_it_does_not_matter(place):
    rewrite(place / "images/notes.txt", "two")
    (place / "images/more.txt").write_text("x")
    (place / "run/.hidden").write_text("x")
    assert known(place) == RESULT


def test_another_configuration_or_another_place(place):
    assert known(place, {**CONFIG, "method": "ndwi"}) is None
    (place / "run").rename(place / "moved")  # the paths in the answer are those of before
    assert known(place, run="moved") is None
    assert known(place, run="nowhere") is None


def test_a_folder_of_very_many_files_is_not_looked_through(place, monkeypatch):
    monkeypatch.setattr("obriy.runs.folder.MOST_FILES", 2)
    names = [str(place / "images")]
    with RunFolder(place / "run", CONFIG) as folder:
        (place / "run/finished.json").unlink()
        folder.note_finished(names)
        assert finished_result(place / "run", config_text(CONFIG), names) is not None
        (place / "images" / "third.txt").write_text("x")
        (place / "run/finished.json").unlink()
        folder.note_finished(names)
    assert not (place / "run/finished.json").exists()
