"""Where fields come from: a simulated atmosphere, or an archive in ERA5's layout."""
