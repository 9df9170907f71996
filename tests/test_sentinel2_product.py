"""Products of Sentinel-2 as they are shipped: every layout, baseline and way to name one."""

import dataclasses
import shutil
import zipfile

import numpy as np
import pytest

from obriy.errors import BandError, InputError, SourceError, UsageError
from obriy.model.flags import Flag
from obriy.model.scene import band_names
from obriy.sources.finding import find_items
from obriy.sources.reading import probe
from obriy.sources.sampled import look
from obriy.sources.scene import open_scene
from obriy.sources.sentinel2_layout import product_of
from obriy.sources.sentinel2_metadata import facts_of
from obriy.tables.sensor import load_sensor
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import plan_job
from obriy.workflows.opening import with_terrain
from sentinel2_files import (
    IDS,
    PIXEL_M,
    SIDE,
    SUN,
    Product,
    numbers_of,
    product_xml,
    reflectance,
    tile_xml,
    write_aws,
    write_before_2016,
    write_earth_search,
    write_image,
    write_safe,
    zipped,
)

COMMON = {band.id: band.common for band in load_sensor("sentinel2_l1c").bands}
L2A = Product()
L1C = Product("1C", "05.09")
OLD_L2A = Product("2A", "02.12")
OLD_L1C = Product("1C", "02.09")


def check_bands(scene, ids=IDS[1:4], pixel=10):
    """The reflectance of bands that lie on the scene's grid is what was written."""
    for band in ids:
        np.testing.assert_allclose(
            scene[COMMON[band]].to_numpy(), reflectance(band, pixel), atol=2e-4
        )


def record_of(scene, step):
    return scene.attrs["provenance"].step(step)


# What is opened, wherever in it the name leads


@pytest.fixture(scope="module")
def safe(tmp_path_factory):
    return write_safe(tmp_path_factory.mktemp("l2a"), L2A)


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "MTD_MSIL2A.xml",
        "manifest.safe",
        "GRANULE",
        "GRANULE/{}",
        "GRANULE/{}/MTD_TL.xml",
        "GRANULE/{}/IMG_DATA",
        "GRANULE/{}/IMG_DATA/R10m",
        "GRANULE/{}/IMG_DATA/R20m",
        "GRANULE/{}/IMG_DATA/R60m",
    ],
)
def test_every_part_of_a_product_opens_the_product(safe, inside):
    scene = open_scene(safe / inside.format(L2A.granule))
    assert set(band_names(scene)) == {COMMON[b] for b in IDS if b != "B10"}
    assert scene["green"].shape == (SIDE, SIDE)
    assert (scene.attrs["sensor"], scene.attrs["time"]) == ("sentinel2_l2a", "2023-06-07")
    check_bands(scene)
    read = record_of(scene, "bands")["read"]
    assert read["green"] == "T36TWT_20230607T083609_B03_10m.jp2 band 1"
    assert read["scl"] == "T36TWT_20230607T083609_SCL_20m.jp2 band 1"
    assert not {"TCI", "AOT", "WVP", "PVI", "MSK"} & set("_".join(read.values()).split("_"))
    flags = scene["flags"].to_numpy()
    assert ((flags & Flag.WATER) > 0).sum() == 144
    assert ((flags & Flag.CLOUD) > 0).sum() == 64
    assert scene.attrs["provenance"].warnings == ()


def test_an_archive_opens_the_product_without_being_unpacked(safe, tmp_path):
    archive = zipped(shutil.copytree(safe, tmp_path / safe.name))
    shutil.rmtree(tmp_path / safe.name)
    for path in (archive, archive / safe.name, f"/vsizip/{archive}"):
        scene = open_scene(path)
        check_bands(scene)
        assert scene.attrs["time"] == "2023-06-07"
        inputs = scene.attrs["provenance"].inputs
        assert inputs == ({"href": str(archive), "bytes": archive.stat().st_size},)
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_a_folder_with_one_product_is_that_product(safe, tmp_path):
    shutil.copytree(safe, tmp_path / "down" / safe.name)
    check_bands(open_scene(tmp_path / "down"))


