"""What every running job does: one writer a product, progress that survives, a record of cost."""
