"""What `multiconv compare` does: run every backend and method, judge the results, show them.

`cases` says what is computed, `reference` what would be exact, `runs` computes and takes the time,
`agreement` judges, and `report` prints. How a framework compiles and differentiates stands in
``differentiate.py``: here for every library without autodiff, and one in each framework's wing.
"""
