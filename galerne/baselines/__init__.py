"""Classical analyses of the same observations, which a posterior is judged beside."""
