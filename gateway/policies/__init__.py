"""What is done with a request before a service hears of it: a class for each subject, in one ``order``."""
