"""The layouts that can be imported: which lines they have, and how these become stories."""

from orders.importers.presets import olist, online_retail, postrider
from orders.importers.presets.layout import Preset

PRESETS: dict[str, Preset] = {
    "postrider": postrider.PRESET,
    "olist": olist.PRESET,
    "online-retail": online_retail.PRESET,
}

__all__ = ["PRESETS", "Preset"]
