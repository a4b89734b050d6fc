"""Where images of one's own may come from: one module for each key of `block.SOURCES`.

Each has `list_images(block, place)`, which says what is there before any pixel is looked at.
"""
