"""Libraries that galeed-cc builds as a plain compiler, and what their own test suites say."""
