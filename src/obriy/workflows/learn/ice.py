"""`obriy train ice`: labelled scenes teach a method for ice, judged on winters it never saw."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions
from obriy.errors import InputError
from obriy.methods.ice.learned import Classifier, TrainedClassifier, feature_names
from obriy.methods.ice.spec import parse_ice_method, trainable
from obriy.model.card import Card
from obriy.model.ice import BANDS, IceExample
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.result.tables import IceTraining
from obriy.nets.architectures import take_over
from obriy.nets.ice_teaching import IceTeaching, best_limit
from obriy.nets.learning import Schedule, Taught
from obriy.nets.model_file import MODEL, Weights, find_model, model_path
from obriy.nets.networks import Network, TrainedNetwork
from obriy.nets.ssegm import SIZE
from obriy.nets.torch_library import choose_device
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.tables import load_toml
from obriy.validation.ice_scores import ice_scores
from obriy.workflows.config.ice import IceTrainConfig
from obriy.workflows.learn.ice_lessons import (
    Lessons,
    files_of,
    judged,
    learnt_bands,
    read_lessons,
    read_pixels,
    read_windows,
    refuse_known,
    scaling,
)
from obriy.workflows.learn.training import Desk, outputs_of
from obriy.workflows.passes import pixel_m
from obriy.workflows.run import (
    Run,
    command_of,
    finish,
    limited,
    run_folder,
)


def run_ice_training(config: IceTrainConfig, options: EngineOptions | None = None) -> Run:
    """Train a method, and report on scenes that it never saw.

    A network keeps its state after every epoch: what was cut off goes on where it stopped.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Returns:
        The folder with ``model.obriy``, of networks ``history.csv`` and ``learning.png``, and
        ``result.json``.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed, for a network.
        UsageError: scenes of too few dates to be set apart.
        BandError: where the scenes lack a band of a network.
        InputError: scenes or labels that nothing can be learnt from.
    """
    config = config.anchored()
    options = limited(config, options)
    model = _model_of(config)
    if isinstance(model, Network):
        _require_network(model, config)
    lessons = read_lessons(config)
    with run_folder(config) as folder:
        return _carried_out(config, lessons, folder, options)


def _carried_out(
    config: IceTrainConfig, lessons: Lessons, folder: RunFolder, options: EngineOptions
) -> Run:
    """Do the training in its folder."""
    task = _Task(config, lessons, Desk(folder, options, config.lang))
    first = [str(model_path(config.pretrained))] if config.pretrained else []
    read = files_of(config.data) + first
    done = folder.step("train", task.learn, fingerprint(read) | {"file": MODEL})
    task.desk.clear()
    result = IceTraining(
        method=config.method,
        data=str(config.data),
        split=lessons.describe(),
        **done.found,
        outputs=outputs_of(folder, done.outputs, "weights"),
        command=command_of(config),
        provenance=Provenance(({"href": str(config.data)},), (), tuple(lessons.warnings)),
    )
    return finish(config, folder, result)


@dataclasses.dataclass(frozen=True)
class _Task:
    """One training: what it is made of."""

    config: IceTrainConfig
    lessons: Lessons
    desk: Desk

    def learn(self) -> StepRecord:
        """Train, and judge."""
        model = _model_of(self.config)
        return self._network(model) if isinstance(model, Network) else self._classifier(model)

    def _network(self, kind: Network) -> StepRecord:
        """Train a network, and judge it."""
        config, lessons = self.config, self.lessons
        former = _former(config)
        needed = former[0].bands if former else kind.bands
        bands = learnt_bands(lessons.examples, needed, config.method)
        if former is not None:
            refuse_known(former[0], lessons.test, config.method)
            bands = needed
        train, held = (
            read_windows(part, bands, seed=config.seed, progress=self.desk.tell)
            for part in (lessons.train, lessons.validation)
        )
        middle, spread = (former[0].middle, former[0].spread) if former else scaling(train)
        schedule = Schedule(
            config.epochs, config.batch, config.rate, config.seed, config.device, config.patience
        )
        card = self._card(bands, bands, kind.outputs)
        if former is not None:
            card = _with_past(card, former[0])
        card = dataclasses.replace(
            card,
            spare=tuple(name for name in kind.spare if name in bands),
            middle=middle,
            spread=spread,
            size=SIZE,
        )
        module = _first(kind, config, bands, former)
        model, taught = self.desk.teach(
            TrainedNetwork(kind, module, card, "cpu"),
            IceTeaching(card),
            train,
            held,
            schedule,
            threads=config.workers,
        )
        if len(kind.outputs) == 1:
            model.card = dataclasses.replace(model.card, limit=best_limit(model, held))
        scores = self._judge(model)
        outputs = self.desk.write_curves(taught, "ice", scores["test"]["iou"])
        study = load_toml("ice_study").get(config.method)
        return StepRecord(
            outputs, {**_described(taught, len(train), len(held)), **scores, "reference_b": study}
        )

    def _classifier(self, kind: Classifier) -> StepRecord:
        """Fit a classifier of pixels, and judge it."""
        bands = learnt_bands(self.lessons.examples, (), self.config.method)
        features, classes = read_pixels(self.lessons.train, bands, seed=self.config.seed)
        model = kind.fit(features, classes, self._card(bands, feature_names(bands), ()))
        scores = self._judge(model)
        found = {"bands": list(bands), "parameters": None, "pixels": model.card.samples}
        return StepRecord({"model": MODEL}, {**found, **scores, "reference_b": None})

    def _card(
        self, bands: tuple[str, ...], features: tuple[str, ...], outputs: tuple[str, ...]
    ) -> Card:
        """Return what is known before it learns."""
        return Card(
            method=self.config.method,
            bands=bands,
            legend=load_legend("ice"),
            outputs=outputs,
            features=features,
            pixel_m=pixel_m(self.lessons.train[0].scene),
            sources=_names(self.lessons),
            split=self.lessons.describe(),
            seed=self.config.seed,
            made_up=all(example.made_up for example in self.lessons.train),
        )

    def _judge(self, model: TrainedNetwork | TrainedClassifier) -> dict[str, Any]:
        """Write the model, map the scenes held back by it, and write the scores into it."""
        self.desk.write_model(model, {})
        method = parse_ice_method(
            self.config.method,
            weights=self.desk.folder.file(MODEL),
            seed=self.config.seed,
            device=self.config.device,
        )
        found = {
            "validation": self._scores(method, self.lessons.validation, "judge validation"),
            "test": self._scores(method, self.lessons.test, "judge test"),
        }
        self.desk.write_model(
            model,
            {p: {"iou": told["iou"], "scenes": told["scenes"]} for p, told in found.items()},
        )
        return found

    def _scores(self, method: Method, examples: Sequence[IceExample], stage: str) -> dict[str, Any]:
        counts, seconds = [], 0.0
        for number, (_, _, count, took) in enumerate(
            judged(method, examples, self.desk.options), 1
        ):
            counts.append(count)
            seconds += took
            self.desk.tell(stage, number, len(examples))
        told = ice_scores(counts, seed=self.config.seed)
        return told | {"seconds_per_scene": seconds / len(examples)}


def _model_of(config: IceTrainConfig) -> Network | Classifier:
    """Return what is to be trained."""
    model = trainable(config.method).model
    assert model is not None
    return model


def _require_network(kind: Network, config: IceTrainConfig) -> None:
    """Raise where the network cannot be made or computed: before a gigabyte of scenes is read."""
    choose_device(config.device)
    _first(kind, config, BANDS, _former(config))


def _former(config: IceTrainConfig) -> tuple[Card, Weights] | None:
    """Return the trained model that a training goes on from; None: it starts from none.

    Raises:
        InputError: where it is that of another method.
    """
    if config.pretrained is None or config.pretrained in config.WORDS["pretrained"]:
        return None
    found = find_model(model_path(config.pretrained))
    if found is not None and found[0].method != config.method:
        raise InputError(
            f"{config.pretrained} holds '{found[0].method}', not '{config.method}'.",
            f"Give --method {found[0].method}.",
        )
    return found


def _with_past(card: Card, former: Card) -> Card:
    """Return a card that knows what the model that it goes on from learnt of."""
    return dataclasses.replace(
        card,
        sources=tuple(dict.fromkeys((*former.sources, *card.sources))),
        made_up=card.made_up and former.made_up,
        before={name: getattr(former, name) for name in ("made", "seed", "schedule", "before")},
    )


def _first(
    kind: Network,
    config: IceTrainConfig,
    bands: Sequence[str],
    former: tuple[Card, Weights] | None,
) -> Any:
    """Return the network with its first weights: those of a model, of photographs, or random."""
    if former is not None:
        return kind.in_torch(*former, "cpu").module
    module = kind.fresh(len(bands), len(kind.outputs), config.seed)
    if config.pretrained is not None:
        take_over(module, kind, config.pretrained, bands)
    return module


def _described(trained: Taught, train: int, held: int) -> dict[str, Any]:
    """Return what training came to, as plain values."""
    seconds = [epoch.seconds for epoch in trained.history]
    best = trained.history[trained.best - 1]
    return {
        "parameters": trained.parameters,
        "windows": {"train": train, "validation": held},
        "epochs": len(trained.history),
        "best_epoch": trained.best,
        "train_iou": best.iou,
        "seconds_per_epoch": sum(seconds) / len(seconds),
        "precision": trained.precision,
        "threads": trained.threads,
    }


def _names(lessons: Lessons) -> tuple[str, ...]:
    """Return the scenes that a method knows: by learning from them, or by being chosen by them."""
    return tuple(example.name for example in (*lessons.train, *lessons.validation))
