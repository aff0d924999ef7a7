"""Objectives: the losses that an axis lies between."""
