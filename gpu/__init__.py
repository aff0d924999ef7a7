"""A GPU's first half hour: what is run where there is one for a while, and no network (docs/gpu.md)."""
