"""What a run asks of its cluster: the site, what an earlier run left, what is missing."""
