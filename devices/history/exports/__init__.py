"""What is stored of devices, as files: readings and events as CSV, NDJSON or Parquet.

``selection`` reads rows piece by piece, ``formats`` (``parquet``) encodes a piece, ``files`` writes them so that an
interrupted export goes on where it was. Nothing is held in memory but one piece.
"""
