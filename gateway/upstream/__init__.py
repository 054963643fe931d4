"""The side that faces the services: an exact HTTP/1.1 client, its pools, and the choice of a replica."""
