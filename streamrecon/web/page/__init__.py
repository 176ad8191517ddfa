"""Files of the console page, as browsers get them."""
