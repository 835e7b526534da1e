"""Speed measured side by side with peers: `make bench`, or one script at a time."""
