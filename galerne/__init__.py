"""galerne: a calibrated reconstruction of the atmosphere from sparse observations."""

__version__ = "0.1.0"
