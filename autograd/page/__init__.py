"""A pass as a page that is stepped through in a browser, offline."""
