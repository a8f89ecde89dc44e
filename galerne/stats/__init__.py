"""Moments, climatology, and the invertible transform made of them."""
