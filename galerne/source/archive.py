"""ERA5 in local files."""

__all__ = ["open_archive"]

from pathlib import Path

import xarray as xr

from .selection import Selection


def open_archive(selection: Selection, *, path: str | Path, path_cache: Path) -> xr.Dataset:
    """Opens an archive."""
    raise NotImplementedError
