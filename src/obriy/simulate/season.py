"""A place through time: scenes of dates, each with its true water."""

import dataclasses
import datetime as dt
import functools
import math

import numpy as np
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.blocks.memory import BEGUN_BYTES, allowed_gb, spare
from obriy.errors import MemoryBudgetError, UsageError
from obriy.model.flags import FLAG_ATTRS
from obriy.model.grid import coords_of, describe
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.simulate import sky as skies
from obriy.simulate.fields import stream
from obriy.simulate.land import Land, land_reflectance, make_land, wet_shores
from obriy.simulate.materials import Float32
from obriy.simulate.place import Flooded, Frame, Place, make_place
from obriy.simulate.sensor import Flags, flag_pixels, observe
from obriy.simulate.settings import (
    SensorModel,
    Sky,
    World,
    facts,
    load_sensor_model,
    load_setting,
)
from obriy.simulate.waters import Waters, freeze, make_waters, water_reflectance

MIN_SIZE = 16
FINEST, COARSEST = 5.0, 1000.0
"""Pixel sizes that make sense, m: ground squares of 1 m cells; one terrain."""
CRS = "EPSG:32636"
CORNER = (400_000.0, 5_400_000.0)
"""Upper left corner, metres: a place in the CRS where no such lake is."""
HIGHEST_LEVEL = 2.5
SPRING_PEAK = 110
"""Day of the year of the highest water."""
WINTER = (12, 1, 2)
SQUARE_BYTES, OTHER_BYTES = 490, 150 * 1000**2
"""What a scene takes while it is made, by square of ground and at all. Peak RSS measured, less what
the process held before: 0.65, 2.20 and 8.36 GB for 512, 1024 and 2048 pixels of 10 m along a side
(4 squares a pixel), 0.83 for 200 of 60 m (36 squares)."""
LACKS = (
    "bidirectional reflectance, waves that break, bridges and ships, aerosol plumes, "
    "striping, clouds in many layers"
)


@dataclasses.dataclass(frozen=True)
class SimulatedDate:
    """A scene and what is really there.

    Attributes:
        date: ISO 8601.
        scene: A checked Scene (reflectance, flags); ``attrs["time"]`` is the date.
        truth_fraction: (y, x) float32, true share of water in the pixel, 0 to 1, from cells of
            1 m, whatever clouds, ice or the swath hide.
        true_km2: True area of water in the whole image, km², from the same cells.
        level_m: Height of the water above its mean, m.
        cloud_share: True share of pixels under cloud or cirrus (opacity of a tenth or more).
    """

    date: str
    scene: xr.Dataset
    truth_fraction: xr.DataArray
    true_km2: float
    level_m: float
    cloud_share: float


