"""Restoration: a noisy photograph in, the photograph without its noise out."""
