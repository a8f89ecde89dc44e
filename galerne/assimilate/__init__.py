"""Posterior trajectories given observations."""
