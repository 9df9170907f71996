"""Districts taken together, by hand."""

import pytest

from obriy.measures.totals import total_area
from obriy.model.areas import Area


def area(name, mask, fraction, size, outside=0.0, unseen=0.0, causes=None, status="ok"):
    return Area(name, None, mask, fraction, size, outside, unseen, causes or {}, status)


def test_none_and_one():
    only = area("a", 1.0, None, 10.0)
    assert total_area([]) is None
    assert total_area([only]) is only


def test_areas_add_and_shares_weigh_by_size():
    found = total_area([
        area("a", 1.0, 1.2, 10.0),
        # Half of a district of 30 km2 lies outside the image; two thirds of it are unseen.
        area("b", 2.0, 1.9, 30.0, 0.5, 2 / 3, {"outside": 0.5, "cloud": 1 / 6}, "partial"),
    ])  # fmt: skip
    assert (found.mask_km2, found.district_km2) == (3.0, 40.0)
    assert found.area_km2 == pytest.approx(3.1)
    assert found.unseen_share == pytest.approx(20 / 40)
    assert found.unseen == {"outside": pytest.approx(15 / 40), "cloud": pytest.approx(5 / 40)}
    assert (found.status, found.reason) == ("partial", "not complete: b")


def test_a_district_that_was_not_seen_is_no_zero():
    nothing = area("c", None, None, 5.0, 1.0, 1.0, {"outside": 1.0}, "skipped")
    found = total_area([area("a", 1.0, None, 10.0), nothing])
    assert (found.area_km2, found.status) == (1.0, "partial")
    both = total_area([nothing, nothing])
    assert (both.area_km2, both.status) == (None, "skipped")
