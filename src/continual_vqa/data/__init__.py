"""Official question files, images and concepts read into one table of questions."""
