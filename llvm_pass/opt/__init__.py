"""What galeed-opt is made of: its command line, files, jobs, reports, explanations, completion."""
