"""Profiles as a file: written for review and for other systems, read again with the rules of the forms.

Secrets never leave in it. The layout is that of the specification; `layout` knows it.
"""

from exports.profile_files.dump import dump
from exports.profile_files.layout import Unreadable, parse
from exports.profile_files.load import Loaded, Options, Refused, load

__all__ = ["Loaded", "Options", "Refused", "Unreadable", "dump", "load", "parse"]
