"""The simulator of sea ice: what is pinned, what physics says, and what a winter is like."""

import datetime as dt

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import GridError, UsageError
from obriy.model.flags import Flag
from obriy.model.grid import geobox_of, same_grid
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.model.scene import check_scene, provenance_of
from obriy.simulate.ice.air import Air, at_top, glint
from obriy.simulate.ice.frame import area_grid, facts, frame_of
from obriy.simulate.ice.geometry import sun_angles
from obriy.simulate.ice.place import make_bay, make_floes
from obriy.simulate.ice.scene import simulate_ice
from obriy.simulate.ice.season import weather_at
from obriy.simulate.ice.surface import light_at
from obriy.simulate.orbit import Angles
from obriy.tables import load_toml

SMALL = GeoBox((64, 80), Affine(500, 0, 400_000, 0, -500, 4_800_000), "EPSG:32652")
"""A grid of half-kilometres, so that most tests are quick; it starts with another bay."""


@pytest.fixture(scope="module")
def winter():
    return simulate_ice(3, "2021-02-05T04:10")


def angles_of(view, sun, sun_azimuth=180.0, view_azimuth=90.0):
    one = np.ones((1, 1), "float32")
    return Angles(one * view, one * view_azimuth, one * sun, one * sun_azimuth)


def test_the_scene_keeps_the_contract(winter):
    scene = check_scene(winter.scene)
    assert [n for n in BANDS if n in scene] == list(BANDS)
    assert same_grid(geobox_of(scene), area_grid())
    assert scene["red"].shape == (285, 430)
    assert all(scene[n].dtype == "float32" and np.isfinite(scene[n]).all() for n in BANDS)
    assert scene.attrs["sensor"] == "modis_hkm"
    assert scene.attrs["time"] == "2021-02-05T04:10"
    assert provenance_of(scene).warnings
    assert set(np.unique(scene["flags"])) == {0, int(Flag.LAND)}
    assert scene["view_zenith"].min() >= 0
    assert scene["view_zenith"].max() < 66
    # 5 February, 13:00 solar time at 42.8 N: declination -16, zenith near 60.
    assert float(scene["sun_zenith"].mean()) == pytest.approx(60.3, abs=2.0)


def test_truth_and_concentration_agree(winter):
    truth, share = winter.truth.to_numpy(), winter.concentration.to_numpy()
    land = truth == LAND
    assert truth.dtype == "uint8"
    assert set(np.unique(truth)) <= {WATER, ICE, CLOUD, LAND}
    assert (land == (winter.scene["flags"].to_numpy() == Flag.LAND)).all()
    assert np.isnan(share[land]).all()
    assert np.isfinite(share[~land]).all()
    assert (share[truth == ICE] >= 0.5).all()
    assert (share[truth == WATER] < 0.5).all()
    assert share[truth == CLOUD].size == 0 or share[truth == CLOUD].max() > 0
    assert 0.45 < (~land).mean() < 0.8


def test_the_same_call_gives_the_same_scene_and_others_do_not_matter():
    first = simulate_ice(4, "2021-01-15T04:10", geobox=SMALL)
    simulate_ice(4, "2021-01-16T04:10", geobox=SMALL)
    again = simulate_ice(4, "2021-01-15T04:10", geobox=SMALL)
    assert np.array_equal(first.scene["red"], again.scene["red"])
    other = simulate_ice(5, "2021-01-15T04:10", geobox=SMALL)
    assert not np.array_equal(first.truth == LAND, other.truth == LAND)


def test_a_seed_is_one_bay_seen_by_two_satellites():
    aqua = simulate_ice(4, "2021-01-15T04:10", geobox=SMALL)
    terra = simulate_ice(4, "2021-01-15T02:10", satellite="terra", geobox=SMALL)
    assert np.array_equal(aqua.truth == LAND, terra.truth == LAND)
    both = np.isfinite(aqua.concentration.to_numpy())
    near = np.abs(aqua.concentration - terra.concentration).to_numpy()[both]
    assert near.mean() < 0.12
    assert not np.allclose(aqua.scene["red"], terra.scene["red"], atol=0.01)


def test_winters_come_and_go():
    def frost(day):
        return np.mean([weather_at(s, f"{day}T04:00").frost for s in range(30)])

    assert [frost(f"2021-{m:02d}-15") for m in range(5, 11)] == [0.0] * 6
    course = [frost(d) for d in ("2020-12-05", "2020-12-28", "2021-02-05")]
    assert course == sorted(course)
    assert course[0] > 0
    assert frost("2021-02-05") > 2 * frost("2021-03-28")
    peaks = [weather_at(s, "2021-02-05T04:00").deepest for s in range(30)]
    assert max(peaks) > 1.5 * min(peaks)


def test_no_ice_in_summer_and_ice_in_inlets_first():
    summer = simulate_ice(9, "2021-07-10T04:10")
    assert np.nanmax(summer.concentration) == 0
    assert not (summer.truth == ICE).any()
    early = simulate_ice(9, "2020-12-20T04:10").concentration.to_numpy()
    bay = make_bay(9, frame_of(area_grid()))
    shelter = bay.shelter[::2, ::2]
    sea = np.isfinite(early)
    heads, far = sea & (shelter > 0.65), sea & (shelter < 0.05)
    assert early[heads].mean() > early[far].mean() + 0.3


def test_a_day_changes_the_ice_a_little_and_a_month_much():
    def share(day):
        return simulate_ice(6, f"2021-{day}T04:10", geobox=SMALL).concentration.to_numpy()

    first = share("01-10")
    sea = np.isfinite(first)
    day, month = (np.abs(share(d) - first)[sea].mean() for d in ("01-11", "02-12"))
    assert 0 < day < month


