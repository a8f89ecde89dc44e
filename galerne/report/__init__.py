"""Figures, tables and the page made of them."""
