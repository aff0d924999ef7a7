"""Image generation (paper section 4.2)."""