@pytest.mark.parametrize("product", [L2A, L1C, OLD_L2A, OLD_L1C], ids=lambda p: p.name)
@pytest.mark.parametrize("shape", ["folder", "zip", "granule alone", "images alone"])
def test_levels_and_baselines(tmp_path, product, shape):
    root = write_safe(tmp_path, product)
    granule = root / "GRANULE" / product.granule
    path = {"folder": root, "zip": None, "granule alone": granule}.get(shape)
    if shape == "zip":
        path = zipped(root)
    elif path != root:
        parts = [] if shape == "granule alone" else ["IMG_DATA"]
        path = shutil.copytree(granule.joinpath(*parts), tmp_path / "copy" / (parts or ["g"])[0])
    scene = open_scene(path)
    check_bands(scene)
    level = {"1C": "sentinel2_l1c", "2A": "sentinel2_l2a"}[product.level]
    assert (scene.attrs["sensor"], scene.attrs["time"]) == (level, "2023-06-07")
    assert ("cirrus" in scene) == (product.level == "1C")
    by = {"images alone": "sensor table"}.get(shape, "product")
    assert record_of(scene, "scaling")["by"] == by


@pytest.mark.parametrize("product", [L1C, OLD_L1C, L2A, OLD_L2A], ids=lambda p: p.name)
@pytest.mark.parametrize("inside", ["", "metadata.xml", "tileInfo.json"])
def test_tiles_of_aws(tmp_path, product, inside):
    scene = open_scene(write_aws(tmp_path, product) / inside)
    check_bands(scene)
    assert scene.attrs["time"] == "2023-06-07"
    assert scene.attrs["sensor"] == f"sentinel2_l{product.level.lower()}"
    assert record_of(scene, "product")["baseline"] == product.baseline
    assert record_of(scene, "scaling")["by"] == "product"


def test_a_tile_of_aws_without_metadata_goes_by_the_name_of_its_product(tmp_path):
    scene = open_scene(write_aws(tmp_path, L2A, metadata=False) / "R10m")
    check_bands(scene)
    assert record_of(scene, "scaling")["reason"].endswith("processing baseline 05.09")


@pytest.mark.parametrize("named", ["B{}", "common"])
@pytest.mark.parametrize("applied", [True, False])
def test_copies_of_earth_search(tmp_path, named, applied):
    root = write_earth_search(tmp_path, L2A, applied, named)
    for path in (root, root / "granule_metadata.xml", root / f"{root.name}.json"):
        scene = open_scene(path)
        check_bands(scene)
        assert set(band_names(scene)) == {COMMON[b] for b in IDS if b != "B10"}
        assert scene.attrs["time"] == "2023-06-07"
        assert record_of(scene, "boa_offset")["inside"] == (not applied)


def test_products_before_december_2016_are_of_one_granule_each(tmp_path):
    root = write_before_2016(tmp_path)
    first, second = sorted(path.name for path in (root / "GRANULE").iterdir())
    with pytest.raises(SourceError, match="2 granules") as refused:
        open_scene(root)
    assert first in str(refused.value)
    assert second in str(refused.value)
    for path in (root / "GRANULE" / second, root / "GRANULE" / second / "IMG_DATA"):
        scene = open_scene(path)
        check_bands(scene)
        read = record_of(scene, "bands")["read"]
        assert all("T36TXT" in file for file in read.values())
        assert scene.attrs["time"] == "2016-09-07"
    with pytest.raises(SourceError, match="2 granules"):
        open_scene(zipped(root))
    archive = root.with_name(f"{root.name}.zip")
    check_bands(open_scene(archive / root.name / "GRANULE" / first))


def test_an_old_product_of_one_granule_opens_whole(tmp_path):
    scene = open_scene(write_before_2016(tmp_path, ("T36TWT",)))
    check_bands(scene)
    assert (scene.attrs["sensor"], scene.attrs["time"]) == ("sentinel2_l1c", "2016-09-07")


def test_metadata_of_2017_have_other_names_for_the_same(tmp_path):
    renamed = {
        "BOA_QUANTIFICATION_VALUE": "L2A_BOA_QUANTIFICATION_VALUE",
        "QUANTIFICATION_VALUES_LIST": "L1C_L2A_Quantification_Values_List",
        "Product_Info": "L2A_Product_Info",
        "PRODUCT_URI": "PRODUCT_URI_2A",
    }
    product = dataclasses.replace(OLD_L2A, full=2000, baseline="02.06")
    root = write_safe(tmp_path, product)
    text = product_xml(product)
    for new, old in renamed.items():
        text = text.replace(f"<{new}", f"<{old}").replace(f"</{new}", f"</{old}")
    (root / "MTD_MSIL2A.xml").write_text(text)
    (root / "GRANULE" / product.granule / "MTD_TL.xml").write_text(
        tile_xml(product).replace("<TILE_ID", "<TILE_ID_2A").replace("/TILE_ID", "/TILE_ID_2A")
    )
    scene = open_scene(root)
    np.testing.assert_allclose(scene["red"].to_numpy(), reflectance("B04"), atol=6e-4)
    assert record_of(scene, "product")["quantification"] == 2000


