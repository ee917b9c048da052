"""One call of a handler: what it is handed, what it may ask for, and the transaction of all that."""
