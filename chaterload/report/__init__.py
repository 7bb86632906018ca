"""A finished run, told: on the console, in a web tab, as HTML, JUnit and JSON."""
