"""Pictures of MODIS: the brightening undone, and what that gives on real ones."""

import csv

import numpy as np
import pytest
import rasterio

from obriy.errors import BandError, GridError, SourceError, UsageError
from obriy.model.flags import Flag
from obriy.model.grid import geobox_of
from obriy.sources import open_scene
from obriy.sources.land_mask import UNMASKED
from obriy.sources.modis.pictures import open_picture, undo_enhancement

BARENTS = "modis_ice/barents_kara_seas-100km-20250507/20250507.250m.aqua"
GREENLAND = "modis_ice/ne-greenland.20220914.terra.250m"


def picture(path, numbers, left=0.0):
    numbers = np.asarray(numbers, "uint8")
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=numbers.shape[0], crs="EPSG:3413",
        height=numbers.shape[1], width=numbers.shape[2],
        transform=rasterio.Affine(250, 0, left, 0, -250, 0),
    ) as dataset:  # fmt: skip
        dataset.write(numbers)
    return path


def test_the_points_of_the_published_table():
    """Pen and paper: 110 was 30 of 255 between -0.01 and 1.10: -0.01 + 1.11 x 30/255 = 0.1206."""
    found = undo_enhancement(np.array([0, 55, 110, 160, 210, 240, 255], "uint8"), "falsecolor")
    by_hand = [-0.01, 0.0553, 0.1206, 0.2512, 0.5124, 0.8171, 1.10]
    np.testing.assert_allclose(found, by_hand, atol=1e-4)
    whole = np.arange(256).astype("uint8")
    assert (np.diff(undo_enhancement(whole, "truecolor")) > 0).all()


def test_bands_by_the_kind_of_picture(tmp_path):
    true = picture(
        tmp_path / "20210314.truecolor.tif", np.full((3, 2, 2), [[[200]], [[100]], [[50]]])
    )
    false = picture(tmp_path / "20210314.falsecolor.tif", [[[0, 9], [9, 9]]] * 3)
    alone = open_picture(true)
    assert set(alone.data_vars) == {"red", "green", "blue"}
    assert alone.attrs["time"] == "2021-03-14"
    order = [float(alone[band].mean()) for band in ("red", "green", "blue")]
    assert order[0] > order[1] > order[2]
    both = open_picture(true, false)
    assert set(both.data_vars) == {"red", "green", "blue", "swir22", "nir"}
    # Band 1 of the false colour is taken: 9 is -0.01 + 1.11 x (9 x 30/110)/255 = 0.0007.
    assert float(both["red"][1, 1]) == pytest.approx(0.0007, abs=1e-4)
    assert any("brightened" in w for w in both.attrs["provenance"].warnings)
    assert UNMASKED in both.attrs["provenance"].warnings


def test_a_picture_is_opened_by_its_name_with_what_lies_beside(tmp_path):
    true = picture(tmp_path / "20210314.terra.truecolor.tif", np.full((3, 2, 2), 90))
    assert set(open_scene(true)) == {"red", "green", "blue"}
    false = picture(tmp_path / "20210314.terra.falsecolor.tif", np.full((3, 2, 2), 9))
    land = picture(tmp_path / "20210314.terra.landmask.tif", np.array([[[255, 0], [0, 0]]]))
    for named in (true, [true, false, land]):
        scene = open_scene(named)
        assert {"red", "green", "blue", "nir", "swir22", "flags"} == set(scene)
        assert UNMASKED not in scene.attrs["provenance"].warnings
    assert UNMASKED in open_scene(true, land="none").attrs["provenance"].warnings
    assert set(open_scene(true, bands="red,green,blue")) == {"red", "green", "blue"}  # as told
    with pytest.raises(UsageError, match="keeps its grid"):
        open_scene(true, area="1,2,3,4")
    other = picture(tmp_path / "20210315.terra.truecolor.tif", np.full((3, 2, 2), 90))
    with pytest.raises(UsageError, match="one picture at a time"):
        open_scene([true, other])
    with pytest.raises(SourceError, match="does not exist"):
        open_scene(tmp_path / "20220314.terra.truecolor.tif")


@pytest.mark.parametrize("name", ["S2_truecolor.tif", "aquatic.truecolor.tif"])
def test_a_picture_of_another_satellite_is_not_taken_for_one(tmp_path, name):
    with pytest.raises(BandError, match="--bands"):
        open_scene(picture(tmp_path / name, np.full((3, 2, 2), 90)))


