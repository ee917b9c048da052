"""Pure: from readings in the order of their times to what a chart draws of them. No I/O, no clock."""
