"""Times in file names."""

import pytest

from obriy.sources.dates import time_in


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("MOD02HKM.A2021049.0225.061.2021049131500.hdf", "2021-02-18T02:25"),
        ("MYD02HKM.A2005347.0505.061.npy", "2005-12-13T05:05"),
        ("MOD09GA.A2008296.h14v17.006.2015181011753.hdf", "2008-10-22"),
        ("MOD02HKM.A2020366.2355.061.hdf", "2020-12-31T23:55"),
        ("2021-02-18T0405_aqua.tif", "2021-02-18T04:05"),
        ("20210314.250m.aqua.truecolor.tiff", "2021-03-14"),
        ("20210218_040500.tif", "2021-02-18T04:05"),
        ("ice.tif", None),
    ],
)
def test_the_time_of_a_file_name(name: str, time: str | None) -> None:
    assert time_in(name) == time
