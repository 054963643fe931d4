"""``doorward up``: the whole backend on one machine without Docker, its servers out of wheels.

command       the command: what happens in which order
settings      what can be set; folder, credentials, ports: what is kept in the data folder
environment   the variables that every process gets
programs      which processes there are; postgres, valkey: the two servers; schema: their databases
guard         becomes a process that does not outlive the runner; process, supervisor: running them
probes        when a process counts as ready; console, summary: what is printed
"""
