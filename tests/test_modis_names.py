"""Which granule a file is, and what belongs to it: by NASA's names, else by what it says within."""

import shutil

import numpy as np
import pytest

pytest.importorskip("pyhdf")

from tests.modis_files import core as metadata_of
from tests.modis_files import write_hdf, write_hkm, write_mod03

from obriy.errors import SourceError
from obriy.model.scene import provenance_of
from obriy.sources.base import Query
from obriy.sources.finding import find_items
from obriy.sources.scene import open_scene

NIGHTFALL = "2023-04-01T01:55"
"""Day 91 of 2023: what direct-broadcast stations name t1.23091.0155."""


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """Terra and Aqua over one station, as SeaDAS and IMAPP name them, with MOD03 and MOD35."""
    folder = tmp_path_factory.mktemp("station")
    counts = np.full((7, 20, 12), 9000, "uint16")
    for letter, family in (("t1", "MOD"), ("a1", "MYD")):
        name = f"{letter}.23091.0155"
        write_hkm(folder / f"{name}.500m.hdf", counts, product=f"{family}02HKM", time=NIGHTFALL)
        write_mod03(folder / f"{name}.geo.hdf", 10, 6, product=f"{family}03", time=NIGHTFALL)
        mask = {"Cloud_Mask": np.zeros((6, 10, 6), "uint8")}
        said = {"CoreMetadata.0": metadata_of(f"{family}35_L2", NIGHTFALL)}
        write_hdf(folder / f"{name}.mask.hdf", mask, said)
    return folder


def test_names_of_direct_broadcast_are_found_dated_and_paired(station):
    aqua, terra = find_items([str(station)])
    for item, letter in ((aqua, "a1"), (terra, "t1")):
        name = f"{letter}.23091.0155"
        assert (item.id, item.time) == (f"{name}.500m", NIGHTFALL)
        assert item.assets == {
            "geolocation": str(station / f"{name}.geo.hdf"),
            "clouds": str(station / f"{name}.mask.hdf"),
        }


def test_a_granule_of_any_name_is_what_it_says(station, tmp_path):
    scene = shutil.copy(station / "t1.23091.0155.500m.hdf", tmp_path / "scene.hdf")
    (item,) = find_items([str(scene)])
    assert (item.id, item.time, item.assets) == ("scene", NIGHTFALL, {})
    query = Query(geolocation=(str(station / "t1.23091.0155.geo.hdf"),))
    assert set(find_items([str(scene)], query)[0].assets) == {"geolocation"}
    shutil.copy(station / "t1.23091.0155.geo.hdf", tmp_path / "where.hdf")
    opened = open_scene(scene)
    assert opened.attrs["time"] == NIGHTFALL
    found = provenance_of(opened).step("geolocation")
    assert (found["by"], found["file"]) == ("MOD03", str(tmp_path / "where.hdf"))


def test_positions_of_the_other_satellite_are_refused(station):
    query = Query(geolocation=(str(station / "a1.23091.0155.geo.hdf"),))
    with pytest.raises(SourceError, match="another granule"):
        find_items([str(station / "t1.23091.0155.500m.hdf")], query)
    with pytest.raises(SourceError, match="no MOD03 or MYD03") as error:
        find_items(
            [str(station / "t1.23091.0155.500m.hdf")],
            Query(geolocation=(str(station / "a1.23091.0155.500m.hdf"),)),
        )
    assert "say it within" in error.value.hint


def test_files_named_as_nasa_ships_them_are_not_opened(tmp_path):
    for kind in ("02HKM", "03", "35_L2"):  # bytes that nobody can open
        (tmp_path / f"MOD{kind}.A2021049.0225.061.2021049131500.hdf").write_bytes(b"\0" * 64)
    (item,) = find_items([str(tmp_path)])
    assert (item.time, set(item.assets)) == ("2021-02-18T02:25", {"geolocation", "clouds"})


def test_a_file_that_says_nothing_has_no_time(tmp_path):
    (tmp_path / "notes.hdf").write_bytes(b"\0" * 64)
    (item,) = find_items([str(tmp_path / "notes.hdf")])
    assert (item.time, item.assets) == ("", {})


@pytest.mark.parametrize(
    "name",
    [
        "MOD02HKM.A2023092.0155.061.2023092131500.hdf",  # a day later
        "MYD02HKM.A2023091.0155.061.2023091131500.hdf",  # the other satellite
    ],
)
def test_a_name_that_contradicts_the_metadata_is_refused_with_both(station, tmp_path, name):
    file = shutil.copy(station / "t1.23091.0155.500m.hdf", tmp_path / name)
    with pytest.raises(SourceError, match="MOD02HKM, 2023-04-01T01:55 by its metadata") as error:
        open_scene(file)
    assert "by its name" in str(error.value)
    assert "no date" in str(error.value.hint)
