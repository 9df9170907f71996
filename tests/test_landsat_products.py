"""Landsat as USGS ships it: folders and archives with all their files, MTLs in every form."""

import tarfile
import zipfile

import numpy as np
import pytest
import rasterio

from landsat_bundles import WATER, counts, gaps_of, level1, level2, truth, write, write_mtl
from obriy import map_water
from obriy.errors import SourceError
from obriy.model.flags import Flag
from obriy.model.scene import band_names
from obriy.sources import open_scene
from obriy.sources.finding import find_items

C2 = "LC08_L2SP_178027_20230607_20230614_02_T1"
LATER = "LC09_L2SP_178027_20230615_20230617_02_T1"
L1 = "LC08_L1TP_178027_20230607_20230614_02_T1"
PRODUCTS = (C2, LATER, "LE07_L2SP_178027_20130607_20200907_02_T1",
            "LT05_L2SP_178027_20030607_20200905_02_T1", "LT04_L2SP_178027_19890607_20200916_02_T1",
            "LO08_L2SR_178027_20230607_20230614_02_T2")  # fmt: skip
LEVEL1 = (L1, "LC09_L1TP_178027_20230615_20230617_02_T1",
          "LE07_L1TP_178027_20130607_20200907_02_T1", "LT05_L1TP_178027_20030607_20200905_02_T1",
          "LT04_L1TP_178027_19890607_20200916_02_T1")  # fmt: skip
SENSORS = {"LC08": "landsat8_l1", "LC09": "landsat8_l1", "LE07": "landsat7_l1",
           "LT05": "landsat5_l1", "LT04": "landsat4_l1"}  # fmt: skip


def packed(folder, file):
    """Pack the files of a folder as USGS does: without a folder in the archive."""
    files = sorted(folder.iterdir())
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in files:
                archive.write(one, one.name)
        return file
    with tarfile.open(file, "w:gz" if file.name.endswith("gz") else "w") as archive:
        for one in files:
            archive.add(one, one.name)
    return file


def dated(product):
    return f"{product[17:21]}-{product[21:23]}-{product[23:25]}"


def holds_the_ground(scene, within):
    found = {name: float(np.abs(scene[name].values - truth(name)).max())
             for name in band_names(scene)}  # fmt: skip
    return all(off <= within for off in found.values())


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_level_2_bundle_is_opened_whole(tmp_path, product):
    scene = open_scene(level2(tmp_path / product, product))
    assert (scene.sensor, scene.time) == ("landsat_c2l2", dated(product))
    assert len(band_names(scene)) == (7 if product[3] in "89" else 6)
    assert holds_the_ground(scene, 1.4e-5)  # half of a count
    assert int((scene.flags.values == 64).sum()) == 40 * WATER
    step = scene.attrs["provenance"].step("bands")
    assert step["sensor_by"] == f"{product}_MTL.txt"
    assert not scene.attrs["provenance"].warnings


@pytest.mark.parametrize("product", LEVEL1)
def test_a_level_1_bundle_becomes_reflectance_by_its_sun(tmp_path, product):
    scene = open_scene(level1(tmp_path / product, product))
    assert (scene.sensor, scene.time) == (SENSORS[product[:4]], dated(product))
    half = (2e-5 if product[3] in "89" else 2e-3) / 0.5 / 2
    assert holds_the_ground(scene, half * 1.01)
    assert scene.attrs["provenance"].step("scaling")["by"] == "MTL"


@pytest.mark.parametrize("form", ["txt", "xml", "json"])
def test_any_form_of_the_mtl_serves(tmp_path, form):
    scene = open_scene(level1(tmp_path / "x", L1, forms=(form,)))
    assert scene.time == "2023-06-07"
    assert holds_the_ground(scene, 2.1e-5)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".zip"])
@pytest.mark.parametrize(("product", "make"), [(C2, level2), (LEVEL1[3], level1)])
def test_an_archive_is_the_folder_in_it(tmp_path, product, make, ending):
    folder = make(tmp_path / "open", product)
    archive = packed(folder, tmp_path / f"{product}{ending}")
    one, other = open_scene(archive), open_scene(folder)
    assert band_names(one) == band_names(other)
    for name in (*band_names(one), "flags"):
        np.testing.assert_array_equal(one[name].values, other[name].values)
    assert (one.sensor, one.time) == (other.sensor, other.time)
    said = [w for w in one.attrs["provenance"].warnings if "compressed as a whole" in w]
    assert len(said) == (ending == ".tar.gz")


def test_a_folder_of_archives_is_a_series(tmp_path):
    for product in (LATER, C2):
        packed(level2(tmp_path / f"of_{product}", product), tmp_path / f"{product}.tar")
    inside = tmp_path / "season"
    inside.mkdir()
    for file in tmp_path.glob("*.tar"):
        file.rename(inside / file.name)
    found = find_items([str(inside)])
    assert [(i.date, i.cloud_cover) for i in found] == [("2023-06-07", 12.5), ("2023-06-15", 12.5)]
    assert open_scene(found[0].paths).time == "2023-06-07"


