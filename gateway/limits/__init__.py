"""Rate limits that hold over all workers and replicas, and still hold, more coarsely, without Redis."""
