"""Charts with exact tables, drawn by four plotting libraries, and the score of reading them."""