def test_black_is_missing_and_masks_become_flags(tmp_path):
    numbers = np.full((3, 2, 2), 90)
    numbers[:, 0, 0] = 0
    numbers[:2, 0, 1] = 0  # dark, but not black
    true = picture(tmp_path / "t.tif", numbers)
    land = picture(tmp_path / "land.tif", [[[0, 75], [0, 0]]])
    cloud = picture(tmp_path / "cloud.tif", [[[0, 0], [1, 0]]])
    scene = open_picture(true, None, land, cloud)
    assert np.isnan(scene["red"].to_numpy()).tolist() == [[True, False], [False, False]]
    assert scene["flags"].to_numpy().tolist() == [[0, Flag.LAND], [Flag.CLOUD, 0]]
    assert UNMASKED not in scene.attrs["provenance"].warnings


@pytest.mark.realdata
def test_real_water_is_dark_and_real_ice_is_bright(realdata):
    true = realdata / f"{BARENTS}.truecolor.tiff"
    scene = open_picture(
        true,
        realdata / f"{BARENTS}.falsecolor.tiff",
        realdata / f"{BARENTS}.landmask.tiff",
    )
    assert geobox_of(scene).shape == (400, 400)
    with (true.parent / "points.csv").open() as file:
        points = list(csv.DictReader(file))
    medians = {}
    for kind in ("water", "ice"):
        where = [(int(p["row"]), int(p["col"])) for p in points if p["class"] == kind]
        rows, columns = np.array(where).T
        medians[kind] = {
            str(b): float(np.median(scene[b].to_numpy()[rows, columns])) for b in scene.data_vars
        }
    # Open sea: 0.02 to 0.06 in red and green, nothing in the near infrared; snow on ice 0.6 to 0.9,
    # and dark at 2.1 micrometres.
    assert -0.01 <= medians["water"]["red"] < 0.06
    assert 0.02 < medians["water"]["green"] < 0.06
    assert medians["water"]["nir"] < 0.02
    assert 0.6 < medians["ice"]["red"] < 0.9
    assert 0.6 < medians["ice"]["green"] < 0.9
    assert medians["ice"]["swir22"] < 0.05
    assert (scene["flags"].to_numpy() == 0).all()


@pytest.mark.realdata
def test_both_pictures_agree_on_band_1(realdata):
    """The honest part of the inversion: band 1 is in both, and nothing else can be checked."""
    for true in sorted(realdata.glob("modis_ice/*/*truecolor*")):
        partner = true.with_name(true.name.replace("truecolor", "falsecolor"))
        red = open_picture(true)["red"].to_numpy()
        other = open_picture(true, partner)["red"].to_numpy()
        off = np.abs(red - other)
        dark = other < 0.1
        assert np.percentile(off[dark], 90) < 0.05
        assert np.percentile(off[~dark], 90) < 0.13
        assert abs(np.median(red - other)) < 0.03


@pytest.mark.realdata
def test_clouds_drawn_as_fractions(realdata):
    folder = realdata / GREENLAND
    scene = open_picture(
        folder / "truecolor.tif", folder / "falsecolor.tif", None, folder / "cloud.tif"
    )
    assert scene.attrs["time"] == "2022-09-14"  # its folder tells
    cloud = scene["flags"].to_numpy() == Flag.CLOUD
    # The deck of cloud covers the east; the fast ice and the fjords in the west are mostly clear.
    assert cloud[:, 750:].mean() > 0.9
    assert cloud[:, 300:550].mean() < 0.25


def test_what_is_no_picture(tmp_path):
    true = picture(tmp_path / "t.tif", np.full((3, 2, 2), 90))
    with pytest.raises(SourceError, match="no file"):
        open_picture(tmp_path / "none.tif")
    with pytest.raises(BandError, match="1 band"):
        open_picture(picture(tmp_path / "one.tif", np.ones((1, 2, 2))))
    with pytest.raises(GridError, match="same ground"):
        open_picture(true, picture(tmp_path / "f.tif", np.ones((3, 2, 2)), left=5000))
    (tmp_path / "page.tif").write_text("<html>log in</html>")
    with pytest.raises(SourceError, match="cannot be opened"):
        open_picture(tmp_path / "page.tif")