@dataclasses.dataclass(frozen=True)
class Season:
    """A place, a sky and a sensor: makes the scene of any date.

    Attributes:
        seed: The seed of everything.
        setting: Name of the setting.
        place: Terrain and waters.
        land: The dry ground.
        waters: The bodies of water.
        world: What the place is like.
        sky: How cloudy it is.
        sensor: The sensor.
    """

    seed: int
    setting: str
    place: Place
    land: Land
    waters: Waters
    world: World
    sky: Sky
    sensor: SensorModel

    @property
    def geobox(self) -> GeoBox:
        """The grid of the image, in UTM."""
        step = self.place.frame.resolution
        return GeoBox(self.place.frame.size, Affine(step, 0, CORNER[0], 0, -step, CORNER[1]), CRS)

    def level_m(self, date: str) -> float:
        """Return the height of the water above its mean, m: a season and chance."""
        day = _day(date)
        wave = math.cos(2 * math.pi * (day.timetuple().tm_yday - SPRING_PEAK) / 365.25)
        year = 0.4 * stream(self.seed, "year", day.year).standard_normal()
        level = self.world.level_amplitude_m * (wave + year)
        level += self.world.level_noise_m * stream(self.seed, "level", date).standard_normal()
        return float(np.clip(level, -HIGHEST_LEVEL, HIGHEST_LEVEL))

    def true_area_km2(self, date: str, district: shapely.Geometry | None = None) -> float:
        """Return the true area of water, km², in the image or in a polygon inside it.

        Args:
            date: ISO 8601.
            district: Polygon or multipolygon in the CRS of the grid; counted by the 1 m cells
                whose centres it holds.
        """
        level = self.level_m(date)
        if district is None:
            return self.place.water_km2(level)
        return self.place.water_km2_in(district, self.geobox, level)

    def on(self, date: str) -> SimulatedDate:
        """Return the scene of a date; it does not depend on which others are asked for."""
        day = _day(date).isoformat()
        level = self.level_m(day)
        flooded = self.place.flooded(level)
        bands, flags, cloudy = self._image(day, flooded)
        truth = self.place.frame.pixels(flooded.share)
        coords = coords_of(self.geobox)
        km2 = float(flooded.share.sum(dtype="float64")) * self.place.frame.ground**2 / 1e6
        return SimulatedDate(
            date=day,
            scene=make_scene(
                {n: xr.Variable(("y", "x"), v) for n, v in bands.items()},
                self.geobox,
                sensor=self.sensor.id,
                provenance=self._record(day, level),
                flags=xr.Variable(("y", "x"), flags, FLAG_ATTRS),
                time=day,
            ),
            truth_fraction=xr.DataArray(truth, coords, ("y", "x"), "truth_fraction"),
            true_km2=km2,
            level_m=level,
            cloud_share=cloudy,
        )

    def _image(self, day: str, flooded: Flooded) -> tuple[dict[str, Float32], Flags, float]:
        frame, world, seed = self.place.frame, self.world, self.seed
        sun = skies.sun_of(day)
        clouds = skies.make_clouds(frame, seed, day, self.sky, sun)
        shaded = skies.shade(
            self.land.height, self.land.canopy * (flooded.share < 0.5), frame.ground, sun
        )
        slopes = skies.illumination(self.land.height, frame.ground, sun)
        ground, ice = self._ground(day, flooded, slopes)
        direct = (1 - shaded) * (1 - clouds.shadow)
        ground = skies.under_light(ground, direct)
        ground = skies.adjacency(ground, frame.ground, world.adjacency)
        seen = skies.through_air(ground, clouds, frame, (seed, day), world)
        bands = observe(seen, frame, self.sensor, (seed, day), world)
        inside = skies.seen_part(frame, seed, day, self.sky)
        for values in bands.values():
            values[~inside] = np.nan
        flags = flag_pixels(
            frame,
            seed,
            day,
            clouds=clouds,
            shaded=shaded,
            ice=ice * flooded.share,
            built=self.land.built,
            wet=frame.pixels(flooded.share),
            inside=inside,
        )
        cloudy = float((frame.pixels(clouds.opacity) >= skies.OPAQUE).mean())
        return bands, flags, cloudy

    def _ground(self, day: str, flooded: Flooded, slopes: Float32) -> tuple[Float32, Float32]:
        """Return what lies there, in level light but for the slopes of the land, and its ice."""
        frame, world = self.place.frame, self.world
        land = land_reflectance(self.land, _day(day).timetuple().tm_yday, world)
        land = wet_shores(land, self.land, self.waters.bed, flooded.above, world)
        land = skies.under_light(land, slopes)
        water = water_reflectance(self.waters, flooded, (self.seed, day), world, frame.ground)
        shine = skies.glint(frame, self.seed, day, world)
        if shine is not None:
            water = water + shine
        ice = np.zeros(frame.ground_size, "float32")
        share = self._ice(day)
        if share > 0:
            water, ice = freeze(water, self.waters, (self.seed, day), frame.ground, share)
        return np.asarray(land + flooded.share * (water - land), "float32"), ice

    def _ice(self, day: str) -> float:
        """Return the share of still water that is frozen on a date."""
        rng = stream(self.seed, "frost", day)
        if _day(day).month not in WINTER or rng.random() >= self.world.ice_chance:
            return 0.0
        return float(rng.uniform(0.3, 0.98))

    def _record(self, day: str, level: float) -> Provenance:
        record = Provenance(({"href": "simulated:", "seed": self.seed},)).with_step(
            "simulation",
            seed=self.seed,
            setting=self.setting,
            version=facts()["version"],
            level_m=round(level, 3),
            lacks=LACKS,
            grid=describe(self.geobox),
        )
        return record.with_warning(notice("place_made_up"))