def test_clouds_of_level_1c(tmp_path):
    scene = open_scene(write_safe(tmp_path, L1C))
    flags = scene["flags"].to_numpy()
    for flag, row, column in ((Flag.CLOUD, 6, 2), (Flag.CIRRUS, 6, 3), (Flag.SNOW, 7, 4)):
        expected = np.zeros((SIDE, SIDE), bool)
        expected[6 * row : 6 * row + 6, 6 * column : 6 * column + 6] = True
        np.testing.assert_array_equal((flags & flag) > 0, expected)
    assert set(np.unique(flags)) == {0, Flag.CLOUD, Flag.CIRRUS, Flag.SNOW}
    old = open_scene(write_safe(tmp_path, OLD_L1C))
    assert "flags" not in old
    (said,) = old.attrs["provenance"].warnings
    assert "MSK_CLOUDS_B00.gml" in said


# What decides


def test_every_band_has_its_own_offset(tmp_path):
    product = dataclasses.replace(L2A, add={"B03": -500, "B8A": -1500})
    scene = open_scene(write_safe(tmp_path, product))
    check_bands(scene)
    pairs = record_of(scene, "scaling")["bands"]
    assert (pairs["green"][1], pairs["nir08"][1], pairs["nir"][1]) == (-0.05, -0.15, -0.1)


def test_metadata_outrank_the_name_and_what_differs_is_said(tmp_path):
    root = write_safe(tmp_path, L2A, OLD_L2A.name + ".SAFE")
    scene = open_scene(root)
    check_bands(scene)
    (said,) = scene.attrs["provenance"].warnings
    assert "05.09" in said
    assert "02.12" in said


def test_the_user_outranks_metadata_and_hears_of_it(safe):
    scene = open_scene(safe, offset=0)
    np.testing.assert_allclose(scene["green"].to_numpy(), reflectance("B03") + 0.1, atol=2e-4)
    assert "offset -0.1" in scene.attrs["provenance"].warnings[0]
    scene = open_scene(safe, scale=0.0002)
    np.testing.assert_allclose(scene["green"].to_numpy(), reflectance("B03") * 2, atol=4e-4)
    assert "scale 0.0001" in scene.attrs["provenance"].warnings[0]


def test_numbers_that_were_harmonised_in_place_are_doubted(tmp_path):
    root = write_safe(tmp_path, dataclasses.replace(L2A, baseline="03.01"))
    (root / "MTD_MSIL2A.xml").write_text(product_xml(L2A))
    scene = open_scene(root)
    assert any("--offset 0" in said for said in scene.attrs["provenance"].warnings)
    root = write_safe(tmp_path, L2A, "other.SAFE")
    (root / "MTD_MSIL2A.xml").write_text(product_xml(dataclasses.replace(L2A, baseline="03.01")))
    scene = open_scene(root)
    assert any("--offset -0.1" in said for said in scene.attrs["provenance"].warnings)


def test_zero_in_one_band_is_dark_where_no_offset_is_inside(tmp_path):
    root = write_safe(tmp_path, OLD_L2A)
    file = next(root.glob("**/*_B08_10m.jp2"))
    numbers = numbers_of(OLD_L2A, "B08", 10)
    numbers[14:20, 14:20] = 0
    write_image(file, numbers, 10)
    scene = open_scene(root)
    nir = scene["nir"].to_numpy()
    assert (nir[14:20, 14:20] == 0).all()
    assert np.isnan(nir[:, :6]).all()


def test_saturated_pixels_are_no_reflectance(tmp_path):
    root = write_safe(tmp_path, L2A)
    numbers = numbers_of(L2A, "B04", 10)
    numbers[30:34, 30:34] = 65535
    write_image(next(root.glob("**/*_B04_10m.jp2")), numbers, 10)
    scene = open_scene(root)
    assert np.isnan(scene["red"].to_numpy()[30:34, 30:34]).all()
    assert np.isfinite(scene["green"].to_numpy()[30:34, 30:34]).all()


def test_sun_and_view_are_in_the_record(safe):
    step = record_of(open_scene(safe), "product")
    assert (step["sun_elevation"], step["sun_azimuth"]) == (90 - SUN[0], SUN[1])
    assert (step["view_zenith"], step["view_azimuth"]) == (4.0, 0.0)  # of 350 and 10 degrees
    assert step["time"] == "2023-06-07T08:36:09.458Z"  # of the granule, not of the data take
    assert (step["platform"], step["cloud_cover"]) == ("Sentinel-2B", 2.5)


