"""What the crash tests are made of: the programs it starts, its clients, what it expects."""
