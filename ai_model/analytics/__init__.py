"""Analytics: rows are counted into tallies, and tallies are read.

`sources` says how rows become counts, `feeding` adds what is new, `settling` judges
what only time can tell, `recounting` compares with the rows, `reading` adds up.
"""
