"""Speed comparisons of the project: ours against others', each one row of bench.json."""
