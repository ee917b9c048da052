"""Files of readings and events brought back in: read record by record, cut into pieces, handed to the devices' workers.

``sources`` says which format a file has; ``long_rows``, ``ndjson``, ``parquet``, ``influxdb`` and ``thingsboard`` read
it; ``storable`` makes values what a database takes; ``handing_over`` cuts, stores and waits. Nothing is held in memory
but some pieces. Never writes a device: that is the workers' matter.
"""
