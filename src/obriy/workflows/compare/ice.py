"""`obriy compare ice`: methods on the same labelled scenes, one table, one figure, one test."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError, MissingExtraError, UsageError
from obriy.methods.ice.spec import AUTO, ICE_METHODS, with_clouds
from obriy.model.card import Card
from obriy.model.ice import ICE, LAND, IceExample
from obriy.model.layers import LAYERS
from obriy.model.legend import NO_DATA
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.result.tables import BestTwo, IceComparison, IceRow
from obriy.model.scene import band_names, provenance_of
from obriy.nets.model_file import model_path, shipped_model
from obriy.outputs.cog import write_layer
from obriy.outputs.files import write_bytes
from obriy.render.figures import to_png
from obriy.render.ice_comparison import ice_agreement_figure, ice_comparison_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.tables import load_toml
from obriy.validation.bootstrap import LEAST_BLOCKS
from obriy.validation.ice_scores import IceCounts, ice_scores, paired_test
from obriy.workflows.compare.rows import (
    lost_of,
    rows_of,
    succeeded,
    tried,
    write_comparison,
)
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceCompareConfig, IceTrainConfig
from obriy.workflows.ice.mapping import ice_method
from obriy.workflows.learn.ice import run_ice_training
from obriy.workflows.learn.ice_lessons import (
    Lessons,
    files_of,
    judged,
    read_lessons,
    refuse_known,
)
from obriy.workflows.passes import open_layer
from obriy.workflows.run import Run, command_of, finish, run_folder

COLUMNS: Final = (
    "method", "kind", "iou", "iou_low", "iou_high", "precision", "recall", "f1",
    "overall_accuracy", "kappa", "cloud_as_ice", "seconds_per_scene", "parameters", "status",
    "reason",
)  # fmt: skip
"""Columns of ``comparison.csv``: scores on the test scenes, pooled over their pixels of sea."""
AGREEMENT: Final = "agreement"
SIGNIFICANT: Final = 0.05
UNTRAINED: Final = "untrained"
BESIDE: Final = f"+{AUTO}"
"""After the name of a method that knows no clouds: with those of `auto`, as `obriy ice` maps."""


def run_ice_comparison(config: IceCompareConfig, options: EngineOptions | None = None) -> Run:
    """Train what must be trained, map the test scenes by every method, and score every map.

    A method that fails is listed with its reason, and the others go on. What was cut off goes on
    where it stopped.

    Args:
        config: What to compare, and how scenes are split.
        options: Progress and cancel.

    Raises:
        UsageError: for a name that is no method, or weights of a method that is not compared.
        InputError: for scenes that cannot be compared on.
    """
    config = config.anchored()
    options = options or EngineOptions()
    weights = _weights(config)
    for name in config.methods:
        if ":" not in name:
            ICE_METHODS.get(name.removesuffix(BESIDE))
    lessons = read_lessons(config)
    with run_folder(config) as folder:
        return _carried_out(lessons, _Bench(config, lessons.test, folder, options, weights))


def _carried_out(lessons: Lessons, bench: "_Bench") -> Run:
    """Do the comparison in its folder."""
    config = bench.config
    rows = rows_of(config.methods, bench.row, bench.options)
    result = IceComparison(
        rows=[IceRow(**{k: v for k, v in row.items() if k != "counts"}) for row in rows],
        failed=lost_of(rows, "method"),
        outputs=bench.write(rows),
        data=str(config.data),
        split=lessons.describe(),
        best_two=_best_two(rows, config.seed),
        published=_published(),
        command=command_of(config),
        provenance=_record(lessons),
    )
    return finish(config, bench.folder, result)


@dataclasses.dataclass(frozen=True)
class _Bench:
    """The scenes on which methods are compared, and where what they say is kept."""

    config: IceCompareConfig
    test: Sequence[IceExample]
    folder: RunFolder
    options: EngineOptions
    weights: Mapping[str, Path]

    def row(self, name: str) -> dict[str, Any]:
        """Return a row of the table; the maps are made once."""
        row: dict[str, Any] = dict.fromkeys(COLUMNS) | {
            "method": name, "kind": _kind(name), "iou_interval": None, "counts": [],
        }  # fmt: skip
        return tried(row, lambda: self._found(name))

    def _found(self, name: str) -> dict[str, Any]:
        """Return what a method reaches."""
        file = self._file_of(name)
        bare = ice_method(name.removesuffix(BESIDE), file, self.config.seed, self.config.device)
        method = _beside(bare, self.test) if name.endswith(BESIDE) else bare
        learnt = self._refuse_known(bare, name)
        # Of labels, too: what a map is scored against is part of its row.
        read = [*files_of(self.config.data), *([str(file)] if file else [])]
        done = self.folder.step(f"map {name}", lambda: self._map(name, method), fingerprint(read))
        counts = [IceCounts(**one) for one in done.found["counts"]]
        scores = ice_scores(counts, seed=self.config.seed)
        shown: dict[str, Any] = {key: scores[key] for key in COLUMNS if key in scores}
        low, high = scores["intervals"]["iou"] or (None, None)
        return {
            **shown,
            "iou_interval": scores["intervals"]["iou"],
            "iou_low": low,
            "iou_high": high,
            "seconds_per_scene": done.found["seconds"] / len(counts),
            "parameters": learnt,
            "scenes": dict(zip((e.name for e in self.test), map(_iou, counts), strict=True)),
            "counts": counts,
        }

    def _file_of(self, name: str) -> Path | None:
        """Return the weights of a method, trained here where none were given."""
        name = name.removesuffix(BESIDE)
        if _kind(name) == UNTRAINED:
            return None
        if name in self.weights:
            return self.weights[name]
        shared = self.config.model_dump(exclude={"job", "methods", "model", "out"})
        training = make_config(
            IceTrainConfig, shared | {"method": name, "out": self.folder.file(f"train-{name}")}
        )
        quiet = dataclasses.replace(self.options, progress=None)
        try:
            return Path(run_ice_training(training, quiet).result.outputs["model"])
        except MissingExtraError as error:
            if shipped_model(name) is None:
                raise
            as_it_comes = f"Or compare it as it comes: --model {name}={name}."
            raise MissingExtraError(error.message, f"{error.hint} {as_it_comes}") from error

    def _refuse_known(self, method: Method, name: str) -> int | None:
        """Return the number of parameters of a trained method; None of another one.

        Raises:
            InputError: where it learnt from a scene that is to judge it.
        """
        card: Card | None = getattr(method, "card", None)
        if card is None:
            return None
        refuse_known(card, self.test, name)
        return card.parameters

    def _map(self, name: str, method: Method) -> StepRecord:
        """Map every test scene; keep where each map says ice."""
        counts, files, took = [], {}, 0.0
        place = f"maps/{name.replace(':', '-')}"
        self.folder.file(place).mkdir(parents=True, exist_ok=True)
        for example, said, counted, seconds in judged(method, self.test, self.options):
            file = f"{place}/{example.name}.tif"
            layer = example.labels.copy(data=said)
            write_layer(layer, self.folder.file(file), LAYERS["map"], lang=self.config.lang)
            counts.append(dataclasses.asdict(counted))
            files[example.name], took = file, took + seconds
        return StepRecord(files, {"counts": counts, "seconds": took})

    def write(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Write table, figures and maps of agreement; return their paths by name."""
        folder, lang = self.folder, self.config.lang
        told = {k: v for k, v in _published().items() if k in self.config.methods}
        outputs = write_comparison(
            folder, COLUMNS, rows, lambda: ice_comparison_figure(rows, lang, told)
        )
        good = succeeded(rows)
        if len(good) > 1:
            outputs |= self._agreement([str(row["method"]) for row in good])
        return outputs

    def _agreement(self, names: Sequence[str]) -> dict[str, str]:
        """Write, for each test scene, the share of methods that say ice."""
        shown = []
        place = self.folder.file(AGREEMENT)
        place.mkdir(exist_ok=True)
        for example in self.test:
            truth = example.labels.to_numpy()
            share = self._share_of_ice(example, names)
            halves = np.where(np.isnan(share), 255, np.round(share * 200)).astype("uint8")
            layer = example.labels.copy(data=halves)
            path = place / f"{example.name}.tif"
            write_layer(layer, path, LAYERS["methods_agree"], lang=self.config.lang)
            shown.append((example.name, truth, share))
        # The scenes on which methods differ most say most.
        shown.sort(key=lambda one: -float(np.nansum(one[2] * (1 - one[2]))))
        figure = ice_agreement_figure(shown, self.config.lang, len(names))
        path = write_bytes(self.folder.file("agreement.png"), to_png(figure, dpi=110))
        return {"agreement": str(place), "agreement_figure": str(path)}

    def _share_of_ice(self, example: IceExample, names: Sequence[str]) -> npt.NDArray[np.float64]:
        votes = np.zeros(example.labels.shape)
        looked = np.zeros(example.labels.shape)
        for name in names:
            file = self.folder.file(f"maps/{name.replace(':', '-')}/{example.name}.tif")
            said = open_layer(file, example.scene, LAYERS["map"]).to_numpy()
            votes += said == ICE
            looked += (said != NO_DATA) & (said != LAND)
        return np.where(looked > 0, votes / np.maximum(looked, 1), np.nan)


