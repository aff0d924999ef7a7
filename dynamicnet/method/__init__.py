"""The method of the paper: α, tuning-blocks, the Dynamic-Net, and how far a slider goes by itself."""