def test_the_shade_of_mountains_is_by_the_sun_of_the_product(safe, tmp_path):
    dem = tmp_path / "dem.tif"
    write_image(dem, np.full((SIDE, SIDE), 300), 10, "int16")
    step = record_of(with_terrain(open_scene(safe), str(dem), "2023-06-07"), "terrain")
    assert (step["sun_elevation"], step["sun_azimuth"]) == (27.5, 151.2)
    other = record_of(with_terrain(open_scene(safe / "GRANULE"), str(dem), "2023-12-07"), "terrain")
    assert other["sun_elevation"] == 27.5


@pytest.mark.parametrize(
    ("resolution", "file", "shape"),
    [(None, "10m", 48), (10, "10m", 48), (15, "10m", 32), (20, "20m", 24), (60, "60m", 8)],
)
def test_the_files_of_the_resolution_asked_are_read(safe, resolution, file, shape):
    scene = open_scene(safe, resolution=resolution)
    assert file in record_of(scene, "bands")["read"]["green"]
    assert scene["green"].shape == (shape, shape)
    if resolution in (20, 60):
        check_bands(scene, pixel=resolution)


def test_the_list_of_bands_chooses_in_any_order(safe):
    scene = open_scene(safe, bands="nir,-,B03,swir16")
    assert set(band_names(scene)) == {"green", "nir", "swir16"}
    assert "flags" in scene
    check_bands(scene, ["B03"])
    with pytest.raises(BandError, match="no band 'b10'"):
        open_scene(safe, bands="B03,B10")


def test_files_named_one_by_one_go_by_their_product(tmp_path):
    product = dataclasses.replace(L2A, add={"B03": -500})
    root = write_safe(tmp_path, product)
    files = sorted(root.glob("**/IMG_DATA/R10m/*_B0?_10m.jp2"))
    scene = open_scene(files)
    check_bands(scene)
    assert record_of(scene, "scaling")["by"] == "product"
    archive = zipped(root)
    inside = [f"/vsizip/{archive}/{file.relative_to(tmp_path)}" for file in files]
    check_bands(open_scene(inside))
    (root / "MTD_MSIL2A.xml").write_text("<broken")  # the files were named: they are what counts
    assert record_of(open_scene(files), "scaling")["by"] != "product"


def test_few_windows_are_looked_at_unless_they_hold_nothing(tmp_path):
    numbers = np.zeros((1100, 1100), "uint16")
    for place, windows in ((0, 9), (140, 25)):  # in the corner all look; of 140 only the many
        numbers[:] = 0
        numbers[place : place + 100, place : place + 100] = 1500
        file = tmp_path / f"{place}.tif"
        write_image(file, numbers, 10)
        (band,) = probe(str(file))
        found = look({"green": band}, {"green": ()}, told=True)["green"]
        assert len(found) == windows * 128 * 128
        assert (found == 1500).sum() == 10_000


# What is refused


def test_another_sensor_is_refused(safe):
    with pytest.raises(UsageError, match="sentinel2_l2a"):
        open_scene(safe, sensor="landsat_c2l2")
    assert open_scene(safe, sensor="sentinel2_l2a").attrs["sensor"] == "sentinel2_l2a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<n1:a", "no XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "entities"),
        (product_xml(L2A).replace(">10000<", ">ten<"), "no number"),
        (product_xml(L2A).replace(">10000<", ">0<"), "reflectance of 1 is 0"),
        (product_xml(L2A).replace('band_id="3"', 'band_id="13"'), "band '13'"),
    ],
)
def test_broken_metadata_are_named(tmp_path, text, said):
    root = write_safe(tmp_path, L2A)
    (root / "MTD_MSIL2A.xml").write_text(text)
    with pytest.raises(SourceError, match=said):
        open_scene(root)


def test_archives_that_hold_no_product_or_several(safe, tmp_path):
    broken = tmp_path / f"{L2A.name}.zip"
    broken.write_bytes(b"PK\3\4 and no more")
    with pytest.raises(SourceError, match="cut short or no archive"):
        open_scene(broken)
    several = tmp_path / "two.zip"
    with zipfile.ZipFile(several, "w") as file:
        for product in (L2A, OLD_L2A):
            file.writestr(f"{product.name}.SAFE/MTD_MSIL2A.xml", product_xml(product))
    with pytest.raises(SourceError, match="several products"):
        open_scene(several)
    other = tmp_path / "photos.zip"
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("beach.txt", "sunny")
    assert product_of(str(other)) is None


def test_a_product_without_bands_is_refused(tmp_path):
    root = write_safe(tmp_path, L2A)
    shutil.rmtree(root / "GRANULE" / L2A.granule / "IMG_DATA")
    with pytest.raises(BandError, match="no band"):
        open_scene(root)


