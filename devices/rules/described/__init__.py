"""What devices are said to be, and what of their values does not fit that, or could not be taken as it came. Pure."""
