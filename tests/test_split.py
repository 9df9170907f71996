"""Scenes set apart in time: blocks never shared, shares met, the deal repeatable."""

import pytest

from obriy.errors import UsageError
from obriy.model.ice import ten_days_of, winter_of
from obriy.render.text import text_of
from obriy.validation.split import OPTIMISTIC, describe_scenes, split_by_time

WINTERS = [
    f"{year}-{month:02d}-{day:02d}T04:05"
    for year in range(2014, 2022)
    for month in (1, 2, 12)
    for day in (3, 8, 14, 27)
]
"""Of January 2014 (winter 2013/14) to December 2021 (2021/22): nine winters, 96 scenes."""


def test_blocks_of_time():
    assert [winter_of(d) for d in ("2021-06-30", "2021-07-01", "1999-12-31T23:50")] == [
        "2020/21", "2021/22", "1999/00",
    ]  # fmt: skip
    days = ("2021-02-10", "2021-02-11T04:05", "2021-02-20", "2021-03-31", "2020-02-29")
    assert [ten_days_of(d) for d in days] == [
        "2021-02-01", "2021-02-11", "2021-02-11", "2021-03-21", "2020-02-21",
    ]  # fmt: skip


def test_a_southern_winter_is_not_cut_in_july():
    times = [f"{year}-{month:02d}-15" for year in range(2014, 2021) for month in (6, 7, 8)]
    split = split_by_time(times, seed=0, southern=True)
    years = [{times[i][:4] for i in chosen} for chosen in split.parts.values()]
    assert sum(map(len, years)) == len(set.union(*years)) == 7
    assert "1 January" in split.rule


@pytest.mark.parametrize("seed", range(5))
def test_no_winter_lies_in_two_parts(seed):
    split = split_by_time(WINTERS, seed=seed)
    assert sorted(split.train + split.validation + split.test) == list(range(96))
    winters = {p: {winter_of(WINTERS[i]) for i in chosen} for p, chosen in split.parts.items()}
    assert {p: sorted(found) for p, found in winters.items()} == split.blocks
    assert not winters["train"] & winters["validation"]
    assert not (winters["train"] | winters["validation"]) & winters["test"]
    # 15 % of 96 scenes are 14.4, and a winter has 8, 12 or 4 of them.
    assert 8 <= len(split.test) <= 20
    assert 8 <= len(split.validation) <= 20
    assert "winters" in split.rule
    assert split == split_by_time(WINTERS, seed=seed)


def test_the_seed_deals():
    assert len({split_by_time(WINTERS, seed=s).blocks["test"][0] for s in range(20)}) >= 4


def test_larger_shares_hold_more_back():
    small = split_by_time(WINTERS, validation_share=0.1, test_share=0.1, seed=0)
    large = split_by_time(WINTERS, validation_share=0.3, test_share=0.3, seed=0)
    assert len(small.test) < len(large.test)
    assert len(small.train) > len(large.train)


def test_of_few_winters_ten_days_are_the_blocks():
    times = [f"2021-{month:02d}-{day:02d}" for month in (1, 2) for day in range(1, 29)]
    split = split_by_time(times, seed=3)
    periods = [{ten_days_of(times[i]) for i in chosen} for chosen in split.parts.values()]
    assert not periods[0] & periods[1]
    assert not (periods[0] | periods[1]) & periods[2]
    assert set.union(*periods) == {f"2021-0{m}-{d}" for m in (1, 2) for d in ("01", "11", "21")}
    assert "Ten-day periods" in split.rule
    # Three blocks: each part gets one, whatever its share.
    three = split_by_time(["2021-02-01", "2021-02-11", "2021-02-21"], seed=0)
    assert [len(chosen) for chosen in three.parts.values()] == [1, 1, 1]


def test_one_place_in_time_cannot_be_split():
    with pytest.raises(UsageError, match=r"3 scenes make 1 ten-day periods.*--split random"):
        split_by_time(["2021-02-01", "2021-02-03", "2021-02-09"], seed=0)
    with pytest.raises(UsageError, match="2 scenes, and three"):
        split_by_time(["2021-02-01", "2021-03-01"], seed=0, by="random")


def test_at_random_as_document_b_is_said_to_be_optimistic():
    times = ["2021-02-01"] * 100
    split = split_by_time(times, seed=0, by="random")
    assert [len(chosen) for chosen in split.parts.values()] == [70, 15, 15]
    assert split.rule == OPTIMISTIC
    assert "optimistic" in split.rule
    assert split.blocks == {}


def test_described_with_its_dates():
    split = split_by_time(WINTERS, seed=0)
    told = describe_scenes(split, [f"scene {i}" for i in range(96)], WINTERS)
    test = told["test"]
    assert test["scenes"] == len(split.test) == len(test["names"])
    assert test["names"][0] == f"scene {split.test[0]}"
    assert test["blocks"] == split.blocks["test"]
    assert winter_of(test["first"]) == test["blocks"][0]
    assert winter_of(test["last"]) == test["blocks"][-1]
    assert told["rule"] == split.rule


def test_how_scenes_were_set_apart_is_said_in_ukrainian():
    days = ["2021-02-01", "2021-02-11", "2021-02-21"]
    rules = [
        split_by_time(WINTERS, seed=0).rule,
        split_by_time(WINTERS, seed=0, southern=True).rule,
        split_by_time(days, seed=0).rule,
        split_by_time(days, seed=0, by="random").rule,
    ]
    said = [text_of("uk").sentence(rule) for rule in rules]
    assert len(set(said)) == 4
    assert not [sentence for sentence in said if not sentence.startswith(tuple("ЦДС"))]
