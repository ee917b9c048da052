"""Which of our functions run when, in a whole product that runs: what passes where is measured, not told."""