def test_other_folders_and_files_are_no_products(tmp_path, safe):
    (tmp_path / "R10m").mkdir()
    (tmp_path / "metadata.xml").write_text("<a/>")
    assert product_of(str(tmp_path)) is None
    assert product_of(str(tmp_path / "metadata.xml")) is None
    assert product_of("simulated:?seed=1") is None
    assert product_of(str(tmp_path / "none.SAFE")) is None
    band = next(safe.glob("**/*_B02_10m.jp2"))
    assert product_of(str(band)) is None  # one band file is an image of its own


# Series


def test_products_in_a_folder_are_a_series(tmp_path):
    later = dataclasses.replace(L2A, sensed="20230622T083609", made="20230622T110000")
    write_safe(tmp_path, L2A, "first.SAFE")
    shutil.rmtree(write_zip_of(tmp_path, later))
    images = find_items([str(tmp_path)])
    assert [image.date for image in images] == ["2023-06-07", "2023-06-22"]
    assert [image.cloud_cover for image in images] == [2.5, 2.5]
    for image in images:
        check_bands(open_scene(image.paths[0]))
    (alone,) = find_items([str(tmp_path / "first.SAFE")])
    assert (alone.time, alone.source) == ("2023-06-07T08:36", "sentinel2")


def test_a_download_that_ended_early_is_a_date_that_failed(tmp_path):
    write_safe(tmp_path, L2A)
    lost = tmp_path / L2A.name.replace("20230607T083609", "20230622T083609")
    (lost.with_name(f"{lost.name.removesuffix('.SAFE')}.SAFE") / "GRANULE").mkdir(parents=True)
    assert [item.date for item in find_items([str(tmp_path)])] == ["2023-06-07", "2023-06-22"]
    plan = plan_job(make_config(WaterConfig, {"source": str(tmp_path)}))
    assert "holds no image" in plan["failed"]["2023-06-22"]


def write_zip_of(folder, product):
    root = write_safe(folder, product)
    zipped(root)
    return root


def test_two_tiles_of_one_day_are_refused(tmp_path):
    for tile in ("T36TWT", "T36TXT"):
        write_safe(tmp_path, dataclasses.replace(L2A, tile=tile))
    with pytest.raises(InputError, match="more than one image of 2023-06-07"):
        plan_job(make_config(WaterConfig, {"source": str(tmp_path)}))


# Real ones


@pytest.mark.realdata
def test_real_metadata_of_all_baselines(realdata):
    known = {
        "S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157": ("L2A", "05.09", -1000),
        "S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126": ("L2A", "04.00", -1000),
        "S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857": ("L2A", "02.12", 0),
        "S2A_MSIL2A_20180721T053721_N0212_R062_T43MDV_20201011T181419": ("L2A", "02.12", 0),
        "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248": ("L1C", "03.01", 0),
        "S2A_MSIL1C_20200717T221941_R029_T01LAC_20200717T234135": ("L1C", "02.09", 0),
    }
    for product, (level, baseline, offset) in known.items():
        folder = realdata / "s2_safe_metadata" / f"{product}.SAFE"
        (file,) = folder.glob("MTD*")
        facts, disagree = facts_of([(file.name, file.read_text())], [folder.name])
        assert (facts["level"], facts["baseline"]) == (level, baseline)
        assert set(facts["offsets"].values()) == {offset}
        assert len(facts["offsets"]) == 13
        assert facts["time"][:10] == f"{product[11:15]}-{product[15:17]}-{product[17:19]}"
        assert facts["platform"] == f"Sentinel-2{product[2]}"
        assert (facts["nodata"], facts["saturated"], facts["quantification"]) == (0, 65535, 10_000)
        assert 0 <= facts.get("cloud_cover", 0) <= 100
        assert disagree == ()


@pytest.mark.realdata
def test_a_real_tile_of_aws(realdata):
    scene = open_scene(realdata / "s2_l1c_aws_T55JGF")
    assert (scene.attrs["sensor"], scene.attrs["time"]) == ("sentinel2_l1c", "2018-06-17")
    assert set(band_names(scene)) == set(COMMON.values())
    step = record_of(scene, "product")
    assert (step["platform"], step["baseline"]) == ("Sentinel-2B", "02.06")
    assert record_of(scene, "scaling")["offset"] == 0


def test_the_pixels_of_the_bands_are_of_their_size():
    assert {PIXEL_M[band.id] for band in load_sensor("sentinel2_l1c").bands} == {10, 20, 60}
    assert [band.id for band in load_sensor("sentinel2_l1c").bands] == list(IDS)
