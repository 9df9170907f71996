"""Training of segmenters: loss by hand, variation, the loop, going on after a kill."""

import dataclasses
import math

import numpy as np
import pytest

from obriy.errors import InputError
from obriy.methods.ice.spec import trainable
from obriy.model.card import Card
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.model.legend import load_legend
from obriy.nets.ice_teaching import IceTeaching, dice_bce, ice_counts
from obriy.nets.ice_variation import MOST_GAIN, NOISE, scaled_batch, varied
from obriy.nets.learning import Examples, Schedule, train_network
from obriy.nets.networks import TrainedNetwork, scaled

torch = pytest.importorskip("torch", reason="needs the extra deep")

SHAPE = (285, 430)
REFLECTANCE = {WATER: 0.05, ICE: 0.6, CLOUD: 0.5, LAND: 0.15}
CARD = Card("m201", BANDS, load_legend("ice"), ("ice",), BANDS, (0.2,) * 7, (0.25,) * 7, SHAPE)


def windows(count, seed=0):
    """Sea with a field of ice and a cloud; clouds are bright to the last band, ice is not."""
    random = np.random.default_rng(seed)
    labels = np.full((count, *SHAPE), WATER, "uint8")
    for window in labels:
        row, column = random.integers(40, 160), random.integers(40, 260)
        window[row : row + 90, column : column + 120] = ICE
        window[10:60, 200:300] = CLOUD
        window[:, :30] = LAND
    inputs = np.zeros((count, 7, *SHAPE), "float32")
    for code, reflectance in REFLECTANCE.items():
        inputs += np.where(labels == code, reflectance, 0)[:, None]
    inputs[:, 4:][np.repeat((labels == ICE)[:, None], 3, 1)] = 0.1
    inputs += random.normal(0, 0.02, inputs.shape)
    inputs[:, :, -5:] = np.nan
    return Examples(inputs.astype("float16"), labels)


def small(count):
    """Of these, every third pixel: enough to look at what variation does."""
    made = windows(count)
    return Examples(made.inputs[:, :, ::3, ::3].copy(), made.targets[:, ::3, ::3].copy())


def test_of_every_second_window_the_spare_bands_are_hidden():
    spare = ("swir12", "swir16")
    card = dataclasses.replace(CARD, method="segformer", spare=spare)
    teaching, examples, chosen = IceTeaching(card), small(40), np.arange(40)
    inputs, (_, known) = teaching.batch(examples, chosen, "cpu", np.random.default_rng(3))
    seen = inputs.abs().sum((2, 3)) > 0
    hidden = ~seen[:, [BANDS.index(name) for name in spare]]
    assert bool((hidden[:, 0] == hidden[:, 1]).all())  # both or none
    assert 10 < int(hidden[:, 0].sum()) < 30
    assert bool(seen[:, [BANDS.index(name) for name in BANDS if name not in spare]].all())
    assert bool((known.sum((1, 2)) > 1000).all())  # what is hidden is known all the same
    judged, _ = teaching.batch(examples, chosen, "cpu", None)
    assert bool((judged.abs().sum((2, 3)) > 0).all())


# Loss --------------------------------------------------------------------------------------------


def test_loss_by_hand():
    # Two known pixels, probabilities 0.8 (ice) and 0.4 (water); a third one is not known.
    logits = torch.tensor([math.log(4), math.log(2 / 3), 5.0])[None, None, None]
    wanted = torch.tensor([True, False, False])[None, None, None]
    known = torch.tensor([True, True, False])[None, None, None]
    entropy = -(math.log(0.8) + math.log(0.6)) / 2
    dice = 1 - (2 * 0.8 + 1) / (1.2 + 1 + 1)
    assert dice_bce(torch, logits, wanted, known).item() == pytest.approx(entropy + dice)
    nothing = torch.zeros_like(known)
    assert dice_bce(torch, logits, wanted, nothing).item() == pytest.approx(0)


def test_loss_of_several_outputs_is_their_mean():
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    wanted, known = logits > 0.3, torch.ones(2, 1, 4, 5, dtype=torch.bool)
    each = [dice_bce(torch, logits[:, i : i + 1], wanted[:, i : i + 1], known) for i in range(3)]
    assert dice_bce(torch, logits, wanted, known).item() == pytest.approx(sum(each).item() / 3)


