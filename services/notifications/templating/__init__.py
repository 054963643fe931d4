"""Templates as authors write them: their forms, what of Jinja they may use, what variables they take."""