def _iou(counts: IceCounts) -> float | None:
    union = counts.tp + counts.fp + counts.fn
    return counts.tp / union if union else None


def _beside(method: Method, test: Sequence[IceExample]) -> Method:
    """Return a method with the clouds of `auto` beside.

    Raises:
        UsageError: where it tells clouds itself.
        BandError: where `auto` cannot tell them in the scenes.
    """
    found = with_clouds(method, set(band_names(test[0].scene)))
    if found is method:
        raise UsageError(f"'{method.name}' tells clouds itself.", f"Leave {BESIDE} away.")
    if found is None:
        raise BandError(
            "The bands of the scenes are too few for auto to tell clouds.",
            f"Leave {BESIDE} away: it needs green or red, nir, and a band beyond 1.2 µm.",
        )
    return found


def _kind(name: str) -> str:
    model = None if ":" in name else ICE_METHODS.get(name.removesuffix(BESIDE)).model
    return UNTRAINED if model is None else model.family


def _weights(config: IceCompareConfig) -> dict[str, Path]:
    """Return the files of trained methods by name.

    Raises:
        UsageError: for an entry without a name, or of a method that is not compared.
    """
    found = {}
    for entry in config.model:
        name, equals, file = entry.partition("=")
        if not equals or name not in {one.removesuffix(BESIDE) for one in config.methods}:
            raise UsageError(
                f"--model: '{entry}' is no METHOD=FILE of a method that is compared.",
                f"Write e.g. m211=FILE, and m211 among --methods {','.join(config.methods)}.",
            )
        found[name] = model_path(file).resolve()
    return found


