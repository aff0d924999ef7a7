"""The formats that are read, and Pillow's plugins for those it does not read by itself."""

from contextlib import suppress

from PIL import Image

with suppress(ImportError):  # of the extra "formats", whose wheels have licences of their own (docs/pictures.md)
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
with suppress(ImportError):
    import pillow_jxl  # noqa: F401

Image.init()
FORMATS = tuple(
    name for name in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "JXL", "GIF", "BMP", "TIFF") if name in Image.OPEN
)
"""Those that can be read here, as Pillow calls them."""
