"""Worlds whose posterior is known, to test assimilation against the truth."""
