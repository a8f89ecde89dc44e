"""Regular latitude-longitude grids: cells, areas, regridding."""
