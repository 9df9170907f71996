"""The labeller `spectral` among the others: it needs neither a spec nor settings."""

from typing import TYPE_CHECKING

from obriy.labelling.labellers.spec import Spec
from obriy.labelling.panel_settings import PanelSettings

if TYPE_CHECKING:
    from obriy.labelling.base import Labeller


def make_spectral(_spec: Spec, _settings: PanelSettings) -> "Labeller":
    """Return the expert on spectra."""
    from obriy.labelling.spectral import SpectralLabeller

    return SpectralLabeller()