def _published() -> dict[str, float]:
    """Return the validation IoU that document B reports for its own data, by method."""
    return {name: float(facts["validation_iou"]) for name, facts in load_toml("ice_study").items()}


def _record(lessons: Lessons) -> Provenance:
    inputs = [entry for e in lessons.test for entry in provenance_of(e.scene).inputs]
    return Provenance(tuple(inputs), (), lessons.warnings)


def _best_two(rows: Sequence[Mapping[str, Any]], seed: int) -> BestTwo | None:
    """Return the paired test of the two methods with the highest IoU; None where there are none."""
    scored = sorted(
        (row for row in rows if row["iou"] is not None), key=lambda r: r["iou"], reverse=True
    )
    if len(scored) < 2:
        return None
    first, second = scored[:2]
    test = paired_test(first["counts"], second["counts"], seed=seed)
    low, high = test["interval"]
    one, other, by = first["method"], second["method"], test["difference"]
    if test["scenes"] < LEAST_BLOCKS:
        few = test["scenes"]
        sentence = notice("ice_leads_few", first=one, second=other, by=by, scenes=few)
    else:
        beyond = low > 0 and test["p_value"] < SIGNIFICANT
        sentence = notice(
            "ice_leads" if beyond else "ice_leads_by_chance",
            first=one, second=other, by=by, low=low, high=high, p=test["p_value"],
        )  # fmt: skip
    return BestTwo(first=one, second=other, sentence=sentence, **test)
