"""What a series reads, opened lazily; what is wrong with the whole is said before the work."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from obriy.errors import (
    BandError,
    EmptyResultError,
    InputError,
    ObriyError,
    SourceError,
    UsageError,
)
from obriy.methods.expression import parse_method
from obriy.model.areas import Area, District
from obriy.model.grid import geobox_of, require_crs
from obriy.model.scene import band_names
from obriy.prepare.crop import crop
from obriy.sources.dates import parse_range
from obriy.sources.districts import read_districts
from obriy.sources.series import SIDECAR, DatedImage, find_series, require_alike
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.opening import grid_text, scene_of
from obriy.workflows.water.balance import BalanceInputs, read_balance
from obriy.workflows.water.measuring import weigh_as


@dataclasses.dataclass(frozen=True)
class OpenedImage:
    """One image of the series.

    Attributes:
        image: Its files.
        scene: The whole of it; None where it could not be opened.
        part: The part around the districts.
        error: Why it could not be opened.
    """

    image: DatedImage
    scene: xr.Dataset | None = None
    part: xr.Dataset | None = None
    error: ObriyError | None = None

    @property
    def name(self) -> str:
        """What tells it from the others: its date."""
        return self.image.date

    @property
    def reason(self) -> str:
        """Why it could not be opened, in words."""
        return "" if self.error is None else str(self.error)


@dataclasses.dataclass(frozen=True)
class SeriesInputs:
    """What a run reads."""

    opened: tuple[OpenedImage, ...]
    districts: list[District]
    balance: BalanceInputs

    @property
    def first(self) -> xr.Dataset:
        """The part of the first image that could be opened."""
        return next(o.part for o in self.opened if o.part is not None)


def read_inputs(config: WaterConfig) -> SeriesInputs:
    """Open everything lazily; what is wrong with the whole is said before the work."""
    if config.reference is not None:
        raise UsageError(
            "--reference scores one map, and a series has many.",
            "Run: obriy evaluate RUN/maps/DATE/mask.tif REFERENCE.",
        )
    images = find_series(Path(config.source).expanduser(), config.datetime)
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    check_change(config.change, [i.date for i in images])
    balance = read_balance(config, districts, [i.date for i in images])
    opened = tuple(_open(image, config, districts) for image in images)
    good = [(o.image.date, o.scene) for o in opened if o.scene is not None]
    if not good:
        raise SourceError(opened[0].reason, "No image of the series could be opened.")
    require_alike([(date, scene.attrs["sensor"], grid_text(scene)) for date, scene in good])
    if config.resolution is None:
        require_crs(geobox_of(good[0][1]), "an area in km²")
    check_weights(config, opened)
    return SeriesInputs(opened, districts, balance)


def _open(image: DatedImage, config: WaterConfig, districts: list[District]) -> OpenedImage:
    paths = image.paths[0] if len(image.paths) == 1 else image.paths
    try:
        scene = scene_of(config, paths=paths, day=image.date)
        parse_method(config.method).bands(set(band_names(scene)))
    except (SourceError, BandError, EmptyResultError) as error:
        return OpenedImage(image, error=error)
    scene.attrs["time"] = image.date
    return OpenedImage(image, scene, crop(scene, districts) if districts else scene)


def check_change(change: tuple[str, str] | None, dates: list[str]) -> None:
    """Raise where a half of the change has no image, or the halves overlap."""
    halves = [[d for d in dates if _lies_in(d, half)] for half in change or ()]
    for half, inside in zip(change or (), halves, strict=True):
        if not inside:
            raise UsageError(
                f"--change: no image of the series lies in {half}.",
                f"Its dates are {dates[0]} to {dates[-1]}.",
            )
    if change and set(halves[0]) & set(halves[1]):
        raise UsageError(
            f"--change: {change[0]} and {change[1]} share images.", "Give periods apart."
        )


def _lies_in(date: str, span: str) -> bool:
    low, high = parse_range(span)
    return low <= date <= high


def check_weights(config: SeriesConfig, opened: Sequence[OpenedImage]) -> None:
    """Read given weights before the work: each date must have one, and no other."""
    weigh = weigh_as(config.weights, {})
    if config.weights == "cloud":
        _check_cloudiness(opened)
    if config.weights in (None, "clear", "cloud"):
        return
    blank = Area("", None, 0.0, None, 1.0, 0.0, 0.0, {})
    weigh(
        [
            dataclasses.replace(blank, date=o.image.date, mask_km2=None if o.reason else 0.0)
            for o in opened
        ]
    )


def _check_cloudiness(opened: Sequence[OpenedImage]) -> None:
    """Raise where an image that could be opened does not tell its cloudiness."""
    silent = [o.image.date for o in opened if not o.reason and o.image.cloud_cover is None]
    if silent:
        more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
        raise InputError(
            f"--weights cloud: the cloudiness of {', '.join(silent[:3])}{more} is not known.",
            f"Say it in the column cloud_cover of a {SIDECAR} beside the images, or weigh by what "
            "was seen (--weights clear).",
        )
