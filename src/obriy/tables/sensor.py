"""Sensors: the bands of a product, their names, and how its numbers become reflectance."""

import dataclasses
import functools
import re
from collections.abc import Iterable
from typing import Final

from obriy.errors import TableError
from obriy.registry import did_you_mean
from obriy.tables import load_toml, table_names

_STAND_IN: Final = ("sentinel2_l2a", "landsat_c2l2", "modis_hkm")


@dataclasses.dataclass(frozen=True)
class SensorBand:
    """One band of a sensor.

    Attributes:
        id: The product's own name, e.g. ``"B8A"`` or ``"SR_B3"``.
        common: STAC common name.
        wavelength: Centre, micrometres.
        resolution: Pixel size of the product, metres.
        product: Which of the sensor's products has the band under this name; empty: all.
        reflective: False for thermal bands, which have no reflectance.
        esun: Mean exoatmospheric solar irradiance, W/(m² µm); None where it is not needed.
    """

    id: str
    common: str
    wavelength: float
    resolution: float
    product: str = ""
    reflective: bool = True
    esun: float | None = None


@dataclasses.dataclass(frozen=True)
class Product:
    """One of several products that share a sensor table but not all band names.

    Attributes:
        name: Name, e.g. ``"S30"``.
        pattern: Regular expression that its file names match.
        tells: Band names that only this product has.
        whole: Band names that together are the whole of this product; empty: that tells nothing.
    """

    name: str
    pattern: str
    tells: tuple[str, ...]
    whole: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Stack:
    """A customary order of bands in one file.

    Attributes:
        bands: Common names in file order; quality names may occur.
        source: Who writes files in this order.
    """

    bands: tuple[str, ...]
    source: str


@dataclasses.dataclass(frozen=True)
class Sensor:
    """A product of a sensor.

    Attributes:
        id: Machine name, e.g. ``"sentinel2_l2a"``.
        title: Human name.
        level: What the numbers are, e.g. ``"surface reflectance"``.
        source: Where the facts come from.
        bands: The bands.
        stacks: Customary orders of bands in one file; empty: its bands go by their names.
        resolution: Pixel size of the finest bands, metres.
        scale: reflectance = DN * scale + offset; None where each scene has its own.
        offset: See ``scale``.
        nodata: DN that means missing; None where there is none.
        quality: Names of the quality bands it comes with, see ``tables/quality.toml``.
        file_patterns: Regular expressions that its file names match.
        band_patterns: The same of names that tell the satellite alone: they count where the bands
            have names of their own, and decide no order and no level by themselves.
        products: Products that differ in band names; empty where there is one.
        like: Sensor whose bands its own stand for: images of both are one series; empty: none.
    """

    id: str
    title: str
    level: str
    source: str
    bands: tuple[SensorBand, ...]
    stacks: tuple[Stack, ...]
    resolution: float
    scale: float | None = None
    offset: float = 0.0
    nodata: float | None = None
    quality: tuple[str, ...] = ()
    file_patterns: tuple[str, ...] = ()
    band_patterns: tuple[str, ...] = ()
    products: tuple[Product, ...] = ()
    like: str = ""

    def product_of(self, file_name: str, names: set[str]) -> str:
        """Return the product that a file name, else a set of band names, speaks for; else nothing.

        Args:
            file_name: Name of the file or folder.
            names: Upper-case band names found in it.
        """
        if len(self.products) == 1:
            return self.products[0].name
        for product in self.products:
            if re.search(product.pattern, file_name, re.IGNORECASE):
                return product.name
        for product in self.products:
            if names & set(product.tells) or (product.whole and names >= set(product.whole)):
                return product.name
        return ""

    def by_id(self, name: str, product: str = "") -> SensorBand | None:
        """Return the band of that name in the product: ``B3`` and ``B03`` are the same.

        Where the product is not known, that on which all products agree. Surface reflectance of
        Landsat goes without its prefix, too: exports call ``SR_B3`` ``B03``.
        """
        plain = plain_id(name)
        for wanted in (plain, f"SR{plain}"):
            named = [b for b in self.bands if plain_id(b.id) == wanted]
            mine = [b for b in named if product in ("", b.product) or not b.product]
            if mine and len({b.common for b in mine}) == 1:
                return mine[0]
        return None


def plain_id(name: str) -> str:
    """Return a band name without case, separators, leading zeros: ``sr_b03`` as ``SRB3``."""
    letters = re.sub(r"[^A-Z0-9]", "", name.upper())
    return re.sub(r"(?<=[A-Z])0+(?=\d)", "", letters)


def sensor_ids() -> list[str]:
    """Return the ids of all sensors."""
    return table_names("sensors")


@functools.lru_cache(maxsize=32)
def load_sensor(sensor: str) -> Sensor:
    """Return a sensor of ``tables/sensors``.

    Args:
        sensor: Its id, e.g. ``"landsat8_l1"``; case does not matter.

    Raises:
        UnknownNameError: with the nearest known id.
        TableError: where the table breaks its rules.
    """
    if sensor.lower() not in sensor_ids():
        raise did_you_mean("sensor", sensor, sensor_ids())
    table = dict(load_toml(f"sensors/{sensor.lower()}"))
    try:
        table["bands"] = tuple(SensorBand(**b) for b in table["bands"])
        table["stacks"] = tuple(
            Stack(tuple(s["bands"]), s["source"]) for s in table.get("stacks", ())
        )
        table["products"] = tuple(
            Product(p["name"], p["pattern"], tuple(p["tells"]), tuple(p.get("whole", ())))
            for p in table.get("products", [])
        )
        for name in ("quality", "file_patterns", "band_patterns"):
            table[name] = tuple(table.get(name, ()))
        return Sensor(**table)
    except (TypeError, KeyError) as error:
        raise TableError(f"The sensor table '{sensor}' is broken: {error}.") from error


def kin_of(sensor: str) -> str:
    """Return the sensor that one stands for, else itself: images of one kin are one series."""
    return (load_sensor(sensor).like or sensor) if sensor in sensor_ids() else sensor


def band_wavelengths(sensor: str, names: Iterable[str]) -> dict[str, float]:
    """Return the centre wavelengths of reflective bands, micrometres, shortest first.

    Args:
        sensor: Its id; for a sensor that nobody knows, and for bands that it lacks, the band of
            that common name of Sentinel-2, Landsat or MODIS stands in.
        names: STAC common names; those that no table knows are left out.
    """
    known: dict[str, float] = {}
    for one in dict.fromkeys((sensor.lower(), *_STAND_IN)):
        if one in sensor_ids():
            for band in load_sensor(one).bands:
                if band.reflective:
                    known.setdefault(band.common, band.wavelength)
    found = {name: known[name] for name in names if name in known}
    return dict(sorted(found.items(), key=lambda item: item[1]))


@functools.lru_cache(maxsize=256)
def sensor_of_file(file_name: str, *, named: bool = False) -> Sensor | None:
    """Return the sensor whose product names look like this file name, or None.

    Args:
        file_name: Name of a file or folder, without its parents.
        named: Whether its bands have names: then a name that tells the satellite alone counts, too.
    """
    for sensor in map(load_sensor, sensor_ids()):
        patterns = (*sensor.file_patterns, *(sensor.band_patterns if named else ()))
        if any(re.search(p, file_name, re.IGNORECASE) for p in patterns):
            return sensor
    return None
