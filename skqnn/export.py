"""Take a model elsewhere: files anyone may open, circuits and other libraries."""

from skqnn._archive import load, save
from skqnn._archive_file import ArchiveError

__all__ = ["ArchiveError", "load", "save"]
