"""Style transfer (paper section 4.1)."""
