"""What is refused: topics that a device may not have us use (``guard``), messages of nobody (``rejections``). Pure."""
