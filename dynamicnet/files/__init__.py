"""What picture files are: their colours, their chunks and boxes, and what of them needs care. Without torch."""