def make_season(
    size: tuple[int, int],
    seed: int,
    *,
    setting: str = "hard_cloudy",
    sensor: str = "sentinel2_l2a",
    resolution: float | None = None,
) -> Season:
    """Make a place with its sky and its sensor.

    Args:
        size: Rows and columns, at least 16 each.
        seed: The same seed makes the same place; 0 or more.
        setting: ``easy`` or ``hard``, ``_clear`` or ``_cloudy``.
        sensor: ``sentinel2_l2a``, ``landsat_c2l2`` or ``modis_hkm``.
        resolution: Pixel size, m; None: the sensor's own.

    Raises:
        UsageError: a size, a seed or a resolution that makes no scene.
        UnknownNameError: a setting or a sensor that there is not.
        MemoryBudgetError: a scene that does not fit what is allowed, or free: it is made whole.
    """
    world, sky = load_setting(setting)
    model = load_sensor_model(sensor)
    step = model.resolution if resolution is None else float(resolution)
    if min(size) < MIN_SIZE or not FINEST <= step <= COARSEST:
        raise UsageError(
            f"A scene of {size[0]} x {size[1]} pixels of {step:g} m cannot be made.",
            f"Ask for {MIN_SIZE} x {MIN_SIZE} pixels or more, of {FINEST:g} to {COARSEST:g} m.",
        )
    if seed < 0:
        raise UsageError(f"The seed {seed} is negative.", "Give 0 or more.")
    _refuse_too_large(Frame.of(size, step))
    place = make_place(size, seed, step, world)
    heights = place.heights()
    return Season(
        seed=seed,
        setting=setting,
        place=place,
        land=make_land(place, heights, seed, world),
        waters=make_waters(place, seed, world),
        world=world,
        sky=sky,
        sensor=model,
    )


def _refuse_too_large(frame: Frame) -> None:
    need, left = SQUARE_BYTES * math.prod(frame.ground_size) + OTHER_BYTES, max(spare(), 0)
    if need <= left:
        return
    side = math.isqrt(max(left - OTHER_BYTES, 0) // SQUARE_BYTES) // frame.parts
    ways = [f"Ask for {side} x {side} pixels or fewer"] if side >= MIN_SIZE else []
    if allowed_gb() is not None:
        ways.append(
            f"{'allow' if ways else 'Allow'} --max-ram {_gb(need + BEGUN_BYTES)} (GB) or more"
        )
    raise MemoryBudgetError(
        f"A made-up scene of {frame.size[0]} x {frame.size[1]} pixels of {frame.resolution:g} m "
        f"takes {_gb(need)} GB while it is made, and {_gb(left)} GB are left for it.",
        f"{', or '.join(ways) or 'Free some memory'}.",
    )


def _gb(count: int) -> str:
    """Return bytes in GB, rounded up; in whole numbers, for a size may be beyond any float."""
    hundredths = -(-count // 10**7)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


@functools.lru_cache(maxsize=256)
def _day(date: str) -> dt.date:
    try:
        return dt.date.fromisoformat(date)
    except ValueError as error:
        raise UsageError(
            f"'{date}' is no date.", "Write year-month-day, e.g. 2023-06-15."
        ) from error
