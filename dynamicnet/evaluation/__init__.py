"""What an axis does to its objectives, on pictures not trained on: what more than one application measures."""
