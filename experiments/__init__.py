"""The laboratory: claims about the toolkit, each with the program that tests it."""
