"""Files of a house: what is kept of each in house_file, and the storage that holds them."""
