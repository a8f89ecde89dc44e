"""Generic network parts and the training loop: tensors, not weather."""