def test_what_is_counted_as_ice():
    labels = torch.tensor([ICE, ICE, WATER, CLOUD, LAND])[None, None]
    known = labels != LAND
    single = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0])[None, None, None]
    assert ice_counts(torch, single, 0, labels, known).tolist() == [1, 1, 1]
    three = torch.tensor([[0, 3, 0, 0, 0], [1, 2, 1, 1, 1], [0, 0, 0, 2, 0.0]])[None, :, None]
    assert ice_counts(torch, three, 1, labels, known).tolist() == [1, 1, 1]
    teaching = IceTeaching(CARD)
    assert teaching.score(np.zeros(3, int)) is None
    assert teaching.score(np.array([3, 1, 2])) == pytest.approx(0.5)


# Variation ---------------------------------------------------------------------------------------


def test_scaled_as_when_it_is_used():
    inputs = windows(2).inputs.astype("float32")
    inputs[0, 0, 0, 0] = 9.0
    found = scaled_batch(torch.from_numpy(inputs), CARD.middle, CARD.spread).numpy()
    for one, plain in zip(found, inputs, strict=True):
        np.testing.assert_allclose(one, scaled(plain, CARD.middle, CARD.spread), atol=1e-6)


def test_bands_are_never_changed_against_each_other():
    made = small(6)
    inputs, labels = torch.from_numpy(made.inputs).float(), torch.from_numpy(made.targets)
    found, named = varied(inputs, labels, np.random.default_rng(0))
    gains = []
    for before, after, old, new in zip(inputs, found, labels, named, strict=True):
        flips = [after.flip(axes) for axes in ([], [-1], [-2], [-1, -2])]
        names = [new.flip(axes) for axes in ([], [-1], [-2], [-1, -2])]
        matching = [
            flip
            for flip, name in zip(flips, names, strict=True)
            if torch.equal(name == ICE, (old == ICE) & (name != CLOUD))
        ]
        assert matching, "labels are flipped with their bands"
        ice = (old == ICE)[None] & ~matching[0].isnan()
        ratio = [(matching[0][b][ice[b]].mean() / before[b][ice[b]].mean()).item() for b in (0, 6)]
        if (new == CLOUD).sum() == (old == CLOUD).sum():
            assert ratio[0] == pytest.approx(ratio[1], abs=0.01)
            gains.append(ratio[0])
    assert len(gains) >= 2
    assert max(abs(gain - 1) for gain in gains) <= MOST_GAIN + 0.01
    assert max(gains) - min(gains) > 0.005


def test_pasted_clouds_bring_their_bands_and_their_name():
    one = small(2)
    one.targets[1][one.targets[1] == CLOUD] = WATER
    one.targets[0][70:85, 15:30] = CLOUD
    inputs = torch.from_numpy(one.inputs).float()
    inputs[0][:, 70:85, 15:30] = 0.77
    labels = torch.from_numpy(one.targets)
    gained = 0
    for seed in range(30):
        found, named = varied(inputs, labels, np.random.default_rng(seed))
        clouds = named[1] == CLOUD
        if clouds.any():
            gained += 1
            there = clouds & ~found[1].isnan().any(0)
            assert found[1][:, there].max() > 0.6
            assert not (clouds & (named[1] == LAND)).any()
    assert 3 <= gained <= 16  # some 0.3 of 30


def test_noise_of_the_sensor():
    inputs = torch.full((1, 7, 100, 100), 0.5)
    labels = torch.full((1, 100, 100), WATER, dtype=torch.uint8)
    found, _ = varied(inputs, labels, np.random.default_rng(1))
    assert found.std().item() == pytest.approx(NOISE, rel=0.05)


# Loop --------------------------------------------------------------------------------------------


def train_segmenter(train, held, card, schedule, **values):
    kind = trainable(card.method).model
    module = kind.fresh(7, len(card.outputs), schedule.seed)
    identity = dataclasses.asdict(card)
    return train_network(
        module, IceTeaching(card), train, held, schedule, identity=identity, **values
    )


def network_of(taught, card):
    return TrainedNetwork(trainable(card.method).model, taught.module, card, "cpu")


@pytest.fixture(scope="module")
def lessons():
    return windows(4), windows(1, seed=9)


