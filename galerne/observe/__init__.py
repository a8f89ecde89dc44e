"""Instruments, networks and observation operators, in physical space."""
