"""Worlds for tests: the whole product on real servers, or one side of it with a stand-in for the other."""