@pytest.fixture(scope="module")
def schedule():
    return Schedule(epochs=4, batch=2, rate=5e-3, seed=1, device="cpu", patience=None)


@pytest.fixture(scope="module")
def uninterrupted(lessons, schedule):
    return train_segmenter(*lessons, CARD, schedule)


def curve(history):
    return [dataclasses.replace(epoch, seconds=0) for epoch in history]


def same_weights(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_it_learns_and_keeps_the_best_epoch(uninterrupted, lessons):
    history = uninterrupted.history
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    assert history[-1].loss < 0.8 * history[0].loss
    best = max(epoch.validation_iou for epoch in history)
    assert history[uninterrupted.best - 1].validation_iou == best > 0.5
    rates = [epoch.rate for epoch in history]
    assert rates[0] == 5e-3
    assert rates == sorted(rates, reverse=True)
    # What was kept says in one thread and float32 what the best epoch said.
    held = lessons[1]
    segmenter = network_of(uninterrupted, CARD)
    both = either = 0
    for inputs, labels in zip(held.inputs.astype("float32"), held.targets, strict=True):
        said = segmenter.probabilities(dict(zip(BANDS, inputs, strict=True)))[0] > 0.5
        known = np.isin(labels, (WATER, ICE, CLOUD)) & ~np.isnan(inputs).any(0)
        both += (said & (labels == ICE) & known).sum()
        either += ((said | (labels == ICE)) & known).sum()
    assert both / either == pytest.approx(best, abs=0.02)


def test_the_same_seed_gives_the_same_curve(uninterrupted, lessons, schedule):
    again = train_segmenter(*lessons, CARD, schedule)
    assert curve(again.history) == curve(uninterrupted.history)
    assert same_weights(again.module, uninterrupted.module)


def test_after_a_kill_it_goes_on_to_the_bit(uninterrupted, lessons, schedule):
    states = []

    def keep(state):
        states.append(state)
        if len(states) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_segmenter(*lessons, CARD, schedule, keep=keep)
    seen = []
    resumed = train_segmenter(
        *lessons, CARD, schedule, state=states[-1], progress=lambda *said: seen.append(said)
    )
    assert seen == [("train", 3, 4), ("train", 4, 4)]
    assert curve(resumed.history) == curve(uninterrupted.history)
    assert resumed.best == uninterrupted.best
    assert same_weights(resumed.module, uninterrupted.module)


def test_a_state_of_another_training_is_left_aside(lessons, schedule):
    states = []
    short = dataclasses.replace(schedule, epochs=1)
    one = train_segmenter(*lessons, CARD, short, keep=states.append)
    other = dataclasses.replace(short, seed=2)
    for state in (states[0], b"no state", states[0][:2000]):
        found = train_segmenter(*lessons, CARD, other, state=state)
        assert len(found.history) == 1
        assert found.history[0].loss != one.history[0].loss


def test_patience_ends_it(lessons, schedule):
    # A rate of 0 learns nothing: the first epoch stays the best but for its normalisation.
    still = dataclasses.replace(schedule, rate=1e-12, patience=1)
    found = train_segmenter(*lessons, CARD, still)
    assert found.history[-1].number - found.best == 1


def test_without_ice_there_is_nothing_to_learn(lessons, schedule):
    train, held = lessons
    none = Examples(held.inputs, np.where(held.targets == ICE, WATER, held.targets))
    with pytest.raises(InputError, match=r"no ice in the labels of the validation.*not defined"):
        train_segmenter(train, none, CARD, schedule)
    with pytest.raises(InputError, match="no ice in the labels of the training"):
        train_segmenter(none, held, CARD, schedule)


@pytest.mark.parametrize("name", ["unet", "deeplab"])
def test_the_others_learn_three_classes(name, schedule):
    train, held = windows(2), windows(1, seed=9)
    card = dataclasses.replace(CARD, method=name, outputs=("water", "ice", "cloud"))
    short = dataclasses.replace(schedule, epochs=1, batch=2)
    found = train_segmenter(train, held, card, short)
    assert np.isfinite(found.history[0].loss)
    probabilities = network_of(found, card).probabilities(
        dict(zip(BANDS, held.inputs[0].astype("float32"), strict=True))
    )
    assert probabilities.shape == (3, *SHAPE)