def test_floes_have_no_seam():
    floes = make_floes(frame_of(SMALL), 5500.0)
    inner = np.abs(np.diff(floes.inside_m, axis=0)).max()
    assert np.abs(floes.inside_m[0] - floes.inside_m[-1]).max() <= 1.2 * inner


def test_rayleigh_over_a_black_sea():
    """At nadir, sun at 60 degrees: tau P / 4 (mu + mu0) (1 - exp(-tau m)), by hand, at 0.469 um.

    tau 0.1855, m = 2 + 1 = 3, P = 0.75 (1 + 0.25) = 0.9375; (1 - exp(-0.5565)) = 0.42677;
    0.9375 * 0.42677 / (4 * 1.5) = 0.06668.
    """
    clear = Air(aerosol=1e-9, angstrom=1.0, wind=5.0)
    black = np.zeros((7, 1, 1), "float32")
    top = at_top(black, clear, angles_of(0.0, 60.0), np.zeros((1, 1), "float32"))[:, 0, 0]
    assert top[BANDS.index("blue")] == pytest.approx(0.06668, abs=2e-4)
    assert top[BANDS.index("blue")] > top[BANDS.index("green")] > top[BANDS.index("red")]
    assert top[BANDS.index("swir22")] < 0.001


def test_glint_is_strong_in_the_mirror_and_flat_through_the_bands():
    """Cox and Munk at the mirror point: rho = F / (4 s2 cos cos), F 0.021, s2 0.0286, sun 20."""
    air = Air(aerosol=0.1, angstrom=1.0, wind=5.0)
    mirror = glint(air, angles_of(20.0, 20.0, 100.0, 280.0))[:, 0, 0]
    assert mirror[0] == pytest.approx(0.0207 / (4 * 0.0286 * 0.9397**2), rel=0.02)
    assert mirror.min() > 0.75 * mirror.max()
    beside = glint(air, angles_of(20.0, 20.0, 100.0, 100.0))[0, 0, 0]
    assert beside < mirror[0] / 5


def test_the_sun_at_noon_of_the_solstice():
    zenith, azimuth = sun_angles("2021-12-21T03:12", np.array(132.0), np.array(43.0))
    assert float(zenith) == pytest.approx(43.0 + 23.44, abs=0.6)
    assert float(azimuth) == pytest.approx(180.0, abs=2.0)


def test_the_swath_sees_the_same_bay(winter):
    rows, columns = np.meshgrid(np.arange(20, 270, 10), np.arange(20, 420, 10), indexing="ij")
    lon, lat = area_grid().affine @ (columns + 0.5, rows + 0.5)
    angles = (winter.scene[n].to_numpy()[rows, columns] for n in ("view_zenith", "sun_zenith"))
    view, sun = angles
    light, codes, share = light_at(
        3, "2021-02-05T04:10", lon, lat, satellite="aqua", view_zenith=view, sun_zenith=sun
    )
    truth = winter.truth.to_numpy()[rows, columns]
    assert light.shape == (7, *lon.shape)
    assert light.dtype == "float32"
    assert (codes == truth).mean() > 0.9
    near = winter.concentration.to_numpy()[rows, columns]
    both = np.isfinite(share) & np.isfinite(near)
    assert np.abs(share - near)[both].mean() < 0.1
    seen = winter.scene["green"].to_numpy()[rows, columns]
    assert np.corrcoef(seen.ravel(), light[BANDS.index("green")].ravel())[0, 1] > 0.9
    far = light_at(
        3, "2021-02-05T04:10", lon + 9, lat - 5, satellite="aqua", view_zenith=view, sun_zenith=sun
    )
    assert np.isfinite(far[0]).all()
    assert len(np.unique(far[1])) > 1


def test_night_small_grids_and_grids_without_crs_are_refused():
    with pytest.raises(UsageError, match="02 UTC"):
        simulate_ice(1, "2021-01-15T14:00")
    with pytest.raises(UsageError, match="no time"):
        simulate_ice(1, "yesterday")
    with pytest.raises(UsageError, match="too few"):
        simulate_ice(1, "2021-01-15T04:00", geobox=GeoBox((4, 4), SMALL.affine, SMALL.crs))
    with pytest.raises(GridError):
        simulate_ice(1, "2021-01-15T04:00", geobox=GeoBox((64, 64), Affine.identity(), None))


def test_materials_lie_within_what_is_published():
    """Grenfell and Maykut 1977, Perovich 1996, King et al. 1992: order and ranges."""
    means = {n: dict(zip(BANDS, m["mean"], strict=True)) for n, m in facts("materials").items()}
    green = [means[n]["green"] for n in ("sea", "nilas", "brash", "grey", "white", "snow")]
    assert green == sorted(green)
    assert 0.07 <= means["nilas"]["green"] <= 0.15
    assert means["snow"]["swir16"] < 0.2
    assert 0.15 <= means["ice_cloud"]["swir16"] <= 0.3 < means["water_cloud"]["swir16"]
    for entry in facts("materials").values():
        assert entry["source"]
        assert np.shape(entry["factors"]) == (3, 7)


def test_frozen():
    """Whoever changes the simulator raises the version and measures again."""
    table = load_toml("ice_simulation")
    assert table["frozen"]
    assert table["version"] == 1
    made = simulate_ice(1, "2021-01-20T04:10", geobox=SMALL)
    ice = float(np.nanmean(made.concentration))
    means = [float(made.scene[n].mean()) for n in ("red", "nir", "swir16")]
    assert [ice, *means] == pytest.approx([0.643, 0.298, 0.246, 0.089], abs=1e-3)


def test_days_without_ice_have_no_ice_before_november():
    for day in (dt.date(2021, 5, 1), dt.date(2021, 10, 31)):
        assert weather_at(2, f"{day}T04:00").frost == 0