def test_an_archive_beside_what_was_unpacked_from_it_counts_once(tmp_path):
    for product in (LATER, C2):
        folder = level2(tmp_path / product, product)
        packed(folder, tmp_path / f"{product}.tar")
    assert [i.date for i in find_items([str(tmp_path)])] == ["2023-06-07", "2023-06-15"]


def test_a_folder_with_one_archive_is_that_archive(tmp_path):
    packed(level2(tmp_path / "of", C2), tmp_path / f"{C2}.tar")
    (tmp_path / "download").mkdir()
    (tmp_path / f"{C2}.tar").rename(tmp_path / "download" / f"{C2}.tar")
    assert open_scene(tmp_path / "download").sensor == "landsat_c2l2"


def test_a_broken_archive_says_so(tmp_path):
    whole = packed(level2(tmp_path / "of", C2), tmp_path / f"{C2}.tar").read_bytes()
    (tmp_path / "short.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"short\.tar is cut short") as caught:
        open_scene(tmp_path / "short.tar")
    assert "again" in caught.value.hint
    (tmp_path / "page.tar.gz").write_bytes(b"<html>log in</html>" * 99)
    with pytest.raises(SourceError, match=r"page\.tar\.gz is cut short or no archive"):
        open_scene(tmp_path / "page.tar.gz")
    with tarfile.open(tmp_path / "none.tar", "w") as archive:
        archive.add(tmp_path / "page.tar.gz", "page.txt")
    with pytest.raises(SourceError, match=r"none\.tar holds no image .* but page\.txt"):
        open_scene(tmp_path / "none.tar")


def test_names_in_an_archive_lead_nowhere_else(tmp_path):
    secret = tmp_path / "secret.tif"
    write(secret, counts("green", 1e-4, 0))
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        link = tarfile.TarInfo("LC08_B3.TIF")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    with pytest.raises(SourceError, match="holds no image"):
        open_scene(tmp_path / "x.tar")


def test_the_mtl_tells_what_renamed_bands_do_not(tmp_path):
    # SR_B3 is red on Landsat 5; nothing but the MTL tells the satellite
    product = "LT05_L2SP_178027_20030607_20200905_02_T1"
    for number, name in {2: "green", 3: "red", 4: "nir08"}.items():
        write(tmp_path / f"SR_B{number}.tif", counts(name, 2.75e-5, -0.2), 0)
    write_mtl(tmp_path / "x_MTL.xml", product)
    scene = open_scene(tmp_path)
    assert holds_the_ground(scene, 1.4e-5)
    assert (band_names(scene), scene.time) == (["green", "red", "nir08"], "2003-06-07")


def test_the_factors_of_level_2_are_those_of_the_mtl(tmp_path):
    for number, name in {3: "green", 5: "nir08", 6: "swir16"}.items():
        write(tmp_path / f"{C2}_SR_B{number}.TIF", counts(name, 2e-5, -0.1), 0)
    write_mtl(tmp_path / f"{C2}_MTL.txt", C2, level2=(2e-5, -0.1))
    assert holds_the_ground(open_scene(tmp_path), 1.1e-5)


def test_an_mtl_of_another_scene_is_said_and_not_used(tmp_path):
    folder = level2(tmp_path / "x", C2)
    for file in folder.glob("*_MTL.*"):
        file.unlink()
    write_mtl(folder / f"{LATER}_MTL.txt", LATER)
    scene = open_scene(folder)
    assert scene.time == "2023-06-07"
    assert [w for w in scene.attrs["provenance"].warnings if "Landsat 9 on 2023-06-15" in w]
    assert holds_the_ground(scene, 1.4e-5)


def test_a_broken_mtl_does_not_stop_level_2_and_stops_level_1(tmp_path):
    folder = level2(tmp_path / "two", C2)
    for file in folder.glob("*_MTL.*"):
        file.write_text("<html>not found</html>")
    scene = open_scene(folder)
    assert holds_the_ground(scene, 1.4e-5)
    assert [w for w in scene.attrs["provenance"].warnings if "MTL was not used" in w]
    folder = level1(tmp_path / "one", L1, forms=("json",))
    (folder / f"{L1}_MTL.json").write_text('{"LANDSAT_METADATA_FILE": [')
    with pytest.raises(SourceError, match="is no MTL that can be read"):
        open_scene(folder)


def test_level_1_beside_the_mtl_of_its_level_2(tmp_path):
    level1(tmp_path, L1, forms=())
    write_mtl(tmp_path / f"{C2}_MTL.txt", C2)  # it has the factors of the Level 1 below it, too
    assert holds_the_ground(open_scene(tmp_path), 2.1e-5)


def test_saturated_pixels_are_flagged_beside_what_the_quality_band_says(tmp_path):
    folder = level2(tmp_path / "x", C2, saturated=[(0, 0), (0, WATER + 1)])
    scene = open_scene(folder)
    assert scene.flags.values[0, 0] == Flag.SATURATED | Flag.WATER
    assert scene.flags.values[0, WATER + 1] == Flag.SATURATED
    assert int((scene.flags.values & Flag.SATURATED > 0).sum()) == 2
    assert scene.attrs["provenance"].step("quality")["beside"] == {
        "qa_radsat": f"{C2}_QA_RADSAT.TIF"
    }
    (folder / f"{C2}_QA_PIXEL.TIF").unlink()  # what is left says nothing of clouds
    assert "flags" not in open_scene(folder)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("interpolated", [0, 140])
def test_gaps_of_landsat_7_are_unseen_filled_or_not(tmp_path, interpolated, packed):
    product = "LE07_L1TP_178027_20130607_20200907_02_T1"
    folder = level1(tmp_path / product, product)
    # the bands look at other places: gaps shift by pixels, and USGS interpolates into them
    shift = {"blue": 0, "green": 1, "red": 2, "nir08": 3, "swir16": 4, "swir22": 5}
    places = {name: np.s_[10 + off : 16 + off, :] for name, off in shift.items()}
    gaps_of(folder, product, interpolated, places, packed)
    scene = open_scene(folder)
    for name, place in places.items():
        hidden = np.isnan(scene[name].values)
        assert hidden[place].all()
        assert int(hidden.sum()) == 6 * 40
    step = scene.attrs["provenance"].step("bands")
    assert not [title for title in step["unread"] if "GM_B1" in title]
    assert len(scene.attrs["provenance"].step("nodata")["masks"]) == 6


@pytest.mark.parametrize("level", [1, 2])
def test_gaps_are_counted_as_unseen_never_as_water_or_land(tmp_path, level):
    product = f"LE07_L{level}{'TP' if level == 1 else 'SP'}_178027_20130607_20200907_02_T1"
    folder = (level1 if level == 1 else level2)(tmp_path / product, product)
    for file in folder.glob("*_B?.TIF"):
        if "ST_B" not in file.name:
            with rasterio.open(file, "r+") as dataset:
                numbers = dataset.read(1)
                numbers[10:16] = 0  # the fill of Level 1 and of Level 2
                dataset.write(numbers, 1)
    with rasterio.open(folder / f"{product}_QA_PIXEL.TIF", "r+") as dataset:
        numbers = dataset.read(1)
        numbers[10:16] = 1
        dataset.write(numbers, 1)
    mask = map_water(open_scene(folder), method="mndwi:zero")
    labels = mask.labels.values
    assert (labels[10:16] == 0).all()
    seen = np.delete(labels, np.s_[10:16], axis=0)
    assert (seen[:, :WATER] == 2).all()
    assert (seen[:, WATER:] == 1).all()


def test_the_scanner_mss_is_refused(tmp_path):
    product = "LM05_L1TP_178027_19860531_20200917_02_T2"
    for number in (1, 2, 3, 4):
        write(tmp_path / f"{product}_B{number}.TIF", counts("green", 4e-3, 0, "uint8"))
    write_mtl(tmp_path / f"{product}_MTL.txt", product)
    with pytest.raises(SourceError, match="scanner MSS") as caught:
        open_scene(tmp_path)
    assert "TM, ETM" in caught.value.hint


@pytest.mark.realdata
def test_the_real_gaps_of_landsat_7(realdata):
    name = "LE07_L1TP_107068_20220310_20220405_02_T1"
    folder = realdata / "landsat_eodatasets" / name
    scene = open_scene(folder)
    with rasterio.open(folder / f"{name}_GM_B1.TIF") as mask:
        gap = mask.read(1) == 0
    with rasterio.open(folder / f"{name}_B1.TIF") as band:
        interpolated = gap & (band.read(1) > 0)
    assert (int(gap.sum()), int(interpolated.sum())) == (172, 70)
    np.testing.assert_array_equal(np.isnan(scene.blue.values), gap)


@pytest.mark.realdata
def test_real_bundles_open_alike_as_folder_and_as_tar(realdata, tmp_path):
    folders = sorted((realdata / "landsat_eodatasets").glob("L*"))
    assert len(folders) == 7
    for folder in folders:
        archive = packed(folder, tmp_path / f"{folder.name}.tar")
        one, other = open_scene(archive), open_scene(folder)
        assert (one.sensor, one.time) == (other.sensor, other.time)
        assert one.time == dated(folder.name)
        np.testing.assert_array_equal(one.green.values, other.green.values)
