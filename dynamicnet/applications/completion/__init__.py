"""Image completion (paper section 4.3)."""
