"""What rasterio warns of, and we say ourselves, reaches nobody; whatever other threads do."""

import sys
import threading
import warnings

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

import obriy
from obriy.blocks.gdal import dataset


def placeless(path):
    names = ("blue", "green", "red", "nir", "swir16", "swir22")
    values = np.full((6, 40, 40), 2000, "uint16")
    values[:, :20] = np.array([600, 500, 300, 200, 100, 100])[:, None, None]
    values += np.random.default_rng(0).integers(0, 50, values.shape, "uint16")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", width=40, height=40, count=6,
                           dtype="uint16") as file:  # fmt: skip
            file.write(values)
            file.descriptions = names
    return path


def test_threads_that_open_images_without_a_place_warn_nobody(tmp_path):
    image = placeless(tmp_path / "plain.tif")
    before = sys.getswitchinterval()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        sys.setswitchinterval(1e-6)
        try:
            threads = [
                threading.Thread(target=lambda: [dataset(image).close() for _ in range(300)])
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
        assert warnings.filters == filters
    assert [w for w in caught if w.category is NotGeoreferencedWarning] == []


def test_a_map_of_an_image_without_a_place_says_so_itself(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotGeoreferencedWarning)
        water = obriy.map_water(obriy.open_scene(str(placeless(tmp_path / "plain.tif"))))
        obriy.write_class_map(water, tmp_path / "map")
        again = obriy.open_class_map(tmp_path / "map" / "mask.tif")
    assert (again.labels.to_numpy() == water.labels.to_numpy()).all()
