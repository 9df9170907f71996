"""What a person meets in a notebook: pages, pictures and tables of nouns, maps that move."""
