"""What happens to a config between its file and the Runner: read, edit, bind, check, explain."""
