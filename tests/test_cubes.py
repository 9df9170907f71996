"""Cubes of several times, written by xarray, odc-geo, netCDF4 and zarr as those tools write them.

What a step holds is compared with what xarray decodes of the same file, which knows nothing of us.
"""

import netCDF4
import numpy as np
import odc.geo.xr  # noqa: F401 - gives datasets `.odc`
import pandas as pd
import pytest
import xarray as xr

from obriy.blocks.decoding import decoding_bytes
from obriy.blocks.gdal import open_raster
from obriy.errors import SourceError, UsageError
from obriy.model.flags import Flag
from obriy.model.scene import provenance_of
from obriy.sources.base import Query
from obriy.sources.finding import find_items
from obriy.sources.scene import asked, open_item, open_scene
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverCompareConfig, LandcoverConfig
from obriy.workflows.config.measure import MeasureConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.inputs import one_image
from obriy.workflows.jobs import run_job
from obriy.workflows.water.job import plan_water

SHAPE = (40, 50)
BANDS = ("B03", "B08", "B11")
COMMON = ("green", "nir", "swir16")
DAYS = ("2023-06-05", "2023-06-15", "2023-07-05")


def season(clock="08:36:09", names=BANDS, rows="down"):
    """Counts of 10 000 by band on three dates, a pond that grows, -999 where nothing is."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    bands = {}
    for name, (wet, dry) in zip(names, ((600, 900), (200, 3000), (100, 2500)), strict=True):
        ponds = [np.hypot(y - 20, x - 25) < radius for radius in (6, 9, 12)]
        values = np.where(ponds, wet, dry) + rng.integers(0, 50, (3, *SHAPE))
        values[1, :4, :7] = -999
        bands[name] = (("time", "y", "x"), values.astype("int16"))
    times = pd.to_datetime([f"{day}T{clock}" for day in DAYS])
    north = 5_199_995 - 10.0 * np.arange(SHAPE[0])
    axes = {"time": times, "y": north if rows == "down" else north[::-1]}
    cube = xr.Dataset(bands, {**axes, "x": 500_005 + 10.0 * np.arange(SHAPE[1])})
    return cube.odc.assign_crs("EPSG:32636")


def packed(cube, fill=-999):
    """The encoding of counts with a fill, which xarray gives back as NaN; it replaces others."""
    own = {"_FillValue": fill, "dtype": "int16"}
    return {name: {**cube[name].encoding, **own} for name in cube.data_vars}


def of_reflectance(cube):
    """The same as reflectance, to be stored in counts with a factor and an offset."""
    real = cube.where(cube != -999) / 10_000
    for name in real.data_vars:
        real[name].attrs, real[name].encoding = {}, dict(cube[name].encoding)
    return real


def scaled(cube):
    how = {"dtype": "int16", "scale_factor": 1e-4, "add_offset": -0.1, "_FillValue": -999}
    return {name: {**cube[name].encoding, **how} for name in cube.data_vars}


def odc_netcdf(path):
    cube = season()
    cube.to_netcdf(path / "odc.nc", encoding=packed(cube))
    return "odc.nc", 1e-4


def classic(path):
    cube = season(rows="up")
    cube.to_netcdf(path / "old.nc", format="NETCDF3_CLASSIC", engine="scipy", encoding=packed(cube))
    return "old.nc", 1e-4


def cf_packed(path):
    cube = of_reflectance(season())
    how = {name: {**e, "zlib": True, "chunksizes": (1, 20, 25)} for name, e in scaled(cube).items()}
    cube.to_netcdf(path / "packed.nc", encoding=how)
    return "packed.nc", 1.0


def band_axis(path, dims=("time", "band", "y", "x"), name="stack.nc"):
    cube = of_reflectance(season())
    stack = cube.to_dataarray("band", name="reflectance").transpose(*dims)
    stack.encoding = {}
    stack.to_dataset().odc.assign_crs("EPSG:32636").to_netcdf(path / name)
    return name, 1.0


def band_axis_first(path):
    return band_axis(path, ("band", "time", "y", "x"), "first.nc")


def of_openeo(path):
    """Dimensions t, y, x; a variable a band; `crs` holds the CRS; days are counted from 1990."""
    cube = season("00:00:00")
    with netCDF4.Dataset(path / "openEO.nc", "w", format="NETCDF4") as file:
        file.Conventions = "CF-1.9"
        for dim, size in zip(("t", "y", "x"), (3, *SHAPE), strict=True):
            file.createDimension(dim, size)
            file.createVariable(dim, "f8", (dim,))
        file["t"].setncatts({"standard_name": "t", "units": "days since 1990-01-01 00:00:00"})
        file["t"][:] = (cube.time.to_numpy() - np.datetime64("1990-01-01")) / np.timedelta64(1, "D")
        for axis in "yx":
            named = {"standard_name": f"projection_{axis}_coordinate", "units": "m"}
            file[axis].setncatts(named)
            file[axis][:] = cube[axis].to_numpy()
        crs = file.createVariable("crs", "S1")
        wkt = cube.odc.crs.to_wkt(version="WKT1_GDAL")
        crs.setncatts({"crs_wkt": wkt, "spatial_ref": wkt})
        for name in BANDS:
            band = file.createVariable(name, "i2", ("t", "y", "x"), zlib=True, fill_value=-999)
            band.setncatts({"long_name": name, "grid_mapping": "crs", "units": ""})
            band.set_auto_maskandscale(False)
            band[:] = cube[name].to_numpy()
    return "openEO.nc", 1e-4


def of_cdo(path):
    """Latitudes that rise, hours, bounds of the times, no grid mapping."""
    cube = season().drop_vars("spatial_ref").rename(y="lat", x="lon")
    lat = {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"}
    lon = {"standard_name": "longitude", "units": "degrees_east", "axis": "X"}
    cube = cube.assign_coords(
        lat=("lat", 47 + 1e-4 * np.arange(SHAPE[0]), lat),
        lon=("lon", 33 + 1e-4 * np.arange(SHAPE[1]), lon),
    )
    for name in cube.data_vars:
        cube[name].attrs, cube[name].encoding = {}, {}
    cube["time_bnds"] = (("time", "bnds"), np.zeros((3, 2)))
    cube.time.attrs["bounds"] = "time_bnds"
    counted = {"units": "hours since 2023-06-01 00:00:00", "calendar": "standard"}
    hours = {"time": {**counted, "dtype": "f8"}}
    cube.to_netcdf(path / "cdo.nc", encoding=packed(cube[list(BANDS)]) | hours)
    return "cdo.nc", 1e-4


def zarr_2(path):
    pytest.importorskip("zarr", reason="zarr writes the store")
    cube = of_reflectance(season(rows="up"))
    how = {name: {**one, "chunks": (1, 16, 16)} for name, one in scaled(cube).items()}
    cube.to_zarr(path / "season.zarr", zarr_format=2, encoding=how)
    return "season.zarr", 1.0


def zarr_2_band_axis(path):
    pytest.importorskip("zarr", reason="zarr writes the store")
    stack = of_reflectance(season()).to_dataarray("band", name="reflectance")
    stack.encoding = {}
    stack.transpose("time", "band", "y", "x").to_dataset().to_zarr(
        path / "stack.zarr", zarr_format=2
    )
    return "stack.zarr", 1.0


WRITERS = (
    odc_netcdf, classic, cf_packed, band_axis, band_axis_first, of_openeo, of_cdo, zarr_2,
    zarr_2_band_axis,
)  # fmt: skip


def decoded(path, step):
    """Bands of a step as xarray reads them, rows from north to south."""
    engine = "zarr" if path.suffix == ".zarr" else None
    with xr.open_dataset(path, engine=engine) as file:
        cube = file["reflectance"].to_dataset("band") if "reflectance" in file else file
        along = next(dim for dim in cube[BANDS[0]].dims if dim in {"time", "t"})
        found = cube[list(BANDS)].isel({along: step}).load()
    (down,) = {"y", "lat"} & set(found.dims)
    return found.sortby(down, ascending=False)


def north_up(scene):
    return scene.isel(y=slice(None, None, 1 if scene.odc.geobox.affine.e < 0 else -1))


@pytest.mark.parametrize("write", WRITERS)
def test_every_step_is_what_was_written(tmp_path, write):
    name, factor = write(tmp_path)
    items = find_items([str(tmp_path / name)])
    assert [item.date for item in items] == list(DAYS)
    for step, item in enumerate(items):
        scene = open_item(item, asked())
        assert scene.attrs["time"] == DAYS[step]
        wanted = decoded(tmp_path / name, step)
        for band, common in zip(BANDS, COMMON, strict=True):
            np.testing.assert_allclose(
                north_up(scene)[common].to_numpy(), wanted[band].to_numpy() * factor, atol=1e-6
            )


@pytest.mark.parametrize("write", [of_cdo, zarr_2, of_openeo])
def test_the_grid_is_that_of_the_coordinates(tmp_path, write):
    name, _ = write(tmp_path)
    grid = open_item(find_items([str(tmp_path / name)])[0], asked()).odc.geobox
    degrees = write is of_cdo
    assert grid.crs.epsg == (4326 if degrees else 32636)
    box = (33 - 5e-5, 47 - 5e-5, 33.00495, 47.00395) if degrees else (5e5, 5199600, 500500, 5.2e6)
    assert tuple(grid.boundingbox) == pytest.approx(box, abs=1e-9 if degrees else 1e-6)


def test_items_tell_their_clock_unless_it_is_midnight(tmp_path):
    for folder, clock, write in (("a", "T08:36", odc_netcdf), ("b", "", of_openeo)):
        (tmp_path / folder).mkdir()
        name, _ = write(tmp_path / folder)
        items = find_items([str(tmp_path / folder)])
        assert [item.time for item in items] == [f"{day}{clock}" for day in DAYS]
        stem = name.removesuffix(".nc")
        assert [i.id for i in items] == [f"{stem}_{d}{clock.replace(':', '-')}" for d in DAYS]


def test_the_range_of_dates_chooses(tmp_path):
    name, _ = odc_netcdf(tmp_path)
    given = {"source": str(tmp_path / name), "datetime": "2023-06-10/.."}
    assert plan_water(make_config(WaterConfig, given))["dates"] == ["2023-06-15", "2023-07-05"]
    (item,) = find_items([str(tmp_path / name)], Query(datetime="2023-06-10/2023-06-30"))
    assert (item.date, item.step) == ("2023-06-15", 1)


def test_a_band_of_classes_gives_flags(tmp_path):
    cube = season()
    classes = np.full((3, *SHAPE), 4, "uint8")
    classes[2, 10:20, 30:] = 9  # cloud, high probability
    cube["SCL"] = (("time", "y", "x"), classes)
    cube = cube.odc.assign_crs("EPSG:32636")
    cube.to_netcdf(tmp_path / "cube.nc", encoding=packed(cube[list(BANDS)]))
    first, _, third = (open_item(i, asked()) for i in find_items([str(tmp_path / "cube.nc")]))
    assert not (first.flags.to_numpy() & Flag.CLOUD).any()
    hidden = (north_up(third).flags.to_numpy() & Flag.CLOUD) != 0
    assert hidden.sum() == 10 * 20
    assert hidden[10:20, 30:].all()


def test_a_file_a_band_is_one_cube(tmp_path):
    cube = season()
    for name in BANDS:
        one = cube[[name]]
        one.to_netcdf(tmp_path / f"S2_{name}.nc", encoding=packed(one))
    items = find_items([str(tmp_path)])
    assert [len(item.paths) for item in items] == [3, 3, 3]
    scene = open_item(items[1], asked())
    assert set(scene.data_vars) == set(COMMON)
    wanted = cube["B08"].isel(time=1).where(lambda counts: counts != -999) / 10_000
    np.testing.assert_allclose(north_up(scene).nir.to_numpy(), wanted.to_numpy(), atol=1e-6)


def test_cubes_of_several_years_are_one_season(tmp_path):
    cube = season()
    cube.isel(time=[0, 1]).to_netcdf(tmp_path / "june.nc", encoding=packed(cube))
    cube.isel(time=[2]).to_netcdf(tmp_path / "july.nc", encoding=packed(cube))
    assert [item.date for item in find_items([str(tmp_path)])] == list(DAYS)


@pytest.mark.parametrize("names", [("a.nc", "b.nc", "c.nc"), ("1999-01-01.nc", "2.nc", "3.nc")])
def test_the_coordinate_dates_files_of_one_time(tmp_path, names):
    cube = season()
    for step, name in enumerate(names):
        cube.isel(time=[step]).to_netcdf(tmp_path / name, encoding=packed(cube))
    items = find_items([str(tmp_path)])
    assert [item.time for item in items] == [f"{day}T08:36" for day in DAYS]
    first = open_item(items[0], asked())
    assert first.attrs["time"] == DAYS[0]
    said = [told for told in provenance_of(first).warnings if "by its name" in str(told)]
    assert len(said) == (names[0] == "1999-01-01.nc")


def test_a_chunk_of_many_steps_counts_whole(tmp_path):
    pytest.importorskip("zarr", reason="zarr writes the store")
    cube = season()
    for depth in (1, 3):
        how = {name: {"chunks": (depth, 40, 50)} for name in BANDS}
        cube.to_zarr(tmp_path / f"{depth}.zarr", zarr_format=2, encoding=how)
        with open_raster(f'ZARR:"{tmp_path / f"{depth}.zarr"}":/B03') as dataset:
            assert decoding_bytes(dataset) == 2 * depth * 40 * 50 * 2  # two copies of 16 bits


def test_masks_of_several_times_are_measured(tmp_path):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    ponds = np.array([np.hypot(y - 20, x - 25) < radius for radius in (6, 9, 12)])
    cube = season().drop_vars(BANDS)
    cube["water"] = (("time", "y", "x"), ponds.astype("uint8"))
    cube.odc.assign_crs("EPSG:32636").to_netcdf(tmp_path / "masks.nc")
    given = {"maps": [tmp_path / "masks.nc"], "codes": "1=water,0=land", "out": tmp_path / "run"}
    result = run_job(make_config(MeasureConfig, given | {"outputs": ["polygons"]})).result
    assert [row.date for row in result.dates] == list(DAYS)
    areas = [row.area_km2 for row in result.dates]
    assert areas == pytest.approx(ponds.sum((1, 2)) * 1e-4, rel=2e-3)


# --- what is refused ----------------------------------------------------------------------------


def test_one_image_of_a_cube_has_to_be_named(tmp_path):
    name, _ = odc_netcdf(tmp_path)
    with pytest.raises(SourceError, match=r"3 times .*2023-06-05T08:36") as error:
        open_scene(tmp_path / name)
    assert "--datetime" in error.value.hint


def test_a_comparison_of_land_cover_refuses_a_cube_with_its_dates(tmp_path):
    name, _ = odc_netcdf(tmp_path)
    with pytest.raises(UsageError, match=r"3 images .2023-06-05, 2023-06-15, 2023-07-05"):
        one_image(make_config(LandcoverCompareConfig, {"source": str(tmp_path / name)}))


def test_land_cover_of_a_cube_is_a_season_of_its_times(tmp_path):
    name, _ = odc_netcdf(tmp_path)
    given = {"source": str(tmp_path / name), "clusters": 2, "clouds": "none",
             "outputs": ["landcover"], "out": tmp_path / "run"}  # fmt: skip
    result = run_job(make_config(LandcoverConfig, given)).result
    assert [row["date"] for row in result.season.dates] == list(DAYS)


def test_a_cube_of_one_time_is_an_image(tmp_path):
    cube = season()
    cube.isel(time=[1]).to_netcdf(tmp_path / "one.nc", encoding=packed(cube))
    assert open_scene(tmp_path / "one.nc").attrs["time"] == DAYS[1]


@pytest.mark.parametrize(
    "kind",
    [
        {"units": "furlongs since the flood"},
        {"units": "days since 2023-06-05", "calendar": "of the Maya"},
    ],
)
def test_an_axis_that_says_no_times_is_refused(tmp_path, kind):
    name, _ = of_openeo(tmp_path)
    with netCDF4.Dataset(tmp_path / name, "a") as file:
        file["t"].setncatts(kind)
    with pytest.raises(SourceError, match="says no times") as error:
        find_items([str(tmp_path / name)])
    assert "days since 1970-01-01" in error.value.hint


def test_zarr_3_is_refused_with_the_way_to_write_it(tmp_path):
    pytest.importorskip("zarr", minversion="3.0", reason="zarr writes the store")
    season().to_zarr(tmp_path / "new.zarr", zarr_format=3)
    with pytest.raises(SourceError, match="Zarr 2") as error:
        open_item(find_items([str(tmp_path / "new.zarr")])[0], asked())
    assert "zarr_format=2" in error.value.hint
