"""Orders from files: lines become stories, stories become moves of the lifecycle, with their real dates.

Reading, staging and presets know nothing of the database; `taking` writes, by the lifecycle only.
"""

from orders.importers.presets import PRESETS
from orders.importers.reading import FileRefused
from orders.importers.reports import Report, Tally
from orders.importers.run import run

__all__ = ["PRESETS", "FileRefused", "Report", "Tally", "run"]
